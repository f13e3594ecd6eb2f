//! The whole rule set in Dutch, for staff and for the Algoritmeregister: what it is for, how it weighs, and
//! every rule with its conclusion, weight, reason and examples.

use super::organisations::Organisation;
use super::rules::{Rule, Where};
use super::ruleset::Ruleset;
use super::written::blocks;
use crate::record::{Line, Office, Procedure};
use std::fmt::Write;

/// A Markdown page that lists every rule and every body.
pub fn describe(rules: &Ruleset, office: &Office) -> String {
    let mut page = String::new();
    head(&mut page, rules, office);
    weighing(&mut page, rules);
    page.push_str("## De regels\n\nElke regel kijkt naar één zin tegelijk. “Werkt op” en “niet op” zijn verzonnen voorbeelden die bij elke verandering opnieuw worden geprobeerd.\n");
    let mut file = "";
    for rule in rules.rules() {
        let name = rule.id.split('/').next().unwrap_or_default();
        if name != file {
            let _ = write!(page, "\n### {name}\n\n"); // Writing to a String cannot fail, here and below.
            if let Some(about) = rules.about(&format!("{name}.toml")) {
                let _ = writeln!(page, "{}\n", paragraph(&about));
            }
            page.push_str("| regel | besluit | gewicht | kijkt naar | reden | werkt op | niet op |\n| --- | --- | --- | --- | --- | --- | --- |\n");
            file = name;
        }
        row(&mut page, rule);
    }
    bodies(&mut page, rules, office);
    page.push_str("\n## Bakken van de werkvoorraad\n\n| bak | naam | uitleg |\n| --- | --- | --- |\n");
    for queue in &rules.queues.0 {
        let _ = writeln!(page, "| {} | {} | {} |", queue.id, cell(&queue.name), cell(&queue.explanation));
    }
    page
}

fn head(page: &mut String, rules: &Ruleset, office: &Office) {
    let _ = write!(
        page,
        "# Hoe binnengekomen berichten worden beoordeeld\n\n\
         {}. Regels en gegevens: versie {}.\n\n\
         `bode` leest elk bericht en elke brief, en legt een medewerker een voorstel voor: over wie gaat het, hoort het hier, is er \
         eerst bij de instantie zelf geklaagd, wat voor bericht is het, kan het wachten. Het zijn vaste regels die mensen hebben \
         geschreven, met gewichten die op gelabelde voorbeelden zijn afgesteld; in het gebruik leert er niets vanzelf. Bij elk \
         voorstel staan de zinnen waarop het rust. **Een medewerker beslist**: er wordt niets afgewezen of doorgestuurd zonder een \
         mens.\n\n## Dit kantoor\n\n",
        office.name,
        rules.version_for(office)
    );
    let line = match office.line {
        Line::First => "Eerste lijn: behandelt klachten over de eigen gemeente (Awb titel 9.1).",
        Line::Second => "Tweede lijn: een ombudsman (Awb titel 9.2).",
    };
    let _ = writeln!(page, "- {line}");
    let list = |ids: &[String]| {
        if ids.is_empty() {
            "-".to_owned()
        } else {
            ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
        }
    };
    let _ = writeln!(page, "- Mag klachten behandelen over: {}", list(&office.competence.within));
    if !office.competence.outside.is_empty() {
        let _ = writeln!(page, "- Maar niet over: {}", list(&office.competence.outside));
    }
    procedure(page, &office.procedure);
}

