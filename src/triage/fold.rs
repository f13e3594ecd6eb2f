//! One text for what people would read as the same words: lower case, no accents, plain quotes and dashes,
//! single spaces, no invisible characters, no look-alike letters of other scripts.
//!
//! Invariant: every byte of the folded text knows the byte of the source it came from, so that evidence
//! shows the writer's own letters. Scripts that are not Latin (Arabic, Cyrillic words) stay as they are.

/// A folded stretch of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    pub text: String,
    /// For each byte of `text`, and one past the end, the byte of the source.
    pub map: Vec<u32>,
}

impl Folded {
    fn push(&mut self, c: char, source: usize) {
        let before = self.text.len();
        self.text.push(c);
        // A stretch is a sentence, bounded far below 4 GB.
        let source = u32::try_from(source).unwrap_or(u32::MAX);
        self.map.resize(self.map.len() + (self.text.len() - before), source);
    }
}

pub fn fold(source: &str) -> Folded {
    let mut folded = Folded { text: String::with_capacity(source.len()), map: Vec::new() };
    folded.map.reserve(source.len() + 1);
    let mut line_start = true;
    let mut chars = source.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if is_invisible(c) {
            continue;
        }
        if c.is_whitespace() {
            line_start |= c == '\n';
            if !folded.text.ends_with(' ') && !folded.text.is_empty() {
                folded.push(' ', at);
            }
            continue;
        }
        // The marks of a quoted line are not words.
        if line_start && c == '>' {
            continue;
        }
        line_start = false;
        // A word broken at the end of a line: "ge-\nmeente".
        if matches!(c, '-' | '\u{ad}' | '\u{2010}') && broken_word(&folded.text, &source[at + c.len_utf8()..])
        {
            while chars.peek().is_some_and(|(_, next)| next.is_whitespace() || *next == '>') {
                chars.next();
            }
            continue;
        }
        push_folded(&mut folded, c, at);
    }
    let end = source.len();
    unmix(&mut folded);
    folded.map.push(u32::try_from(end).unwrap_or(u32::MAX));
    folded
}

/// Folds without the map, for names and patterns.
pub fn fold_text(source: &str) -> String {
    fold(source).text
}

fn broken_word(before: &str, after: &str) -> bool {
    let Some(rest) = after.trim_start_matches([' ', '\t', '\r']).strip_prefix('\n') else { return false };
    let next = rest.trim_start_matches(['>', ' ', '\t']).chars().next();
    before.chars().next_back().is_some_and(char::is_alphabetic) && next.is_some_and(char::is_lowercase)
}

/// Characters that no reader sees: zero width, direction marks, soft hyphens inside a line, tags.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{180e}' | '\u{61c}' | '\u{e0000}'..='\u{e007f}'
        | '\u{300}'..='\u{36f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}')
        || (c.is_control() && !c.is_whitespace())
        || (c == '\u{ad}')
}

fn push_folded(folded: &mut Folded, c: char, at: usize) {
    if c.is_ascii() {
        folded.push(c.to_ascii_lowercase(), at);
        return;
    }
    if let Some(plain) = plain(c) {
        for p in plain.chars() {
            folded.push(p, at);
        }
        return;
    }
    for lower in c.to_lowercase() {
        match plain(lower) {
            Some(plain) => plain.chars().for_each(|p| folded.push(p, at)),
            None if is_invisible(lower) => {}
            None => folded.push(lower, at),
        }
    }
}

