//! XML of office files, in one pass: element starts, element ends and text.
//!
//! Invariant: no tree, no entity but XML's own five and numbers, so that nothing costs more than its length.
//! Names are compared without their prefix: the strict and the transitional form of a standard differ in
//! nothing else here.

use crate::extract::charset;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// What is met on the way; an empty element is a start and an end.
pub(in crate::extract) enum Node<'a> {
    Start(&'a str, &'a BytesStart<'a>),
    End(&'a str),
    Text(&'a str),
}

/// Walks through XML up to its end, or to where it is damaged: false then.
pub(in crate::extract) fn walk(xml: &[u8], mut each: impl FnMut(Node<'_>)) -> bool {
    let xml = charset::decode(xml, Some("utf-8"));
    let mut reader = Reader::from_str(&xml);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.expand_empty_elements = true;
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => each(Node::Start(tag.local_name().as_ref(), &tag)),
            Ok(Event::End(tag)) => each(Node::End(tag.local_name().as_ref())),
            Ok(Event::Text(text)) => each(Node::Text(&text.xml10_content())),
            Ok(Event::CData(text)) => each(Node::Text(&text.xml10_content())),
            Ok(Event::GeneralRef(reference)) => match reference.resolve_char_ref() {
                Ok(Some(c)) => each(Node::Text(c.encode_utf8(&mut [0; 4]))),
                _ => each(Node::Text(match &*reference.xml10_content() {
                    "amp" => "&",
                    "lt" => "<",
                    "gt" => ">",
                    "quot" => "\"",
                    "apos" => "'",
                    _ => "",
                })),
            },
            Ok(Event::Eof) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

/// The value of an attribute, told by its name without prefix.
pub(super) fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = tag.attributes();
    attributes
        .with_checks(false)
        .flatten()
        .find(|attribute| attribute.key.local_name().as_ref() == name)
        .map(|attribute| attribute.normalized_value(XmlVersion::Implicit1_0).unwrap_or_default().into_owned())
}

/// Is a property on? It is when it has no value (ECMA-376 part 1, 17.17.4).
pub(super) fn is_on(tag: &BytesStart<'_>) -> bool {
    !matches!(attribute(tag, "val").as_deref(), Some("0" | "false" | "off" | "none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_with_references() {
        let mut seen = String::new();
        let xml = "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY lol 'lol'>]><w:a w:b='1&amp;2'/><c>caf&#233; &lol;&lt;<![CDATA[<d>]]></c>";
        assert!(walk(xml.as_bytes(), |node| match node {
            Node::Start(name, tag) =>
                seen.push_str(&format!("({name} {}", attribute(tag, "b").unwrap_or_default())),
            Node::End(name) => seen.push_str(&format!("{name})")),
            Node::Text(text) => seen.push_str(text),
        }));
        assert_eq!(seen, "(a 1&2a)(c café <<d>c)");
        assert!(!walk(b"<a><b", |_| {}));
    }
}
