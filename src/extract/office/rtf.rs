//! RTF (Rich Text Format 1.9.1), and the HTML that Outlook wraps in it (MS-OXRTFEX).
//!
//! Read in one pass, token by token. Invariants: the cost is that of the length, whatever the nesting; no
//! instruction, hidden or deleted text comes through; what the file says about itself (fonts, styles,
//! bookmarks) stays out, what stands on the page (headers, footers, notes, text boxes) is text.

use super::rtf_tokens::{Token, Tokens};
use super::rtf_words::{SEEN, SIGNS, UNSEEN};
use super::signs::{of_charset, sign};
use super::{Found, ole};
use crate::extract::charset::decode_code_page;
use crate::extract::mail::html;
use crate::extract::reading::{Held, tidy};
use std::collections::HashMap;

/// Groups within groups that are told apart; deeper ones are read as part of the one they stand in. Word
/// writes about thirty.
const GROUPS_MAX: usize = 1_000;

/// Images taken out: letters are sometimes pasted into a document as photos.
const IMAGES_MAX: usize = 20;

/// Different letterheads, and as many feet, of one document.
const HEADS_MAX: usize = 50;

/// Fonts whose code page is kept in mind.
const FONTS_MAX: usize = 10_000;

/// An RTF file.
pub(super) fn read(name: Option<&str>, bytes: &[u8]) -> Found {
    let text = parse(bytes);
    let mut found = Found::text(text.readable(), false);
    found.held = text.images;
    found.drawings = text.drawings;
    Found::of(name, "RTF-bestand", Ok(found))
}

/// The readable text of RTF; of its HTML when Outlook wrapped a message in it.
pub(in crate::extract) fn text_of(bytes: &[u8]) -> String {
    parse(bytes).readable()
}

/// What an RTF file holds.
#[derive(Default)]
struct Parsed {
    text: String,
    is_html: bool,
    images: Vec<Held>,
    /// Pictures in a form that is not read: Windows metafiles.
    drawings: usize,
}

impl Parsed {
    fn readable(&self) -> String {
        if self.is_html { html::to_text(&self.text) } else { tidy(&self.text) }
    }
}

/// Where the text of a group goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Page,
    Nowhere,
    FontTable,
    Picture,
    /// A file of another program.
    Object,
    /// Markup of the wrapped HTML.
    Markup,
}

/// Text that is written within a paragraph and stands elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Apart {
    Head,
    Foot,
    /// A note or a text box: after the paragraph.
    Note,
}

/// What a group inherits from the one around it.
#[derive(Clone, Copy)]
struct Group {
    place: Place,
    /// Bytes that stand in for a `\u` where it is not known.
    fallback: usize,
    code_page: u16,
    /// Text in a font of signs, whose bytes are no letters.
    signs: bool,
    hidden: bool,
    deleted: bool,
    /// Not part of the wrapped HTML.
    only_rtf: bool,
    /// The text of this group does not stand where it is written.
    apart: Option<Apart>,
    image: Option<&'static str>,
}

struct Reader {
    group: Group,
    outer: Vec<Group>,
    /// Groups past the bound.
    deeper: usize,
    ansi_code_page: u16,
    fonts: HashMap<i32, (u16, bool)>,
    font_in_table: i32,
    is_html: bool,
    /// Buffers: the page, and what stands apart and is being read.
    buffers: Vec<String>,
    /// What stood apart in the paragraph, to follow it.
    waiting: String,
    heads: Vec<String>,
    feet: Vec<String>,
    bytes: Vec<u8>,
    units: Vec<u16>,
    to_skip: usize,
    picture: Vec<u8>,
    images: Vec<Held>,
    drawings: usize,
    /// `\*` was read: the next word opens a group that whoever does not know it leaves out.
    starred: bool,
    /// The group has just been opened: a destination may follow.
    opened: bool,
}

