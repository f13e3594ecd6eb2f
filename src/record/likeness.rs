//! How alike two texts are, told by small values: the same complaint by mail and by letter, or twice.
//!
//! MinHash (Broder, 1997) over pairs of neighbouring words: the share of equal places in two sketches estimates the share of
//! pairs that both texts have. Words are made alike in what a scan most often gets wrong. Invariants: pure, bounded, and
//! nothing of the text can be read back; a short text has no sketch, for short texts are alike by chance.

use serde::{Deserialize, Serialize};

/// Places of a sketch: the estimate is within 0.06 of the truth, two times out of three.
const PLACES: usize = 64;
/// Bands of places by which texts that may be alike are found: of two that share 0.4 of their pairs, 94 of 100.
const BANDS: usize = 16;
const BAND_PLACES: usize = 2;
/// Pairs of words that a text must have, and words that are looked at.
const PAIRS_MIN: usize = 25;
const WORDS_MAX: usize = 5_000;
/// Shorter words are too common and too often misread.
const WORD_CHARS_MIN: usize = 3;
/// From here on two texts are offered as perhaps the same. Different complaints share a few hundredths.
pub const ALIKE_MIN: f64 = 0.3;

/// The sketch of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Likeness(Vec<u32>);

impl Likeness {
    /// `None` for a text that is too short to tell.
    pub fn of(text: &str) -> Option<Self> {
        let words: Vec<String> = text
            .split(|c: char| !c.is_alphanumeric())
            .map(alike)
            .filter(|word| word.chars().count() >= WORD_CHARS_MIN)
            .take(WORDS_MAX)
            .collect();
        let mut pairs: Vec<u64> = words
            .windows(2)
            .map(|pair| hash(pair.iter().flat_map(|word| word.bytes().chain([b' ']))))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        if pairs.len() < PAIRS_MIN {
            return None;
        }
        let place = |index: usize| {
            let seed = mixed(index as u64 + 1);
            let least = pairs.iter().map(|pair| mixed(pair ^ seed)).min().unwrap_or(u64::MAX);
            u32::try_from(least >> 32).unwrap_or(u32::MAX)
        };
        Some(Self((0..PLACES).map(place).collect()))
    }

    /// 0 to 1: the estimated share of pairs of words that both have.
    pub fn with(&self, other: &Self) -> f64 {
        let same = self.0.iter().zip(&other.0).filter(|(a, b)| a == b).count();
        share(same)
    }

    /// The same in octets, as the index keeps it.
    pub fn to_octets(&self) -> Vec<u8> {
        self.0.iter().flat_map(|place| place.to_be_bytes()).collect()
    }

    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        let (places, rest) = octets.as_chunks::<4>();
        let whole = places.len() == PLACES && rest.is_empty();
        whole.then(|| Self(places.iter().map(|place| u32::from_be_bytes(*place)).collect()))
    }

    /// [`Likeness::with`] a sketch in octets. What is none is unlike all.
    pub fn with_octets(&self, other: &[u8]) -> f64 {
        let (places, rest) = other.as_chunks::<4>();
        if places.len() != PLACES || !rest.is_empty() {
            return 0.0;
        }
        share(self.0.iter().zip(places).filter(|(a, b)| **a == u32::from_be_bytes(**b)).count())
    }

    /// By these alike texts are found: two that are alike have one of them in common, nearly always.
    pub fn bands(&self) -> impl Iterator<Item = u32> {
        self.0.chunks_exact(BAND_PLACES).take(BANDS).map(|places| {
            let bytes = places.iter().flat_map(|place| place.to_be_bytes());
            u32::try_from(mixed(hash(bytes)) >> 32).unwrap_or(u32::MAX)
        })
    }
}

#[allow(clippy::cast_precision_loss, reason = "at most 64")]
fn share(same: usize) -> f64 {
    same as f64 / PLACES as f64
}

impl From<Likeness> for String {
    fn from(likeness: Likeness) -> String {
        likeness.0.iter().map(|place| format!("{place:08x}")).collect()
    }
}

impl TryFrom<String> for Likeness {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digit = |octet: u8| char::from(octet).to_digit(16);
        let places: Option<Vec<u32>> = text
            .as_bytes()
            .chunks_exact(8)
            .map(|octets| octets.iter().try_fold(0, |sum, octet| Some(sum << 4 | digit(*octet)?)))
            .collect();
        places.filter(|_| text.len() == 8 * PLACES).map(Self).ok_or("this is no sketch of a text")
    }
}

