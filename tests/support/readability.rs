//! How hard a text is to read: sentence length, long words, passives, stiff words, and for Dutch the reading ease of
//! Flesch-Douma. Language level B1 (the taalunie's "eenvoudig Nederlands") is taken as: short sentences, active, no
//! long word that is no name or law word.
#![allow(dead_code, reason = "each test file uses a part of it")]

/// Words of more letters are long.
const LONG_LETTERS: usize = 12;

/// What a reader of a language meets.
pub struct Level {
    pub mean_words_max: f64,
    pub words_max: usize,
    /// Flesch-Douma; 0 where it is not counted.
    pub ease_min: f64,
    /// Long words that may stand: names, words of the law that are explained, and words that everybody knows.
    pub long_words: &'static [&'static str],
    pub stiff: &'static [&'static str],
    pub passive: fn(&[String]) -> bool,
}

pub const DUTCH: Level = Level {
    mean_words_max: 9.0,
    words_max: 18,
    ease_min: 70.0,
    long_words: &[
        // Names.
        "albrandswaard",
        "antwoordnummer",
        "rotterdam-rijnmond",
        "belastingdienst",
        "gemeentelijke",
        "leidschendamvoorburg",
        "leidschendam-voorburg",
        // What the office's own page calls it; each is explained where it stands, or is a paper that the writer asks for.
        "behoorlijkheidswijzer",
        "cliëntondersteuner",
        "klachtbehandelaar",
        "klachtenformulier",
        "machtigingsformulier",
        "privacyverklaring",
        "zorgorganisatie",
        // Known to everybody.
        "contactpersoon",
        "onafhankelijk",
        "waarschijnlijk",
    ],
    stiff: &[
        "middels",
        "teneinde",
        "derhalve",
        "omtrent",
        "alsmede",
        "indien",
        "aangaande",
        "betreffende",
        "conform",
        "inzake",
        "reeds",
        "hetgeen",
        "dienen",
        "dient te",
        "geschieden",
        "zulks",
        "hierbij",
        "desgewenst",
        "te zijner tijd",
        "uwerzijds",
        "voornoemd",
        "bovengenoemd",
        "onderhavig",
        "je",
        "jij",
        "jouw",
        "jullie",
        "uw schrijven",
    ],
    passive: dutch_passive,
};

pub const ENGLISH: Level = Level {
    mean_words_max: 10.0,
    words_max: 20,
    ease_min: 0.0,
    long_words: &[
        "albrandswaard",
        "antwoordnummer",
        "rotterdam-rijnmond",
        "authorisation",
        "automatically",
        "behoorlijkheidswijzer",
        "cliëntondersteuner",
        "gemeentelijke",
        "investigation",
        "leidschendamvoorburg",
        "leidschendam-voorburg",
        "machtigingsformulier",
        "municipalities",
        "neighbourhood",
        "organisations",
    ],
    stiff: &[
        "hereby",
        "pursuant",
        "aforementioned",
        "herewith",
        "therein",
        "thereof",
        "shall",
        "regarding",
        "prior to",
        "commence",
    ],
    passive: english_passive,
};

/// What is too hard in a text, each a line; empty for plain language.
pub fn too_hard(text: &str, level: &Level) -> Vec<String> {
    let sentences = sentences(text);
    let mut hard = Vec::new();
    let words: Vec<&String> = sentences.iter().flatten().collect();
    let mean = words.len() as f64 / sentences.len().max(1) as f64;
    if mean > level.mean_words_max {
        hard.push(format!("{mean:.1} words a sentence"));
    }
    if level.ease_min > 0.0 {
        let syllables: usize = words.iter().map(|word| syllables(word)).sum();
        let ease = 206.84 - 0.93 * mean - 77.0 * syllables as f64 / words.len().max(1) as f64;
        if ease < level.ease_min {
            hard.push(format!("reading ease (Flesch-Douma) {ease:.0}"));
        }
    }
    for sentence in &sentences {
        let told = sentence.join(" ");
        if sentence.len() > level.words_max {
            hard.push(format!("{} words: {told}", sentence.len()));
        }
        if (level.passive)(sentence) {
            hard.push(format!("passive: {told}"));
        }
        for word in sentence {
            let plain = bare(word);
            let address = word.trim_end_matches(['.', ',', ':']).contains(['.', '@']);
            let long = plain.chars().filter(|c| c.is_alphabetic()).count() > LONG_LETTERS;
            if long && !address && !level.long_words.contains(&plain.as_str()) {
                hard.push(format!("long word: {word}"));
            }
        }
        let lower = format!(" {} ", sentence.iter().map(|word| bare(word)).collect::<Vec<_>>().join(" "));
        for stiff in level.stiff {
            if lower.contains(&format!(" {stiff} ")) {
                hard.push(format!("stiff word {stiff:?}: {told}"));
            }
        }
    }
    hard
}

