//! `.msg` files of Outlook (MS-OXMSG): messages kept as MAPI properties in a compound file (MS-CFB).
//!
//! Invariants: what is taken out of the file stays within the budget of the piece, however often the file points at the same
//! bytes; messages within it are opened to the bound of nesting; what is past a bound is named.

use super::mapi::{
    Attachment, DEPTH_MAX, Held, OutlookMessage, PROPERTIES_MAX, Properties, RECIPIENTS_MAX, Value, id,
};
use crate::extract::budget::Budget;
use crate::extract::office::ole::{self, OleFile};
use crate::limits::DOCUMENTS_MAX;
use std::path::{Path, PathBuf};

pub(in crate::extract) const MEDIA_TYPE: &str = "application/vnd.ms-outlook";

/// Entries of one folder of the compound file that are looked at.
const ENTRIES_MAX: usize = 20_000;

/// Folders and streams of a compound file have names in UTF-16; this one every `.msg` file has.
const PROPERTIES_NAME: &str = "__properties_version1.0";

/// Opens a `.msg` file; `None` when it is too damaged for that.
pub(super) fn open(bytes: &[u8], budget: &Budget) -> Option<OutlookMessage> {
    let file = ole::compound(bytes)?;
    let mut opener = Opener { file, budget: budget.clone(), refused: false, attachments: 0 };
    let message = opener.message(Path::new("/"), 32, 0);
    message.properties.has(id::MESSAGE_CLASS).then_some(()).or_else(|| {
        // Some programs leave the class out, but none leaves out everything.
        let told = [id::SUBJECT, id::BODY, id::BODY_HTML, id::RTF_COMPRESSED, id::SENDER_NAME];
        (told.iter().any(|&id| message.properties.has(id)) || !message.attachments.is_empty()).then_some(())
    })?;
    Some(message)
}

struct Opener<'a> {
    file: OleFile<'a>,
    budget: Budget,
    /// Something was left out because the budget is spent.
    refused: bool,
    attachments: usize,
}

impl Opener<'_> {
    /// The message in a folder. `lead`: bytes of its property stream before the first property.
    fn message(&mut self, folder: &Path, lead: usize, depth: usize) -> OutlookMessage {
        let entries = self.entries(folder);
        let mut message = OutlookMessage {
            properties: self.properties(folder, &entries, lead),
            budget: self.budget.clone(),
            ..OutlookMessage::default()
        };
        for (name, is_folder) in &entries {
            if !is_folder {
                continue;
            }
            let path = folder.join(name);
            if name.starts_with("__recip_version1.0_") && message.recipients.len() < RECIPIENTS_MAX {
                let entries = self.entries(&path);
                message.recipients.push(self.properties(&path, &entries, 8));
            } else if name.starts_with("__attach_version1.0_") && self.attachments <= DOCUMENTS_MAX {
                self.attachments += 1;
                let attachment = self.attachment(&path, depth);
                message.attachments.push(attachment);
            }
        }
        message
    }

    fn attachment(&mut self, folder: &Path, depth: usize) -> Attachment {
        const BY_REFERENCE: [u32; 4] = [2, 3, 4, 7];
        let entries = self.entries(folder);
        self.refused = false;
        let mut properties = self.properties(folder, &entries, 8);
        let inside =
            entries.iter().find(|(name, is_folder)| *is_folder && name.starts_with("__substg1.0_3701"));
        let held = if let Some(bytes) = properties.take_bytes(id::ATTACH_DATA) {
            Held::File(bytes)
        } else if let Some((name, _)) = inside {
            let path = folder.join(name);
            if !self.file.exists(path.join(PROPERTIES_NAME)) {
                Held::Object
            } else if depth >= DEPTH_MAX {
                Held::TooMuch
            } else {
                Held::Message(Box::new(self.message(&path, 24, depth + 1)))
            }
        } else if properties.number(id::ATTACH_METHOD).is_some_and(|method| BY_REFERENCE.contains(&method)) {
            Held::Link
        } else if self.refused {
            Held::TooMuch
        } else {
            Held::Nothing
        };
        Attachment { properties, held }
    }

    /// Names of what stands in a folder, in order, and whether each is a folder.
    fn entries(&self, folder: &Path) -> Vec<(String, bool)> {
        let Ok(entries) = self.file.read_storage(folder) else { return Vec::new() };
        let mut entries: Vec<_> =
            entries.take(ENTRIES_MAX).map(|entry| (entry.name().to_owned(), entry.is_storage())).collect();
        entries.sort();
        entries
    }

    fn properties(&mut self, folder: &Path, entries: &[(String, bool)], lead: usize) -> Properties {
        let mut properties = Properties::default();
        let fixed = self.stream(&folder.join(PROPERTIES_NAME)).unwrap_or_default();
        // Each: type, id, flags, and the value where it is short enough (MS-OXMSG section 2.4.2).
        for entry in fixed.get(lead..).unwrap_or_default().chunks_exact(16).take(PROPERTIES_MAX) {
            let (kind, id) =
                (u16::from_le_bytes([entry[0], entry[1]]), u16::from_le_bytes([entry[2], entry[3]]));
            let mut value = [0; 8];
            value.copy_from_slice(&entry[8..]);
            if let Some(value) = Value::of_number(kind, value) {
                properties.keep(id, value);
            }
        }
        for (name, is_folder) in entries {
            let Some(tag) = name.strip_prefix("__substg1.0_").filter(|tag| tag.len() == 8 && !is_folder)
            else {
                continue;
            };
            let Ok(tag) = u32::from_str_radix(tag, 16) else { continue };
            let (id, kind) = ((tag >> 16) as u16, (tag & 0xffff) as u16);
            // Named properties are other programs' own.
            if id < 0x8000
                && let Some(bytes) = self.stream(&folder.join(name))
                && let Some(value) = Value::of_bytes(kind, bytes)
            {
                properties.keep(id, value);
            }
        }
        properties
    }

    /// The bytes of a stream, as far as they can be read; `None` past the bound.
    fn stream(&mut self, path: &PathBuf) -> Option<Vec<u8>> {
        let stream = self.file.open_stream(path).ok()?;
        if stream.len() > self.budget.left() {
            self.refused = true;
            return None;
        }
        let unpacked = self.budget.unpack(stream).ok()?;
        Some(unpacked.bytes)
    }
}
