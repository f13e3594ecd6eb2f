//! A backlog: the pieces in files and folders that a person names, in order, as if they had just arrived.
//!
//! Takes `.eml`, `.msg`, `.mbox`, Maildir folders (`cur` and `new`), and `.pdf .tif .tiff .jpg .jpeg .png` letters; any
//! other name is told by its content. Invariants: nothing is moved or changed; memory is bounded by one piece;
//! a file that is not taken is named, with the reason.

use super::file::{self, ReadFile, Stamp};
use super::mbox::{Found, Mbox};
use super::received::{looks_like_message, received_of_message};
use super::scan_folder::is_letter;
use crate::limits::PIECE_BYTES_MAX;
use crate::record::{Arrival, Channel, OFFICE_TIME_ZONE, Origin, size_in_english};
use jiff::Timestamp;
use jiff::civil::Date;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// How deep folders within folders are walked.
const DEPTH_MAX: usize = 32;

/// How the pieces are taken in.
#[derive(Clone, Copy, Debug)]
pub struct ImportOptions {
    /// The date of receipt of every piece, instead of what it tells of itself.
    pub received: Option<Date>,
    /// False: no piece is ever answered.
    pub acknowledge: bool,
}

/// A file, or one message of a file, that is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct NotTaken {
    pub path: PathBuf,
    /// English, for the command line.
    pub reason: String,
}

/// Gives the pieces one by one.
#[derive(Debug)]
pub struct Import {
    options: ImportOptions,
    /// Still to do, the next one last.
    todo: Vec<Todo>,
    /// The mailbox file in hand.
    mbox: Option<OpenMbox>,
}

#[derive(Debug)]
struct Todo {
    path: PathBuf,
    depth: usize,
    /// Named by the person, or found in a folder of messages: taken whatever its name is.
    named: bool,
}

#[derive(Debug)]
struct OpenMbox {
    path: PathBuf,
    stamp: Stamp,
    serial: u32,
    messages: Mbox<BufReader<File>>,
}

/// What a file is, by its name or its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Message,
    Mbox,
    Letter,
    Unknown,
}

impl Import {
    /// The pieces in these files and folders.
    pub fn new(paths: &[PathBuf], options: ImportOptions) -> Self {
        let named = |path: &PathBuf| Todo { path: path.clone(), depth: 0, named: true };
        Self { options, todo: paths.iter().rev().map(named).collect(), mbox: None }
    }

    /// How many pieces and refusals [`Import`] will give, for a progress bar: reads mailbox files through, and
    /// of other files only the names.
    pub fn count(paths: &[PathBuf]) -> u64 {
        let options = ImportOptions { received: None, acknowledge: false };
        let mut import = Self::new(paths, options);
        let mut count = 0;
        while let Some(todo) = import.todo.pop() {
            count += match import.open(&todo) {
                Step::Nothing => 0,
                Step::Refused(_) | Step::File(..) => 1,
                Step::Mbox(mut mbox) => {
                    let mut inside = 0;
                    while let Ok(Some(_)) = mbox.messages.next_message() {
                        inside += 1;
                    }
                    inside
                }
            };
        }
        count
    }