fn parse(bytes: &[u8]) -> Parsed {
    let mut reader = Reader::new();
    let mut tokens = Tokens::new(bytes);
    while let Some(token) = tokens.next() {
        match token {
            Token::Open => reader.open(),
            Token::Close => {
                if !reader.close() {
                    break;
                }
            }
            Token::Word("bin", length) => {
                let data = tokens.take(usize::try_from(length.unwrap_or(0)).unwrap_or(0));
                if reader.group.place == Place::Picture {
                    reader.keep_picture(data);
                }
            }
            Token::Word(word, value) => reader.word(word, value),
            Token::Byte(byte) => reader.byte(byte),
            Token::Text(text) => reader.characters(text),
        }
    }
    reader.finish()
}

impl Reader {
    fn new() -> Self {
        let group = Group {
            place: Place::Page,
            fallback: 1,
            code_page: 1252,
            signs: false,
            hidden: false,
            deleted: false,
            only_rtf: false,
            apart: None,
            image: None,
        };
        Self {
            group,
            outer: Vec::new(),
            deeper: 0,
            ansi_code_page: 1252,
            fonts: HashMap::new(),
            font_in_table: 0,
            is_html: false,
            buffers: vec![String::new()],
            waiting: String::new(),
            heads: Vec::new(),
            feet: Vec::new(),
            bytes: Vec::new(),
            units: Vec::new(),
            to_skip: 0,
            picture: Vec::new(),
            images: Vec::new(),
            drawings: 0,
            starred: false,
            opened: false,
        }
    }

    fn open(&mut self) {
        self.flush();
        self.to_skip = 0;
        self.starred = false;
        self.opened = true;
        if self.outer.len() >= GROUPS_MAX {
            self.deeper += 1;
            return;
        }
        self.outer.push(self.group);
        self.group.apart = None;
    }

    /// False at the end of the document's own group.
    fn close(&mut self) -> bool {
        self.flush();
        self.to_skip = 0;
        self.starred = false;
        self.opened = false;
        if self.deeper > 0 {
            self.deeper -= 1;
            return true;
        }
        let Some(outer) = self.outer.pop() else { return false };
        if self.group.place != outer.place {
            match self.group.place {
                Place::Picture => self.end_picture(),
                Place::Object => self.end_object(),
                _ => {}
            }
        }
        if let Some(apart) = self.group.apart
            && self.buffers.len() > 1
            && let Some(text) = self.buffers.pop()
        {
            self.keep_apart(apart, text.trim());
        }
        self.group = outer;
        !self.outer.is_empty()
    }

    fn word(&mut self, word: &str, value: Option<i32>) {
        let first = std::mem::take(&mut self.opened);
        if word == "*" {
            self.starred = true;
            self.opened = first;
            return;
        }
        let starred = std::mem::take(&mut self.starred);
        if self.to_skip > 0 {
            self.to_skip -= 1;
            return;
        }
        let on = value != Some(0);
        match word {
            "u" => self.unit(value.unwrap_or(0)),
            "uc" => self.group.fallback = usize::try_from(value.unwrap_or(1)).unwrap_or(1).min(16),
            "ud" if starred => {
                // Within `\upr`, which put itself nowhere.
                let around = self.outer.len().checked_sub(2).and_then(|at| self.outer.get(at));
                self.group.place = around.map_or(Place::Page, |group| group.place);
            }
            _ if self.group.place == Place::Nowhere => {}
            "ansicpg" => {
                self.ansi_code_page = u16::try_from(value.unwrap_or(0)).unwrap_or(0);
                self.set_code_page(self.ansi_code_page, false);
            }
            "mac" => self.set_ansi(10_000),
            "pc" | "pca" => self.set_ansi(850),
            "fonttbl" => self.group.place = Place::FontTable,
            "f" if self.group.place == Place::FontTable => self.font_in_table = value.unwrap_or(0),
            "fcharset" if self.group.place == Place::FontTable && self.fonts.len() < FONTS_MAX => {
                let (code_page, signs) = of_charset(value.unwrap_or(0), self.ansi_code_page);
                self.fonts.insert(self.font_in_table, (code_page, signs));
            }
            "cpg" if self.group.place == Place::FontTable && self.fonts.len() < FONTS_MAX => {
                let code_page = u16::try_from(value.unwrap_or(0)).unwrap_or(0);
                self.fonts.insert(self.font_in_table, (code_page, false));
            }
            "f" => {
                let font = self.fonts.get(&value.unwrap_or(0)).copied();
                let (code_page, signs) = font.unwrap_or((self.ansi_code_page, false));
                self.set_code_page(code_page, signs);
            }
            "v" => self.set(|group| group.hidden = on),
            "deleted" => self.set(|group| group.deleted = on),
            "plain" => {
                let code_page = self.ansi_code_page;
                self.set(|group| (group.hidden, group.deleted) = (false, false));
                self.set_code_page(code_page, false);
            }
            "fromhtml" => self.is_html = on,
            "htmlrtf" => self.set(|group| group.only_rtf = on),
            "htmltag" => self.group.place = Place::Markup,
            "pict" => {
                self.group.place = Place::Picture;
                self.picture.clear();
            }
            "objdata" => {
                self.group.place = Place::Object;
                self.picture.clear();
            }
            "pngblip" => self.group.image = Some("png"),
            "jpegblip" => self.group.image = Some("jpg"),
            "upr" => {
                // The same text twice; the second one, in Unicode, is taken (`\ud`).
                self.group.place = Place::Nowhere;
            }
            "header" | "headerl" | "headerr" | "headerf" if first => self.stand_apart(Apart::Head),
            "footer" | "footerl" | "footerr" | "footerf" if first => self.stand_apart(Apart::Foot),
            "footnote" | "shptxt" | "dptxbxtext" if first => self.stand_apart(Apart::Note),
            _ if first && UNSEEN.contains(&word) => self.group.place = Place::Nowhere,
            _ if starred && !SEEN.contains(&word) => self.group.place = Place::Nowhere,
            _ => {
                if let Some((_, sign)) = SIGNS.iter().find(|(name, _)| *name == word) {
                    self.put(sign);
                }
            }
        }
    }

