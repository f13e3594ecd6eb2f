//! The words of one piece, from what was read of it.

use crate::limits::{TEXT_BYTES_MAX, TEXT_WORD_CHARS_MAX, TEXT_WORDS_MAX};
use crate::record::{Bsns, RegistrationNumber, plain_words, stem};
use crate::store::card::Card;
use crate::store::original::{CARD, EXTRACT, Originals};
use crate::store::{Store, StoreError};
use serde::Deserialize;
use std::collections::BTreeMap;

/// `extract.json` without words, boxes and defects.
#[derive(Debug, Default, Deserialize)]
struct ReadTexts {
    message: Option<Head>,
    #[serde(default)]
    documents: Vec<ReadText>,
}

#[derive(Debug, Default, Deserialize)]
struct Head {
    author: Option<Author>,
    subject: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Author {
    address: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct ReadText {
    name: Option<String>,
    #[serde(default)]
    text: String,
}

impl ReadTexts {
    /// The author's address, subject, names of files and texts.
    fn all(&self) -> impl Iterator<Item = &str> {
        let heads = self.message.iter().flat_map(|head| {
            let author = head.author.as_ref().and_then(|author| author.address.as_deref());
            [author, head.subject.as_deref()].into_iter().flatten()
        });
        heads.chain(
            self.documents
                .iter()
                .flat_map(|document| document.name.as_deref().into_iter().chain([document.text.as_str()])),
        )
    }
}

impl Store {
    /// What was read of a piece, document by document, with citizen service numbers covered; empty when it is gone or not read.
    ///
    /// # Errors
    /// The disk's.
    pub fn texts_of(&self, record: RegistrationNumber) -> Result<Vec<String>, StoreError> {
        let read: ReadTexts = match self.originals.read_json(record, EXTRACT) {
            Ok(Some(read)) => read,
            Ok(None) | Err(StoreError::Damaged { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let named = Bsns::named_in(read.all());
        Ok(read.documents.iter().map(|document| named.cover(&document.text).into_owned()).collect())
    }
}

/// A word as texts have it: cut to a length.
pub(super) fn cut(word: &str) -> String {
    word.chars().take(TEXT_WORD_CHARS_MAX).collect()
}

/// The words of a piece, and of each whether it stands so in a text (and is no stem only). `None`: the piece is gone, or was not read.
pub(super) fn words(
    originals: &Originals,
    record: RegistrationNumber,
) -> Result<Option<BTreeMap<String, bool>>, StoreError> {
    let read: ReadTexts = match originals.read_json(record, EXTRACT) {
        Ok(Some(read)) => read,
        // `verify` tells of damage.
        Ok(None) | Err(StoreError::Damaged { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let card: Card = match originals.read_json(record, CARD) {
        Err(StoreError::Damaged { .. }) | Ok(None) => Card::default(),
        Ok(Some(card)) => card,
        Err(error) => return Err(error),
    };
    let mut left = TEXT_BYTES_MAX;
    let texts = read.all().map(|text| {
        let text = text.get(..text.floor_char_boundary(left)).unwrap_or_default();
        left = left.saturating_sub(text.len());
        text
    });
    let texts: Vec<&str> = card.writer.as_deref().into_iter().chain(texts).collect();
    let named = Bsns::named_in(texts.iter().copied());
    let mut all = BTreeMap::new();
    for text in texts {
        for word in plain_words(&named.cover(text)) {
            if all.len() >= TEXT_WORDS_MAX {
                return Ok(Some(all));
            }
            let word = cut(&word);
            let stem = stem(&word);
            if !word.starts_with(&stem) {
                all.entry(stem).or_insert(false);
            }
            all.insert(word, true);
        }
    }
    Ok(Some(all))
}
