//! HTML mail → readable text: blocks as lines, quotes as `>` lines, nothing that a reader does not see.
//!
//! Invariant: no markup, style, script or hidden text comes through; text is not wrapped and links leave only their text.

use super::tokens::{self, Tag, VOID};
use crate::extract::charset;
use crate::extract::reading::{Content, tidy};
use crate::limits::DOCUMENT_CHARS_MAX;
use crate::record::{Method, Problem};
/// Open elements that are kept in mind. Beyond it, elements still give text but no longer hide or quote.
const OPEN_MAX: usize = 500;

/// How deep quotes are marked.
const QUOTE_DEPTH_MAX: usize = 9;

/// An HTML file.
pub(in crate::extract) fn read(bytes: &[u8]) -> Content {
    let declared = charset::declared_in_html(bytes);
    let text = to_text(&charset::decode(bytes, declared.as_deref()));
    let mut content = Content::of(Method::Html, text);
    if content.text.is_empty() {
        content.problem = Some(Problem::Empty);
    }
    content
}

/// The readable text of HTML.
pub(in crate::extract) fn to_text(html: &str) -> String {
    let page = tokens::read(html, Page::default());
    tidy(&page.text)
}

#[derive(Default)]
struct Page {
    text: String,
    chars: usize,
    open: Vec<Open>,
    /// Line ends that come before the next text: 1 for a block, 2 for a paragraph.
    pending_lines: usize,
    pending_blank: bool,
    line_started: bool,
    /// How deep in quotes the last line stood.
    last_depth: usize,
    /// Markers such as "- " of a list item, before its text.
    marker: Option<String>,
}

struct Open {
    name: String,
    hidden: bool,
    quote: bool,
    pre: bool,
    /// The next number of an ordered list; `None` for other elements.
    number: Option<usize>,
}

/// Elements whose content is never shown.
const UNSEEN: &[&str] =
    &["head", "style", "script", "title", "template", "object", "svg", "math", "select", "textarea"];

/// How many line ends stand around a block.
fn lines_around(name: &str) -> usize {
    match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "blockquote" | "ul" | "ol" | "dl" | "table"
        | "hr" | "pre" | "figure" => 2,
        "div" | "tr" | "li" | "dt" | "dd" | "body" | "section" | "article" | "header" | "footer"
        | "address" | "form" | "fieldset" | "center" | "caption" | "tbody" | "thead" | "main" | "nav"
        | "aside" => 1,
        _ => 0,
    }
}

impl tokens::Page for Page {
    fn start(&mut self, tag: &Tag) -> bool {
        let name: &str = &tag.name;
        let attribute = |wanted: &str| {
            tag.attrs.iter().find(|attr| &*attr.name.local == wanted).map(|attr| attr.value.to_lowercase())
        };
        let lines = lines_around(name);
        if lines > 0 {
            // What stands in the body ends a head that its writer left open.
            self.open.retain(|open| open.name != "head");
            self.close_implied(name);
            self.want_lines(if name == "div" || lines == 1 { 1 } else { lines });
        }
        match name {
            "br" => self.line_break(),
            "hr" => {
                self.write("________________________________");
                self.want_lines(1);
            }
            "td" | "th" => {
                self.close_cell();
                self.pending_blank = true;
            }
            "li" => {
                let marker =
                    match self.open.iter_mut().rev().find(|open| open.name == "ul" || open.name == "ol") {
                        Some(Open { number: Some(number), .. }) => {
                            *number += 1;
                            format!("{}. ", *number - 1)
                        }
                        _ => "- ".to_owned(),
                    };
                self.marker = Some(marker);
            }
            _ => {}
        }
        if VOID.contains(&name) || tag.self_closing && lines == 0 && !UNSEEN.contains(&name) {
            return false;
        }
        if self.open.len() < OPEN_MAX {
            let style = attribute("style").unwrap_or_default();
            let hidden = UNSEEN.contains(&name) || attribute("hidden").is_some() || hides(&style);
            let start: usize = attribute("start").and_then(|start| start.parse().ok()).unwrap_or(1);
            let class = attribute("class").unwrap_or_default();
            self.open.push(Open {
                hidden,
                quote: name == "blockquote" && is_quote(&style, &class, attribute("type").as_deref()),
                pre: name == "pre" || style.contains("white-space:pre") || style.contains("white-space: pre"),
                number: (name == "ol").then_some(start.min(100_000)),
                name: name.to_owned(),
            });
        }
        true
    }

