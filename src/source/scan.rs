//! The folder that the post room scans into, as a [`Source`]: a file counts once its size and time have been
//! still for the configured while; then it goes to `done/`, or to `failed/` with a file beside it that says in
//! Dutch why and what to do.
//!
//! Invariants: a symbolic link is never followed; hidden and half-written files are left alone; a file that
//! changed after it was read is not moved, but taken anew; no file ever replaces another.

use super::file::{self, ReadFile, Stamp, name_of};
use super::rhythm::Rhythm;
use super::scan_folder::{Entry, entries, put_away};
use super::{Fate, Piece, Place, Source, SourceError, TROUBLES_SHOWN_MAX, Token, Trouble};
use crate::config::ScanFolder;
use crate::limits::{BATCH_BYTES_MAX, BATCH_PIECES_MAX, PIECE_BYTES_MAX};
use crate::record::{Arrival, Channel, Origin, size};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;
use tracing::warn;

#[derive(Debug)]
pub struct ScanInbox {
    dir: PathBuf,
    still: Duration,
    bytes_max: u64,
    /// Name of the folder for stacks that are scanned twice.
    one_sided: String,
    /// Files seen, as they were, and since when they are so.
    seen: BTreeMap<PathBuf, (Stamp, Instant)>,
    /// Settled, not yet moved.
    owed: BTreeMap<PathBuf, (Stamp, Fate)>,
    /// Stay where they are, with the reason in Dutch.
    left: BTreeMap<PathBuf, String>,
    /// Why files could not be moved, as last told.
    fault: Option<String>,
    rhythm: Rhythm,
}

impl ScanInbox {
    pub fn new(scan: &ScanFolder) -> Self {
        Self {
            dir: scan.dir.clone(),
            still: Duration::from_secs(scan.still_seconds),
            bytes_max: PIECE_BYTES_MAX,
            one_sided: scan.one_sided_dir.clone(),
            seen: BTreeMap::new(),
            owed: BTreeMap::new(),
            left: BTreeMap::new(),
            fault: None,
            rhythm: Rhythm::every(scan.poll_seconds),
        }
    }

    /// Another bound on the bytes of a scan than that of the house.
    #[must_use]
    pub fn with_bytes_max(mut self, bytes_max: u64) -> Self {
        self.bytes_max = bytes_max;
        self
    }

    /// One look, at the instant `now`: pieces, and files that are unfit with their reason.
    async fn look(&mut self, now: Instant) -> Result<Vec<Piece>, SourceError> {
        let dir = self.dir.clone();
        let one_sided = self.one_sided.clone();
        let entries = file::blocking(move || entries(&dir, &one_sided)).await?;
        let still = self.still_files(&entries, now);
        let mut pieces = Vec::new();
        let mut total = 0;
        for (path, entry) in still {
            if pieces.len() >= BATCH_PIECES_MAX || total >= BATCH_BYTES_MAX {
                break;
            }
            let Some(&(stamp, _)) = self.seen.get(&path) else { continue };
            if let Entry::Unfit(reason) = entry {
                self.owed.insert(path, (stamp, Fate::Refused { reason }));
                continue;
            }
            let (from, bytes_max) = (path.clone(), self.bytes_max);
            match file::blocking(move || Ok(file::read_whole(&from, bytes_max))).await? {
                Ok(ReadFile::Whole(bytes, read)) if read == stamp => {
                    self.left.remove(&path);
                    total += stamp.bytes;
                    let half = path.parent().is_some_and(|folder| *folder != *self.dir);
                    pieces.push(piece(path, stamp, bytes, half));
                }
                // Somebody is writing again: its stillness starts anew.
                Ok(ReadFile::Whole(..) | ReadFile::Changed | ReadFile::Gone) => {
                    self.seen.remove(&path);
                }
                Ok(ReadFile::TooLarge(bytes)) => {
                    let reason = format!(
                        "Dit bestand is te groot: {}. Het meeste is {}. Scan de brief opnieuw met een lagere \
                         kwaliteit (300 dpi, grijs), of in delen.",
                        size(bytes),
                        size(self.bytes_max)
                    );
                    self.left.remove(&path);
                    self.owed.insert(path, (stamp, Fate::Refused { reason }));
                }
                Err(error) => self.leave(
                    path,
                    format!("Dit bestand kan niet worden gelezen ({error}). Vraag de beheerder om hulp."),
                ),
            }
        }
        Ok(pieces)
    }

