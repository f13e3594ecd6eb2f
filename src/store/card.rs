//! What lies in the folders and in the index: the card of a judged piece, and the state of a record and a case.

use crate::limits::{AWAITED_MSG_IDS_MAX, LIKENESS_CHARS_MAX, LIKENESS_DOCUMENTS_MAX, ROW_TEXT_CHARS_MAX};
use crate::record::{
    Address, Answer, AnswerState, Bsns, CaseFigures, CaseNumber, CaseRow, CaseStatus, Deadline, Decision,
    Judgement, JudgementSummary, Likeness, OutboxEntry, Part, PartKind, SetAside, Verdict, running,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// `card.json`: the little of extract, judgement and outcome that the index needs, so that building it again does
/// not read every text. Personal data stand here and in the folder's other files, never in the journal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Card {
    pub writer: Option<String>,
    pub subject: Option<String>,
    /// Of the message itself.
    pub msg_id: Option<String>,
    /// The messages that it refers to, nearest first, and the address that it came from: those that are not there yet belong
    /// to its case when they come. Empty for a store of before this was kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refers_to: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    pub summary: Option<JudgementSummary>,
    #[serde(default)]
    pub deadlines: Vec<Deadline>,
    pub answer: Option<Answer>,
    pub answer_msg_id: Option<String>,
    /// Of the writer's words; `None` for a machine's message, a short text, and a store of before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likeness: Option<Likeness>,
    /// By what a follow-up was recognised.
    pub why: Option<String>,
    pub aside: Option<SetAside>,
    /// Confidence of the page that could be recognised worst, in hundredths; `None`: nothing was recognised, and a store of
    /// before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<u8>,
}

/// What the card needs of an extract, read without its words and boxes.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ExtractHead {
    message: Option<MessageHead>,
    #[serde(default)]
    documents: Vec<DocumentHead>,
    #[serde(default)]
    defects: Vec<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
struct DocumentHead {
    name: Option<String>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    confidence: Option<f32>,
    #[serde(default)]
    parts: Vec<Part>,
}

impl DocumentHead {
    /// The writer's own words: no quotes, no signature.
    fn own(&self) -> String {
        if self.parts.is_empty() {
            return self.text.chars().take(LIKENESS_CHARS_MAX).collect();
        }
        let own = self.parts.iter().filter(|part| part.kind == PartKind::Own);
        own.flat_map(|part| self.text.chars().skip(part.start).take(part.end.saturating_sub(part.start)))
            .take(LIKENESS_CHARS_MAX)
            .collect()
    }
}

#[derive(Debug, Default, Deserialize)]
struct MessageHead {
    subject: Option<String>,
    msg_id: Option<String>,
    #[serde(default)]
    in_reply_to: Vec<String>,
    #[serde(default)]
    references: Vec<String>,
    author: Option<Address>,
}

impl MessageHead {
    fn refers_to(&self) -> Vec<String> {
        let mut ids: Vec<String> =
            self.in_reply_to.iter().chain(self.references.iter().rev()).cloned().collect();
        let mut seen = BTreeSet::new();
        ids.retain(|id| self.msg_id.as_ref() != Some(id) && seen.insert(id.clone()));
        ids.truncate(AWAITED_MSG_IDS_MAX);
        ids
    }
}

impl ExtractHead {
    pub fn documents(&self) -> u32 {
        u32::try_from(self.documents.len()).unwrap_or(u32::MAX)
    }

    pub fn defects(&self) -> u32 {
        u32::try_from(self.defects.len()).unwrap_or(u32::MAX)
    }

    /// Confidence of the page that was read worst, in hundredths.
    fn reading(&self) -> Option<u8> {
        let worst =
            self.documents.iter().filter_map(|document| document.confidence).min_by(f32::total_cmp)?;
        // Within 0 and 100, whatever a worker said.
        Some((worst.clamp(0.0, 1.0) * 100.0).round() as u8)
    }

    /// Of the message's own body where that says enough, else of all that was read: a letter may be hung on a mail.
    pub fn likeness(&self) -> Option<Likeness> {
        let of = |documents: &mut dyn Iterator<Item = &DocumentHead>| {
            let text: Vec<String> = documents.map(DocumentHead::own).collect();
            Likeness::of(&text.join("\n"))
        };
        of(&mut self.documents.iter().filter(|document| document.name.is_none()))
            .or_else(|| of(&mut self.documents.iter().take(LIKENESS_DOCUMENTS_MAX)))
    }
}

/// What the index keeps of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordState {
    pub digest: String,
    pub record_digest: String,
    pub bytes: u64,
    pub became: Became,
    /// File name → digest of what the commit put in the folder.
    #[serde(default)]
    pub files: std::collections::BTreeMap<String, String>,
    /// The day in whose list of post it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_of: Option<Date>,
    /// Its folder is gone, as the journal says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub purged: bool,
}

