//! The HTML of a message as what may be shown of it: a list of pieces, never markup.
//!
//! The worker reads the HTML and gives this list; the desk writes a page from it. Invariant: nothing but the elements named here,
//! a few numbers and plain text can be said, so whatever a stranger wrote and whatever a worker that was taken over answers, no
//! script, style, address to load or element of another kind comes to a browser.

use serde::{Deserialize, Serialize};

/// An element that can be shown, by its name in HTML. All have an end, and none changes how what is in it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    B,
    Blockquote,
    Caption,
    Dd,
    Div,
    Dl,
    Dt,
    H1,
    H2,
    H3,
    H4,
    H5,
    H6,
    I,
    Li,
    Ol,
    P,
    Pre,
    S,
    Small,
    Span,
    Sub,
    Sup,
    Table,
    Td,
    Th,
    Tr,
    U,
    Ul,
}

impl Element {
    pub const ALL: [Element; 29] = [
        Element::B,
        Element::Blockquote,
        Element::Caption,
        Element::Dd,
        Element::Div,
        Element::Dl,
        Element::Dt,
        Element::H1,
        Element::H2,
        Element::H3,
        Element::H4,
        Element::H5,
        Element::H6,
        Element::I,
        Element::Li,
        Element::Ol,
        Element::P,
        Element::Pre,
        Element::S,
        Element::Small,
        Element::Span,
        Element::Sub,
        Element::Sup,
        Element::Table,
        Element::Td,
        Element::Th,
        Element::Tr,
        Element::U,
        Element::Ul,
    ];

    /// Its name in HTML.
    pub fn name(self) -> &'static str {
        match self {
            Element::B => "b",
            Element::Blockquote => "blockquote",
            Element::Caption => "caption",
            Element::Dd => "dd",
            Element::Div => "div",
            Element::Dl => "dl",
            Element::Dt => "dt",
            Element::H1 => "h1",
            Element::H2 => "h2",
            Element::H3 => "h3",
            Element::H4 => "h4",
            Element::H5 => "h5",
            Element::H6 => "h6",
            Element::I => "i",
            Element::Li => "li",
            Element::Ol => "ol",
            Element::P => "p",
            Element::Pre => "pre",
            Element::S => "s",
            Element::Small => "small",
            Element::Span => "span",
            Element::Sub => "sub",
            Element::Sup => "sup",
            Element::Table => "table",
            Element::Td => "td",
            Element::Th => "th",
            Element::Tr => "tr",
            Element::U => "u",
            Element::Ul => "ul",
        }
    }

    /// Stands within a line of text; the others begin a line of their own.
    pub fn is_inline(self) -> bool {
        use Element::{B, I, S, Small, Span, Sub, Sup, U};
        matches!(self, B | I | S | Small | Span | Sub | Sup | U)
    }
}

/// How text stands on its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Align {
    Left,
    Center,
    Right,
}

/// How an element is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manner {
    pub align: Option<Align>,
    /// Its text runs from right to left.
    pub rtl: bool,
    pub bold: bool,
    pub italic: bool,
    pub underlined: bool,
    pub struck: bool,
    /// Columns and rows that a cell takes; 0 and 1 are one.
    pub columns: u8,
    pub rows: u8,
    /// The first number of a list; 0: one.
    pub start: u16,
}

/// What follows next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// An element begins.
    Start(Element, #[serde(default)] Manner),
    /// The innermost element that is open ends.
    End,
    Text(String),
    /// A new line.
    Break,
    /// A line across.
    Rule,
    /// Where the words before it lead, when they do not say so themselves.
    Target(String),
    /// A picture that came with the message, made anew as a JPEG; base64 (RFC 4648 §4).
    Picture {
        jpeg: String,
        alt: String,
    },
    /// A picture that is not shown.
    Missing {
        alt: String,
    },
}

/// What a message held that is not shown, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeftOut {
    /// Pictures that would have been loaded from elsewhere: that tells their sender when the message is read, and by whom.
    pub elsewhere: u32,
    /// Pictures that came with the message and cannot be shown, or are not there.
    pub pictures: u32,
    /// Scripts, and elements and addresses that would run one.
    pub scripts: u32,
    /// Fields, buttons and forms.
    pub fields: u32,
    /// Frames, films, drawings and programs.
    pub embedded: u32,
    /// Stretches of text that the message hides.
    pub hidden: u32,
    /// The message is longer than is shown.
    pub cut: bool,
}

/// The HTML of a message, to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formatted {
    pub shown: Vec<Shown>,
    #[serde(default)]
    pub left_out: LeftOut,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_its_name_and_no_other_can_be_said() {
        for element in Element::ALL {
            assert_eq!(serde_json::to_string(&element).unwrap(), format!("\"{}\"", element.name()));
        }
        for other in
            ["script", "style", "a", "img", "svg", "math", "template", "title", "textarea", "p onclick"]
        {
            let said =
                format!("{{\"shown\":[{{\"start\":[{}, {{}}]}}]}}", serde_json::to_string(other).unwrap());
            assert!(serde_json::from_str::<Formatted>(&said).is_err(), "{other}");
        }
    }
}