    fn set(&mut self, change: impl FnOnce(&mut Group)) {
        self.flush();
        change(&mut self.group);
    }

    fn set_ansi(&mut self, code_page: u16) {
        self.ansi_code_page = code_page;
        self.set_code_page(code_page, false);
    }

    fn set_code_page(&mut self, code_page: u16, signs: bool) {
        if (code_page, signs) != (self.group.code_page, self.group.signs) {
            self.set(|group| (group.code_page, group.signs) = (code_page, signs));
        }
    }

    fn stand_apart(&mut self, apart: Apart) {
        self.flush();
        if self.is_seen() && self.group.apart.is_none() {
            self.group.apart = Some(apart);
            self.buffers.push(String::new());
        }
    }

    fn keep_apart(&mut self, apart: Apart, text: &str) {
        let kept = match apart {
            Apart::Head => &mut self.heads,
            Apart::Foot => &mut self.feet,
            Apart::Note => {
                self.waiting.push_str(text);
                self.waiting.push('\n');
                return;
            }
        };
        // First, odd and even pages, and each section, often have the same letterhead.
        if !text.is_empty() && kept.len() < HEADS_MAX && !kept.iter().any(|earlier| earlier == text) {
            kept.push(text.to_owned());
        }
    }

    fn unit(&mut self, value: i32) {
        self.opened = false;
        if !self.bytes.is_empty() {
            self.flush();
        }
        self.to_skip = self.group.fallback;
        if self.is_seen() {
            // Negative for what does not fit in a signed number of 16 bits.
            let unit = (value & 0xffff) as u16;
            // Fonts of signs have theirs in the private area.
            let unit = if (0xf020..=0xf0ff).contains(&unit) {
                let mut two = [0; 2];
                sign((unit & 0xff) as u8).encode_utf16(&mut two)[0]
            } else {
                unit
            };
            self.units.push(unit);
        }
    }

    fn byte(&mut self, byte: u8) {
        self.opened = false;
        if self.to_skip > 0 {
            self.to_skip -= 1;
        } else {
            self.add(&[byte]);
        }
    }

