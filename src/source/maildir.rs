//! A Maildir that a mail server delivers to, as a [`Source`]: what lies in `new` is taken, and moved to `cur`
//! with the mark `S` (seen) once it is durable here.
//!
//! Invariants: a file in `new` is whole (the deliverer renames it from `tmp`); nothing in `cur` or `tmp` is
//! touched; a refused message goes to `cur` too, so that it is kept, and is told.

use super::file::{self, ReadFile, Stamp, name_of};
use super::folder_watch::FolderWatch;
use super::rhythm::Rhythm;
use super::{Fate, Piece, Place, Source, SourceError, TROUBLES_SHOWN_MAX, Token, Trouble, may_answer};
use crate::config::Maildir;
use crate::limits::{BATCH_BYTES_MAX, BATCH_PIECES_MAX, PIECE_BYTES_MAX};
use crate::record::{Arrival, Channel, Origin, size};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tracing::warn;

#[derive(Debug)]
pub struct MaildirFolder {
    dir: PathBuf,
    answer_from: Option<Timestamp>,
    bytes_max: u64,
    /// Durable here, not yet moved: name and stamp.
    owed: BTreeMap<PathBuf, Stamp>,
    /// Stay in `new`, with the reason in Dutch.
    left: BTreeMap<PathBuf, String>,
    /// Why messages could not be moved, as last told.
    fault: Option<String>,
    rhythm: Rhythm,
    /// Of `new`: mail is taken as soon as it is delivered.
    watch: FolderWatch,
    /// Nothing is moved: what is safe here stays in `new` too (a rehearsal).
    leaves: bool,
}

impl MaildirFolder {
    /// A Maildir; mail received before `answer_from` is given with `acknowledge` false.
    pub fn new(maildir: &Maildir, answer_from: Option<Timestamp>) -> Self {
        Self {
            dir: maildir.dir.clone(),
            answer_from,
            bytes_max: PIECE_BYTES_MAX,
            owed: BTreeMap::new(),
            left: BTreeMap::new(),
            fault: None,
            rhythm: Rhythm::every(maildir.poll_seconds),
            watch: FolderWatch::default(),
            leaves: false,
        }
    }

    /// Moves nothing.
    #[must_use]
    pub fn leaving(mut self, leaves: bool) -> Self {
        self.leaves = leaves;
        self
    }

    /// Another bound on the bytes of a message than that of the house.
    #[must_use]
    pub fn with_bytes_max(mut self, bytes_max: u64) -> Self {
        self.bytes_max = bytes_max;
        self
    }

    fn leave(&mut self, path: PathBuf, reason: String) {
        if self.left.insert(path, reason).is_none() {
            warn!("a message stays in the Maildir; the desk tells why");
        }
    }

    /// Moves what is owed. What cannot be moved stays owed, and keeps nothing else from being moved.
    async fn discharge(&mut self) -> Result<(), SourceError> {
        if self.leaves {
            return Ok(());
        }
        let cur = self.dir.join("cur");
        let mut result = Ok(());
        for (path, stamp) in std::mem::take(&mut self.owed) {
            let (from, cur) = (path.clone(), cur.clone());
            if let Err(error) = file::blocking(move || move_to_cur(&from, stamp, &cur)).await {
                self.owed.insert(path, stamp);
                result = Err(error);
            }
        }
        let told = result.as_ref().err().map(ToString::to_string);
        if told.is_some() && told != self.fault {
            warn!(
                owed = self.owed.len(),
                "messages that are safe here cannot be moved to cur of the Maildir"
            );
        }
        self.fault = told;
        result
    }