    fn end(&mut self, name: &str) {
        // `</p>` without `<p>` is an empty paragraph, `</br>` a line.
        if name == "br" {
            return self.line_break();
        }
        if let Some(at) = closed_by(self.open.iter().map(|open| &*open.name), name) {
            self.open.truncate(at);
        }
        let lines = lines_around(name);
        if lines > 0 {
            self.want_lines(lines);
        }
        self.marker = self.marker.take().filter(|_| name != "li");
    }

    fn characters(&mut self, text: &str) {
        if self.open.iter().any(|open| open.hidden) || self.chars > DOCUMENT_CHARS_MAX {
            return;
        }
        if self.open.iter().any(|open| open.pre) {
            for (n, line) in text.split('\n').enumerate() {
                if n > 0 {
                    self.line_break();
                }
                if !line.trim().is_empty() {
                    self.write(line.trim_end());
                } else if !line.is_empty() {
                    self.pending_blank = true;
                }
            }
            return;
        }
        let mut rest = text;
        while !rest.is_empty() {
            let word_end = rest.find(is_html_blank).unwrap_or(rest.len());
            if word_end > 0 {
                self.write(&rest[..word_end]);
            }
            let blank_end = rest[word_end..].find(|c| !is_html_blank(c)).map_or(rest.len(), |n| word_end + n);
            if blank_end > word_end {
                self.pending_blank = true;
            }
            rest = &rest[blank_end..];
        }
    }
}

impl Page {
    /// Closes what HTML lets its writer leave open: paragraphs before blocks, items before items.
    fn close_implied(&mut self, name: &str) {
        if self.open.last().is_some_and(|open| {
            open.name == "p" || (open.name == name && matches!(name, "li" | "tr" | "dt" | "dd"))
        }) {
            self.open.pop();
        }
    }

    fn close_cell(&mut self) {
        if self.open.last().is_some_and(|open| open.name == "td" || open.name == "th") {
            self.open.pop();
        }
    }

    fn write(&mut self, text: &str) {
        self.chars += text.chars().count();
        if self.pending_lines > 0 {
            self.lines();
        }
        if !self.line_started {
            let prefix = self.prefix();
            self.text.push_str(&prefix);
            if let Some(marker) = self.marker.take() {
                self.text.push_str(&marker);
            }
            self.line_started = true;
        } else if self.pending_blank && !self.text.ends_with(' ') {
            self.text.push(' ');
        }
        self.pending_blank = false;
        self.text.push_str(text);
    }

    fn want_lines(&mut self, lines: usize) {
        self.pending_lines = self.pending_lines.max(lines);
        self.pending_blank = false;
    }

    fn line_break(&mut self) {
        if self.open.iter().any(|open| open.hidden) {
            return;
        }
        if self.pending_lines > 0 {
            self.lines();
        }
        if !self.line_started {
            let prefix = self.prefix();
            self.text.push_str(prefix.trim_end());
        }
        self.end_line();
    }

    /// Writes the line ends that were asked for; within a quote the empty line is marked too.
    fn lines(&mut self) {
        let wanted = std::mem::take(&mut self.pending_lines);
        if self.text.is_empty() {
            return;
        }
        if self.line_started {
            self.end_line();
        }
        let empty_line_there = self.text.ends_with("\n\n") || self.text.ends_with(">\n");
        if wanted > 1 && !empty_line_there {
            // Between two depths the empty line belongs to the outer one.
            self.text.push_str(&">".repeat(self.depth().min(self.last_depth)));
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        self.text.push('\n');
        self.line_started = false;
        self.pending_blank = false;
    }

    fn depth(&self) -> usize {
        self.open.iter().filter(|open| open.quote).count().min(QUOTE_DEPTH_MAX)
    }

    /// The quote marks of a new line.
    fn prefix(&mut self) -> String {
        self.last_depth = self.depth();
        match self.last_depth {
            0 => String::new(),
            depth => ">".repeat(depth) + " ",
        }
    }
}

/// White space that HTML folds; a non-breaking blank is not.
fn is_html_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

/// Which of the elements that are open (their names, the innermost last) an end tag closes. One in the wrong place does not close
/// the quote or table that it stands in.
pub(super) fn closed_by<'a>(
    open: impl DoubleEndedIterator<Item = &'a str> + ExactSizeIterator + Clone,
    name: &str,
) -> Option<usize> {
    let at = open.clone().rposition(|one| one == name)?;
    (is_wall(name) || !open.skip(at + 1).any(is_wall)).then_some(at)
}

