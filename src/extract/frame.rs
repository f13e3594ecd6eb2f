//! What goes over the pipe between daemon and worker: frames of a JSON head and raw bytes.
//!
//! A frame is two big-endian u32 (length of the head, length of the body), the head, the body. Invariant:
//! neither side reserves memory for a length before it has been held against a bound; the daemon trusts
//! nothing that a worker sends.

use super::fence::FenceReport;
use crate::record::{Channel, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::{self, Read, Write};

/// Bytes of the JSON head of a frame: names and numbers only.
pub(super) const HEAD_BYTES_MAX: usize = 1024 * 1024;

/// Daemon → worker: what to do with a piece. The body is the piece itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ask {
    pub name: String,
    pub channel: Option<Channel>,
    pub languages: String,
    pub task: Task,
}

/// What is asked of a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Task {
    /// Its documents with their text.
    Read {
        words: bool,
        /// Have each document looked at by the virus scanner.
        check: bool,
        behind: Behind,
        /// Other workers may be free: they can help with long scans.
        shared: bool,
    },
    /// Pages of a document that another worker reads, from `first` on as they are asked for. The body is the document.
    Pages { words: bool, first: u32 },
    /// The bytes of this attachment.
    Attachment(Wanted),
    /// Pages of this document (its index among the documents of the piece), given back to people.
    Leaves { document: usize, wish: Leaves },
    /// The HTML of the message as a [`Formatted`](crate::record::Formatted), when it has any.
    Formatted,
    /// A look for separator sheets: a [`Looked`](super::Looked) as JSON, then the letters of the run. With `first`
    /// the piece is two files, the first of so many bytes: the fronts and the backs of a one-sided run.
    Divide { first: Option<usize>, values: Vec<String> },
}

/// What earlier workers did to the documents of this piece: a next one goes on behind it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Behind {
    /// Passed over; what they hold is found again and read.
    pub finished: BTreeSet<usize>,
    /// They cost a worker its life before it knew what they hold: not touched again.
    pub lost: BTreeSet<usize>,
    /// A document that was half read, and the last of its pages that was dealt with.
    pub half: Option<(usize, u32)>,
}

/// In what form pages are wanted.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Leaves {
    /// One page as a JPEG, turned by quarter turns clockwise.
    Picture { page: u32, turns: u32 },
    /// All as a searchable PDF. What was read of the document stands before the piece, as JSON of so many bytes.
    Searchable { read_bytes: usize },
}

/// One attachment of a message: the `nth` (from 0) of those with this name, in the order of the documents.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Wanted {
    pub name: String,
    pub nth: usize,
}

/// Worker → daemon. `Finished` and `Done` carry their data as JSON in the body.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(super) enum Tell {
    /// Once, after the fence stands.
    Ready { fence: FenceReport },
    /// The body is the header of the message as a [`Message`](crate::record::Message).
    Header,
    /// From here on the document `index` is to blame.
    Begins { index: usize, name: Option<String>, media_type: String },
    /// What the document holds besides its own text is known: opening it is not what costs a worker its life.
    Opened { index: usize },
    /// A page is about to be recognised: it brings its own time.
    Page,
    /// The body is part of a piece in which something harmful is suspected. The daemon answers with one frame, a
    /// [`Verdict`](super::clamd::Verdict).
    Check,
    /// The pages after this one could be read by others, of so many; the body is the document's bytes.
    Share { page: u32, of: u32 },
    /// Has another worker read this page? The daemon answers with a [`Helped`].
    Next { page: u32 },
    /// Which page is to be read for another worker? The daemon answers with a [`Helped`].
    Take,
    /// The document's pages up to this one (0: none yet) are dealt with, of so many; the body is the [`Leaf`] of
    /// this page, or empty. Documents of one page do without.
    PageDone { page: u32, of: u32 },
    /// The body is a [`Finished`].
    Finished { index: usize },
    /// The body is what was asked for, or the next of several.
    Given,
    /// The piece is read; the body is a [`Done`].
    Done,
    /// The machine's fault: the OCR engine does not start, for example.
    Fault { explanation: String },
}

