//! Zip archives (APPNOTE 6.3): each member as a document of its own, in the order of the directory.
//!
//! Invariant: bounded in depth (`NESTING_MAX`), in members, and in the bytes that a piece unpacks in all,
//! whatever the archive declares: bombs within bombs and members that overlap cost no more than that.

use super::package::{Unopened, archive};
use crate::extract::budget::Unpacked;
use crate::extract::reading::{Content, Reading, called, tidy};
use crate::extract::sniff;
use crate::limits::DOCUMENTS_MAX;
use crate::record::{Method, Problem};
use std::io::Cursor;
use zip::ZipArchive;

struct Opened<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    members: Vec<Member>,
    /// Members that are left out because there are too many.
    left_out: usize,
}

struct Member {
    number: usize,
    name: String,
    encrypted: bool,
}

pub(super) fn read(reading: &mut Reading<'_>, name: Option<&str>, bytes: &[u8], depth: usize) {
    let opened =
        reading.container(name, "application/zip", || open(bytes), |_, opened| content(name, opened));
    let Some(Ok(Opened { mut archive, members, .. })) = opened else { return };
    for member in members {
        let within = format!("{} › {}", name.unwrap_or("archief.zip"), member.name);
        let within = Some(within.as_str());
        if member.encrypted {
            reading.document(within, "application/octet-stream", |_| {
                Content::unread(
                    Problem::Encrypted,
                    format!(
                        "{} is beveiligd met een wachtwoord; vraag om een versie zonder wachtwoord.",
                        called(within)
                    ),
                )
            });
            continue;
        }
        let budget = reading.budget.clone();
        let unpacked = match archive.by_index(member.number) {
            Ok(file) => budget.unpack(file),
            Err(_) => Ok(Unpacked::default()),
        };
        match unpacked {
            Ok(Unpacked { bytes, whole: false }) if bytes.is_empty() => {
                reading.document(within, "application/octet-stream", |_| {
                    Content::unread(
                        Problem::Damaged,
                        format!("{} kan niet worden uitgepakt.", called(within)),
                    )
                });
            }
            Ok(Unpacked { bytes, .. }) => sniff::read_file(reading, within, &bytes, depth + 1),
            Err(_) => {
                reading.document(within, "application/octet-stream", |_| {
                    Content::unread(
                        Problem::TooLarge,
                        format!(
                            "{} is uitgepakt te groot; dit en wat erna komt is niet gelezen.",
                            called(within)
                        ),
                    )
                });
                return;
            }
        }
    }
}

fn open(bytes: &[u8]) -> Result<Opened<'_>, Unopened> {
    let mut archive = archive(bytes)?;
    let mut members = Vec::new();
    let mut left_out = 0;
    for number in 0..archive.len() {
        // The raw one can be looked at without its password.
        let Ok(file) = archive.by_index_raw(number) else { continue };
        let name = match file.name() {
            Ok(name) => name.replace('\\', "/"),
            Err(_) => String::from_utf8_lossy(file.name_raw()).into_owned(),
        };
        if file.is_dir() || file.is_symlink() || is_of_system(&name) {
            continue;
        }
        if members.len() < DOCUMENTS_MAX {
            members.push(Member { number, name, encrypted: file.encrypted() });
        } else {
            left_out += 1;
        }
    }
    Ok(Opened { archive, members, left_out })
}

/// What systems put into an archive beside what its maker meant.
fn is_of_system(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    name.starts_with("__MACOSX/")
        || last.starts_with("._")
        || matches!(last.to_ascii_lowercase().as_str(), ".ds_store" | "thumbs.db" | "desktop.ini" | "")
}

/// The archive itself: the names of what it holds, which follows.
fn content(name: Option<&str>, opened: &Result<Opened<'_>, Unopened>) -> Content {
    match opened {
        Ok(opened) if opened.members.is_empty() => {
            Content::unread(Problem::Empty, format!("{} is een leeg zip-bestand.", called(name)))
        }
        Ok(opened) => {
            let names: Vec<&str> = opened.members.iter().map(|member| member.name.as_str()).collect();
            let mut content = Content::of(Method::Office, tidy(&names.join("\n")));
            if opened.left_out > 0 {
                content.problem = Some(Problem::TooLarge);
                content.notes.push((
                    Problem::TooLarge,
                    format!(
                        "{} bevat te veel bestanden: {} ervan zijn niet gelezen.",
                        called(name),
                        opened.left_out
                    ),
                ));
            }
            content
        }
        Err(Unopened::Damaged) => {
            Content::unread(Problem::Damaged, format!("{} is een beschadigd zip-bestand.", called(name)))
        }
        Err(Unopened::TooLarge) => Content::unread(
            Problem::TooLarge,
            format!("{} bevat te veel bestanden en is niet gelezen.", called(name)),
        ),
    }
}