fn is_wall(name: &str) -> bool {
    matches!(name, "table" | "td" | "th" | "blockquote" | "body")
}

/// Does an inline style hide its element from readers?
pub(super) fn hides(style: &str) -> bool {
    let style: String = style.chars().filter(|c| !c.is_whitespace()).collect();
    style.split(';').any(|rule| {
        matches!(
            rule,
            "display:none" | "display:none!important" | "visibility:hidden" | "mso-hide:all" | "opacity:0"
        ) || matches!(
            rule,
            "font-size:0" | "font-size:0px" | "font-size:1px" | "max-height:0" | "max-height:0px"
        )
    })
}

/// A `blockquote` cites, unless a mail program uses it to indent.
fn is_quote(style: &str, class: &str, kind: Option<&str>) -> bool {
    let style: String = style.chars().filter(|c| !c.is_whitespace()).collect();
    let indents =
        style.contains("border:none") || style.contains("border:medium") || style.contains("border:0");
    kind == Some("cite") || class.contains("quote") || !indents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_lines() {
        let cases = [
            (
                "<p>Geachte heer,</p><p>Ik   klaag<br>over &euro;&nbsp;5 &amp; meer</p>",
                "Geachte heer,\n\nIk klaag\nover € 5 & meer",
            ),
            ("<div>a</div><div>b</div><div><br></div><div>c</div>", "a\nb\n\nc"),
            ("a<b>vet</b>je <a href='https://example.nl'>link</a>", "avetje link"),
            (
                "<ul><li>een<li>twee</ul><ol start=3><li>drie</li><li>vier</li></ol>na",
                "- een\n- twee\n\n3. drie\n4. vier\n\nna",
            ),
            ("<table><tr><td>a</td><td>b</td></tr><tr><td>c<td>d</table>", "a b\nc d"),
            ("<pre>x\n  y</pre>", "x\n  y"),
            ("los", "los"),
            ("", ""),
        ];
        for (html, text) in cases {
            assert_eq!(to_text(html), text, "{html}");
        }
    }

    #[test]
    fn what_is_not_seen_is_not_read() {
        let html = "<html><head><title>t</title><style>p{}</style></head><body><script>x()</script>\
            <!-- c --><div style='display: none'>voorbeeldtekst</div><span hidden>h</span>\
            <p style=\"mso-hide:all\">o</p>zichtbaar<img alt=x></body></html>";
        assert_eq!(to_text(html), "zichtbaar");
    }

    #[test]
    fn quotes_become_quoted_lines() {
        let html = "<div>Mijn antwoord</div><div class=gmail_quote><div class=gmail_attr>Op ma 2 mrt 2026 om 09:00 \
            schreef X &lt;x@example.nl&gt;:<br></div><blockquote class=gmail_quote><p>regel een</p><p>regel twee\
            <blockquote type=cite>ouder</blockquote></blockquote></div>";
        assert_eq!(
            to_text(html),
            "Mijn antwoord\nOp ma 2 mrt 2026 om 09:00 schreef X <x@example.nl>:\n\n> regel een\n>\n> regel twee\n>\n>> ouder"
        );
        assert_eq!(
            to_text("<blockquote style='margin:0 0 0 40px;border:none'>ingesprongen</blockquote>"),
            "ingesprongen"
        );
    }

    #[test]
    fn depth_and_rubbish_cost_no_more_than_their_length() {
        let deep = "<div>".repeat(200_000) + "tekst";
        assert_eq!(to_text(&deep), "tekst");
        let quotes = "<blockquote>".repeat(50_000) + "tekst";
        assert_eq!(to_text(&quotes), ">>>>>>>>> tekst");
        assert_eq!(to_text("<p><b>a</i></p></table></blockquote>b<"), "a\n\nb<");
    }
}