/// A word as a reader of poor scans would take it: small letters without marks; letters and digits that are taken for
/// each other are one.
fn alike(word: &str) -> String {
    word.chars()
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            'á' | 'à' | 'â' | 'ä' | 'ã' => 'a',
            'é' | 'è' | 'ê' | 'ë' | 'c' => 'e',
            'í' | 'ì' | 'î' | 'ï' | 'l' | '1' | 'j' => 'i',
            'ó' | 'ò' | 'ô' | 'ö' | '0' => 'o',
            'ú' | 'ù' | 'û' | 'ü' | 'v' => 'u',
            '5' => 's',
            other => other,
        })
        .collect()
}

/// FNV-1a.
fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLAINT: &str = "Op dinsdag 3 februari stond ik om kwart over tien aan de balie van het stadhuis om mijn rijbewijs te \
        verlengen. De medewerker achter loket vier zei dat mijn pasfoto niet goed was en weigerde uit te leggen waarom. Toen ik \
        ernaar vroeg draaide hij zich om en liep weg. Ik heb daar nog een half uur gestaan, zonder dat iemand mij hielp. Een \
        week later kreeg ik een brief dat mijn aanvraag was ingetrokken, terwijl ik die nooit heb ingetrokken. Ik heb daarna \
        drie keer gebeld en telkens werd mij beloofd dat ik teruggebeld zou worden. Dat is niet gebeurd.";

    /// Every n-th word misread, as by a bad scan.
    fn misread(text: &str, every: usize) -> String {
        let words = text.split_whitespace().enumerate().map(|(n, word)| match n % every {
            0 => word.chars().rev().collect(),
            1 => word.replace('l', "1").replace('o', "0").replace('é', "e"),
            _ => word.to_owned(),
        });
        words.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_noisy_copy_is_alike_and_another_complaint_is_not() {
        let mail = Likeness::of(COMPLAINT).unwrap();
        assert!((mail.with(&mail) - 1.0).abs() < f64::EPSILON);
        let letter = format!(
            "Geachte heer, mevrouw,\n\nHierbij dien ik een klacht in.\n{}\nHoogachtend,\nN. Voorbeeld",
            misread(COMPLAINT, 9)
        );
        let letter = Likeness::of(&letter).unwrap();
        assert!(mail.with(&letter) > ALIKE_MIN, "{}", mail.with(&letter));
        assert!(mail.bands().zip(letter.bands()).any(|(a, b)| a == b));
        // The same ending, about something else.
        let other = COMPLAINT.split(". ").skip(6).collect::<String>()
            + " Verder gaat het over het zwembad, waar de kleedkamers al maanden vies zijn en waar niemand iets aan doet. De \
               badmeester haalde zijn schouders op en verwees ons naar een website die niet werkt.";
        let other = Likeness::of(&other).unwrap();
        assert!(mail.with(&other) < ALIKE_MIN, "{}", mail.with(&other));
    }

    #[test]
    fn the_invented_submissions_are_not_alike() {
        let mut sketches = Vec::new();
        for line in include_str!("../../tests/corpus/exam.jsonl").lines() {
            let item: serde_json::Value = serde_json::from_str(line).unwrap();
            sketches.extend(Likeness::of(item["body"].as_str().unwrap_or_default()));
        }
        assert!(sketches.len() > 50, "{}", sketches.len());
        for (n, one) in sketches.iter().enumerate() {
            for other in &sketches[..n] {
                assert!(one.with(other) < ALIKE_MIN);
            }
        }
    }

    #[test]
    fn a_short_text_tells_nothing() {
        assert_eq!(Likeness::of("Zie bijlage. Met vriendelijke groet, Noor"), None);
        assert_eq!(Likeness::of(&"hetzelfde woord ".repeat(500)), None);
        assert_eq!(Likeness::of(""), None);
    }

    #[test]
    fn sketches_are_kept_as_text() {
        let sketch = Likeness::of(COMPLAINT).unwrap();
        let text = serde_json::to_string(&sketch).unwrap();
        assert_eq!(serde_json::from_str::<Likeness>(&text).unwrap(), sketch);
        assert!(serde_json::from_str::<Likeness>("\"00\"").is_err());
        assert!(serde_json::from_str::<Likeness>(&format!("\"{}\"", "é".repeat(256))).is_err());
    }
}
