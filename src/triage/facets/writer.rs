//! Who wrote: From of a message, or the letterhead and closing lines of a letter.
//!
//! Invariant: never the office itself; when it is not sure, the address is empty and a person fills it in
//! before a letter goes out.

use super::super::fold::fold_text;
use super::super::reading::Reading;
use super::super::towns::Towns;
use crate::record::{MONTHS, Office, Writer};

/// Lines at the start of a letter in which the letterhead stands, and at its end in which it is signed.
const HEAD_LINES: usize = 16;
const FOOT_LINES: usize = 10;
/// Characters of a line of a postal address or a name.
const LINE_CHARS_MAX: usize = 60;
/// Lines of a postal address, the name not counted.
const POSTAL_LINES_MAX: usize = 4;

/// Lines that begin an address block of the one written to, or that are no address at all.
const NOT_THE_WRITER: &[&str] = &[
    "aan",
    "t.a.v",
    "tav",
    "geachte",
    "beste",
    "betreft",
    "onderwerp",
    "inzake",
    "datum",
    "ons kenmerk",
    "uw kenmerk",
    "kenmerk",
    "de ombudsman",
    "ombudsman",
    "gemeentelijke ombudsman",
    "de gemeentelijke ombudsman",
    "nationale ombudsman",
    "de nationale ombudsman",
    "gemeente",
    "college",
    "klachten",
    "per koerier",
    "spoed",
    "aangetekend",
    "postbus",
    "antwoordnummer",
    "tel",
    "telefoon",
    "e-mail",
    "email",
    "mobiel",
    "bsn",
    "edelachtbare",
    "hooggeachte",
    "mijne heren",
];
/// Words at the start of a name line that belong to no name.
const BEFORE_NAME: &[&str] =
    &["van", "afzender", "naam", "from", "fam", "mw", "mevr", "mevrouw", "dhr", "de heer", "hr"];

pub(super) fn read(reading: &Reading<'_>, office: &Office, towns: &Towns) -> Writer {
    if let Some(message) = &reading.extract.message {
        let author = message.author.clone().unwrap_or_default();
        let name = author.name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        return Writer { name, address: author.address, postal: Vec::new() };
    }
    let Some(letter) = reading.extract.documents.first() else { return Writer::default() };
    let lines: Vec<&str> = letter.text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let salutation = lines.iter().position(|line| is_salutation(line)).unwrap_or(lines.len());
    let head = lines.get(..salutation.min(HEAD_LINES)).unwrap_or_default();
    let foot_from =
        lines.iter().rposition(|line| is_closing(line)).map_or(lines.len().saturating_sub(3), |at| at + 1);
    let foot_until = lines.len().min(foot_from + FOOT_LINES);
    let foot = lines.get(foot_from..foot_until).unwrap_or_default();
    let signed = foot.iter().copied().find(|line| looks_like_name(line, towns)).map(clean_name);
    let (headed, postal) = letterhead(head, office, towns);
    let (name, postal) = match (headed, signed) {
        (Some(headed), Some(signed)) if !shares_word(&headed, &signed) && postal.is_empty() => {
            (Some(signed), postal)
        }
        (Some(headed), _) => (Some(headed), postal),
        (None, signed) => (signed, postal),
    };
    let postal = if postal.is_empty() { closing_address(foot, office, towns) } else { postal };
    Writer { name, address: mail_address(&lines, office), postal }
}

fn is_salutation(line: &str) -> bool {
    let text = fold_text(line);
    let starts = [
        "geacht",
        "beste",
        "hallo",
        "hoi",
        "goedendag",
        "goede",
        "goeien",
        "goeie",
        "weledel",
        "edelachtbare",
        "l.s",
        "ls",
        "dear",
        "mijne",
        "mijnheer",
        "aan wie",
        "hooggeacht",
        "zeer geacht",
        "mevrouw",
        "dag ",
        "lieve",
        "sehr geehrte",
        "waarde",
        "hierbij",
    ];
    starts.iter().any(|start| text.starts_with(start))
        && !text.starts_with("mevrouw de ")
        && line.chars().count() < 70
}

