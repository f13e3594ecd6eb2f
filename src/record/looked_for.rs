//! Words as they are looked for: small letters without marks, and the stem by which the forms of a Dutch word are one.
//!
//! The stem is Porter's for Dutch (Snowball, <https://snowballstem.org/algorithms/dutch/stemmer.html>). Invariants: pure; a word of
//! what is no Latin script stays as it is; names and numbers may be stemmed too, which does no harm as long as both sides
//! are.

/// The words of a text: letters and digits, in small letters without marks.
pub fn plain_words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(plain)
}

/// A word in small letters without marks (`Café` and `CAFE` are one).
pub fn plain(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    for c in word.chars().flat_map(char::to_lowercase) {
        match c {
            'à'..='å' | 'ā' | 'ă' | 'ą' => plain.push('a'),
            'ç' | 'ć' | 'č' | 'ĉ' | 'ċ' => plain.push('c'),
            'ď' | 'đ' | 'ð' => plain.push('d'),
            'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => plain.push('e'),
            'ğ' | 'ģ' | 'ĝ' | 'ġ' => plain.push('g'),
            'ì'..='ï' | 'ī' | 'ĭ' | 'į' | 'ı' => plain.push('i'),
            'ĳ' => plain.push_str("ij"),
            'ł' | 'ľ' | 'ļ' | 'ĺ' => plain.push('l'),
            'ñ' | 'ń' | 'ň' | 'ņ' => plain.push('n'),
            'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => plain.push('o'),
            'ŕ' | 'ř' => plain.push('r'),
            'ś' | 'š' | 'ş' | 'ș' | 'ŝ' => plain.push('s'),
            'ť' | 'ţ' | 'ț' => plain.push('t'),
            'ù'..='ü' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => plain.push('u'),
            'ý' | 'ÿ' => plain.push('y'),
            'ź' | 'ż' | 'ž' => plain.push('z'),
            'æ' => plain.push_str("ae"),
            'œ' => plain.push_str("oe"),
            'ß' => plain.push_str("ss"),
            // A mark that stands by itself (Unicode NFD).
            '\u{300}'..='\u{36f}' => {}
            other => plain.push(other),
        }
    }
    plain
}

/// The stem of a word as [`plain`] gives it.
pub fn stem(word: &str) -> String {
    if word.len() < 4 || !word.bytes().all(|octet| octet.is_ascii_lowercase()) {
        return word.to_owned();
    }
    let mut stem = Stem { letters: word.bytes().collect(), r1: 0, r2: 0 };
    stem.mark();
    stem.regions();
    stem.plural();
    let had_e = stem.last_e();
    stem.heid();
    stem.derived(had_e);
    stem.double_vowel();
    stem.letters.iter().map(|octet| char::from(octet.to_ascii_lowercase())).collect()
}

/// A word on its way; a capital `Y` or `I` is no vowel.
struct Stem {
    letters: Vec<u8>,
    r1: usize,
    r2: usize,
}

fn is_vowel(letter: u8) -> bool {
    b"aeiouy".contains(&letter)
}

impl Stem {
    fn vowel(&self, at: usize) -> bool {
        self.letters.get(at).is_some_and(|letter| is_vowel(*letter))
    }

    fn mark(&mut self) {
        for at in 0..self.letters.len() {
            let after_vowel = at > 0 && self.vowel(at - 1);
            match self.letters[at] {
                b'y' if at == 0 || after_vowel => self.letters[at] = b'Y',
                b'i' if after_vowel && self.vowel(at + 1) => self.letters[at] = b'I',
                _ => {}
            }
        }
    }

    fn regions(&mut self) {
        let after = |from: usize| {
            let vowel = (from..self.letters.len()).find(|at| self.vowel(*at));
            let end = vowel.and_then(|vowel| (vowel..self.letters.len()).find(|at| !self.vowel(*at)));
            end.map_or(self.letters.len(), |end| end + 1)
        };
        let r1 = after(0);
        self.r2 = after(r1);
        self.r1 = r1.max(3);
    }

    fn ends(&self, ending: &[u8]) -> bool {
        self.letters.ends_with(ending)
    }

    /// Where an ending begins.
    fn begin(&self, ending: &[u8]) -> usize {
        self.letters.len().saturating_sub(ending.len())
    }

    fn undouble(&mut self) {
        if [b"kk", b"dd", b"tt"].into_iter().any(|double| self.ends(double)) {
            self.letters.pop();
        }
    }

