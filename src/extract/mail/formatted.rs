//! The HTML of a message → what may be shown of it, as a list of pieces ([`Formatted`]).
//!
//! An allow-list: what has no word in [`Shown`] cannot come through. Pictures that came with the message are drawn anew, so that
//! no byte of a stranger's file reaches a browser.
//! Invariant: every element that is begun is ended, in order; nothing hides, overlays or loads; what is left out is counted.

use super::html::{closed_by, hides};
use super::tokens::{self, Tag, VOID};
use super::{body, hung, message, outlook};
use crate::extract::budget::Budget;
use crate::extract::paper::shown;
use crate::extract::sniff;
use crate::limits::{
    FORMATTED_CHARS_MAX, FORMATTED_PICTURE_BYTES_MAX, FORMATTED_PICTURES_MAX, FORMATTED_SHOWN_MAX,
};
use crate::record::{Align, Element, Formatted, Manner, Shown};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_parser::{MimeHeaders, PartType};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Open elements that are kept in mind, and of them those that are shown within each other: tables in tables in mail made by
/// programs are forty deep.
const OPEN_MAX: usize = 500;
const DEPTH_MAX: usize = 100;

/// Characters of an address that are told.
const TARGET_CHARS_MAX: usize = 300;

/// Does the text of the message stand in it as HTML?
pub(super) fn is_there(parsed: &mail_parser::Message<'_>) -> bool {
    bodies(parsed).next().is_some()
}

/// The body parts in HTML, in order.
fn bodies<'a, 'x>(
    parsed: &'a mail_parser::Message<'x>,
) -> impl Iterator<Item = &'a mail_parser::MessagePart<'x>> {
    let loose = body::loose_text(parsed).map(|(id, _)| id);
    let ids = parsed.html_body.iter().copied().chain(loose);
    ids.filter_map(|id| parsed.parts.get(id as usize)).filter(|part| matches!(part.body, PartType::Html(_)))
}

/// What may be shown of a message; `None` when it has no HTML, or cannot be opened.
pub(in crate::extract) fn of(bytes: &[u8]) -> Option<Formatted> {
    let budget = Budget::new();
    if sniff::kind(bytes) == sniff::Kind::Outlook {
        let html = outlook::open(bytes, &budget)?.html()?;
        return Some(shown_of(&html, Pictures::default()));
    }
    let bytes = message::unwrapped(bytes);
    let parsed = message::parse(&bytes)?;
    let html: Vec<String> = bodies(&parsed).map(|part| body::characters(&parsed, part)).collect();
    let html = if html.is_empty() { hung::winmail(&parsed, &budget)?.html()? } else { html.join("\n<hr>\n") };
    Some(shown_of(&html, Pictures::of(&parsed)))
}

/// What may be shown of HTML.
fn shown_of(html: &str, pictures: Pictures<'_>) -> Formatted {
    let mut page = tokens::read(html, Page { pictures, ..Page::default() });
    page.close_to(0);
    page.formatted
}

/// The pictures within a message, by their Content-ID (RFC 2392).
#[derive(Default)]
struct Pictures<'a> {
    files: HashMap<String, &'a [u8]>,
    given: usize,
    bytes: usize,
}

impl<'a> Pictures<'a> {
    fn of(parsed: &'a mail_parser::Message<'_>) -> Self {
        let mut files = HashMap::new();
        for part in &parsed.parts {
            if let (Some(id), PartType::Binary(bytes) | PartType::InlineBinary(bytes)) =
                (part.content_id(), &part.body)
            {
                files.entry(id.trim_matches(['<', '>']).to_owned()).or_insert(bytes.as_ref());
            }
        }
        Self { files, ..Self::default() }
    }

    /// A picture of the message, or one that stands in the address itself (RFC 2397), drawn anew.
    fn drawn(&mut self, address: &str) -> Option<String> {
        if self.given >= FORMATTED_PICTURES_MAX || self.bytes >= FORMATTED_PICTURE_BYTES_MAX {
            return None;
        }
        self.given += 1;
        let within;
        let bytes = match scheme(address).as_deref() {
            Some("cid") => *self.files.get(address.trim().get(4..)?)?,
            Some("data") => {
                let (_, data) = address.split_once(";base64,")?;
                let packed: String = data.chars().filter(|c| !c.is_whitespace()).collect();
                within = STANDARD.decode(packed).ok()?;
                &within
            }
            _ => return None,
        };
        self.jpeg(bytes)
    }