    /// Looks at what is next: a folder is put in its parts, a file is told by its kind.
    fn open(&mut self, todo: &Todo) -> Step {
        let refused = |reason: String| Step::Refused(NotTaken { path: todo.path.clone(), reason });
        // A path that a person names may be a link; what is found in a folder is not followed.
        let metadata = if todo.depth == 0 {
            std::fs::metadata(&todo.path)
        } else {
            std::fs::symlink_metadata(&todo.path)
        };
        let metadata = match metadata {
            Ok(metadata) => metadata,
            Err(error) => return refused(format!("cannot be read: {error}")),
        };
        if metadata.is_dir() {
            return match self.enter(todo) {
                Ok(()) => Step::Nothing,
                Err(reason) => refused(reason),
            };
        }
        if !metadata.is_file() {
            return refused("is a link or a device, not a file".to_owned());
        }
        // The path behind a link that a person named.
        let path = if todo.depth == 0 {
            std::fs::canonicalize(&todo.path).unwrap_or_else(|_| todo.path.clone())
        } else {
            todo.path.clone()
        };
        match kind(&path, todo.named) {
            Ok(Kind::Mbox) => match open_mbox(&path) {
                Ok(mbox) => Step::Mbox(Box::new(mbox)),
                Err(error) => refused(format!("cannot be read: {error}")),
            },
            Ok(Kind::Message) => Step::File(path, Channel::Email),
            Ok(Kind::Letter) => Step::File(path, Channel::Letter),
            Ok(Kind::Unknown) => refused(
                "is neither a message (.eml, .msg, .mbox) nor a letter (.pdf .tif .jpg .png)".to_owned(),
            ),
            Err(error) => refused(format!("cannot be read: {error}")),
        }
    }

    /// Puts the entries of a folder first in line, by name; of a Maildir only `cur` and `new`.
    fn enter(&mut self, todo: &Todo) -> Result<(), String> {
        if todo.depth >= DEPTH_MAX {
            return Err(format!("lies deeper than {DEPTH_MAX} folders"));
        }
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&todo.path).map_err(|error| format!("cannot be read: {error}"))? {
            names.push(entry.map_err(|error| format!("cannot be read: {error}"))?.file_name());
        }
        names.sort();
        let has = |name: &str| names.iter().any(|one| one == name);
        let is_maildir = has("cur") && has("new") && has("tmp");
        let in_maildir = is_maildir_part(&todo.path);
        for name in names.iter().rev() {
            let hidden = name.as_encoded_bytes().starts_with(b".");
            // Maildir++ folders begin with a point; the other files of a Maildir are the server's own.
            let path = todo.path.join(name);
            let take = if is_maildir {
                name == "cur" || name == "new" || (hidden && path.join("cur").is_dir())
            } else {
                !hidden
            };
            if take {
                self.todo.push(Todo { path, depth: todo.depth + 1, named: in_maildir });
            }
        }
        Ok(())
    }

    fn read(&self, path: &Path, channel: Channel) -> Result<Arrival, NotTaken> {
        let refused = |reason: String| NotTaken { path: path.to_owned(), reason };
        match file::read_whole(path, PIECE_BYTES_MAX) {
            Ok(ReadFile::Whole(bytes, _)) if bytes.is_empty() => Err(refused("is empty".to_owned())),
            Ok(ReadFile::Whole(bytes, stamp)) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                Ok(self.arrival(channel, name.clone(), name, bytes, stamp))
            }
            Ok(ReadFile::TooLarge(bytes)) => Err(refused(format!(
                "is too large: {}, the most is {}",
                size_in_english(bytes),
                size_in_english(PIECE_BYTES_MAX)
            ))),
            Ok(ReadFile::Changed) => Err(refused("changed while it was read; try again".to_owned())),
            Ok(ReadFile::Gone) => Err(refused("is no longer there".to_owned())),
            Err(error) => Err(refused(format!("cannot be read: {error}"))),
        }
    }

    fn arrival(&self, channel: Channel, name: String, file: String, bytes: Vec<u8>, stamp: Stamp) -> Arrival {
        let own = match channel {
            Channel::Email => received_of_message(&bytes),
            Channel::Letter => None,
        };
        let received_at = self.options.received.and_then(noon).or(own).unwrap_or_else(|| stamp.time());
        Arrival {
            channel,
            name,
            bytes,
            received_at,
            origin: Origin::Import { file },
            acknowledge: self.options.acknowledge,
        }
    }

    /// The next message of the mailbox file in hand; closes the file at its end.
    fn next_of_mbox(&mut self) -> Option<Result<Arrival, NotTaken>> {
        let mbox = self.mbox.as_mut()?;
        mbox.serial += 1;
        let refused = |mbox: &OpenMbox, reason: String| NotTaken {
            path: mbox.path.clone(),
            reason: format!("message {}: {reason}", mbox.serial),
        };
        match mbox.messages.next_message() {
            Ok(Some(Found::Message(bytes))) if bytes.is_empty() => {
                Some(Err(refused(mbox, "is empty".to_owned())))
            }
            Ok(Some(Found::Message(bytes))) => {
                let name = mbox.path.file_name().unwrap_or_default().to_string_lossy();
                let origin = format!("{name} {}", mbox.serial);
                let stamp = mbox.stamp;
                Some(Ok(self.arrival(Channel::Email, "message.eml".to_owned(), origin, bytes, stamp)))
            }
            Ok(Some(Found::TooLarge(bytes))) => Some(Err(refused(
                mbox,
                format!(
                    "is too large: {}, the most is {}",
                    size_in_english(bytes),
                    size_in_english(PIECE_BYTES_MAX)
                ),
            ))),
            Ok(None) => {
                self.mbox = None;
                None
            }
            Err(error) => {
                let fault = refused(mbox, format!("cannot be read: {error}"));
                self.mbox = None;
                Some(Err(fault))
            }
        }
    }
}

