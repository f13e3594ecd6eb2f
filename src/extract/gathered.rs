//! What has come of one piece: gathered from one worker or several, and made into an extract.
//!
//! Invariant: nothing that a worker sends is taken in unless it fits what was announced; a document that was
//! begun is in the extract, read or with the reason why not.

use super::begun::Begun;
use super::clamd::Verdict;
use super::frame::{Behind, Finished, Tell};
use super::reading::called;
use crate::limits::DOCUMENTS_MAX;
use crate::record::{Defect, Document, Extract, Message, Part, Problem};
use std::collections::{BTreeMap, BTreeSet};

/// Why a worker was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Deadline,
    Died,
    /// It sent what no worker of ours sends.
    Lied,
    /// Its answer grew past the bound.
    TooMuch,
}

impl Cause {
    /// Its name in metrics and logs.
    pub fn id(self) -> &'static str {
        match self {
            Cause::Deadline => "deadline",
            Cause::Died => "died",
            Cause::Lied => "lied",
            Cause::TooMuch => "too-much",
        }
    }

    /// What a failed talk with a worker says of it.
    pub fn of(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::TimedOut => Cause::Deadline,
            std::io::ErrorKind::InvalidData => Cause::Lied,
            _ => Cause::Died,
        }
    }

    pub fn problem(self) -> Problem {
        match self {
            Cause::Deadline => Problem::Timeout,
            Cause::Died | Cause::Lied => Problem::Damaged,
            Cause::TooMuch => Problem::TooLarge,
        }
    }

    pub fn sentence(self) -> &'static str {
        match self {
            Cause::Deadline => "kon niet binnen de tijd worden gelezen",
            Cause::Died | Cause::Lied => "kon niet worden gelezen (het leesprogramma stopte)",
            Cause::TooMuch => "bevat meer tekst dan kan worden bewaard",
        }
    }
}

/// What has come of one piece so far, from one worker or several.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub message: Option<Message>,
    pub finished: BTreeMap<usize, Finished>,
    /// Of these, what cost a worker its life before it was opened.
    lost: BTreeSet<usize>,
    /// Begun and not yet finished.
    reading: Option<Begun>,
    pub notes: Vec<(Problem, String)>,
    pub bytes: u64,
}

impl Gathered {
    /// Takes in one word of a worker; false when no worker of ours would say it.
    pub fn take(&mut self, tell: Tell, body: &[u8]) -> bool {
        match tell {
            Tell::Header => match serde_json::from_slice(body) {
                Ok(message) => self.message = Some(message),
                Err(_) => return false,
            },
            Tell::Begins { index, name, media_type } if index < DOCUMENTS_MAX => {
                match &mut self.reading {
                    Some(begun) if begun.index == index => begun.again(),
                    // No worker of ours leaves a document unfinished and goes on.
                    Some(_) => return false,
                    None => self.reading = Some(Begun::new(index, name, media_type)),
                }
            }
            Tell::PageDone { page, of } => {
                let Some(begun) = &mut self.reading else { return false };
                let leaf = match body {
                    [] => None,
                    body => match serde_json::from_slice(body) {
                        Ok(leaf) => Some(leaf),
                        Err(_) => return false,
                    },
                };
                begun.bytes += body.len() as u64;
                return begun.leaf(page, of, leaf);
            }
            Tell::Opened { index } => match &mut self.reading {
                Some(begun) if begun.index == index => begun.opened = true,
                _ => return false,
            },
            Tell::Finished { index } if self.reading.as_ref().is_some_and(|begun| begun.index == index) => {
                let Ok(mut finished) = serde_json::from_slice::<Finished>(body) else { return false };
                if !covered(&finished.document.parts, finished.document.text.chars().count()) {
                    finished.document.parts.clear();
                }
                if let Some(begun) = self.reading.take() {
                    // Its pages came twice: as they were done, and now as a whole.
                    self.bytes = self.bytes.saturating_sub(begun.bytes);
                    self.finished.insert(index, begun.finished(finished));
                }
            }
            _ => return false,
        }
        true
    }

    /// Holds what was being read answerable, a page if it is known which and the document otherwise; false when
    /// nothing was.
    pub fn blame(&mut self, cause: Cause) -> bool {
        let Some(begun) = &mut self.reading else { return false };
        if !begun.blame_page(cause) {
            self.give_up(cause);
        }
        true
    }

    /// Nobody is to blame: the next worker tries again what this one did not finish.
    pub fn retry(&mut self) {
        self.reading.take_if(|begun| begun.resume().is_none());
    }

    /// No worker will finish the document that was being read: what there is of it is kept.
    pub fn give_up(&mut self, cause: Cause) {
        let Some(begun) = self.reading.take() else { return };
        if !begun.opened {
            self.lost.insert(begun.index);
        }
        self.finished.insert(begun.index, begun.given_up(cause));
    }

    /// Where the next worker goes on.
    pub fn behind(&self) -> Behind {
        let finished = self.finished.keys().filter(|index| !self.lost.contains(index)).copied().collect();
        let half = self.reading.as_ref().and_then(|begun| Some((begun.index, begun.resume()?)));
        Behind { finished, lost: self.lost.clone(), half }
    }

    /// Tells what the virus scanner said of the piece as a whole, where no single document explains it.
    pub fn suspect(&mut self, said: Option<&Verdict>) {
        let found = |problem| self.finished.values().any(|one| one.document.problem == Some(problem));
        match said {
            Some(Verdict::Infected(signature)) if !found(Problem::Malware) => self.notes.push((
                Problem::Malware,
                format!(
                    "De virusscanner vond iets in dit stuk ({signature}), maar in geen van de onderdelen apart. \
                     Het stuk is daarom op slot."
                ),
            )),
            Some(Verdict::TooLarge) => self.notes.push((
                Problem::TooLarge,
                "Dit stuk is te groot om in één keer op virussen te controleren; de onderdelen zijn los \
                 gecontroleerd."
                    .to_owned(),
            )),
            _ => {}
        }
    }

    pub fn into_extract(self, name: &str) -> Extract {
        let mut extract = Extract { message: self.message, ..Extract::default() };
        for finished in self.finished.into_values() {
            let document = Some(extract.documents.len());
            extract.defects.extend(finished.notes.into_iter().map(|(problem, explanation)| Defect {
                document,
                problem,
                explanation,
            }));
            extract.documents.push(finished.document);
        }
        extract.defects.extend(self.notes.into_iter().map(|(problem, explanation)| Defect {
            document: None,
            problem,
            explanation,
        }));
        if extract.documents.is_empty() && extract.message.is_none() {
            // Whoever looks at the piece finds at least one document that says why there is nothing.
            let problem = extract.defects.first().map_or(Problem::Damaged, |defect| defect.problem);
            extract.documents.push(Document::unread(
                Some(name.to_owned()),
                "application/octet-stream",
                problem,
            ));
        }
        extract
    }
}

/// Are the parts in order, without overlap, and do they cover the text?
fn covered(parts: &[Part], chars: usize) -> bool {
    let end = parts.iter().try_fold(0, |at, part| (part.start == at && part.end > at).then_some(part.end));
    end == Some(chars) || (parts.is_empty() && chars == 0)
}

/// The extract of a piece that was not given to a worker.
pub(super) fn unread(name: &str, problem: Problem, sentence: &str) -> Extract {
    Extract {
        message: None,
        documents: vec![Document::unread(Some(name.to_owned()), "application/octet-stream", problem)],
        defects: vec![Defect {
            document: Some(0),
            problem,
            explanation: format!("{} {sentence}.", called(Some(name))),
        }],
    }
}
