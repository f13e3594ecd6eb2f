//! The answers at the desk: everybody may read what the office says in each situation, as mail and as letter.

mod desk;

use desk::Desk;

#[test]
fn everybody_reads_what_the_office_answers() {
    let desk = Desk::start();
    // An auditor changes nothing and reads all.
    for name in ["karel", "noor"] {
        let mut person = desk.person(name);
        let list = person.get("/answers");
        assert_eq!(list.status, 200, "{}", list.body);
        assert!(
            list.body.contains("href=\"/answers/received\"") && list.body.contains("aria-current=\"page\"")
        );
        let answer = person.get("/answers/received");
        assert_eq!(answer.status, 200, "{}", answer.body);
        // As text, and only as text.
        assert!(answer.body.contains("Wij hebben &lt;uw&gt; bericht ontvangen (nl, 2026-03-12T09:00:00Z)"));
        assert!(answer.body.contains("Geachte heer of mevrouw,"));
        assert!(answer.body.contains("/answers/received?language=en"));
        let english = person.get("/answers/received?language=en");
        assert!(english.body.contains("(en, "), "{}", english.body);
        let letter = person.get("/answers/received/letter.pdf?language=en");
        assert_eq!((letter.status, letter.body.as_str()), (200, "%PDF-1.7"));
        assert_eq!(person.get("/answers/nergens").status, 404);
    }
    assert_eq!(desk.visitor().get("/answers").status, 303);
}