enum Step {
    Nothing,
    Refused(NotTaken),
    File(PathBuf, Channel),
    Mbox(Box<OpenMbox>),
}

impl Iterator for Import {
    type Item = Result<Arrival, NotTaken>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.next_of_mbox() {
                return Some(found);
            }
            let todo = self.todo.pop()?;
            match self.open(&todo) {
                Step::Nothing => {}
                Step::Refused(fault) => return Some(Err(fault)),
                Step::File(path, channel) => return Some(self.read(&path, channel)),
                Step::Mbox(mbox) => self.mbox = Some(*mbox),
            }
        }
    }
}

fn is_maildir_part(dir: &Path) -> bool {
    let is = |name: &str| dir.file_name().is_some_and(|own| own == name);
    (is("cur") || is("new")) && dir.parent().is_some_and(|parent| parent.join("tmp").is_dir())
}

fn open_mbox(path: &Path) -> std::io::Result<OpenMbox> {
    let file = file::open_regular(path)?;
    let stamp = Stamp::of(&file.metadata()?);
    let messages = Mbox::new(BufReader::new(file), PIECE_BYTES_MAX);
    Ok(OpenMbox { path: path.to_owned(), stamp, serial: 0, messages })
}

/// By its name, else, when a person named it, by its first bytes.
fn kind(path: &Path, named: bool) -> std::io::Result<Kind> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    match ending.as_str() {
        "eml" | "msg" => return Ok(Kind::Message),
        "mbox" => return Ok(Kind::Mbox),
        _ if is_letter(&name) => return Ok(Kind::Letter),
        _ if !named => return Ok(Kind::Unknown),
        _ => {}
    }
    let mut start = Vec::new();
    file::open_regular(path)?.take(4096).read_to_end(&mut start)?;
    const LETTERS: [&[u8]; 5] = [b"%PDF-", b"II*\0", b"MM\0*", b"\xff\xd8\xff", b"\x89PNG"];
    Ok(if start.starts_with(b"From ") {
        Kind::Mbox
    } else if LETTERS.iter().any(|magic| start.starts_with(magic)) {
        Kind::Letter
    } else if looks_like_message(&start) {
        Kind::Message
    } else {
        Kind::Unknown
    })
}