/// Every piece is one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Became {
    /// In work.
    Work,
    Case(CaseNumber),
    Aside,
}

/// What the index keeps of a case: its row, and what the fold needs beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CaseState {
    pub row: CaseRow,
    /// Where triage put it: a reopened case goes back there.
    pub judged_queue: String,
    /// Digest of the address of the answer, for the caps ([`super::sealed::Sealing::address_digest`]).
    pub answer_to: Option<String>,
    /// The same of answers before, and the hashed Message-IDs of the case: what goes when it is destroyed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_to: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub msg_ids: Vec<String>,
    /// What stands for the messages that it waits for ([`super::keys::awaited`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaited: Vec<String>,
    /// For the figures: when its first answer went out, how well its scans were read, and what stays of it when it is
    /// destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<CaseFigures>,
    /// How it stood before the last decision, while that can be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<Before>>,
}

/// A case as it stood before a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Before {
    /// Number of the entry of the decision.
    pub decided: u64,
    pub status: CaseStatus,
    pub queue: String,
    pub assignee: Option<String>,
    pub decision: Option<Decision>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_up_at: Option<Timestamp>,
    pub joined_to: Option<CaseNumber>,
    /// The decision gave the outbox a message: what stood there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<OutboxEntry>,
}

impl Card {
    pub fn new(judgement: &Judgement, head: &ExtractHead) -> Self {
        let message = head.message.as_ref();
        let writer = judgement.writer.name.as_ref().or(judgement.writer.address.as_ref());
        let texts = head.documents.iter().map(|document| document.text.as_str());
        let named = Bsns::named_in(texts.chain(message.and_then(|message| message.subject.as_deref())));
        let mut card = Self {
            writer: writer.map(|text| shortened(text)),
            subject: message.and_then(|message| message.subject.as_deref()).map(shortened),
            msg_id: message.and_then(|message| message.msg_id.clone()),
            refers_to: message.map(MessageHead::refers_to).unwrap_or_default(),
            author: None,
            summary: Some(JudgementSummary::of(judgement, head.defects.len())),
            reading: head.reading(),
            ..Card::default()
        };
        if !card.refers_to.is_empty() {
            card.author = message.and_then(|message| message.author.as_ref()?.address.clone());
        }
        card.cover(&named);
        card
    }

    /// Rows show no citizen service numbers: neither in a list nor in what is found or exported of one.
    pub fn cover(&mut self, named: &Bsns) {
        for text in [&mut self.writer, &mut self.subject].into_iter().flatten() {
            if let Cow::Owned(covered) = named.cover(text) {
                *text = covered;
            }
        }
    }
}

pub(super) fn shortened(text: &str) -> String {
    text.chars().take(ROW_TEXT_CHARS_MAX).collect()
}

/// A decision puts the case here.
pub(super) fn status_after(verdict: Verdict) -> CaseStatus {
    match verdict {
        Verdict::TakeUp => CaseStatus::TakenUp,
        Verdict::AskForMore => CaseStatus::AskedForMore,
        Verdict::Refer | Verdict::Signal | Verdict::NotAComplaint | Verdict::Settle => CaseStatus::Closed,
        Verdict::Reopen => CaseStatus::Open,
    }
}

/// The nearest promise or term that still runs ([`running`]).
pub(super) fn due(status: CaseStatus, deadlines: &[Deadline], decided_on: Option<Date>) -> Option<Date> {
    running(status, deadlines, decided_on).map(|deadline| deadline.due).min()
}

/// Has the case an answer that is out or still may go out? Then a second one may not.
pub(super) fn is_live(answer: &AnswerState) -> bool {
    matches!(answer, AnswerState::Waiting { .. } | AnswerState::Held { .. } | AnswerState::Sent { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_next() {
        let deadline = |name: &str, due: &str| Deadline {
            name: name.into(),
            due: due.parse().unwrap(),
            basis: String::new(),
            term: None,
        };
        let both = [deadline("decision", "2026-04-13"), deadline("contact", "2026-03-09")];
        let day = |text: &str| Some(text.parse::<Date>().unwrap());
        assert_eq!(due(CaseStatus::Open, &both, None), day("2026-03-09"));
        assert_eq!(due(CaseStatus::Open, &both, day("2026-03-20")), day("2026-03-09"));
        assert_eq!(due(CaseStatus::TakenUp, &both, day("2026-03-03")), day("2026-04-13"));
        assert_eq!(due(CaseStatus::AskedForMore, &both, day("2026-05-01")), None);
        assert_eq!(due(CaseStatus::Closed, &both, day("2026-03-03")), None);
        assert_eq!(due(CaseStatus::Open, &[], None), None);
    }
}