fn procedure(page: &mut String, procedure: &Procedure) {
    let yes = |is: bool| if is { "ja" } else { "nee" };
    let _ = writeln!(page, "- Eerst klagen bij de instantie zelf: {}", yes(procedure.complain_first));
    if let Some(weeks) = procedure.body_weeks {
        let _ = writeln!(page, "- De instantie heeft daarvoor {weeks} weken");
    }
    let _ = writeln!(
        page,
        "- Ouder dan een jaar wordt aangegeven (Awb 9:8, 9:24; nooit een afwijzing): {}",
        yes(procedure.one_year)
    );
    let _ = writeln!(page, "- Een naam is nodig: {}", yes(procedure.name_needed));
    for promise in &procedure.promises {
        let _ = writeln!(page, "- Termijn `{}`: {}", promise.name, promise.basis);
    }
    let _ = writeln!(
        page,
        "- Zekerheid (0 tot 1) waaronder het “onduidelijk” is en een medewerker leest: {}; waaronder de burger niet hoort dat het \
         waarschijnlijk niet hier thuishoort: {}\n",
        comma(procedure.certainty_min),
        comma(procedure.tell_citizen_min)
    );
}

/// The numbers of `judging.toml` with the words that stand beside them.
fn weighing(page: &mut String, rules: &Ruleset) {
    page.push_str("## Hoe het weegt\n\nWat ervoor spreekt telt op, wat ertegen spreekt telt af. Is het verschil te klein, dan is de uitkomst “onduidelijk”.\n");
    if let Some(about) = rules.about("judging.toml") {
        let _ = writeln!(page, "\n{}", paragraph(&about));
    }
    page.push_str("\n| getal | waarde | uitleg |\n| --- | --- | --- |\n");
    let text = rules.files().iter().find(|(name, _)| name == "judging.toml").map_or("", |(_, text)| text);
    for block in blocks(text) {
        for line in block.text.lines().skip(1) {
            let (setting, why) = line.split_once('#').unwrap_or((line, ""));
            if let Some((name, value)) = setting.split_once('=') {
                let (name, value) = (name.trim(), value.trim());
                let _ = writeln!(
                    page,
                    "| {}.{name} | {} | {} |",
                    block.id,
                    value.replace('.', ","),
                    cell(why.trim())
                );
            }
        }
    }
    page.push('\n');
}

fn row(page: &mut String, rule: &Rule) {
    let places: Vec<&str> = rule.places.iter().map(|place| where_words(*place)).collect();
    let _ = writeln!(
        page,
        "| {} | {}={} | {} | {} | {} | {} | {} |",
        rule.id,
        rule.label,
        rule.value,
        comma(rule.weight),
        places.join(", "),
        cell(&rule.reason),
        examples(&rule.fires),
        examples(&rule.not)
    );
}

fn bodies(page: &mut String, rules: &Ruleset, office: &Office) {
    page.push_str("\n## Instanties\n\n| id | heet in de uitkomst | naam | hoort hier | anders naar | reden | voorbeeld |\n| --- | --- | --- | --- | --- | --- | --- |\n");
    for body in &rules.bodies.all {
        let Organisation { id, label, name, refer, reason, fires, .. } = body;
        let here = if office.competence.covers(id) { "ja" } else { "nee" };
        let _ = writeln!(
            page,
            "| {id} | {label} | {} | {here} | {refer} | {} | {} |",
            cell(name),
            cell(reason),
            examples(fires.get(..1).unwrap_or_default())
        );
    }
}

fn where_words(place: Where) -> &'static str {
    match place {
        Where::Subject => "onderwerp",
        Where::Own => "eigen woorden",
        Where::Opening => "eerste zinnen",
        Where::Closing => "laatste zinnen",
        Where::Attachment => "bijlage",
        Where::Letterhead => "briefhoofd van een bijlage",
        Where::Forwarded => "doorgestuurd bericht",
        Where::Quote => "citaat",
        Where::Signature => "ondertekening",
        Where::Disclaimer => "disclaimer",
        Where::Sender => "naam van de afzender",
        Where::Everywhere => "alles",
    }
}

fn examples(texts: &[String]) -> String {
    texts.iter().map(|text| format!("“{}”", cell(text))).collect::<Vec<_>>().join("<br>")
}

/// `2,5`
fn comma(number: f64) -> String {
    number.to_string().replace('.', ",")
}

fn paragraph(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    paragraph(text).replace('|', "\\|").replace('<', "&lt;")
}