fn is_closing(line: &str) -> bool {
    let text = fold_text(line);
    let starts = [
        "hoogachtend",
        "met vriendelijke groet",
        "met vr",
        "met hartelijke",
        "vriendelijke groet",
        "groet",
        "gr ",
        "gr.",
        "mvg",
        "met de meeste",
        "met achting",
        "met gevoelens",
        "met verschuldigde",
        "in afwachting",
        "hartelijke groet",
        "hartelijk gegroet",
        "met groet",
        "met beleefde",
        "beleefd",
        "dank u wel",
        "bij voorbaat dank",
        "kind regards",
        "yours",
        "mit freundlichen",
        "met muzikale",
        "u groetend",
        "kindly",
        "sincerely",
        "met bezorgde",
        "warme groet",
        "afzender",
        "getekend",
    ];
    starts.iter().any(|start| text.starts_with(start)) && line.chars().count() < 60
}

/// The name and the address in the lines above the salutation.
fn letterhead(head: &[&str], office: &Office, towns: &Towns) -> (Option<String>, Vec<String>) {
    let Some(name_at) =
        head.iter().position(|line| looks_like_name(line, towns) || labelled_name(line, towns).is_some())
    else {
        return (None, Vec::new());
    };
    // A name that stands behind "Aan" or as first line of the office's own block is not the writer.
    let before = head.get(..name_at).unwrap_or_default();
    if before.iter().any(|line| starts_with_any(line, &["aan", "t.a.v"]))
        && before.iter().all(|line| street(line).is_none())
    {
        return (None, Vec::new());
    }
    let name = head.get(name_at).map(|line| labelled_name(line, towns).unwrap_or_else(|| clean_name(line)));
    let mut postal = Vec::new();
    for line in head.iter().skip(name_at + 1) {
        if starts_with_any(line, NOT_THE_WRITER) || is_date(line) || is_of_office(line, office) {
            break;
        }
        let is_address = street(line).is_some() || is_town(line, towns);
        if is_address && postal.len() < POSTAL_LINES_MAX {
            postal.push((*line).to_owned());
        } else if !postal.is_empty() {
            break;
        }
    }
    if postal.iter().any(|line| is_town(line, towns)) && postal.iter().any(|line| street(line).is_some()) {
        (name, postal)
    } else {
        (name, Vec::new())
    }
}

/// An address under the name at the end of a letter: a street and a town, one after the other.
fn closing_address(foot: &[&str], office: &Office, towns: &Towns) -> Vec<String> {
    let at = foot.iter().position(|line| street(line).is_some() && !is_of_office(line, office));
    let Some(at) = at else { return Vec::new() };
    match (foot.get(at), foot.get(at + 1)) {
        (Some(road), Some(town)) if is_town(town, towns) && !is_of_office(town, office) => {
            vec![(*road).to_owned(), (*town).to_owned()]
        }
        _ => Vec::new(),
    }
}

/// "Van: Emine Karabulut"
fn labelled_name(line: &str, towns: &Towns) -> Option<String> {
    let (label, rest) = line.split_once(':')?;
    let label = fold_text(label);
    (BEFORE_NAME.contains(&label.trim()) && looks_like_name(rest.trim(), towns))
        .then(|| clean_name(rest.trim()))
}

fn clean_name(line: &str) -> String {
    let line = line.split(['(', ',']).next().unwrap_or(line).trim();
    line.trim_end_matches(['.', ';']).trim().to_owned()
}

/// One to six words, most with a capital, no digits, not a street, a body or a set phrase.
fn looks_like_name(line: &str, towns: &Towns) -> bool {
    let line = line.split(',').next().unwrap_or(line);
    let words: Vec<&str> = line.split_whitespace().collect();
    let small = [
        "van", "de", "der", "den", "v.d.", "vd", "ten", "ter", "te", "en", "el", "al", "in", "'t", "-",
        "von", "bij", "op",
    ];
    let capitals = words
        .iter()
        .filter(|word| word.chars().find(|c| c.is_alphabetic()).is_some_and(char::is_uppercase))
        .count();
    let plain = words.iter().all(|word| {
        small.contains(word) || word.chars().find(|c| c.is_alphabetic()).is_some_and(char::is_uppercase)
    });
    (1..=6).contains(&words.len())
        && capitals > 0
        && plain
        && line.chars().count() <= LINE_CHARS_MAX
        && !line.chars().any(|c| c.is_ascii_digit() || matches!(c, ':' | '@' | '?' | '!' | '/' | '"' | '<'))
        && line.chars().filter(|c| c.is_alphabetic()).count() >= 3
        && !starts_with_any(line, NOT_THE_WRITER)
        && !is_salutation(line)
        && !is_closing(line)
        && street(line).is_none()
        && !(words.len() <= 3 && towns.is_town(line))
}

