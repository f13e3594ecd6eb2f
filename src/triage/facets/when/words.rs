//! The words of dates: numbers, units, months, weekdays, seasons and feasts, and the cutting of text into
//! tokens. Kept apart from what they mean, which the files beside this one tell.

use std::borrow::Cow;
use std::sync::LazyLock;

/// A word, a number or a sign, in lower case, with its place in bytes.
pub(super) struct Token<'a> {
    pub word: Cow<'a, str>,
    pub start: usize,
    pub end: usize,
    /// No white space before it.
    pub glued: bool,
    pub number: Option<u32>,
    /// How many digits the number has; 0 for a word.
    pub digits: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    pub fn days(self) -> f64 {
        match self {
            Self::Day => 1.0,
            Self::Week => 7.0,
            Self::Month => 30.4,
            Self::Quarter => 91.0,
            Self::Year => 365.0,
        }
    }
}

/// How a number is softened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fuzz {
    More,
    Less,
    About,
}

/// Cuts a text into tokens: runs of letters (with inner apostrophe or full stops: "d.d", "zo'n", "t/m"),
/// runs of digits, and single signs.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut chars = text.char_indices().peekable();
    let mut last_end = usize::MAX;
    while let Some((start, c)) = chars.next() {
        if c.is_whitespace() {
            continue;
        }
        let mut end = start + c.len_utf8();
        if c.is_ascii_digit() {
            while let Some(&(i, d)) = chars.peek() {
                if !d.is_ascii_digit() {
                    break;
                }
                end = i + 1;
                chars.next();
            }
        } else if c.is_alphabetic() {
            while let Some(&(i, d)) = chars.peek() {
                let inner = matches!(d, '\'' | '’' | '.' | '/')
                    && end - start <= 2
                    && text[i + d.len_utf8()..].chars().next().is_some_and(char::is_alphabetic);
                if !d.is_alphabetic() && !inner {
                    break;
                }
                end = i + d.len_utf8();
                chars.next();
            }
        }
        let raw = &text[start..end];
        let digits = if c.is_ascii_digit() { raw.len() } else { 0 };
        let word = if raw.bytes().any(|b| b.is_ascii_uppercase() || !b.is_ascii()) {
            Cow::Owned(raw.to_lowercase())
        } else {
            Cow::Borrowed(raw)
        };
        let number = if (1..=9).contains(&digits) { raw.parse().ok() } else { None };
        found.push(Token { word, start, end, glued: start == last_end, number, digits });
        last_end = end;
    }
    found
}

pub(super) fn day_number(token: &Token<'_>) -> Option<u32> {
    token.number.filter(|n| (1..=31).contains(n) && token.digits <= 2).or_else(|| match token.word.as_ref() {
        "eerste" => Some(1),
        "tweede" => Some(2),
        "derde" => Some(3),
        _ => None,
    })
}

