//! Messages read as a worker reads them, in this process: for the count of instructions (`tests/instructions.py`, with callgrind: every
//! message of the samples without pictures) and for `benches/inner.rs`; no part of the program.

use super::frame::Tell;
use super::paper::ocr::Engine;
use super::reading::{Outlet, Reading};
use super::sniff;
use std::io;

/// Counts the documents and drops them.
struct Documents(usize);

impl Outlet for Documents {
    fn tell(&mut self, tell: &Tell, _body: &[u8]) -> io::Result<()> {
        self.0 += usize::from(matches!(tell, Tell::Begins { .. }));
        Ok(())
    }
}

/// Reads messages, and tells how many documents stand in them. Its name is known to `tests/instructions.py`, and no other function may
/// hold it.
#[inline(never)]
pub fn counted_mime(messages: &[Vec<u8>]) -> usize {
    let mut documents = 0;
    for message in messages {
        let (mut told, mut engine) = (Documents(0), Engine::new(None));
        let mut reading = Reading::new(&mut told, &mut engine, Default::default(), false);
        sniff::read_file(&mut reading, Some("bericht.eml"), message, 0);
        drop(reading);
        documents += told.0;
    }
    documents
}

#[cfg(test)]
#[test]
fn messages_are_read() {
    let mut paths: Vec<_> =
        std::fs::read_dir("tests/samples/mail").unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let messages: Vec<Vec<u8>> = paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .filter(|bytes| !bytes.windows(6).any(|six| six == b"image/"))
        .collect();
    let documents = counted_mime(&messages);
    assert!(messages.len() >= 10 && documents >= messages.len(), "{documents} of {}", messages.len());
}
