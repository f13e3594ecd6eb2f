//! The rules at the desk: who keeps them reads them again; with a fault the old stay and the fault is shown.

mod desk;

use desk::Desk;

#[test]
fn who_keeps_the_rules_reads_them_again() {
    let desk = Desk::start();
    let mut ruth = desk.person("ruth");
    let page = ruth.get("/rules");
    assert_eq!(page.status, 200);
    let csrf = page.field("csrf");
    let answer = ruth.post("/rules/reload", &[("csrf", &csrf)]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains("c0ffee123456") && answer.body.contains("opnieuw ingelezen"));
    let listed = ruth.get("/rules/regels.md");
    assert_eq!((listed.status, listed.body.as_str()), (200, "# De regels\n"));

    std::fs::write(desk.dir.path().join("kapot"), "").unwrap();
    let refused = ruth.post("/rules/reload", &[("csrf", &csrf)]);
    assert_eq!(refused.status, 422);
    assert!(
        refused.body.contains("urgent.toml:3:1: De regel urgent/x heeft geen reden."),
        "{}",
        refused.body
    );
    assert!(refused.body.contains("c0ffee123456"), "the old rules are in force");
}

#[test]
fn others_may_look_and_change_nothing() {
    let desk = Desk::start();
    for name in ["noor", "karel"] {
        let mut person = desk.person(name);
        let page = person.get("/rules");
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("/rules/reload"), "{name} sees no button");
        let csrf = page.field("csrf");
        assert_eq!(person.post("/rules/reload", &[("csrf", &csrf)]).status, 403, "{name}");
    }
    assert_eq!(desk.visitor().get("/rules").status, 303);
}