/// What a character reads as in Dutch: accents, quotes, dashes, ligatures, full-width forms.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' | 'ª' => "a",
        'ç' | 'ć' | 'č' | 'ĉ' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'ğ' | 'ģ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'ı' => "i",
        'ł' | 'ľ' => "l",
        'ñ' | 'ń' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'ő' | 'º' => "o",
        'ř' => "r",
        'ś' | 'š' | 'ş' | 'ș' | 'ſ' => "s",
        'ß' => "ss",
        'ť' | 'ţ' | 'ț' => "t",
        'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' => "u",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        'æ' => "ae",
        'œ' => "oe",
        'ĳ' | 'Ĳ' => "ij",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬀ' => "ff",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        '‘' | '’' | '‚' | '‛' | '`' | '´' | 'ʼ' | '′' | '‹' | '›' => "'",
        '“' | '”' | '„' | '‟' | '«' | '»' | '″' | '〝' | '〞' => "\"",
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '﹣' | '－' => "-",
        '…' => "...",
        '\u{a0}' => " ",
        '\u{ff01}'..='\u{ff5e}' => return full_width(c),
        _ => return dressed(c),
    })
}

/// Letters and figures in another dress: bold, script, circled (Unicode's mathematical and enclosed blocks).
fn dressed(c: char) -> Option<&'static str> {
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";
    const FIGURES: &str = "0123456789";
    let code = u32::from(c);
    let (from, all) = match code {
        0x1d400..=0x1d6a3 => (0x1d400, LETTERS),
        0x1d7ce..=0x1d7ff => (0x1d7ce, FIGURES),
        0x24b6..=0x24e9 => (0x24b6, LETTERS),
        0x1f130..=0x1f149 => (0x1f130, LETTERS),
        0x1f150..=0x1f169 => (0x1f150, LETTERS),
        0x1f170..=0x1f189 => (0x1f170, LETTERS),
        _ => return None,
    };
    let index = (code - from) as usize % all.len();
    all.get(index..=index)
}

fn full_width(c: char) -> Option<&'static str> {
    const PLAIN: &str =
        "!\"#$%&'()*+,-./0123456789:;<=>?@abcdefghijklmnopqrstuvwxyz[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";
    let index = (u32::from(c) - 0xff01) as usize;
    PLAIN.get(index..=index)
}

/// A letter of another script that looks like a Latin one.
fn look_alike(c: char) -> Option<char> {
    Some(match c {
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'ε' => 'e',
        'һ' => 'h',
        'і' | 'ι' => 'i',
        'ј' => 'j',
        'κ' | 'к' => 'k',
        'м' => 'm',
        'н' | 'η' => 'n',
        'о' | 'ο' | 'σ' => 'o',
        'р' | 'ρ' => 'p',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'υ' | 'ц' | 'ս' => 'u',
        'ν' | 'ѵ' => 'v',
        'ԝ' | 'ω' | 'ш' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        _ => return None,
    })
}

/// Look-alikes are folded in words that also hold Latin letters, and in a Latin sentence in words of look-alikes
/// only: a Russian word stays Russian, "ՍԜѴ" in a Dutch sentence is who it looks like.
fn unmix(folded: &mut Folded) {
    if folded.text.is_ascii() || !folded.text.chars().any(|c| look_alike(c).is_some()) {
        return;
    }
    let mut out = Folded { text: String::with_capacity(folded.text.len()), map: Vec::new() };
    let letters = |latin: bool| {
        folded.text.chars().filter(|c| c.is_alphabetic() && c.is_ascii_alphabetic() == latin).count()
    };
    let latin_sentence = letters(true) > 2 * letters(false);
    let mut from = 0;
    let bytes = folded.text.len();
    while from < bytes {
        let rest = &folded.text[from..];
        let word = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let until = from + word.max(rest.chars().next().map_or(1, char::len_utf8));
        let piece = &folded.text[from..until];
        let mixed = piece.chars().any(|c| c.is_ascii_alphabetic())
            || (latin_sentence && piece.chars().all(|c| look_alike(c).is_some()));
        for (at, c) in piece.char_indices() {
            let source = folded.map.get(from + at).copied().unwrap_or_default() as usize;
            out.push(if mixed { look_alike(c).unwrap_or(c) } else { c }, source);
        }
        from = until;
    }
    *folded = out;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_the_same_folds_the_same() {
        for source in ["UWV", "ＵＷＶ", "U\u{200b}W\u{200d}V", "\u{202e}uwv", "UW\u{ad}V"] {
            assert_eq!(fold_text(source), "uwv", "{source:?}");
        }
        assert_eq!(fold_text("Gemеente"), "gemeente"); // Cyrillic е
        assert_eq!(fold_text("één  keer\n gebeld…"), "een keer gebeld...");
        assert_eq!(fold_text("uitke-\nring"), "uitkering");
        assert_eq!(fold_text("> zij\n> schreef"), "zij schreef");
        assert_eq!(fold_text("москва"), "москва");
        assert_eq!(fold_text("het \u{54d}\u{51c}\u{474} belt"), "het uwv belt");
        assert_eq!(fold_text("𝐔𝐖𝐕 ⓊⓌⓋ 𝟚"), "uwv uwv 2");
    }

    #[test]
    fn every_byte_knows_its_source() {
        for source in ["“één” É\u{200b}x", "ge-\nmeente ﬁets", "Gemеente е", ""] {
            let folded = fold(source);
            assert_eq!(folded.map.len(), folded.text.len() + 1, "{source:?}");
            assert!(folded.map.iter().all(|at| source.is_char_boundary(*at as usize)));
            assert!(folded.map.is_sorted());
        }
    }
}