    fn jpeg(&mut self, bytes: &[u8]) -> Option<String> {
        use sniff::Kind::{Bmp, Gif, Jpeg, Png, WebP};
        let kind = sniff::kind(bytes);
        if !matches!(kind, Jpeg | Png | Gif | Bmp | WebP) {
            return None;
        }
        let jpeg = catch_unwind(AssertUnwindSafe(|| shown::page(kind, bytes, 1, 0))).ok()??;
        self.bytes += jpeg.len();
        (self.bytes <= FORMATTED_PICTURE_BYTES_MAX).then(|| STANDARD.encode(jpeg))
    }
}

#[derive(Default)]
struct Page<'a> {
    formatted: Formatted,
    pictures: Pictures<'a>,
    open: Vec<Open>,
    depth: usize,
    chars: usize,
}

#[derive(Default)]
struct Open {
    name: String,
    /// An element of ours was begun for it.
    shown: bool,
    /// Its text is not shown.
    hidden: bool,
    /// Not shown by its writer's wish; text in it was counted.
    counted: bool,
    /// Where the link leads, and what it says.
    link: Option<(String, String)>,
}

/// Elements whose content is never text of the message.
const UNSEEN: &[&str] = &[
    "head", "style", "script", "title", "template", "object", "applet", "svg", "math", "select", "textarea",
    "iframe", "noembed", "noframes", "video", "audio", "canvas", "frameset", "datalist",
];

/// What an element is shown as; `None`: only its content is.
fn element(name: &str) -> Option<Element> {
    Some(match name {
        "strong" | "b" => Element::B,
        "em" | "i" | "cite" | "dfn" | "var" => Element::I,
        "u" | "ins" => Element::U,
        "s" | "strike" | "del" => Element::S,
        "center" | "section" | "article" | "header" | "footer" | "main" | "nav" | "aside" | "address"
        | "figure" | "figcaption" | "form" | "fieldset" | "legend" | "dialog" | "details" | "summary" => {
            Element::Div
        }
        "span" | "font" | "code" | "tt" | "kbd" | "samp" => Element::Span,
        "xmp" | "listing" | "plaintext" => Element::Pre,
        "menu" | "dir" => Element::Ul,
        "big" | "a" | "label" | "button" => return None,
        _ => return Element::ALL.into_iter().find(|element| element.name() == name),
    })
}

impl tokens::Page for Page<'_> {
    fn start(&mut self, tag: &Tag) -> bool {
        let name: &str = &tag.name;
        self.count(tag);
        // What stands in the body ends a head that its writer left open.
        if matches!(name, "body" | "p" | "div" | "table" | "br" | "img" | "span" | "a") {
            self.open.retain(|open| open.name != "head");
        }
        self.close_implied(name);
        let hidden_here = UNSEEN.contains(&name);
        let style = attribute(tag, "style").unwrap_or_default().to_lowercase();
        if !self.is_hidden() {
            match name {
                "br" => self.put(Shown::Break),
                "hr" => self.put(Shown::Rule),
                "img" | "image" => self.picture(tag, hides(&style)),
                _ => {}
            }
        }
        if VOID.contains(&name) || name == "image" || tag.self_closing && hidden_here {
            return false;
        }
        if self.open.len() < OPEN_MAX {
            let by_wish = hides(&style) || attribute(tag, "hidden").is_some();
            let hidden = hidden_here || by_wish;
            let mut open = Open { name: name.to_owned(), hidden, counted: hidden_here, ..Open::default() };
            if name == "a"
                && let Some(target) = attribute(tag, "href").and_then(target)
            {
                open.link = Some((target, String::new()));
            }
            if let Some(element) = element(name)
                && !hidden
                && !self.is_hidden()
                && self.depth < DEPTH_MAX
                && self.has_room()
            {
                self.put(Shown::Start(element, manner(tag, &style)));
                self.depth += 1;
                open.shown = true;
            }
            self.open.push(open);
        }
        true
    }

    fn end(&mut self, name: &str) {
        if name == "br" && !self.is_hidden() {
            return self.put(Shown::Break);
        }
        if let Some(at) = closed_by(self.open.iter().map(|open| &*open.name), name) {
            self.close_to(at);
        }
    }

    fn characters(&mut self, text: &str) {
        if let Some(hidden) = self.open.iter_mut().find(|open| open.hidden) {
            if !hidden.counted && !text.trim().is_empty() {
                hidden.counted = true;
                self.formatted.left_out.hidden += 1;
            }
            return;
        }
        let room = FORMATTED_CHARS_MAX.saturating_sub(self.chars);
        let text: String = text.chars().filter(|c| !c.is_control() || c.is_whitespace()).take(room).collect();
        self.chars += text.chars().count();
        if self.chars >= FORMATTED_CHARS_MAX {
            self.formatted.left_out.cut = true;
        }
        if text.is_empty() {
            return;
        }
        for open in &mut self.open {
            if let Some((_, said)) = &mut open.link
                && said.len() < 2 * TARGET_CHARS_MAX
            {
                said.push_str(&text);
            }
        }
        match self.formatted.shown.last_mut() {
            Some(Shown::Text(last)) => last.push_str(&text),
            _ => self.put(Shown::Text(text)),
        }
    }
}