/// Sentences, headings and items of a list, each as its words.
pub fn sentences(text: &str) -> Vec<Vec<String>> {
    let joined: String = text
        .split("\n\n")
        .map(|paragraph| {
            let items = paragraph.replace("\n- ", ".\n").replace("\n  ", " ");
            format!("{items}.\n")
        })
        .collect();
    // Full stops within telephone hours, host names and numbers end no sentence.
    let words: Vec<&str> = joined.split_whitespace().collect();
    words
        .split_inclusive(|word| word.ends_with(['.', '?', '!', ':']))
        .map(|sentence| {
            let wordy = sentence.iter().filter(|word| word.chars().any(char::is_alphabetic));
            wordy.map(|word| (*word).to_owned()).collect()
        })
        .filter(|sentence: &Vec<String>| !sentence.is_empty())
        .collect()
}

fn bare(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase()
}

/// "worden" or "werd" with a participle in the same sentence; or "is/zijn … door".
fn dutch_passive(sentence: &[String]) -> bool {
    let words: Vec<String> = sentence.iter().map(|word| bare(word)).collect();
    let has = |any: &[&str]| words.iter().any(|word| any.contains(&word.as_str()));
    let participles = words.iter().filter(|word| dutch_participle(word)).count();
    let becomes = has(&["word", "wordt", "worden", "werd", "werden", "geworden"]);
    let agent = has(&["is", "zijn", "was", "waren"]) && has(&["door"]);
    // "Wat is er gebeurd" and "bent u het eens geworden" have no agent that hides.
    (becomes && participles > usize::from(has(&["geworden"]))) || (agent && participles > 0)
}

fn dutch_participle(word: &str) -> bool {
    const BEGINNINGS: [&str; 6] = ["ge", "be", "ver", "ont", "her", "er"];
    // Adjectives and nouns that look like one.
    const OTHERS: [&str; 12] = [
        "gegrond",
        "ongegrond",
        "bekend",
        "beleid",
        "bericht",
        "besluit",
        "geld",
        "gebied",
        "verplicht",
        "geen",
        "verhaal",
        "gesprek",
    ];
    let inner = [
        "aan", "af", "op", "in", "uit", "toe", "door", "mee", "over", "bij", "na", "voor", "terug", "achter",
    ]
    .iter()
    .find_map(|part| word.strip_prefix(part).filter(|rest| rest.starts_with("ge")))
    .unwrap_or(word);
    !OTHERS.contains(&word)
        && inner.chars().count() > 4
        && BEGINNINGS.iter().any(|beginning| inner.starts_with(beginning))
        && (inner.ends_with('d')
            || inner.ends_with('t')
            || (inner.ends_with("en") && inner.starts_with("ge")))
        || ["behandeld", "genomen", "toegelicht"].contains(&word)
}

/// A form of "be" and a participle on "-ed" with "by" in the same sentence.
fn english_passive(sentence: &[String]) -> bool {
    const OTHERS: [&str; 4] = ["need", "justified", "involved", "closed"];
    let words: Vec<String> = sentence.iter().map(|word| bare(word)).collect();
    words.windows(2).any(|pair| match pair {
        [be, participle] => {
            ["is", "are", "was", "were", "be", "been", "being"].contains(&be.as_str())
                && participle.ends_with("ed")
                && !OTHERS.contains(&participle.as_str())
        }
        _ => false,
    })
}

/// Groups of vowels, as Dutch writes them.
fn syllables(word: &str) -> usize {
    const VOWELS: &str = "aeiouyéèëïöü";
    const PAIRS: [&str; 12] = ["aa", "ee", "oo", "uu", "ie", "eu", "oe", "ui", "ei", "ij", "au", "ou"];
    const TRIPLES: [&str; 5] = ["aai", "ooi", "oei", "eeu", "ieu"];
    let letters: Vec<char> = word.to_lowercase().chars().collect();
    let (mut at, mut count) = (0, 0);
    while at < letters.len() {
        let next = |length: usize| letters.get(at..at + length).map(|part| part.iter().collect::<String>());
        let step = if next(3).is_some_and(|part| TRIPLES.contains(&part.as_str())) {
            3
        } else if next(2).is_some_and(|part| PAIRS.contains(&part.as_str())) {
            2
        } else {
            usize::from(VOWELS.contains(letters[at]))
        };
        count += usize::from(step > 0);
        at += step.max(1);
    }
    count.max(1)
}
