//! The pages of an export, in plain Dutch: to be read in any browser, also in twenty years. Self-contained HTML: no scripts,
//! nothing from elsewhere, everything escaped.

use super::{Dossier, ExportFile, Made, silence};
use crate::record::{CaseRow, CaseStatus, Channel, Verdict, office_date};
use jiff::Timestamp;
use std::fmt::Write as _;

/// `LEESMIJ.txt`.
pub const EXPORT_README: &str = "\
WAT IS DIT?\n\
Deze map is een kopie van zaken uit bode, de digitale postkamer. U hebt bode niet nodig om haar te lezen.\n\n\
index.html        begin hier: de lijst van zaken. Open het bestand met een browser.\n\
zaken.csv         dezelfde lijst voor een rekenblad.\n\
sha256sums.txt    de controlegetallen van alle bestanden. Controleren: sha256sum -c sha256sums.txt\n\n\
Per zaak is er een map met het nummer van de zaak:\n\
  index.html      de zaak op een bladzijde: wat er kwam, wat er besloten is, en wat er gebeurde.\n\
  stukken/        elk bericht en elke brief zoals die binnenkwam, en ernaast de gelezen tekst (.txt).\n\
  antwoorden/     wat het kantoor antwoordde (.eml is een e-mail, .pdf een brief).\n\
  zaak.json       hetzelfde voor computers (schema bode/zaak/1).\n\
  logboek.jsonl   de regels van het logboek over deze zaak.\n\n\
Een bestand op .eml opent u met een mailprogramma. Open geen bijlagen die u niet vertrouwt.\n\
In deze map staan persoonsgegevens. Bewaar haar veilig en niet langer dan nodig is.\n";

const HEAD: &str = "<!doctype html>\n<html lang=\"nl\"><head><meta charset=\"utf-8\">\n\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
<meta name=\"viewport\" content=\"width=device-width\">\n<style>\n\
body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}\n\
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;\
border-bottom:1px solid #ccc}pre{white-space:pre-wrap;background:#f4f4f4;padding:1rem;overflow-wrap:anywhere}\n\
</style>\n";

/// What a browser shows as it stands.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => {}
            c => out.push(c),
        }
    }
    out
}

fn moment(at: Timestamp) -> String {
    at.in_tz(crate::record::OFFICE_TIME_ZONE)
        .map_or_else(|_| at.to_string(), |at| at.strftime("%d-%m-%Y %H:%M").to_string())
}

fn day(date: jiff::civil::Date) -> String {
    date.strftime("%d-%m-%Y").to_string()
}

fn status(row: &CaseRow) -> String {
    if let Some(purged) = &row.purged {
        return purged.sentence();
    }
    match row.status {
        CaseStatus::Open => "wacht op een medewerker",
        CaseStatus::TakenUp => "in behandeling",
        CaseStatus::AskedForMore => "wacht op de inwoner",
        CaseStatus::Closed => "gesloten",
    }
    .to_owned()
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::TakeUp => "in behandeling genomen",
        Verdict::Refer => "doorverwezen",
        Verdict::AskForMore => "om aanvulling gevraagd",
        Verdict::Signal => "bewaard als signaal",
        Verdict::NotAComplaint => "geen klacht",
        Verdict::Reopen => "heropend",
        Verdict::Settle => "afgedaan",
    }
}

/// Writing to a string cannot fail.
fn put(html: &mut String, words: std::fmt::Arguments<'_>) {
    let _ = html.write_fmt(words);
}

fn fact(html: &mut String, name: &str, value: &str) {
    put(html, format_args!("<tr><th>{name}</th><td>{}</td></tr>\n", escaped(value)));
}