    /// The files that have been still long enough, oldest first.
    fn still_files(&mut self, entries: &[(PathBuf, Stamp, Entry)], now: Instant) -> Vec<(PathBuf, Entry)> {
        let mut seen = BTreeMap::new();
        let mut left = BTreeMap::new();
        let mut still: Vec<(Stamp, PathBuf, Entry)> = Vec::new();
        for (path, stamp, entry) in entries {
            match entry {
                Entry::Ignored => continue,
                Entry::Left(reason) | Entry::Folder(reason) => {
                    left.insert(path.clone(), reason.clone());
                    continue;
                }
                Entry::Letter | Entry::Unfit(_) => {}
            }
            let since = match self.seen.get(path) {
                Some((before, since)) if before == stamp => *since,
                _ => now,
            };
            seen.insert(path.clone(), (*stamp, since));
            let owed = self.owed.get(path).is_some_and(|(owed, _)| owed == stamp);
            if now.duration_since(since) >= self.still && !owed {
                still.push((*stamp, path.clone(), entry.clone()));
            }
        }
        self.seen = seen;
        // What could not be read is tried at each look, and stays told until it can be, or goes.
        self.left.retain(|path, _| self.seen.contains_key(path) || left.contains_key(path));
        for (path, reason) in left {
            self.leave(path, reason);
        }
        still.sort_by(|a, b| (a.0.modified, &a.1).cmp(&(b.0.modified, &b.1)));
        still.into_iter().map(|(_, path, entry)| (path, entry)).collect()
    }

    fn leave(&mut self, path: PathBuf, reason: String) {
        if self.left.insert(path, reason).is_none() {
            warn!("a file stays in the scan folder; the desk tells why");
        }
    }

    /// Moves what is owed. What cannot be moved stays owed, and keeps nothing else from being moved.
    async fn discharge(&mut self) -> Result<(), SourceError> {
        let mut result = Ok(());
        for (path, (stamp, fate)) in std::mem::take(&mut self.owed) {
            let (dir, from, what) = (self.dir.clone(), path.clone(), fate.clone());
            let moved = file::blocking(move || put_away(&dir, &from, stamp, &what)).await;
            match moved {
                Ok(()) => {
                    self.seen.remove(&path);
                }
                Err(error) => {
                    self.owed.insert(path, (stamp, fate));
                    result = Err(error);
                }
            }
        }
        let told = result.as_ref().err().map(ToString::to_string);
        if told.is_some() && told != self.fault {
            warn!(owed = self.owed.len(), "scans cannot be moved to done or failed");
        }
        self.fault = told;
        result
    }
}

impl Source for ScanInbox {
    fn name(&self) -> String {
        "scans".to_owned()
    }

    async fn poll(&mut self) -> Result<Vec<Piece>, SourceError> {
        // A failure is told already; new scans come in all the same.
        let _ = self.discharge().await;
        let looked = self.look(Instant::now()).await;
        self.rhythm.looked(&looked);
        // What was found unfit goes at once: nothing of it is to be kept here.
        let _ = self.discharge().await;
        looked
    }

    async fn settle(&mut self, settled: Vec<(Token, Fate)>) -> Result<(), SourceError> {
        for (token, fate) in settled {
            if let Place::File { path, stamp } = token.0 {
                self.owed.insert(path, (stamp, fate));
            }
        }
        self.discharge().await
    }

    async fn wait(&mut self) -> Result<(), SourceError> {
        self.rhythm.wait(std::future::pending()).await;
        Ok(())
    }

    fn troubles(&self) -> Vec<Trouble> {
        let left = self.left.iter();
        let left = left.map(|(path, reason)| Trouble { reference: name_of(path), reason: reason.clone() });
        let fault = self.fault.iter().map(|fault| Trouble {
            reference: "mappen done en failed".to_owned(),
            reason: format!(
                "{} scans zijn bekeken, maar konden niet worden verplaatst. Vraag de beheerder om hulp: {fault}",
                self.owed.len()
            ),
        });
        fault.chain(left).take(TROUBLES_SHOWN_MAX).collect()
    }
}