impl Page<'_> {
    /// What the element would do and does not.
    fn count(&mut self, tag: &Tag) {
        let left_out = &mut self.formatted.left_out;
        match &*tag.name {
            "script" => left_out.scripts += 1,
            "meta"
                if attribute(tag, "http-equiv").is_some_and(|what| what.eq_ignore_ascii_case("refresh")) =>
            {
                left_out.scripts += 1;
            }
            "input" if attribute(tag, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("hidden")) => {}
            "input" | "button" | "select" | "textarea" => left_out.fields += 1,
            "iframe" | "frame" | "object" | "embed" | "applet" | "svg" | "math" | "video" | "audio"
            | "canvas" => {
                left_out.embedded += 1;
            }
            _ => {}
        }
        for attr in &tag.attrs {
            let name = &*attr.name.local;
            let runs = matches!(name, "href" | "src" | "action" | "formaction" | "background" | "xlink:href")
                && scheme(&attr.value).is_some_and(|scheme| matches!(&*scheme, "javascript" | "vbscript"));
            left_out.scripts += u32::from(runs || name.len() > 2 && name.starts_with("on"));
            let loads = name == "background" || name == "style" && attr.value.to_lowercase().contains("url(");
            left_out.elsewhere += u32::from(loads && !runs);
        }
    }

    fn picture(&mut self, tag: &Tag, hidden: bool) {
        let address = attribute(tag, "src").unwrap_or_default();
        let alt: String =
            attribute(tag, "alt").unwrap_or_default().trim().chars().take(TARGET_CHARS_MAX).collect();
        if !matches!(scheme(address).as_deref(), Some("cid" | "data")) {
            let from_elsewhere = !address.trim().is_empty() || attribute(tag, "srcset").is_some();
            self.formatted.left_out.elsewhere += u32::from(from_elsewhere);
            // Of one or two pixels: it tells its sender that the message was read, and shows nothing.
            let tiny = |name| {
                attribute(tag, name).and_then(|value| value.trim().parse().ok()).is_some_and(|n: u32| n <= 2)
            };
            if !hidden && !tiny("width") && !tiny("height") {
                self.put(Shown::Missing { alt });
            }
            return;
        }
        if hidden {
            return;
        }
        match self.has_room().then(|| self.pictures.drawn(address)).flatten() {
            Some(jpeg) => self.put(Shown::Picture { jpeg, alt }),
            None => {
                self.formatted.left_out.pictures += 1;
                self.put(Shown::Missing { alt });
            }
        }
    }

    /// Closes what HTML lets its writer leave open: paragraphs before blocks, items before items, cells and rows.
    fn close_implied(&mut self, name: &str) {
        let block = element(name).is_some_and(|element| !element.is_inline());
        while let Some(open) = self.open.last() {
            let ends = open.name == "p" && block
                || open.name == name && matches!(name, "li" | "tr" | "a" | "option")
                || matches!(&*open.name, "td" | "th") && matches!(name, "td" | "th" | "tr")
                || matches!(&*open.name, "dt" | "dd") && matches!(name, "dt" | "dd");
            if !ends {
                break;
            }
            self.close_to(self.open.len() - 1);
        }
    }

    /// Ends the open elements from this one on, the innermost first.
    fn close_to(&mut self, at: usize) {
        while self.open.len() > at {
            let Some(open) = self.open.pop() else { return };
            if let Some((target, said)) = open.link
                && !open.hidden
                && !self.is_hidden()
                && !says(&said, &target)
            {
                self.put(Shown::Target(target));
            }
            if open.shown {
                self.depth -= 1;
                self.formatted.shown.push(Shown::End);
            }
        }
    }

    fn is_hidden(&self) -> bool {
        self.open.iter().any(|open| open.hidden)
    }

    fn has_room(&self) -> bool {
        self.formatted.shown.len() < FORMATTED_SHOWN_MAX
    }

    fn put(&mut self, shown: Shown) {
        if self.has_room() {
            self.formatted.shown.push(shown);
        } else {
            self.formatted.left_out.cut = true;
        }
    }
}

