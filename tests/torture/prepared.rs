//! What a round needs before its fault: a journal at the end of a segment, a stack of letters.

use crate::daemon::BODE;
use crate::journal::Tail;
use crate::traffic::{Becomes, Sent, letter};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// Of the program: `limits::SEGMENT_BYTES_MAX`.
const SEGMENT_BYTES_MAX: usize = bode::limits::SEGMENT_BYTES_MAX as usize;

/// Characters of the account in a long entry: a line of a journal may have 64 KiB.
const LONG: usize = 60_000;

/// Writes entries that change no case to the end of the journal, until its last segment is full but for `room` octets.
pub fn fill_segment(store: &Path, room: usize) {
    let mut tail = Tail::of(store);
    while tail.size + room < SEGMENT_BYTES_MAX {
        tail.append(LONG.min(SEGMENT_BYTES_MAX - room - tail.size));
    }
}

/// Letters in a stack.
const LETTERS: usize = 2;

/// Two letters, each behind a separator sheet of ours, in one PDF, as a copier lays a stack.
pub fn stack(mark: &str) -> Sent {
    static SHEETS: OnceLock<Vec<u8>> = OnceLock::new();
    let sheets = SHEETS.get_or_init(|| {
        let count = LETTERS.to_string();
        Command::new(BODE).args(["sheets", "--count", &count]).output().unwrap().stdout
    });
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("sheets.pdf"), sheets).unwrap();
    let mut command = Command::new("qpdf");
    command.current_dir(dir.path()).args(["--empty", "--pages"]);
    for number in 0..LETTERS {
        let name = format!("{number}.pdf");
        std::fs::write(path(&name), letter(&format!("{mark}-{number}")).bytes).unwrap();
        // Front and back of a sheet, then the letter.
        let sheet = format!("{}-{}", 2 * number + 1, 2 * number + 2);
        command.args(["sheets.pdf", &sheet, &name, "1"]);
    }
    let output = command.args(["--", "stack.pdf"]).output().unwrap();
    assert!(output.status.success(), "qpdf: {}", String::from_utf8_lossy(&output.stderr));
    let bytes = std::fs::read(path("stack.pdf")).unwrap();
    Sent { bytes, becomes: Becomes::Run(LETTERS), paper: true, name: format!("stapel-{mark}.pdf") }
}
