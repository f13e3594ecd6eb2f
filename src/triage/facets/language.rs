//! The language of the writer's own words, as ISO 639-1.
//!
//! Statistics of letters are unsure on short texts and take dialect for a neighbour, so Dutch function words
//! decide first; a message without own words is Dutch, since the offices are.

use super::super::reading::Reading;
use whatlang::{Lang, detect};

/// Characters looked at: enough for any language.
const SAMPLE_CHARS: usize = 1_500;
/// The share of words that are Dutch function words from which a text is Dutch.
const DUTCH_SHARE: f64 = 0.12;
/// The share from which the letters are not asked.
const DUTCH_SURE: f64 = 0.3;
/// Below so many words statistics alone are not believed.
const WORDS_MIN: usize = 6;

/// Words that Dutch cannot do without, and that German and English do not share.
/// In order, for a binary search.
const DUTCH: &[&str] = &[
    "aan", "als", "ben", "bent", "bij", "dan", "dat", "de", "deze", "dit", "een", "en", "er", "geen", "haar",
    "heb", "hebben", "heeft", "het", "hij", "ik", "je", "jullie", "kan", "maar", "met", "mien", "mij",
    "mijn", "moet", "naar", "neet", "niet", "nog", "om", "ook", "op", "over", "te", "toen", "u", "uit", "uw",
    "van", "veur", "voor", "wel", "werd", "wij", "wil", "wordt", "ze", "zij", "zijn", "zo",
];

/// Letters of the longest of them.
const DUTCH_LETTERS_MAX: usize = 6;

pub(super) fn judge(reading: &Reading<'_>) -> String {
    let mut sample = String::new();
    for sentence in reading.own().chain(reading.sentences.iter()) {
        if sample.len() > SAMPLE_CHARS || (!sample.is_empty() && sentence.order == 0 && sample.len() > 400) {
            break;
        }
        sample.push_str(sentence.source);
        sample.push(' ');
    }
    of(&sample)
}

/// The language of a text.
fn of(text: &str) -> String {
    let (mut words, mut dutch) = (0_usize, 0_usize);
    let mut small = String::new();
    for word in text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()) {
        words += 1;
        if word.len() <= DUTCH_LETTERS_MAX {
            small.clear();
            small.extend(word.chars().flat_map(char::to_lowercase));
            dutch += usize::from(DUTCH.binary_search(&small.as_str()).is_ok());
        }
    }
    #[allow(clippy::cast_precision_loss, reason = "a count of words")]
    let share = dutch as f64 / words.max(1) as f64;
    // So many cannot be another language, whatever the letters say.
    if share >= DUTCH_SURE {
        return "nl".into();
    }
    let guess = detect(text);
    let dutch_guess = guess.as_ref().is_none_or(|info| matches!(info.lang(), Lang::Nld | Lang::Afr));
    if dutch_guess || (share >= DUTCH_SHARE && guess.as_ref().is_some_and(|info| info.confidence() < 0.9)) {
        return "nl".into();
    }
    match guess {
        // Another script is told by its letters, however short.
        Some(info) if words >= WORDS_MIN || info.script() != whatlang::Script::Latin => {
            iso_639_1(info.lang()).to_owned()
        }
        _ => "nl".into(),
    }
}

/// The two letters of ISO 639-1 for the three of ISO 639-3; the three where there are no two.
fn iso_639_1(lang: Lang) -> &'static str {
    match lang {
        Lang::Epo => "eo",
        Lang::Eng => "en",
        Lang::Rus => "ru",
        Lang::Cmn => "zh",
        Lang::Spa => "es",
        Lang::Por => "pt",
        Lang::Ita => "it",
        Lang::Ben => "bn",
        Lang::Fra => "fr",
        Lang::Deu => "de",
        Lang::Ukr => "uk",
        Lang::Kat => "ka",
        Lang::Ara => "ar",
        Lang::Hin => "hi",
        Lang::Jpn => "ja",
        Lang::Heb => "he",
        Lang::Yid => "yi",
        Lang::Pol => "pl",
        Lang::Amh => "am",
        Lang::Jav => "jv",
        Lang::Kor => "ko",
        Lang::Nob => "nb",
        Lang::Dan => "da",
        Lang::Swe => "sv",
        Lang::Fin => "fi",
        Lang::Tur => "tr",
        Lang::Nld | Lang::Afr => "nl",
        Lang::Hun => "hu",
        Lang::Ces => "cs",
        Lang::Ell => "el",
        Lang::Bul => "bg",
        Lang::Bel => "be",
        Lang::Mar => "mr",
        Lang::Kan => "kn",
        Lang::Ron => "ro",
        Lang::Slv => "sl",
        Lang::Hrv => "hr",
        Lang::Srp => "sr",
        Lang::Mkd => "mk",
        Lang::Lit => "lt",
        Lang::Lav => "lv",
        Lang::Est => "et",
        Lang::Tam => "ta",
        Lang::Vie => "vi",
        Lang::Urd => "ur",
        Lang::Tha => "th",
        Lang::Guj => "gu",
        Lang::Uzb => "uz",
        Lang::Pan => "pa",
        Lang::Aze => "az",
        Lang::Ind => "id",
        Lang::Tel => "te",
        Lang::Pes => "fa",
        Lang::Mal => "ml",
        Lang::Ori => "or",
        Lang::Mya => "my",
        Lang::Nep => "ne",
        Lang::Sin => "si",
        Lang::Khm => "km",
        Lang::Tuk => "tk",
        Lang::Aka => "ak",
        Lang::Zul => "zu",
        Lang::Sna => "sn",
        Lang::Lat => "la",
        Lang::Slk => "sk",
        Lang::Cat => "ca",
        Lang::Tgl => "tl",
        Lang::Hye => "hy",
        _ => lang.code(),
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn languages_of_short_and_long_texts() {
        for (text, expected) in [
            (
                "Ik bun Gerrit uut Lettele. 't Geet um dat maegie achter de balie en doar geet 't mien umme.",
                "nl",
            ),
            ("kk boete gekregen", "nl"),
            ("", "nl"),
            ("Zie bijlage.", "nl"),
            ("Dear Ombudsman, I have lived in Amsterdam since 2019 and I pay my taxes here.", "en"),
            ("Ich habe von 1986 bis 2003 in Enschede gearbeitet und wohne seit der Rente in Gronau.", "de"),
            ("przepraszam że po polsku, po holendersku rozumiem ale nie napiszę", "pl"),
            ("السلام عليكم ورحمة الله، اسمي خالد", "ar"),
            ("ik heb 3 kind en geen eten meer thuis. zij heeft mijn uitkering gestop", "nl"),
            ("Mi hija está enferma y el ayuntamiento no me contesta desde marzo.", "es"),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
        assert!(super::DUTCH.is_sorted());
        assert!(super::DUTCH.iter().all(|word| word.len() <= super::DUTCH_LETTERS_MAX));
    }
}