fn attribute<'a>(tag: &'a Tag, wanted: &str) -> Option<&'a str> {
    tag.attrs.iter().find(|attr| &*attr.name.local == wanted).map(|attr| &*attr.value)
}

/// What an address begins with up to its colon, as a browser reads it: blanks and control characters do not count.
fn scheme(address: &str) -> Option<String> {
    let mut scheme = String::new();
    for c in address.chars().filter(|c| !c.is_control() && !c.is_whitespace()).take(20) {
        match c {
            ':' => return Some(scheme),
            c if c.is_ascii_alphanumeric() || "+-.".contains(c) => scheme.push(c.to_ascii_lowercase()),
            _ => return None,
        }
    }
    None
}

/// Where a link leads, to be read; `None`: to a place in the message itself, or nowhere.
fn target(address: &str) -> Option<String> {
    let address: String = address.chars().filter(|c| !c.is_control()).collect();
    let address = address.trim();
    (!address.is_empty() && !address.starts_with('#'))
        .then(|| address.chars().take(TARGET_CHARS_MAX).collect())
}

/// Do the words of a link say where it leads?
fn says(said: &str, target: &str) -> bool {
    let bare = |text: &str| {
        let text = text.trim().to_lowercase();
        let text = ["https://", "http://", "mailto:", "tel:"]
            .iter()
            .find_map(|start| text.strip_prefix(start))
            .unwrap_or(&text);
        text.strip_prefix("www.").unwrap_or(text).trim_end_matches('/').to_owned()
    };
    bare(said) == bare(target)
}