/// What staff must know about the piece as a whole.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Done {
    pub notes: Vec<(Problem, String)>,
}

/// One document with what staff must know about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Finished {
    pub document: crate::record::Document,
    pub notes: Vec<(Problem, String)>,
}

/// Daemon → worker: the page that is to be read next. 0: none; with a body, the page is read and the body is its [`Leaf`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Helped {
    pub page: u32,
}

/// What came of one page, in case the worker does not live to finish the document.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Leaf {
    pub text: String,
    pub recognised: bool,
    /// Why the page was not read.
    pub failed: Option<Problem>,
    pub confidence: Option<f32>,
    pub words: Vec<crate::record::Word>,
    pub page_sizes: Vec<crate::record::PageSize>,
}

/// The bytes of a frame up to its body.
pub(super) fn opening<T: Serialize>(head: &T, body_len: usize) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(head).map_err(io::Error::other)?;
    let too_long = |_| io::Error::other("a frame is longer than its length field");
    let mut bytes = Vec::with_capacity(8 + json.len());
    bytes.extend_from_slice(&u32::try_from(json.len()).map_err(too_long)?.to_be_bytes());
    bytes.extend_from_slice(&u32::try_from(body_len).map_err(too_long)?.to_be_bytes());
    bytes.extend_from_slice(&json);
    Ok(bytes)
}

/// The two lengths at the start of a frame, held against the bounds.
pub(super) fn lengths(start: [u8; 8], body_bytes_max: u64) -> io::Result<(usize, usize)> {
    let [a, b, c, d, e, f, g, h] = start;
    let (head, body) = (u32::from_be_bytes([a, b, c, d]) as usize, u32::from_be_bytes([e, f, g, h]) as usize);
    if head > HEAD_BYTES_MAX || body as u64 > body_bytes_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is longer than its bound"));
    }
    Ok((head, body))
}

/// The worker's side: writes one frame.
pub(super) fn write<T: Serialize>(out: &mut impl Write, head: &T, body: &[u8]) -> io::Result<()> {
    out.write_all(&opening(head, body.len())?)?;
    out.write_all(body)?;
    out.flush()
}

/// The worker's side: reads one frame; `None` at the end of the pipe.
pub(super) fn read<T: for<'a> Deserialize<'a>>(
    input: &mut impl Read,
    body_bytes_max: u64,
) -> io::Result<Option<(T, Vec<u8>)>> {
    let mut start = [0; 8];
    match input.read_exact(&mut start) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let (head_len, body_len) = lengths(start, body_bytes_max)?;
    let mut head = vec![0; head_len];
    input.read_exact(&mut head)?;
    let mut body = vec![0; body_len];
    input.read_exact(&mut body)?;
    Ok(Some((serde_json::from_slice(&head).map_err(io::Error::other)?, body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_as_it_went() {
        let mut pipe = Vec::new();
        write(&mut pipe, &Tell::Finished { index: 3 }, b"body").unwrap();
        write(&mut pipe, &Tell::Page, b"").unwrap();
        let mut pipe = pipe.as_slice();
        let (head, body) = read::<Tell>(&mut pipe, 10).unwrap().unwrap();
        assert!(matches!(head, Tell::Finished { index: 3 }));
        assert_eq!(body, b"body");
        assert!(matches!(read::<Tell>(&mut pipe, 10).unwrap(), Some((Tell::Page, _))));
        assert!(read::<Tell>(&mut pipe, 10).unwrap().is_none());
    }

    #[test]
    fn a_frame_past_its_bound_is_refused_before_memory_is_taken() {
        let mut pipe = Vec::new();
        write(&mut pipe, &Tell::Page, &[0; 11]).unwrap();
        assert!(read::<Tell>(&mut pipe.as_slice(), 10).is_err());
        let lie = [0xff; 64];
        assert!(read::<Tell>(&mut lie.as_slice(), u64::MAX).is_err());
    }
}