/// The months of the year by their names, in order of name.
static MONTHS: LazyLock<Vec<(&str, u32)>> = LazyLock::new(|| {
    let names: [&[&str]; 12] = [
        &[
            "januari",
            "january",
            "januar",
            "janvier",
            "enero",
            "stycznia",
            "styczniu",
            "ocak",
            "ocakta",
            "يناير",
            "января",
            "січня",
            "janeiro",
            "gennaio",
            "ianuarie",
            "januarij",
        ],
        &[
            "februari",
            "february",
            "februar",
            "fevrier",
            "février",
            "febrero",
            "lutego",
            "lutym",
            "subat",
            "şubat",
            "فبراير",
            "февраля",
            "лютого",
            "fevereiro",
            "febbraio",
            "februarie",
        ],
        &[
            "maart",
            "march",
            "märz",
            "marz",
            "maarts",
            "mars",
            "marzo",
            "marca",
            "marcu",
            "mart",
            "مارس",
            "марта",
            "березня",
            "marco",
            "março",
            "martie",
        ],
        &[
            "april",
            "avril",
            "abril",
            "kwietnia",
            "kwietniu",
            "nisan",
            "أبريل",
            "ابريل",
            "апреля",
            "квітня",
            "aprile",
            "aprilie",
        ],
        &[
            "mei",
            "may",
            "mai",
            "mayo",
            "maja",
            "maju",
            "mayis",
            "mayıs",
            "مايو",
            "мая",
            "травня",
            "maio",
            "maggio",
        ],
        &[
            "juni",
            "june",
            "juin",
            "junio",
            "czerwca",
            "czerwcu",
            "haziran",
            "يونيو",
            "июня",
            "червня",
            "junho",
            "giugno",
            "iunie",
        ],
        &[
            "juli",
            "july",
            "juillet",
            "julio",
            "lipca",
            "lipcu",
            "temmuz",
            "يوليو",
            "июля",
            "липня",
            "julho",
            "luglio",
            "iulie",
        ],
        &[
            "augustus",
            "august",
            "aout",
            "août",
            "agosto",
            "sierpnia",
            "sierpniu",
            "agustos",
            "ağustos",
            "أغسطس",
            "августа",
            "серпня",
        ],
        &[
            "september",
            "septembre",
            "septiembre",
            "wrzesnia",
            "września",
            "wrzesniu",
            "eylul",
            "eylül",
            "سبتمبر",
            "сентября",
            "вересня",
            "setembro",
            "settembre",
            "septembrie",
        ],
        &[
            "oktober",
            "october",
            "octobre",
            "octubre",
            "pazdziernika",
            "października",
            "pazdzierniku",
            "ekim",
            "أكتوبر",
            "октября",
            "жовтня",
            "outubro",
            "ottobre",
            "octombrie",
        ],
        &[
            "november",
            "novembre",
            "noviembre",
            "listopada",
            "listopadzie",
            "kasim",
            "kasım",
            "نوفمبر",
            "ноября",
            "листопада",
            "novembro",
            "noiembrie",
        ],
        &[
            "december",
            "dezember",
            "decembre",
            "décembre",
            "diciembre",
            "grudnia",
            "grudniu",
            "aralik",
            "aralık",
            "ديسمبر",
            "декабря",
            "грудня",
            "dezembro",
            "dicembre",
            "decembrie",
        ],
    ];
    let mut months: Vec<(&str, u32)> =
        (1..).zip(names).flat_map(|(month, names)| names.iter().map(move |name| (*name, month))).collect();
    months.sort_unstable();
    months
});

/// For each first byte the lengths that names of months have, a bit each: most words are none.
static MONTH_LENGTHS: LazyLock<[u64; 256]> = LazyLock::new(|| {
    let mut lengths = [0; 256];
    for (name, _) in MONTHS.iter() {
        if let Some(bits) = name.bytes().next().and_then(|byte| lengths.get_mut(usize::from(byte))) {
            *bits |= 1 << name.len();
        }
    }
    lengths
});

pub(super) fn month(word: &str) -> Option<u32> {
    let lengths = MONTH_LENGTHS.get(usize::from(word.bytes().next()?))?;
    if word.len() >= 64 || lengths & (1 << word.len()) == 0 {
        return None;
    }
    let at = MONTHS.partition_point(|(name, _)| *name < word);
    MONTHS.get(at).filter(|(name, _)| *name == word).map(|(_, month)| *month)
}

/// Short names count only beside a day: "jan" is also a man.
pub(super) fn short_month(word: &str) -> Option<u32> {
    Some(match word {
        "jan" => 1,
        "feb" | "febr" => 2,
        "mrt" | "mar" => 3,
        "apr" => 4,
        "jun" => 6,
        "jul" => 7,
        "aug" => 8,
        "sep" | "sept" => 9,
        "okt" | "oct" => 10,
        "nov" => 11,
        "dec" => 12,
        _ => return None,
    })
}