    async fn look(&mut self) -> Result<Vec<Piece>, SourceError> {
        let new = self.dir.join("new");
        // Before the look: what comes during it is told.
        self.watch.keep(&new);
        let names = file::blocking(move || files_in(&new)).await?;
        self.left.retain(|path, _| names.contains(path));
        self.owed.retain(|path, _| names.contains(path));
        let mut pieces = Vec::new();
        let mut total = 0;
        for path in names {
            if pieces.len() >= BATCH_PIECES_MAX || total >= BATCH_BYTES_MAX {
                break;
            }
            if self.owed.contains_key(&path) {
                continue;
            }
            // What could not be read is tried at each look: the admin mends its rights, or the disk comes back.
            let (from, bytes_max) = (path.clone(), self.bytes_max);
            let read = file::blocking(move || Ok(file::read_whole(&from, bytes_max))).await?;
            match read {
                Ok(ReadFile::Whole(bytes, stamp)) => {
                    self.left.remove(&path);
                    total += stamp.bytes;
                    let received_at = stamp.time();
                    pieces.push(Piece {
                        arrival: Arrival {
                            channel: Channel::Email,
                            name: "message.eml".to_owned(),
                            bytes,
                            received_at,
                            origin: Origin::Maildir { file: name_of(&path) },
                            acknowledge: may_answer(received_at, self.answer_from),
                        },
                        token: Token(Place::File { path, stamp }),
                    });
                }
                Ok(ReadFile::TooLarge(bytes)) => self.leave(
                    path,
                    format!(
                        "Dit bericht is te groot ({}, het meeste is {}). Het staat nog in de postbus. Open het \
                         daar en behandel het met de hand.",
                        size(bytes),
                        size(self.bytes_max)
                    ),
                ),
                Ok(ReadFile::Changed | ReadFile::Gone) => {}
                Err(error) => self.leave(
                    path,
                    format!("Dit bericht kan niet worden gelezen ({error}). Het staat nog in de postbus."),
                ),
            }
        }
        Ok(pieces)
    }
}

impl Source for MaildirFolder {
    fn name(&self) -> String {
        "maildir".to_owned()
    }

    async fn poll(&mut self) -> Result<Vec<Piece>, SourceError> {
        // Told already; new mail comes in all the same.
        let _ = self.discharge().await;
        let looked = self.look().await;
        self.rhythm.looked(&looked);
        looked
    }

    async fn settle(&mut self, settled: Vec<(Token, Fate)>) -> Result<(), SourceError> {
        for (token, fate) in settled {
            let Place::File { path, stamp } = token.0 else { continue };
            if let Fate::Refused { .. } = fate {
                warn!("a message was refused; it is kept in cur of the Maildir");
            }
            self.owed.insert(path, stamp);
        }
        self.discharge().await
    }

    async fn wait(&mut self) -> Result<(), SourceError> {
        self.rhythm.wait(self.watch.called()).await;
        Ok(())
    }

    fn troubles(&self) -> Vec<Trouble> {
        let left = self.left.iter();
        let left = left.map(|(path, reason)| Trouble { reference: name_of(path), reason: reason.clone() });
        let fault = self.fault.iter().map(|fault| Trouble {
            reference: "map cur".to_owned(),
            reason: format!(
                "{} berichten zijn verwerkt, maar konden niet worden verplaatst. Vraag de beheerder om hulp: {fault}",
                self.owed.len()
            ),
        });
        fault.chain(left).take(TROUBLES_SHOWN_MAX).collect()
    }
}