    fn characters(&mut self, text: &[u8]) {
        self.opened = false;
        let skipped = self.to_skip.min(text.len());
        self.to_skip -= skipped;
        let text = &text[skipped..];
        if matches!(self.group.place, Place::Picture | Place::Object) {
            self.keep_hex(text);
        } else if !text.is_empty() {
            self.add(text);
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        if self.is_seen() {
            if !self.units.is_empty() {
                self.flush();
            }
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn is_seen(&self) -> bool {
        match self.group.place {
            Place::Page if self.is_html => !self.group.only_rtf,
            Place::Page => !self.group.hidden && !self.group.deleted,
            Place::Markup => self.is_html,
            Place::Nowhere | Place::FontTable | Place::Picture | Place::Object => false,
        }
    }

    /// Puts a sign on the page, after what came before it.
    fn put(&mut self, sign: &str) {
        self.flush();
        if !self.is_seen() {
            return;
        }
        let on_page = self.buffers.len() == 1;
        if let Some(buffer) = self.buffers.last_mut() {
            buffer.push_str(sign);
            if sign == "\n" && on_page && !self.waiting.is_empty() {
                buffer.push_str(&std::mem::take(&mut self.waiting));
            }
        }
    }

    /// Turns the bytes or units read so far into text.
    fn flush(&mut self) {
        if self.bytes.is_empty() && self.units.is_empty() {
            return;
        }
        let text = if self.group.signs && self.group.place == Place::Page {
            self.bytes.iter().map(|&byte| sign(byte)).collect()
        } else {
            decode_code_page(self.group.code_page, &self.bytes)
        };
        if let Some(buffer) = self.buffers.last_mut() {
            buffer.push_str(&text);
            buffer.push_str(&String::from_utf16_lossy(&self.units));
        }
        self.bytes.clear();
        self.units.clear();
    }

    fn keep_hex(&mut self, text: &[u8]) {
        let wanted = self.group.image.is_some() || self.group.place == Place::Object;
        if wanted && self.images.len() < IMAGES_MAX {
            self.picture.extend(text.iter().filter(|byte| byte.is_ascii_hexdigit()));
        }
    }

    /// The bytes of a picture that is not written in hexadecimal digits.
    fn keep_picture(&mut self, data: &[u8]) {
        if let Some(ending) = self.group.image
            && self.images.len() < IMAGES_MAX
        {
            self.images.push((format!("afbeelding {}.{ending}", self.images.len() + 1), data.to_vec()));
        }
    }

    fn end_picture(&mut self) {
        let digits = std::mem::take(&mut self.picture);
        let Some(ending) = self.group.image else {
            self.drawings += 1;
            return;
        };
        let image = unhex(&digits);
        if !image.is_empty() && self.images.len() < IMAGES_MAX {
            self.images.push((format!("afbeelding {}.{ending}", self.images.len() + 1), image));
        }
    }

    fn end_object(&mut self) {
        let object = unhex(&std::mem::take(&mut self.picture));
        if let Some(held) = ole::embedded(&object).filter(|_| self.images.len() < IMAGES_MAX) {
            self.images.push(held);
        }
    }

    fn finish(mut self) -> Parsed {
        self.flush();
        let mut texts = self.heads;
        texts.append(&mut self.buffers);
        texts.push(self.waiting);
        texts.append(&mut self.feet);
        let text = texts.join("\n");
        Parsed { text, is_html: self.is_html, images: self.images, drawings: self.drawings }
    }
}

/// Bytes written as hexadecimal digits.
fn unhex(digits: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or(0) as u8;
    digits.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rtf: &str, text: &str) {
        assert_eq!(text_of(rtf.as_bytes()), text, "{rtf}");
    }

    #[test]
    fn paragraphs_signs_and_tables() {
        check(
            "{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}{\\info{\\title geheim}}Geachte\r\n heer,\\par\\b vet\\b0  en {\\i schuin}\\line regel\\tab x\\par}",
            "Geachte heer,\nvet en schuin\nregel x",
        );
        check("{\\rtf1 \\ldblquote a\\rdblquote\\emdash\\{b\\}\\\\c\\~d\\_e\\-f\\'e9}", "“a”—{b}\\c d-efé");
        check("{\\rtf1 \\trowd a\\cell b\\cell\\row c\\cell d\\cell\\row}", "a b\nc d");
    }

    #[test]
    fn charsets_of_fonts_and_unicode() {
        check(
            "{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 A;}{\\f1\\fcharset204 B;}{\\f2\\fcharset2 Symbol;}}\\'e9\\f1\\'cf\\'f0\\f0\\'e9\\f2\\'b7\\plain\\'e9}",
            "éПрé•é",
        );
        check(
            "{\\rtf1\\uc1 a\\u233?b\\u8364\\'80c{\\uc0\\u233 d}\\u-10179?\\u-8703?\\uc2\\u233 xyz}",
            "aéb€céd😁éz",
        );
        check("{\\rtf1{\\upr{plat}{\\*\\ud{\\u233?cht}}}}", "écht");
        check("{\\rtf1\\ansicpg932 \\'82\\'a0}", "あ");
    }

    #[test]
    fn what_is_not_on_the_page_stays_out() {
        check(
            "{\\rtf1 a{\\v weg}\\v weg\\v0 b{\\deleted weg}{\\*\\onbekend weg}{\\field{\\*\\fldinst HYPERLINK x}{\\fldrslt c}}{\\*\\annotation weg}}",
            "abc",
        );
        check(
            "{\\rtf1{\\header Briefhoofd\\par}{\\footer Voet}tekst{\\footnote Noot}\\par meer}",
            "Briefhoofd\ntekst\nNoot\nmeer\n\nVoet",
        );
        check(
            "{\\rtf1{\\shp{\\*\\shpinst{\\sp{\\sn x}{\\sv 1}}{\\shptxt kader}}{\\shprslt kader}}tekst\\par}",
            "tekst\nkader",
        );
    }

    #[test]
    fn html_that_outlook_wrapped() {
        let rtf = "{\\rtf1\\ansi\\ansicpg1252\\fromhtml1 {\\*\\htmltag18 <html>}{\\*\\htmltag64 <p>}\\htmlrtf {\\htmlrtf0 Geachte \\'e9 {\\*\\htmltag84 &lt;}\\htmlrtf <\\htmlrtf0 x\\htmlrtf\\par}\\htmlrtf0 {\\*\\htmltag72 </p>}{\\*\\mhtmltag72 </q>}{\\*\\htmltag64 <p>}tweede{\\*\\htmltag72 </p>}}";
        check(rtf, "Geachte é <x\n\ntweede");
    }

    #[test]
    fn pictures_are_taken_out() {
        let rtf = b"{\\rtf1 a{\\*\\shppict{\\pict{\\*\\blipuid 00ff}\\pngblip\\picw1 89504e47\r\n0d0a}}{\\nonshppict{\\pict\\wmetafile8 0102}}{\\pict\\jpegblip\\bin3 {}}}b}";
        let Found { content, held: images, .. } = read(Some("x.rtf"), rtf);
        assert_eq!(content.text, "ab");
        assert_eq!(images[0], ("afbeelding 1.png".to_owned(), b"\x89PNG\r\n".to_vec()));
        assert_eq!(images[1].1, b"{}}");
        assert!(content.notes.is_empty());

        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let data = b"\x02\0x.txt\0x\0\0\0\x03\0\x02\0\0\0x\0\x03\0\0\0hoi";
        let object = [
            b"\x01\x05\0\0\x02\0\0\0\x08\0\0\0Package\0\0\0\0\0\0\0\0\0",
            &[data.len() as u8, 0, 0, 0][..],
            data,
        ]
        .concat();
        let rtf = format!("{{\\rtf1 a{{\\object{{\\*\\objdata {}}}{{\\result b}}}}}}", hex(&object));
        let Found { content, held, .. } = read(Some("x.rtf"), rtf.as_bytes());
        assert_eq!((content.text.as_str(), held), ("ab", vec![("x.txt".to_owned(), b"hoi".to_vec())]));
    }

    #[test]
    fn depth_and_rubbish_cost_no_more_than_their_length() {
        let deep = format!("{{\\rtf1 a{}b{}c}}", "{".repeat(300_000), "}".repeat(300_000));
        check(&deep, "abc");
        for rtf in [
            "",
            "{",
            "}",
            "{\\rtf1",
            "{\\rtf1\\",
            "{\\rtf1\\'",
            "{\\rtf1\\'4",
            "{\\rtf1\\u",
            "{\\rtf1\\bin999999999 x",
            "{\\rtf1\\u99999999999999999999 ?x",
        ] {
            let _ = text_of(rtf.as_bytes());
        }
    }
}
