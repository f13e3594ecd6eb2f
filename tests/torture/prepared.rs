//! What a round needs before its fault: a journal at the end of a segment, a stack of letters.

use crate::daemon::BODE;
use crate::story::segments;
use crate::traffic::{Becomes, Sent, letter};
use sha2::{Digest as _, Sha256};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// Of the program: `limits::SEGMENT_BYTES_MAX`.
const SEGMENT_BYTES_MAX: usize = bode::limits::SEGMENT_BYTES_MAX as usize;

/// Characters of the account in a long entry: a line of a journal may have 64 KiB.
const LONG: usize = 60_000;

/// Writes entries that change no case to the end of the journal, until its last segment is full but for `room` octets.
pub fn fill_segment(store: &Path, room: usize) {
    let path = segments(store).pop().unwrap();
    let text = std::fs::read(&path).unwrap();
    let first: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let last = text.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
    let mut head = match last {
        Some(line) => String::from_utf8(line[..64].to_vec()).unwrap(),
        // The first of all; the house of a round has lines in a later one.
        None => "0".repeat(64),
    };
    let mut seq = first + text.iter().filter(|byte| **byte == b'\n').count() as u64;
    let mut size = text.len();
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    while size + room < SEGMENT_BYTES_MAX {
        let by = "p".repeat(LONG.min(SEGMENT_BYTES_MAX - room - size));
        let json = format!(
            "{{\"v\":1,\"seq\":{seq},\"at\":\"2026-03-02T09:00:00Z\",\"by\":\"{by}\",\
             \"what\":{{\"event\":\"exported\",\"cases\":0,\"person\":false}}}}"
        );
        let digest = Sha256::new().chain_update(&head).chain_update(&json).finalize();
        head = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let line = format!("{head} {json}\n");
        file.write_all(line.as_bytes()).unwrap();
        (seq, size) = (seq + 1, size + line.len());
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