/// The regular files of a folder, by name (which begins with the time of delivery), without hidden ones.
fn files_in(dir: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let fault = |source| SourceError::Folder { doing: "reading", path: dir.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && entry.file_type().map_err(fault)?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn move_to_cur(from: &Path, stamp: Stamp, cur: &Path) -> Result<(), SourceError> {
    let fault = |source| SourceError::Folder { doing: "moving a message to", path: cur.to_owned(), source };
    if !stamp.is_at(from).map_err(fault)? {
        return Ok(());
    }
    std::fs::create_dir_all(cur).map_err(fault)?;
    let name = name_of(from);
    let base = name.split_once(":2,").map_or(name.as_str(), |(base, _)| base);
    file::move_aside(from, cur, &format!("{base}:2,S")).map(|_| ()).map_err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn maildir() -> (tempfile::TempDir, MaildirFolder) {
        let dir = tempfile::tempdir().unwrap();
        for sub in ["new", "cur", "tmp"] {
            std::fs::create_dir(dir.path().join(sub)).unwrap();
        }
        let config = Maildir { dir: dir.path().to_owned(), poll_seconds: 1, answer_from: None };
        let source = MaildirFolder::new(&config, Some(Timestamp::UNIX_EPOCH));
        (dir, source)
    }

    fn lay(dir: &tempfile::TempDir, name: &str, content: &str) {
        std::fs::write(dir.path().join("new").join(name), content).unwrap();
    }

    fn names(dir: &tempfile::TempDir, sub: &str) -> Vec<String> {
        files_in(&dir.path().join(sub)).unwrap().iter().map(|path| name_of(path)).collect()
    }

    #[tokio::test]
    async fn new_becomes_cur_after_settle() {
        let (dir, mut source) = maildir();
        lay(&dir, "1700000002.b.host", "second");
        lay(&dir, "1700000001.a.host", "first");
        let pieces = source.poll().await.unwrap();
        assert_eq!(pieces[0].arrival.bytes, b"first");
        assert_eq!(pieces.len(), 2);
        assert_eq!(names(&dir, "new").len(), 2, "nothing moves before settle");
        let again = source.poll().await.unwrap();
        assert_eq!(again.len(), 2, "what is not settled is given again");
        let refused = Fate::Refused { reason: "reden".into() };
        let fates = [Fate::Durable, refused];
        source.settle(pieces.into_iter().map(|piece| piece.token).zip(fates).collect()).await.unwrap();
        assert_eq!(names(&dir, "cur"), ["1700000001.a.host:2,S", "1700000002.b.host:2,S"]);
        assert!(source.poll().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_large_message_stays_and_is_told() {
        let (dir, source) = maildir();
        let mut source = source.with_bytes_max(3);
        lay(&dir, "1.a.host", "four");
        assert!(source.poll().await.unwrap().is_empty());
        assert_eq!(source.troubles().len(), 1);
        assert_eq!(names(&dir, "new").len(), 1);
        lay(&dir, "2.b.host", "five");
        assert!(source.poll().await.unwrap().is_empty());
        assert_eq!(source.troubles().len(), 2);
        lay(&dir, "2.b.host", "ok");
        assert_eq!(source.poll().await.unwrap().len(), 1, "what keeps it away may pass");
        std::fs::remove_file(dir.path().join("new/1.a.host")).unwrap();
        source.poll().await.unwrap();
        assert!(source.troubles().is_empty(), "a person took it away");
    }

    #[tokio::test]
    async fn a_missing_folder_is_told() {
        let (dir, mut source) = maildir();
        std::fs::remove_dir_all(dir.path().join("new")).unwrap();
        let told = source.poll().await.unwrap_err().to_string();
        assert!(told.contains("new") && told.contains("check"), "{told}");
    }

    #[tokio::test]
    async fn a_message_is_given_as_soon_as_it_is_delivered() {
        let (dir, mut source) = maildir();
        source.rhythm = Rhythm::every(3600);
        assert!(source.poll().await.unwrap().is_empty());
        std::fs::write(dir.path().join("tmp/1.a.host"), "mail").unwrap();
        std::fs::rename(dir.path().join("tmp/1.a.host"), dir.path().join("new/1.a.host")).unwrap();
        tokio::time::timeout(Duration::from_secs(30), source.wait()).await.unwrap().unwrap();
        assert_eq!(source.poll().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn old_mail_is_not_answered() {
        let (dir, mut source) = maildir();
        lay(&dir, "1.a.host", "old");
        source.answer_from = Some("2100-01-01T00:00:00Z".parse().unwrap());
        assert!(!source.poll().await.unwrap()[0].arrival.acknowledge);
    }
}
