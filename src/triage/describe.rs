//! The whole rule set in Dutch, for staff and for the Algoritmeregister: every rule, what it concludes,
//! how heavily it weighs and why.

use super::ruleset::Ruleset;
use std::fmt::Write;

/// A Markdown page that lists every rule and every body.
pub fn describe(rules: &Ruleset) -> String {
    let mut page = format!("# De regels, versie {}\n", rules.version());
    let mut file = "";
    for rule in rules.rules() {
        let name = rule.id.split('/').next().unwrap_or_default();
        if name != file {
            let _ = write!(
                page,
                "\n## {name}.toml\n\n| regel | besluit | gewicht | reden | werkt bijvoorbeeld op |\n| --- | --- | --- | --- | --- |\n"
            );
            file = name;
        }
        let example = rule.fires.first().map(String::as_str).unwrap_or_default();
        let _ = writeln!(
            page,
            "| {} | {}={} | {} | {} | {} |",
            rule.id,
            rule.label,
            rule.value,
            rule.weight,
            cell(&rule.reason),
            cell(example)
        );
    }
    page.push_str(
        "\n## Instanties\n\n| id | heet in de uitkomst | naam | anders naar |\n| --- | --- | --- | --- |\n",
    );
    for body in &rules.bodies.all {
        let _ = writeln!(page, "| {} | {} | {} | {} |", body.id, body.label, cell(&body.name), body.refer);
    }
    page.push_str("\n## Bakken\n\n| bak | naam | uitleg |\n| --- | --- | --- |\n");
    for queue in &rules.queues.0 {
        let _ = writeln!(page, "| {} | {} | {} |", queue.id, cell(&queue.name), cell(&queue.explanation));
    }
    page
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
