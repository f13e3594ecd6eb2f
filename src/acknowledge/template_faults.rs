//! A fault in a template, told to who edits it: file, line, column, what is wrong, what was probably meant.

use crate::config::position;
use crate::record::nearest;
use minijinja::ErrorKind;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The files of an office's templates by name, each with where it was read.
pub type Files = BTreeMap<String, (PathBuf, String)>;

/// What a template may name; `templates/README.md` explains each.
pub const NAMES: [&str; 36] = [
    "added",
    "automatic",
    "body",
    "case",
    "contact.email",
    "contact.phone",
    "contact.phone_hours",
    "contact.post",
    "contact.web",
    "contact",
    "day",
    "due.contact",
    "due.decision",
    "due.decision_extended",
    "due",
    "letter",
    "month",
    "municipal",
    "office.body_weeks",
    "office.first_line",
    "office.id",
    "office.name",
    "office.name_needed",
    "office.short_name",
    "office.texts",
    "office",
    "organisation_names",
    "organisations",
    "received",
    "referral.contact",
    "referral.id",
    "referral.name",
    "referral",
    "second",
    "situation",
    "unreadable",
];

/// Every fault of the templates, one a line: `file:line:column: what`, in Dutch: staff edit them.
#[derive(Debug, thiserror::Error)]
pub struct TemplateFaults {
    pub faults: Vec<String>,
}

impl fmt::Display for TemplateFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join("\n"))
    }
}

/// The fault of a template that would not render, in the file where it is: that may be one that was included.
pub fn in_its_file(error: &minijinja::Error, files: &Files) -> String {
    let mut inner = error;
    while let Some(source) =
        std::error::Error::source(inner).and_then(|e| e.downcast_ref::<minijinja::Error>())
    {
        inner = source;
    }
    let name = inner.name().or(error.name()).unwrap_or_default();
    match files.get(name) {
        Some((path, source)) => describe(path, source, inner, files),
        None => describe(Path::new(name), "", inner, files),
    }
}

/// `file:line:column: what`, with the place in the template where it is known.
pub fn describe(path: &Path, source: &str, error: &minijinja::Error, files: &Files) -> String {
    let (line, column) = match error.range() {
        Some(range) => position(source, range.start),
        None => (error.line().unwrap_or(1), 1),
    };
    let place = error.range().and_then(|range| source.get(range)).map(super::templates::one_line);
    let place = place.unwrap_or_default();
    let shown = if place.is_empty() { String::new() } else { format!(" bij “{place}”") };
    let detail = error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
    let what = match error.kind() {
        ErrorKind::SyntaxError => "De schrijfwijze klopt niet",
        ErrorKind::UndefinedError => {
            "Deze waarde is er niet, of niet in elke situatie (gebruik dan {% if … %})"
        }
        ErrorKind::TemplateNotFound | ErrorKind::BadInclude => {
            "Het sjabloon dat hier wordt ingevoegd is er niet"
        }
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction => {
            "Deze bewerking bestaat niet"
        }
        _ => "Dit kan niet worden ingevuld",
    };
    let advice = advice(error, &place, files);
    format!("{}:{line}:{column}: {what}{shown}{detail}.{advice}", path.display())
}

/// What was probably meant, or what there is to choose from.
fn advice(error: &minijinja::Error, place: &str, files: &Files) -> String {
    match error.kind() {
        ErrorKind::SyntaxError if error.detail().is_some_and(|detail| detail.contains("end of")) => {
            " Sluit elke {% if … %} met {% endif %} en elke {% for … %} met {% endfor %}.".to_owned()
        }
        ErrorKind::UndefinedError => {
            let meant = nearest(place, NAMES.into_iter());
            if meant.is_empty() { format!(" Wel te gebruiken: {}.", NAMES.join(", ")) } else { meant }
        }
        ErrorKind::TemplateNotFound | ErrorKind::BadInclude => {
            let told = error.detail().unwrap_or_default();
            let wanted = told.split(['"', '\'']).nth(1).unwrap_or(place);
            // Of the same language: `received.de.txt` is no slip for `received.en.txt`.
            let ending = wanted.split_once('.').map_or("", |(_, ending)| ending);
            let near = files.keys().map(String::as_str).filter(|name| name.ends_with(ending));
            let meant = nearest(wanted, near);
            if meant.is_empty() {
                " Het hoort in de map “shared” of in die van het kantoor.".to_owned()
            } else {
                meant
            }
        }
        _ => String::new(),
    }
}
