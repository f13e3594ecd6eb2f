//! All about one person (AVG art. 15): by address, by name, and where texts, notes and reasons name somebody so.
//!
//! Invariants: what is found is offered with the words that it was found by, for there are namesakes: a person ticks off.
//! Every text of the store is looked at; nothing is found by likeness.

use super::Dossier;
use crate::limits::{PAGE_ROWS_MAX, PERSON_PLACES_MAX, SENTENCE_CHARS_MAX};
use crate::record::{Address, CaseNumber, Extract, Message, Record, RegistrationNumber};
use crate::store::{Store, StoreError};
use serde::Serialize;
use std::collections::BTreeSet;

/// Whom to look for.
#[derive(Clone, Debug)]
pub enum Person {
    /// In lower case.
    Address(String),
    /// Words, in lower case, that must all stand in one sentence.
    Name(Vec<String>),
}

/// Where a person was found: a case, or a piece that is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    pub case: Option<CaseNumber>,
    pub piece: Option<RegistrationNumber>,
    /// By what, with the sentence (Dutch).
    pub places: Vec<String>,
}

impl Person {
    /// An address when there is an @ in it, else a name. `None`: too little to look for.
    pub fn new(text: &str) -> Option<Person> {
        let text = text.trim().to_lowercase();
        if text.contains('@') {
            return (text.len() > 3).then_some(Person::Address(text));
        }
        let words: Vec<String> = words_of(&text).map(str::to_owned).collect();
        let letters: usize = words.iter().map(|word| word.chars().count()).sum();
        (letters >= 3).then_some(Person::Name(words))
    }

    fn is_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        match self {
            Person::Address(address) => text.contains(address.as_str()),
            Person::Name(name) => {
                let words: BTreeSet<&str> = words_of(&text).collect();
                name.iter().all(|word| words.contains(word.as_str()))
            }
        }
    }

    fn is(&self, address: &Address) -> bool {
        match self {
            Person::Address(wanted) => {
                address.address.as_ref().is_some_and(|one| one.to_lowercase() == *wanted)
            }
            Person::Name(_) => address.name.as_ref().is_some_and(|name| self.is_in(name)),
        }
    }

    /// The first sentences that name this person.
    fn sentences(&self, text: &str, places: &mut Vec<String>) {
        for sentence in sentences(text) {
            if places.len() >= PERSON_PLACES_MAX {
                return;
            }
            if self.is_in(&sentence) {
                let shown: String = sentence.chars().take(SENTENCE_CHARS_MAX).collect();
                places.push(format!("genoemd: «{shown}»"));
            }
        }
    }
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '-').filter(|word| !word.is_empty())
}

/// The sentences of a text; a line that was only broken goes on in the next one.
fn sentences(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for paragraph in text.replace("\r\n", "\n").split("\n\n") {
        let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut rest = line.as_str();
        while let Some(end) = rest.find(['.', '!', '?']).filter(|end| *end + 1 < rest.len()) {
            // `J. de Vries` and `a.b@c.nl` go on.
            let after = rest[end + 1..].chars().next();
            let initial = rest[..end].chars().next_back().is_some_and(char::is_uppercase);
            let next = rest[end + 1..].find(['.', '!', '?']).map_or(rest.len(), |next| end + 1 + next + 1);
            let cut = if after == Some(' ') && !initial { end + 1 } else { next };
            if cut >= rest.len() {
                break;
            }
            found.push(rest[..cut].trim().to_owned());
            rest = &rest[cut..];
        }
        found.push(rest.trim().to_owned());
    }
    found.retain(|sentence| !sentence.is_empty());
    found
}

/// Looks through every case and every piece set aside.
///
/// # Errors
/// What the store cannot read.
pub fn look_for(store: &Store, person: &Person) -> Result<Vec<Found>, StoreError> {
    let mut cases = Vec::new();
    store.each_case(&mut |row| {
        if row.purged.is_none() {
            cases.push((row.number, row.records));
        }
        true
    })?;
    let mut found = Vec::new();
    for (number, records) in cases {
        let mut places = Vec::new();
        for record in &records {
            in_piece(store, *record, person, &mut places)?;
        }
        for note in store.history(number)?.into_iter().filter_map(|line| line.note) {
            person.sentences(&note, &mut places);
        }
        add(&mut found, Some(number), None, places);
    }
    let mut offset = 0;
    loop {
        let page = store.aside(offset, PAGE_ROWS_MAX)?;
        if page.rows.is_empty() {
            return Ok(found);
        }
        offset += page.rows.len();
        for row in page.rows {
            let mut places = Vec::new();
            in_piece(store, row.record, person, &mut places)?;
            add(&mut found, None, Some(row.record), places);
        }
    }
}