/// Noon of a day in the office's time zone: well inside the day whatever the summer time.
fn noon(date: Date) -> Option<Timestamp> {
    date.at(12, 0, 0, 0).in_tz(OFFICE_TIME_ZONE).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const MESSAGE: &str = "From: a@example.nl\nDate: Sat, 28 Feb 2026 10:00:00 +0100\n\nTekst\n";

    fn options() -> ImportOptions {
        ImportOptions { received: None, acknowledge: true }
    }

    fn backlog() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for sub in ["a/b", "box/cur", "box/new", "box/tmp"] {
            fs::create_dir_all(at(sub)).unwrap();
        }
        fs::write(at("a/1.eml"), MESSAGE).unwrap();
        fs::write(at("a/b/2.pdf"), "%PDF-1.7").unwrap();
        fs::write(at("a/b/1.msg"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1").unwrap();
        fs::write(at("a/b/3.xlsx"), "PK").unwrap();
        fs::write(at("a/b/4.tif"), "").unwrap();
        fs::write(at("a/.hidden"), "x").unwrap();
        let from = "From x Mon Mar  2 09:00:00 2026\n";
        fs::write(at("a/c.mbox"), format!("{from}{MESSAGE}\n{from}{MESSAGE}")).unwrap();
        fs::write(at("box/cur/1.x:2,S"), MESSAGE).unwrap();
        fs::write(at("box/new/2.x"), MESSAGE).unwrap();
        fs::write(at("box/tmp/3.x"), MESSAGE).unwrap();
        fs::write(at("box/dovecot-uidlist"), "3").unwrap();
        dir
    }

    #[test]
    fn folders_are_walked_in_order_and_what_is_refused_is_named() {
        let dir = backlog();
        let paths = [dir.path().to_owned()];
        let (taken, refused): (Vec<_>, Vec<_>) = Import::new(&paths, options()).partition(Result::is_ok);
        let origins: Vec<_> = taken.into_iter().map(|one| one.unwrap().origin).collect();
        let file = |name: &str| Origin::Import { file: name.to_owned() };
        assert_eq!(
            origins,
            [
                file("1.eml"),
                file("1.msg"),
                file("2.pdf"),
                file("c.mbox 1"),
                file("c.mbox 2"),
                file("1.x:2,S"),
                file("2.x")
            ]
        );
        let refused: Vec<_> = refused.into_iter().map(|one| one.unwrap_err().to_string()).collect();
        assert_eq!(refused.len(), 2);
        assert!(refused[0].contains("3.xlsx: is neither"), "{refused:?}");
        assert!(refused[1].contains("4.tif: is empty"), "{refused:?}");
        assert_eq!(Import::count(&paths), 9);
    }

    #[test]
    fn a_piece_tells_when_it_came_unless_a_person_does() {
        let dir = backlog();
        let paths = [dir.path().join("a/1.eml")];
        let first = |options| Import::new(&paths, options).next().unwrap().unwrap();
        assert_eq!(first(options()).received_at.to_string(), "2026-02-28T09:00:00Z");
        let received = Some(jiff::civil::date(2026, 7, 1));
        let arrival = first(ImportOptions { received, acknowledge: false });
        assert_eq!(arrival.received_at.to_string(), "2026-07-01T10:00:00Z");
        assert!(!arrival.acknowledge);
    }

    #[test]
    fn a_named_file_is_told_by_its_content() {
        let dir = backlog();
        let check = |content: &[u8], expected: Option<Channel>| {
            let path = dir.path().join("zonder-naam");
            fs::write(&path, content).unwrap();
            let found = Import::new(&[path], options()).next().unwrap();
            assert_eq!(found.ok().map(|arrival| arrival.channel), expected);
        };
        check(MESSAGE.as_bytes(), Some(Channel::Email));
        check(b"%PDF-1.4", Some(Channel::Letter));
        check(b"Geachte heer", None);
        let link = dir.path().join("link.eml");
        std::os::unix::fs::symlink(dir.path().join("a/1.eml"), &link).unwrap();
        assert!(Import::new(&[link], options()).next().unwrap().is_ok(), "a person named it");
        let absent = Import::new(&[dir.path().join("weg.eml")], options()).next().unwrap();
        assert!(absent.unwrap_err().to_string().contains("weg.eml: cannot be read"));
    }
}