/// A line of a postal address with a house number: "Hoefkade 1093-II".
fn street(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let first = words.next()?;
    let named = first.chars().next().is_some_and(char::is_alphabetic) || first.starts_with('\'');
    let number = line.split_whitespace().skip(1).any(|word| {
        let digits = word.chars().take_while(char::is_ascii_digit).count();
        (1..=5).contains(&digits)
    });
    let short = line.chars().count() <= LINE_CHARS_MAX && !line.contains([':', '?', '!', '@']);
    (named && number && short && !is_date(line)).then_some(line)
}

/// `1234 AB Plaats`, `1234 Plaats`, or a known town.
fn is_town(line: &str, towns: &Towns) -> bool {
    if line.chars().count() > LINE_CHARS_MAX {
        return false;
    }
    let mut chars = line.chars();
    let digits: String = chars.by_ref().take(4).collect();
    if digits.len() == 4 && digits.chars().all(|c| c.is_ascii_digit()) && !digits.starts_with('0') {
        let rest = chars.as_str().trim_start();
        return rest.chars().next().is_some_and(|c| c.is_uppercase() || c == '\'');
    }
    towns.is_town(line)
}

fn is_date(line: &str) -> bool {
    let text = fold_text(line);
    let year = text.contains("20") || text.contains('\'');
    (MONTHS.iter().any(|month| text.split(|c: char| !c.is_alphanumeric()).any(|word| word == *month))
        && text.chars().any(|c| c.is_ascii_digit()))
        || (year
            && text.matches(['-', '/']).count() == 2
            && text.chars().filter(char::is_ascii_digit).count() >= 6)
}

fn starts_with_any(line: &str, starts: &[&str]) -> bool {
    let text = fold_text(line);
    starts.iter().any(|start| {
        text.strip_prefix(start).is_some_and(|rest| rest.chars().next().is_none_or(|c| !c.is_alphanumeric()))
    })
}

fn is_of_office(line: &str, office: &Office) -> bool {
    let text = fold_text(line);
    let own = office.contact.post.iter().map(|line| fold_text(line)).chain([fold_text(&office.name)]);
    let same = own.into_iter().any(|own| {
        !own.is_empty() && (text.contains(own.trim()) || (text.len() > 6 && own.contains(text.trim())))
    });
    same || text.starts_with("postbus") || text.starts_with("antwoordnummer")
}

fn shares_word(a: &str, b: &str) -> bool {
    let words = |name: &str| -> Vec<String> {
        fold_text(name)
            .split(|c: char| !c.is_alphabetic())
            .filter(|word| word.len() > 2)
            .map(str::to_owned)
            .collect()
    };
    let others = words(b);
    words(a).iter().any(|word| others.contains(word))
}

/// An e-mail address written in the letter, unless it is the office's own.
fn mail_address(lines: &[&str], office: &Office) -> Option<String> {
    let own = office.contact.email.as_deref().unwrap_or_default().to_lowercase();
    lines
        .iter()
        .flat_map(|line| {
            line.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '(' | ')'))
        })
        .map(|word| word.trim_matches(['.', ':']).to_lowercase())
        .find(|word| {
            word.split_once('@').is_some_and(|(local, domain)| {
                !local.is_empty()
                    && domain.contains('.')
                    && domain.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
            }) && *word != own
                && !word.starts_with("ombudsman@")
                && !word.starts_with("klacht")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_letter() {
        let mut towns = Towns::default();
        ["den haag", "haarlem"].into_iter().for_each(|name| towns.add(name));
        for line in [
            "J.W. Knoester",
            "Mw. C. Oosterbaan - de Wit",
            "C. VAN TOL",
            "S. en R. Ramautar",
            "Drs. A.C. Wittebrood",
        ] {
            assert!(looks_like_name(line, &towns), "{line}");
        }
        for line in [
            "Den Haag",
            "Geachte ombudsman,",
            "Hoefkade 1093-II",
            "Aan de ombudsman",
            "Gemeente Haarlem, afdeling klachten",
            "Betreft: KLACHT",
        ] {
            assert!(!looks_like_name(line, &towns), "{line}");
        }
        assert!(
            is_town("2525 Den Haag", &towns)
                && is_town("2511 AB 's-Gravenhage", &towns)
                && is_town("Haarlem", &towns)
        );
        assert!(!is_town("2026 was een slecht jaar", &towns) && !is_town("Rielerweg 1377", &towns));
        assert!(is_date("Den Haag, 2 februari 2026") && is_date("17-03-2026") && !is_date("Kade 3"));
    }
}