    /// Takes `en` or `ene` off, where what is before it may end so.
    fn en(&mut self, ending: &[u8]) {
        let begin = self.begin(ending);
        let may = begin >= self.r1
            && begin > 0
            && !self.vowel(begin - 1)
            && !self.letters[..begin].ends_with(b"gem");
        if may {
            self.letters.truncate(begin);
            self.undouble();
        }
    }

    fn plural(&mut self) {
        if self.ends(b"heden") {
            let begin = self.begin(b"heden");
            if begin >= self.r1 {
                self.letters.truncate(begin);
                self.letters.extend_from_slice(b"heid");
            }
            return;
        }
        for ending in [&b"ene"[..], b"en"] {
            if self.ends(ending) {
                return self.en(ending);
            }
        }
        for ending in [&b"se"[..], b"s"] {
            if self.ends(ending) {
                let begin = self.begin(ending);
                if begin >= self.r1 && begin > 0 && !self.vowel(begin - 1) && self.letters[begin - 1] != b'j'
                {
                    self.letters.truncate(begin);
                }
                return;
            }
        }
    }

    fn last_e(&mut self) -> bool {
        let begin = self.begin(b"e");
        let goes = self.ends(b"e") && begin >= self.r1 && begin > 0 && !self.vowel(begin - 1);
        if goes {
            self.letters.truncate(begin);
            self.undouble();
        }
        goes
    }

    fn heid(&mut self) {
        let begin = self.begin(b"heid");
        if self.ends(b"heid") && begin >= self.r2 && begin > 0 && self.letters[begin - 1] != b'c' {
            self.letters.truncate(begin);
            if self.ends(b"en") {
                self.en(b"en");
            }
        }
    }

    /// `ig` goes where it may. Did it?
    fn ig(&mut self) -> bool {
        let begin = self.begin(b"ig");
        let goes = self.ends(b"ig") && begin >= self.r2 && begin > 0 && self.letters[begin - 1] != b'e';
        if goes {
            self.letters.truncate(begin);
        }
        goes
    }

    fn derived(&mut self, had_e: bool) {
        for ending in [&b"lijk"[..], b"baar", b"end", b"ing", b"bar", b"ig"] {
            if !self.ends(ending) {
                continue;
            }
            let begin = self.begin(ending);
            match ending {
                b"ig" => drop(self.ig()),
                _ if begin < self.r2 => {}
                b"bar" if !had_e => {}
                b"end" | b"ing" => {
                    self.letters.truncate(begin);
                    if !self.ig() {
                        self.undouble();
                    }
                }
                b"lijk" => {
                    self.letters.truncate(begin);
                    self.last_e();
                }
                _ => self.letters.truncate(begin),
            }
            return;
        }
    }

    fn double_vowel(&mut self) {
        let [.., c, v, w, d] = self.letters[..] else { return };
        if !is_vowel(c) && v == w && b"aeou".contains(&v) && !is_vowel(d) && d != b'I' {
            self.letters.remove(self.letters.len() - 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_capitals_are_nothing() {
        assert_eq!(plain("CAFÉ"), "cafe");
        assert_eq!(plain("cafe\u{301}"), "cafe");
        assert_eq!(plain("Ĳsselmeer"), "ijsselmeer");
        assert_eq!(
            plain_words("Een reünie, in 's-Gravenhage (2e)").collect::<Vec<_>>(),
            ["een", "reunie", "in", "s", "gravenhage", "2e"]
        );
        assert_eq!(plain("жалоба"), "жалоба");
    }

    /// Of the sample vocabulary of Snowball, and what an office looks for.
    #[test]
    fn the_forms_of_a_word_have_one_stem() {
        for (word, wanted) in [
            ("lichaamsziek", "lichaamsziek"),
            ("lichamelijke", "licham"),
            ("lichamelijkheden", "licham"),
            ("opheffen", "opheff"),
            ("opheffing", "opheff"),
            ("brood", "brod"),
            ("broden", "brod"),
            ("maan", "man"),
            ("gemeente", "gemeent"),
            ("gemeenten", "gemeent"),
            ("mogelijkheden", "mogelijk"),
        ] {
            assert_eq!(stem(word), wanted, "{word}");
        }
        for forms in [
            &["klacht", "klachten"][..],
            &["vergunning", "vergunningen"],
            &["uitkering", "uitkeringen"],
            &["beslissing", "beslissingen"],
            &["paspoort", "paspoorten"],
            &["brief", "briefs"],
            &["bijlage", "bijlagen"],
            &["bezwaarschrift", "bezwaarschriften"],
        ] {
            assert!(forms.iter().all(|form| stem(form) == stem(forms[0])), "{forms:?}");
        }
        assert_eq!(stem("2026"), "2026");
        assert_eq!(stem("als"), "als");
    }
}