fn manner(tag: &Tag, style: &str) -> Manner {
    let style: String = style.chars().filter(|c| !c.is_whitespace()).collect();
    let rule = |name: &str| {
        style.split(';').find_map(|rule| rule.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default()
    };
    let number =
        |name: &str| attribute(tag, name).and_then(|value| value.trim().parse::<u16>().ok()).unwrap_or(0);
    let align = match (rule("text-align"), attribute(tag, "align").unwrap_or_default()) {
        ("", given) => given.to_lowercase(),
        (given, _) => given.to_owned(),
    };
    let direction = attribute(tag, "dir").unwrap_or_default();
    let cell = matches!(&*tag.name, "td" | "th");
    Manner {
        align: match &*align {
            "center" => Some(Align::Center),
            "right" => Some(Align::Right),
            "left" => Some(Align::Left),
            _ if &*tag.name == "center" => Some(Align::Center),
            _ => None,
        },
        rtl: direction.eq_ignore_ascii_case("rtl") || rule("direction") == "rtl",
        bold: matches!(rule("font-weight"), "bold" | "bolder" | "600" | "700" | "800" | "900"),
        italic: rule("font-style") == "italic",
        underlined: rule("text-decoration").contains("underline"),
        struck: rule("text-decoration").contains("line-through"),
        columns: if cell { u8::try_from(number("colspan").min(100)).unwrap_or(1) } else { 0 },
        rows: if cell { u8::try_from(number("rowspan").min(100)).unwrap_or(1) } else { 0 },
        start: if &*tag.name == "ol" { number("start") } else { 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::LeftOut;

    /// As a page would say it: `<p>`, `</>`, text; `{…}` what is ours.
    fn told(html: &str) -> (String, LeftOut) {
        let formatted = shown_of(html, Pictures::default());
        let mut depth = 0_i64;
        let said = formatted.shown.iter().map(|one| match one {
            Shown::Start(element, _) => {
                depth += 1;
                format!("<{}>", element.name())
            }
            Shown::End => {
                depth -= 1;
                assert!(depth >= 0, "{html}");
                "</>".to_owned()
            }
            Shown::Text(text) => text.clone(),
            Shown::Break => "{br}".to_owned(),
            Shown::Rule => "{hr}".to_owned(),
            Shown::Target(target) => format!("{{to {target}}}"),
            Shown::Picture { .. } => "{picture}".to_owned(),
            Shown::Missing { alt } => format!("{{missing {alt}}}"),
        });
        let said: String = said.collect();
        assert_eq!(depth, 0, "{html}");
        (said, formatted.left_out)
    }

    #[test]
    fn what_can_be_shown_is_and_the_rest_is_counted() {
        let none = LeftOut::default();
        for (html, said, left_out) in [
            ("<p>a <b>b</b></p>", "<p>a <b>b</></>", none),
            ("<strong onclick=x()>a</strong>", "<b>a</>", LeftOut { scripts: 1, ..none }),
            ("<script>alert(1)</script>na", "na", LeftOut { scripts: 1, ..none }),
            ("<style>p{}</style><p>a<p>b", "<p>a</><p>b</>", none),
            ("<a href=https://example.org/x>klik</a>", "klik{to https://example.org/x}", none),
            ("<a href='https://www.example.org/'>example.org</a>", "example.org", none),
            (
                "<a href='java\nscript:alert(1)'>klik</a>",
                "klik{to javascript:alert(1)}",
                LeftOut { scripts: 1, ..none },
            ),
            (
                "<img src=https://example.org/a.png alt=Kat>",
                "{missing Kat}",
                LeftOut { elsewhere: 1, ..none },
            ),
            ("<img src=//example.org/p width=1 height=1>", "", LeftOut { elsewhere: 1, ..none }),
            ("<img src=cid:weg>", "{missing }", LeftOut { pictures: 1, ..none }),
            ("<div style='display:none'>weg<p>ook</div>b", "b", LeftOut { hidden: 1, ..none }),
            ("<form><input name=a><button>ok</button></form>", "<div>ok</>", LeftOut { fields: 2, ..none }),
            (
                "<iframe src=x></iframe><svg><g onload=a()></svg>.",
                ".",
                LeftOut { embedded: 2, scripts: 1, ..none },
            ),
            (
                "<table><tr><td>a<td>b<tr><td>c</table>",
                "<table><tr><td>a</><td>b</></><tr><td>c</></></>",
                none,
            ),
            (
                "<div style=\"background:url('//x.example')\">a</div>",
                "<div>a</>",
                LeftOut { elsewhere: 1, ..none },
            ),
            ("<b>a</i></p>b", "<b>ab</>", none),
            ("<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">", "<p></>", none),
            ("&lt;script&gt;", "<script>", none),
        ] {
            assert_eq!(told(html), (said.to_owned(), left_out), "{html}");
        }
    }

    #[test]
    fn depth_length_and_rubbish_are_bounded() {
        let (deep, _) = told(&("<div>".repeat(50_000) + "tekst"));
        assert_eq!(deep.matches("<div>").count(), DEPTH_MAX);
        assert!(deep.contains("tekst"));
        let (_, left_out) = told(&"<br>".repeat(FORMATTED_SHOWN_MAX + 1));
        assert!(left_out.cut);
        let (long, left_out) = told(&"a ".repeat(FORMATTED_CHARS_MAX));
        assert!(left_out.cut && long.chars().count() == FORMATTED_CHARS_MAX);
    }

    #[test]
    fn pictures_that_came_along_are_drawn_anew() {
        let mut png = Vec::new();
        image::DynamicImage::new_rgb8(20, 10)
            .write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png)
            .unwrap();
        let packed = STANDARD.encode(&png);
        let message = format!(
            "From: a@example.nl\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n\
             Content-Type: text/html\r\n\r\n<p>Zie <img src='cid:een@x' alt='foto'><img src='data:image/png;base64,{packed}'>\
             <img src='data:image/svg+xml;base64,PHN2Zz4='></p>\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <een@x>\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{packed}\r\n--b--\r\n"
        );
        let formatted = of(message.as_bytes()).unwrap();
        let pictures: Vec<&Shown> =
            formatted.shown.iter().filter(|one| matches!(one, Shown::Picture { .. })).collect();
        assert_eq!(pictures.len(), 2, "{formatted:?}");
        let Shown::Picture { jpeg, alt } = pictures[0] else { panic!() };
        assert_eq!(alt, "foto");
        assert!(STANDARD.decode(jpeg).unwrap().starts_with(&[0xff, 0xd8]));
        assert_eq!(formatted.left_out.pictures, 1);
        assert_eq!(of(b"From: a@example.nl\r\n\r\nPlat."), None);
    }
}