fn add(
    found: &mut Vec<Found>,
    case: Option<CaseNumber>,
    piece: Option<RegistrationNumber>,
    mut places: Vec<String>,
) {
    if !places.is_empty() {
        let mut seen = BTreeSet::new();
        places.retain(|place| seen.insert(place.clone()));
        places.truncate(PERSON_PLACES_MAX);
        found.push(Found { case, piece, places });
    }
}

fn in_piece(
    store: &Store,
    number: RegistrationNumber,
    person: &Person,
    places: &mut Vec<String>,
) -> Result<(), StoreError> {
    if store.is_purged(number)? {
        return Ok(());
    }
    let record: Record = store.record(number)?;
    if person.is_in(&record.name) {
        places.push("naam van het bestand".to_owned());
    }
    let extract: Extract = store.extract(number)?.unwrap_or_default();
    if let Some(message) = &extract.message {
        in_message(message, person, places);
    }
    if let Some(judgement) = store.judgement(number)? {
        let writer = &judgement.writer;
        let lines = writer.name.iter().chain(&writer.address).chain(&writer.postal);
        if lines.into_iter().any(|line| person.is_in(line)) {
            places.push("schrijver".to_owned());
        }
    }
    if store.answer_address(number)?.is_some_and(|(_, to)| person.is_in(&to)) {
        places.push("kreeg ons antwoord".to_owned());
    }
    for document in &extract.documents {
        person.sentences(&document.text, places);
    }
    Ok(())
}

fn in_message(message: &Message, person: &Person, places: &mut Vec<String>) {
    let fields: [(&str, Vec<&Address>); 5] = [
        ("afzender", message.author.iter().collect()),
        ("verzonden door", message.sender.iter().collect()),
        ("antwoordadres", message.reply_to.iter().collect()),
        ("gericht aan", message.to.iter().collect()),
        ("in kopie", message.cc.iter().collect()),
    ];
    for (what, addresses) in fields {
        if addresses.into_iter().any(|address| person.is(address)) {
            places.push(what.to_owned());
        }
    }
    if message.subject.as_ref().is_some_and(|subject| person.is_in(subject)) {
        places.push("in het onderwerp".to_owned());
    }
}

/// Others who stand in the header of a case's messages: their data must be looked at before it is handed over (AVG 15 lid 4).
pub fn others(dossier: &Dossier, person: &Person, own: &[String]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for message in dossier.pieces.iter().filter_map(|piece| piece.extract.message.as_ref()) {
        let all = message.author.iter().chain(&message.sender).chain(&message.reply_to).chain(&message.to);
        for address in all.chain(&message.cc).filter(|address| !person.is(address)) {
            let Some(text) = address.address.as_ref().or(address.name.as_ref()) else { continue };
            if !own.iter().any(|own| own.eq_ignore_ascii_case(text)) {
                found.insert(text.clone());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_over_a_broken_line_and_not_in_another_sentence() {
        let person = Person::new("Jan de Vries").unwrap();
        let text = "Ik sprak met J. Smit. Mijn buurman, Jan\nde Vries, was erbij. Jan Jansen niet. De Vries ook niet.\n\nDag.";
        let mut places = Vec::new();
        person.sentences(text, &mut places);
        assert_eq!(places, ["genoemd: «Mijn buurman, Jan de Vries, was erbij.»"]);
        assert!(person.is_in("VRIES, Jan de"));
        assert!(!person.is_in("Jantje de Vries-Bakker"));
        assert!(Person::new(" a ").is_none() && Person::new("@").is_none());
    }

    #[test]
    fn an_address_is_whole_in_a_field_and_anywhere_in_a_text() {
        let person = Person::new("Jan@Voorbeeld.example.nl").unwrap();
        let of = |text: &str| Address { name: None, address: Some(text.to_owned()) };
        assert!(
            person.is(&of("jan@voorbeeld.example.nl")) && !person.is(&of("jan@voorbeeld.example.nl.org"))
        );
        assert!(person.is_in("mail naar <jan@voorbeeld.example.nl>"));
    }
}
