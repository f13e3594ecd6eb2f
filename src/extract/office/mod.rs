//! Office files: ECMA-376 (docx, xlsx, pptx), ISO/IEC 26300 (odt, ods, odp), RTF, Word and Excel 97, and
//! archives.
//!
//! Invariant: nothing grows past its bound when it is unpacked, whatever its header declares; what was left
//! out because it cannot be read is told.

mod archive;
mod cells;
mod docx;
mod far_cells;
mod format;
pub(super) mod ole;
mod opendocument;
mod package;
mod page;
pub(super) mod rtf;
mod rtf_tokens;
mod rtf_words;
mod signs;
mod word97;
pub(super) mod xml;

pub(super) use format::{Format, of_ole, of_xml, of_zip};

use super::paper::picture;
use super::reading::{Content, Held, Reading, called, tidy};
use super::sniff;
use crate::record::{Method, Problem};
use package::Unopened;

/// Reads an office file or an archive, then the files within it.
pub(super) fn read(
    reading: &mut Reading<'_>,
    name: Option<&str>,
    format: Format,
    bytes: &[u8],
    depth: usize,
) {
    if format == Format::Zip {
        return archive::read(reading, name, bytes, depth);
    }
    let budget = reading.budget.clone();
    let open = || match format {
        Format::Rtf => rtf::read(name, bytes),
        Format::Docx => docx::read(name, bytes, &budget),
        Format::Pptx => docx::read_slides(name, bytes, &budget),
        Format::WordXml => docx::read_flat(name, bytes),
        Format::Odt | Format::Ods | Format::Odp | Format::Odg => {
            opendocument::read(name, format, bytes, &budget)
        }
        Format::FlatOdt => opendocument::read_flat(name, bytes),
        Format::Xlsx | Format::Xlsb => cells::read_package(name, format, bytes, &budget),
        Format::Xls => cells::read_ole(name, bytes),
        Format::SheetXml => cells::read_flat(name, bytes),
        Format::Doc => word97::read(name, bytes),
        Format::Ppt => ole::read_slides(name, bytes),
        Format::Object => ole::read_object(name, bytes),
        Format::Locked => Found::locked(name),
        Format::Ole | Format::Zip => ole::unknown(name),
    };
    let found = reading.container(name, format.media_type(), open, |_, found| found.content.clone());
    for (inner, bytes) in found.map(|found| found.held).unwrap_or_default() {
        if !picture::is_decoration(sniff::kind(&bytes), &bytes) {
            let within = format!("{} › {inner}", name.unwrap_or("document"));
            sniff::read_file(reading, Some(&within), &bytes, depth + 1);
        }
    }
}

/// What an office file yields: its own text, and files within it.
struct Found {
    content: Content,
    held: Vec<Held>,
    /// Pictures in a form that is not read: Windows metafiles.
    drawings: usize,
    /// A part of it broke off.
    damaged: bool,
}

impl Found {
    fn text(text: String, damaged: bool) -> Self {
        Self { content: Content::of(Method::Office, text), held: Vec::new(), drawings: 0, damaged }
    }

    fn unread(problem: Problem, explanation: String) -> Self {
        Self { content: Content::unread(problem, explanation), held: Vec::new(), drawings: 0, damaged: false }
    }

    /// With what staff must know about it; `what` is what they call such a file.
    fn of(name: Option<&str>, what: &str, found: Result<Found, Unopened>) -> Self {
        let mut found = match found {
            Ok(found) => found,
            Err(Unopened::Damaged) => {
                let told = format!("{} is een beschadigd {what}.", called(name));
                return Self::unread(Problem::Damaged, told);
            }
            Err(Unopened::TooLarge) => {
                let told = format!("{} is uitgepakt te groot en is niet gelezen.", called(name));
                return Self::unread(Problem::TooLarge, told);
            }
        };
        let content = &mut found.content;
        if content.problem.is_some() {
            return found;
        }
        if content.text.is_empty() {
            if found.damaged {
                let told = format!("{} is een beschadigd {what}.", called(name));
                let held = found.held;
                return Self { held, ..Self::unread(Problem::Damaged, told) };
            }
            content.problem = Some(Problem::Empty);
            if found.held.is_empty() {
                content.notes.push((Problem::Empty, format!("{} bevat geen tekst.", called(name))));
            }
        } else if found.damaged {
            content.problem = Some(Problem::Damaged);
            content.notes.push((
                Problem::Damaged,
                format!("{} is beschadigd: niet alles kon worden gelezen.", called(name)),
            ));
        }
        if found.drawings > 0 {
            content.notes.push((
                Problem::Unsupported,
                format!(
                    "{} bevat een tekening (WMF of EMF) die niet is gelezen: bekijk het origineel.",
                    called(name)
                ),
            ));
        }
        found
    }

    fn locked(name: Option<&str>) -> Self {
        Self::unread(
            Problem::Encrypted,
            format!(
                "{} is beveiligd met een wachtwoord; vraag om een versie zonder wachtwoord.",
                called(name)
            ),
        )
    }
}

/// The last part of a member's name.
fn named(member: &str) -> String {
    member.rsplit('/').next().unwrap_or(member).to_owned()
}

/// A drawing for Windows (WMF or EMF), which is not read.
fn is_metafile(bytes: &[u8]) -> bool {
    bytes.get(40..44) == Some(b" EMF")
        || bytes.starts_with(b"\xd7\xcd\xc6\x9a")
        || bytes.starts_with(b"\x01\0\x09\0\0\x03")
}

/// The tidy text of a sheet or slide under its name; nothing when it is empty.
fn under_name(name: &str, text: &str) -> Option<String> {
    let text = tidy(text);
    (!text.is_empty()).then(|| if name.is_empty() { text.clone() } else { format!("{name}\n{text}") })
}
