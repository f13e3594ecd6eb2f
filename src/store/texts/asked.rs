//! Questions to the words of texts, which a command beside a running daemon asks of that daemon.
//!
//! Invariant: both answer alike; a question and its answer are JSON whose form is known to programs of the same version only.

use crate::record::CaseNumber;
use crate::store::{Store, StoreError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Question {
    Cases { words: Vec<String>, bound: usize },
    Knows { word: String },
    Near { word: String },
    Behind,
}

impl Store {
    /// Answers a question of [`crate::store::IndexOfDaemon::texts`].
    ///
    /// # Errors
    /// [`StoreError::Index`] for what is no question; the disk's.
    pub fn index_texts(&self, question: &str) -> Result<String, StoreError> {
        let broken =
            |error: serde_json::Error| StoreError::Index { path: self.dir.clone(), fault: error.to_string() };
        match serde_json::from_str(question).map_err(broken)? {
            Question::Cases { words, bound } => serde_json::to_string(&self.text_cases(&words, bound)?),
            Question::Knows { word } => serde_json::to_string(&self.text_knows(&word)?),
            Question::Near { word } => serde_json::to_string(&self.text_near(&word)?),
            Question::Behind => serde_json::to_string(&self.texts_behind()?),
        }
        .map_err(broken)
    }

    /// The newest cases, at most `bound`, in whose texts all of these words stand. True: there are more.
    pub(in crate::store) fn text_cases(
        &self,
        words: &[String],
        bound: usize,
    ) -> Result<(Vec<CaseNumber>, bool), StoreError> {
        match self.ask(|| Question::Cases { words: words.to_vec(), bound })? {
            Some(found) => Ok(found),
            None => self.texts.sound(self.texts.cases(words, bound)),
        }
    }

    /// Does a word of a question stand in any text?
    pub(in crate::store) fn text_knows(&self, word: &str) -> Result<bool, StoreError> {
        match self.ask(|| Question::Knows { word: word.to_owned() })? {
            Some(knows) => Ok(knows),
            None => self.texts.sound(self.texts.knows(word)),
        }
    }

    /// The word that a person may have meant.
    pub(in crate::store) fn text_near(&self, word: &str) -> Result<Option<String>, StoreError> {
        match self.ask(|| Question::Near { word: word.to_owned() })? {
            Some(near) => Ok(near),
            None => self.texts.sound(self.texts.near(word)),
        }
    }

    /// Entries of the journal whose texts the daemon has not taken in. `None`: this store asks no daemon.
    pub(super) fn daemon_behind(&self) -> Result<Option<u64>, StoreError> {
        self.ask(|| Question::Behind)
    }

    /// `None`: this store asks no daemon.
    fn ask<T: DeserializeOwned>(&self, question: impl FnOnce() -> Question) -> Result<Option<T>, StoreError> {
        let Some(daemon) = self.rows.daemon() else { return Ok(None) };
        let answer = serde_json::to_string(&question())
            .map_err(io::Error::other)
            .and_then(|question| daemon.texts(&question))
            .and_then(|answer| serde_json::from_str(&answer).map_err(io::Error::other));
        answer
            .map(Some)
            .map_err(StoreError::io("ask the running daemon for the words of texts of", &self.dir))
    }
}