pub(super) fn weekday(word: &str) -> Option<jiff::civil::Weekday> {
    use jiff::civil::Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    let stem = ["avond", "ochtend", "middag", "nacht", "morgen"]
        .iter()
        .find_map(|part| word.strip_suffix(part))
        .filter(|stem| stem.ends_with("dag"))
        .unwrap_or(word);
    Some(match stem {
        "maandag" | "monday" => Monday,
        "dinsdag" | "tuesday" => Tuesday,
        "woensdag" | "wednesday" => Wednesday,
        "donderdag" | "thursday" => Thursday,
        "vrijdag" | "friday" => Friday,
        "zaterdag" | "saturday" => Saturday,
        "zondag" | "sunday" => Sunday,
        _ => return None,
    })
}

/// First and last month of a season.
pub(super) fn season(word: &str) -> Option<(u32, u32)> {
    Some(match word {
        "zomer" | "summer" | "sommer" => (6, 9),
        "zomervakantie" | "zomerreces" | "zomerperiode" => (7, 8),
        "herfst" | "najaar" | "autumn" => (9, 11),
        "winter" => (12, 2),
        "lente" | "voorjaar" | "spring" => (3, 5),
        _ => return None,
    })
}

pub(super) fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "dag" | "dagen" | "nachten" | "day" | "days" | "werkdagen" | "etmalen" | "etmaal" | "tage"
        | "tagen" | "jours" | "dias" | "dni" => Unit::Day,
        "week" | "weken" | "weekjes" | "weekje" | "weeks" | "wochen" | "woche" | "semanas" | "semana"
        | "semaines" | "semaine" | "wkn" | "wk" => Unit::Week,
        "maand" | "maanden" | "maandjes" | "maandje" | "mnd" | "mnden" | "month" | "months" | "monate"
        | "monaten" | "meses" | "mois" => Unit::Month,
        "kwartaal" | "kwartalen" => Unit::Quarter,
        "jaar" | "jaren" | "jaartje" | "jr" | "year" | "years" | "jahre" | "jahren" | "joar" => Unit::Year,
        _ => return None,
    })
}

pub(super) fn fuzz_word(word: &str) -> Option<Fuzz> {
    Some(match word {
        "ruim" | "meer" | "minstens" | "dik" | "minimaal" | "dikke" | "goede" | "over" | "more"
        | "langer" => Fuzz::More,
        "bijna" | "krap" | "kleine" | "haast" | "nearly" | "almost" | "nauwelijks" => Fuzz::Less,
        "ongeveer" | "circa" | "ca" | "plusminus" | "zo'n" | "zowat" | "about" | "rond" | "pakweg" => {
            Fuzz::About
        }
        _ => return None,
    })
}

/// Counting words, halves included.
pub(super) fn count_word(word: &str) -> Option<f64> {
    Some(match word {
        "half" | "halve" => 0.5,
        "een" | "één" | "eén" | "'n" | "n" | "one" | "a" => 1.0,
        "anderhalf" | "anderhalve" => 1.5,
        "twee" | "two" | "zwei" => 2.0,
        "tweeënhalf" | "tweeëneenhalf" | "tweeenhalf" => 2.5,
        "drie" | "three" | "drei" => 3.0,
        "drieënhalf" | "drieenhalf" => 3.5,
        "vier" | "four" => 4.0,
        "vijf" | "five" | "fünf" => 5.0,
        "zes" | "six" | "sechs" => 6.0,
        "zeven" | "seven" => 7.0,
        "acht" | "eight" => 8.0,
        "negen" | "nine" => 9.0,
        "tien" | "ten" => 10.0,
        "elf" | "eleven" => 11.0,
        "twaalf" | "twelve" => 12.0,
        "dertien" => 13.0,
        "veertien" => 14.0,
        "vijftien" => 15.0,
        "zestien" => 16.0,
        "zeventien" => 17.0,
        "achttien" => 18.0,
        "negentien" => 19.0,
        "twintig" => 20.0,
        _ => return None,
    })
}