fn piece(path: PathBuf, stamp: Stamp, bytes: Vec<u8>, half: bool) -> Piece {
    let name = name_of(&path);
    let file = name.clone();
    Piece {
        arrival: Arrival {
            channel: Channel::Letter,
            name,
            bytes,
            received_at: stamp.time(),
            origin: if half { Origin::OneSided { file } } else { Origin::Scan { file } },
            acknowledge: true,
        },
        token: Token(Place::File { path, stamp }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    fn folder(still_seconds: u64) -> (tempfile::TempDir, ScanInbox) {
        let dir = tempfile::tempdir().unwrap();
        let source = ScanInbox::new(&ScanFolder {
            still_seconds,
            poll_seconds: 1,
            ..ScanFolder::at(dir.path().to_owned())
        });
        (dir, source)
    }

    fn tokens(pieces: Vec<Piece>, fate: &Fate) -> Vec<(Token, Fate)> {
        pieces.into_iter().map(|piece| (piece.token, fate.clone())).collect()
    }

    fn listing(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
            .unwrap_or_default();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_file_counts_once_it_is_still() {
        let (dir, mut source) = folder(5);
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let path = dir.path().join("brief.PDF");
        fs::write(&path, "%PDF half").unwrap();
        assert!(source.look(start).await.unwrap().is_empty());
        fs::write(&path, "%PDF half and whole").unwrap();
        assert!(source.look(after(4)).await.unwrap().is_empty());
        assert!(source.look(after(8)).await.unwrap().is_empty(), "it grew at 4");
        let pieces = source.look(after(9)).await.unwrap();
        assert_eq!(pieces[0].arrival.bytes, b"%PDF half and whole");
        assert_eq!(pieces[0].arrival.channel, Channel::Letter);
        source.settle(tokens(pieces, &Fate::Durable)).await.unwrap();
        assert_eq!(listing(dir.path()), ["done"]);
        assert_eq!(listing(&dir.path().join("done")), ["brief.PDF"]);
    }

    #[tokio::test]
    async fn the_file_time_is_the_receipt() {
        let (dir, mut source) = folder(0);
        let path = dir.path().join("brief.pdf");
        fs::write(&path, "%PDF").unwrap();
        let time = std::time::UNIX_EPOCH + Duration::from_secs(1_772_000_000);
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        let pieces = source.poll().await.unwrap();
        assert_eq!(pieces[0].arrival.received_at.as_second(), 1_772_000_000);
    }

    #[tokio::test]
    async fn what_cannot_be_taken_goes_to_failed_with_its_reason() {
        let (dir, mut source) = folder(0);
        fs::write(dir.path().join("leeg.pdf"), "").unwrap();
        fs::write(dir.path().join("brief.docx"), "PK").unwrap();
        fs::write(dir.path().join("groot.tif"), vec![0; 2_000]).unwrap();
        source = source.with_bytes_max(1_000);
        assert!(source.poll().await.unwrap().is_empty());
        let failed = dir.path().join("failed");
        assert_eq!(
            listing(&failed),
            [
                "brief.docx",
                "brief.docx.reden.txt",
                "groot.tif",
                "groot.tif.reden.txt",
                "leeg.pdf",
                "leeg.pdf.reden.txt"
            ]
        );
        let reason = fs::read_to_string(failed.join("leeg.pdf.reden.txt")).unwrap();
        assert!(reason.contains("leeg") && reason.contains("Scan de brief opnieuw"), "{reason}");
        assert!(fs::read_to_string(failed.join("groot.tif.reden.txt")).unwrap().contains("te groot"));
        assert_eq!(listing(dir.path()), ["failed"]);
    }

    #[tokio::test]
    async fn hidden_and_half_written_files_are_left_alone() {
        let (dir, mut source) = folder(0);
        for name in [".brief.pdf", "~brief.pdf", "brief.pdf.part", "brief.tmp", "Thumbs.db", "brief.pdf~"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        assert!(source.poll().await.unwrap().is_empty());
        assert_eq!(listing(dir.path()).len(), 6);
        assert!(source.troubles().is_empty());
    }

    #[tokio::test]
    async fn links_and_folders_stay_and_are_told_once() {
        let (dir, mut source) = folder(0);
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::os::unix::fs::symlink(secret.path(), dir.path().join("brief.pdf")).unwrap();
        fs::create_dir(dir.path().join("maandag")).unwrap();
        for _ in 0..3 {
            assert!(source.poll().await.unwrap().is_empty());
        }
        assert_eq!(source.troubles().len(), 2);
        assert_eq!(listing(dir.path()), ["brief.pdf", "maandag"]);
        fs::remove_dir(dir.path().join("maandag")).unwrap();
        source.poll().await.unwrap();
        assert_eq!(source.troubles().len(), 1);
    }

    #[tokio::test]
    async fn the_halves_of_a_one_sided_stack_are_known_by_their_folder() {
        let (dir, mut source) = folder(0);
        let inner = dir.path().join("eenzijdig");
        fs::create_dir(&inner).unwrap();
        fs::create_dir(inner.join("map")).unwrap();
        fs::write(inner.join("voor.pdf"), "%PDF").unwrap();
        let pieces = source.poll().await.unwrap();
        assert_eq!(pieces[0].arrival.origin, Origin::OneSided { file: "voor.pdf".into() });
        source.settle(tokens(pieces, &Fate::Durable)).await.unwrap();
        assert_eq!(listing(&dir.path().join("done")), ["voor.pdf"]);
        assert_eq!(source.troubles().len(), 1, "the folder within it");
    }

    #[tokio::test]
    async fn a_name_that_is_used_again_loses_nothing() {
        let (dir, mut source) = folder(0);
        for content in ["one", "two"] {
            fs::write(dir.path().join("scan0001.pdf"), content).unwrap();
            let pieces = source.poll().await.unwrap();
            source.settle(tokens(pieces, &Fate::Durable)).await.unwrap();
        }
        assert_eq!(listing(&dir.path().join("done")), ["scan0001-2.pdf", "scan0001.pdf"]);
    }

    #[tokio::test]
    async fn a_file_replaced_before_settle_is_taken_anew() {
        let (dir, mut source) = folder(0);
        let path = dir.path().join("scan0001.pdf");
        fs::write(&path, "first").unwrap();
        let first = source.poll().await.unwrap();
        fs::write(&path, "another letter").unwrap();
        source.settle(tokens(first, &Fate::Durable)).await.unwrap();
        let second = source.poll().await.unwrap();
        assert_eq!(second[0].arrival.bytes, b"another letter");
    }

    #[tokio::test]
    async fn a_scan_that_was_there_before_is_told_beside_it() {
        let (dir, mut source) = folder(0);
        fs::write(dir.path().join("brief.pdf"), "%PDF").unwrap();
        let pieces = source.poll().await.unwrap();
        let fate = Fate::Again { note: "Al eerder ontvangen.".into() };
        source.settle(tokens(pieces, &fate)).await.unwrap();
        assert_eq!(listing(&dir.path().join("done")), ["brief.pdf", "brief.pdf.al-bekend.txt"]);
    }

    #[tokio::test]
    async fn a_refused_scan_tells_why() {
        let (dir, mut source) = folder(0);
        fs::write(dir.path().join("brief.pdf"), "%PDF").unwrap();
        let pieces = source.poll().await.unwrap();
        let fate = Fate::Refused { reason: "De schijf is vol.".into() };
        source.settle(tokens(pieces, &fate)).await.unwrap();
        let told = fs::read_to_string(dir.path().join("failed/brief.pdf.reden.txt")).unwrap();
        assert!(told.starts_with("brief.pdf\n\nDe schijf is vol."), "{told}");
    }

    #[tokio::test]
    async fn a_settlement_that_fails_is_owed_and_stops_nothing() {
        let (dir, mut source) = folder(0);
        fs::write(dir.path().join("brief.pdf"), "%PDF").unwrap();
        fs::write(dir.path().join("done"), "a file where the folder should be").unwrap();
        let pieces = source.poll().await.unwrap();
        let told = source.settle(tokens(pieces, &Fate::Durable)).await.unwrap_err().to_string();
        assert!(told.contains("done"), "{told}");
        fs::write(dir.path().join("tweede.pdf"), "%PDF").unwrap();
        assert_eq!(
            source.poll().await.unwrap().len(),
            1,
            "the second comes in, the first is not given twice"
        );
        assert!(source.troubles()[0].reason.contains("niet worden verplaatst"));
        fs::remove_file(dir.path().join("done")).unwrap();
        source.poll().await.unwrap();
        assert!(source.troubles().is_empty());
        assert_eq!(listing(&dir.path().join("done")), ["brief.pdf"]);
    }
}
