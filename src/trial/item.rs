//! Labelled examples as files: one JSON object a line, with a message or letter as typed and the labels that a
//! careful officer gives it (`gold`). `rules/examples/` and `tests/corpus/` hold such files.
//!
//! Invariant: a typed message is split into own words, quotes and signatures by the code that reads real ones.

use super::labels::{Gold, LABELS};
use crate::extract::parts_of;
use crate::record::{Address, Channel, Document, Extract, Message, Method, nearest};
use jiff::civil::Date;
use serde::Deserialize;
use std::fmt;

/// One labelled example.
#[derive(Clone, Debug)]
pub struct Item {
    pub id: String,
    /// Id of the office that received it.
    pub office: String,
    pub channel: Channel,
    pub received: Date,
    pub extract: Extract,
    pub gold: Gold,
    /// Why it does not turn out right yet: it is counted, and fails no test.
    pub open: Option<String>,
}

/// A line of a file of examples that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemFault {
    pub line: usize,
    pub column: usize,
    /// In Dutch.
    pub message: String,
}

impl fmt::Display for ItemFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

#[derive(Deserialize)]
struct RawItem {
    id: String,
    office: String,
    channel: Channel,
    received: Date,
    #[serde(default)]
    from_name: Option<String>,
    #[serde(default)]
    from_addr: Option<String>,
    #[serde(default)]
    subject: Option<String>,
    body: String,
    /// Further header fields of a message, as pairs of name and value.
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    attachments: Vec<RawAttachment>,
    gold: Gold,
    #[serde(default)]
    open: Option<String>,
}

#[derive(Deserialize)]
struct RawAttachment {
    name: Option<String>,
    text: String,
}

/// Reads a file of examples. Empty lines are passed over.
///
/// # Errors
/// Every line that cannot be used, in Dutch, with its number.
pub fn read_items(text: &str) -> Result<Vec<Item>, Vec<ItemFault>> {
    let (mut items, mut faults) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line_number = index + 1;
        match serde_json::from_str::<RawItem>(line) {
            Ok(raw) => {
                if let Some(label) = raw.gold.keys().find(|label| !is_label(label)) {
                    let column =
                        line.find(&format!("\"{label}\"")).map_or(1, |at| line[..at].chars().count() + 1);
                    let meant = nearest(label, LABELS.iter().copied());
                    let message = format!("Het label “{label}” ken ik niet.{meant}");
                    faults.push(ItemFault { line: line_number, column, message });
                    continue;
                }
                items.push(raw.into_item());
            }
            Err(error) => faults.push(ItemFault {
                line: line_number,
                column: error.column().max(1),
                message: format!("Dit voorbeeld kan ik niet lezen ({}).", in_dutch(&error.to_string())),
            }),
        }
    }
    if faults.is_empty() { Ok(items) } else { Err(faults) }
}

/// `mentioned_only` is kept with examples and not counted: it is the softest of the labels.
fn is_label(label: &str) -> bool {
    label == "mentioned_only" || LABELS.contains(&label)
}

fn in_dutch(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or_default();
    match message.strip_prefix("missing field ") {
        Some(field) => format!("{field} ontbreekt"),
        None => message.to_owned(),
    }
}

impl RawItem {
    fn into_item(self) -> Item {
        let extract = match self.channel {
            Channel::Email => self.message(),
            Channel::Letter => self.letter(),
        };
        Item {
            id: self.id,
            office: self.office,
            channel: self.channel,
            received: self.received,
            extract,
            gold: self.gold,
            open: self.open,
        }
    }

    fn message(&self) -> Extract {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let message = Message {
            author: Some(Address { name: filled(&self.from_name), address: filled(&self.from_addr) }),
            subject: self.subject.clone(),
            media_type: "text/plain".into(),
            fields: self.headers.clone(),
            ..Message::default()
        };
        let mut body = Document::typed(Method::Body, self.body.clone());
        body.parts = parts_of(&self.body, &message);
        let mut documents = vec![body];
        for one in &self.attachments {
            let typed = Document::typed(Method::TextLayer, one.text.clone());
            documents.push(Document { name: one.name.clone(), ..typed });
        }
        Extract { message: Some(message), documents, defects: Vec::new() }
    }

    /// What was enclosed with a letter lies under it in the scan.
    fn letter(&self) -> Extract {
        let mut text = self.body.clone();
        for one in &self.attachments {
            text.push_str("\n\n\n\n");
            text.push_str(&one.text);
        }
        Extract { message: None, documents: vec![Document::typed(Method::Text, text)], defects: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_with_its_line_and_what_was_meant() {
        let good = r#"{"id":"a","office":"deventer","channel":"letter","received":"2026-03-02","body":"x","gold":{"scope":"in"}}"#;
        let typo = good.replace("scope", "scop");
        let faults = read_items(&format!("{good}\n\n{typo}\n{{\"id\":\"b\"}}\n")).unwrap_err();
        assert_eq!(faults.len(), 2);
        assert_eq!((faults[0].line, faults[0].column), (3, typo.find("\"scop\"").unwrap() + 1));
        assert!(faults[0].message.contains("Bedoelt u “scope”?"), "{}", faults[0]);
        assert!(faults[1].message.contains("ontbreekt"), "{}", faults[1]);
        assert_eq!(read_items(good).unwrap()[0].gold["scope"], "in");
    }
}