/// The page of one case. `folder` stands before the paths of its files.
pub(super) fn case_page(dossier: &Dossier, files: &[ExportFile], folder: &str, made: &Made<'_>) -> String {
    let row = &dossier.row;
    let mut html = HEAD.to_owned();
    put(
        &mut html,
        format_args!("<title>Zaak {0}</title></head><body>\n<h1>Zaak {0}</h1>\n<table>\n", row.number),
    );
    fact(&mut html, "Ontvangen", &day(row.received));
    fact(&mut html, "Schrijver", row.writer.as_deref().unwrap_or("onbekend"));
    fact(&mut html, "Onderwerp", row.subject.as_deref().unwrap_or("-"));
    fact(&mut html, "Wachtrij", &row.queue);
    fact(&mut html, "Stand", &status(row));
    if let Some(decision) = &row.decision {
        let to = decision.refer_to.as_ref().map(|to| format!(" naar {to}")).unwrap_or_default();
        let what = format!(
            "{}{to}, door {} op {}",
            verdict(decision.verdict),
            decision.by,
            day(office_date(decision.at))
        );
        fact(&mut html, "Besluit", &what);
        if !decision.reason.is_empty() {
            fact(&mut html, "Reden", &decision.reason);
        }
    }
    for deadline in &row.deadlines {
        fact(&mut html, "Termijn", &format!("{}: {} ({})", deadline.name, day(deadline.due), deadline.basis));
    }
    if let Some(into) = row.joined_to {
        fact(&mut html, "Gevoegd bij", &into.to_string());
    }
    for joined in &row.joined {
        fact(&mut html, "Met daarin", &joined.to_string());
    }
    if let Some(reason) = silence(row) {
        fact(&mut html, "Geen antwoord", &reason);
    }
    html.push_str("</table>\n<h2>Bestanden</h2>\n<ul>\n");
    for file in files {
        let path = file.path.strip_prefix(folder).map_or(&*file.path, |path| path.trim_start_matches('/'));
        put(&mut html, format_args!("<li><a href=\"{0}\">{0}</a></li>\n", escaped(path)));
    }
    html.push_str("</ul>\n");
    for piece in &dossier.pieces {
        let kind = match piece.record.channel {
            Channel::Email => "E-mail",
            Channel::Letter => "Brief",
        };
        put(
            &mut html,
            format_args!(
                "<h2>{kind} van {}: stuk {}</h2>\n",
                moment(piece.record.received_at),
                piece.record.number
            ),
        );
        if piece.locked {
            html.push_str("<p>De virusscanner vond iets schadelijks in dit stuk. Het origineel staat niet in deze map.</p>\n");
        }
        for document in &piece.extract.documents {
            let name = document.name.as_deref().unwrap_or("bericht");
            put(
                &mut html,
                format_args!("<h3>{}</h3>\n<pre>{}</pre>\n", escaped(name), escaped(document.text.trim())),
            );
        }
        for defect in &piece.extract.defects {
            put(&mut html, format_args!("<p>Let op: {}</p>\n", escaped(&defect.explanation)));
        }
        if let Some(judgement) = piece.judgement.as_ref().filter(|judgement| !judgement.findings.is_empty()) {
            html.push_str("<h3>Wat bode eruit opmaakte</h3>\n<ul>\n");
            for finding in &judgement.findings {
                let said = finding.evidence.first().map(|evidence| evidence.text.trim()).unwrap_or_default();
                put(
                    &mut html,
                    format_args!("<li>{} <q>{}</q></li>\n", escaped(&finding.reason), escaped(said)),
                );
            }
            html.push_str("</ul>\n");
        }
    }
    html.push_str("<h2>Wat er gebeurde</h2>\n<table>\n");
    for line in &dossier.history {
        let note = line.note.as_ref().map(|note| format!("<br><q>{}</q>", escaped(note))).unwrap_or_default();
        put(
            &mut html,
            format_args!(
                "<tr><td>{}</td><td>{}</td><td>{}{note}</td></tr>\n",
                moment(line.at),
                escaped(&line.by),
                escaped(&line.what)
            ),
        );
    }
    put(
        &mut html,
        format_args!(
            "</table>\n<p>Kopie gemaakt op {} door {} bij {}.</p>\n</body></html>\n",
            moment(made.at),
            escaped(made.by),
            escaped(made.office)
        ),
    );
    html
}

/// The row of a case on the page with the list.
pub fn list_row(row: &CaseRow) -> String {
    format!(
        "<tr><td><a href=\"{0}/index.html\">{0}</a></td><td>{1}</td><td>{2}</td><td>{3}</td><td>{4}</td></tr>\n",
        row.number,
        day(row.received),
        escaped(row.writer.as_deref().unwrap_or_default()),
        escaped(row.subject.as_deref().unwrap_or_default()),
        escaped(&status(row))
    )
}

/// The page with the list; `rows` are those of [`list_row`].
pub fn list_page(rows: &str, aside: &[ExportFile], made: &Made<'_>) -> String {
    let mut html = HEAD.to_owned();
    put(
        &mut html,
        format_args!(
            "<title>Zaken</title></head><body>\n<h1>Zaken van {}</h1>\n<p>Kopie gemaakt op {} door {}. Lees ook \
             <a href=\"LEESMIJ.txt\">LEESMIJ.txt</a>.</p>\n<table>\n<tr><th>zaak</th><th>ontvangen</th><th>schrijver</th>\
             <th>onderwerp</th><th>stand</th></tr>\n{rows}</table>\n",
            escaped(made.office),
            moment(made.at),
            escaped(made.by)
        ),
    );
    if !aside.is_empty() {
        html.push_str("<h2>Stukken die geen zaak zijn</h2>\n<ul>\n");
        for file in aside {
            put(&mut html, format_args!("<li><a href=\"{0}\">{0}</a></li>\n", escaped(&file.path)));
        }
        html.push_str("</ul>\n");
    }
    html.push_str("</body></html>\n");
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        assert_eq!(
            escaped("<script>alert('x')</script>&\u{7}"),
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;"
        );
        assert!(HEAD.contains("default-src 'none'"));
    }
}
