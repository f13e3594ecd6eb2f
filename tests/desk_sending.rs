//! The switch at the desk that stops all answers: who may decide reaches it, everybody sees that it is on.

mod desk;

use desk::Desk;

#[test]
fn one_switch_stops_all_answers() {
    let desk = Desk::start();
    let mut noor = desk.person("noor");
    let page = noor.get("/sending");
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Antwoorden gaan uit."), "{}", page.body);
    let csrf = page.field("csrf");
    let switch = |client: &mut desk::Client, csrf: &str, action: &str| {
        client.post("/sending/switch", &[("csrf", csrf), ("action", action)]).status
    };
    assert_eq!(switch(&mut noor, &csrf, "pause"), 303);
    assert_eq!(desk.store.sending_paused().unwrap().unwrap().by, "noor");
    let page = noor.get("/sending").body;
    assert!(page.contains("Het verzenden staat stil") && page.contains("noor"), "{page}");
    assert!(noor.get("/").body.contains("Het verzenden staat stil"));

    // An auditor sees it and cannot turn it.
    let mut karel = desk.person("karel");
    let page = karel.get("/sending");
    assert!(page.body.contains("Het verzenden staat stil") && !page.body.contains("/sending/switch"));
    assert_eq!(switch(&mut karel, &page.field("csrf"), "resume"), 403);
    assert_eq!(switch(&mut noor, "", "resume"), 403);
    assert!(desk.store.sending_paused().unwrap().is_some());

    assert_eq!(switch(&mut noor, &csrf, "anders"), 422);
    assert_eq!(switch(&mut noor, &csrf, "resume"), 303);
    assert_eq!(desk.store.sending_paused().unwrap(), None);
    assert!(!noor.get("/").body.contains("staat stil"));
    assert_eq!(desk.visitor().get("/sending").status, 303);
}
