//! What the desk has made by the rules and words of the office: a part of a judgement, terms, drafts. The house gives it one
//! ([`ReviewState::with_clerk`]); the desk itself knows neither rules nor templates.

use super::errors::Fault;
use super::state::ReviewState;
use crate::record::{CaseNumber, Channel, Deadline, Extract, Judgement, Verdict};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use std::sync::Arc;

/// Who makes it, by the rules in force at that moment.
pub trait Clerk: Send + Sync {
    /// The judgement as it is when the complaint is about these bodies only, made by a person: never automatic, with the
    /// queue where it belongs.
    fn part(&self, judgement: &Judgement, bodies: &[String]) -> Judgement;

    /// Promises and terms of a case with this judgement.
    fn deadlines(&self, judgement: &Judgement, received: Date) -> Vec<Deadline>;

    /// The words that go with a decision, for a person to read and change.
    ///
    /// # Errors
    /// For the log: a template that failed after all.
    fn draft(&self, wish: &DraftWish<'_>) -> Result<Draft, String>;

    /// A letter with these words to these lines, as a PDF.
    ///
    /// # Errors
    /// For the log.
    fn letter(&self, wish: &DraftWish<'_>, to: &[String], words: &Words) -> Result<Vec<u8>, String>;

    /// A message with these words (RFC 5322), ready to be sent.
    ///
    /// # Errors
    /// A Dutch sentence when there is no address to send it to.
    fn message(&self, wish: &DraftWish<'_>, words: &Words) -> Result<Vec<u8>, String>;
}

/// About which case and decision words are wanted.
#[derive(Clone, Copy, Debug)]
pub struct DraftWish<'a> {
    pub case: CaseNumber,
    pub verdict: Verdict,
    /// Id of where it goes, when it is referred.
    pub refer_to: Option<&'a str>,
    /// It is sent on (Awb 9:18, 2:3); else the citizen is told where to go.
    pub forward: bool,
    pub channel: Channel,
    pub received: Date,
    pub now: Timestamp,
    pub extract: &'a Extract,
    pub judgement: &'a Judgement,
    pub deadlines: &'a [Deadline],
    /// Of the message: ISO 639-1. Where there is no draft in it, the writer's, else Dutch.
    pub language: &'a str,
}

/// A subject and its words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Words {
    pub subject: String,
    /// Paragraphs with an empty line between them; `- ` before an item of a list.
    pub text: String,
}

#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// To the citizen.
    pub message: Words,
    /// Of that message, and in which there is one.
    pub language: String,
    pub languages: Vec<String>,
    /// The same in Dutch, where the message is in another language.
    pub dutch: Option<Words>,
    /// Its address; `None`: by letter, or no address that may be written to.
    pub to: Option<String>,
    /// To who takes over, when it is sent on: the letter, and their name and address, one a line.
    pub transfer: Option<Words>,
    pub transfer_to: Vec<String>,
}

impl ReviewState {
    /// Work of the clerk, off the threads that serve.
    pub(super) async fn with_the_clerk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Clerk) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let clerk: Arc<dyn Clerk> = self
            .clerk()
            .ok_or_else(|| Fault::not_found("Op deze werkplek kunnen geen stukken worden opgesteld."))?;
        tokio::task::spawn_blocking(move || work(&*clerk)).await.map_err(|error| Fault::internal(&error))
    }
}
