//! The write path, call by call: each name that the fault library gives (what is written, and how), and how often it
//! comes in a round of a few pieces. A round takes its point from here by its seed; a name that comes and does not stand
//! here is told at the end.

/// Name and the occurrences that are struck: the first, up to so many.
pub const POINTS: &[(&str, u32)] = &[
    ("control.sock: bind", 1),
    ("control.sock: chmod", 1),
    ("control.sock: unlink", 1),
    ("envelope.key.tmp: create", 1),
    ("envelope.key.tmp: fsync", 1),
    ("envelope.key.tmp: write", 1),
    ("envelope.key: rename", 1),
    ("founded.tmp: create", 1),
    ("founded.tmp: fsync", 1),
    ("founded.tmp: write", 1),
    ("founded: rename", 1),
    ("index/blobs: mkdir", 2),
    ("index/blobs: rmdir", 1),
    ("index/conf: create", 2),
    ("index/conf: unlink", 1),
    ("index/conf: write", 2),
    ("index/db: create", 2),
    ("index/db: fsync", 3),
    ("index/db: unlink", 1),
    ("index/db: write", 8),
    ("index/snap.#.generating: create", 1),
    ("index/snap.#.generating: fsync", 1),
    ("index/snap.#.generating: write", 2),
    ("index/snap.#: rename", 1),
    ("index/snap.#: unlink", 1),
    ("index: mkdir", 2),
    ("index: rmdir", 1),
    ("journal: create", 1),
    ("journal/durable: create", 1),
    ("journal/durable: fsync", 1),
    ("journal/durable: write", 4),
    ("journal: fdatasync", 2),
    ("journal: fsync", 2),
    ("journal: mkdir", 1),
    ("journal: write", 6),
    ("lock: create", 1),
    ("lock: truncate", 1),
    ("lock: write", 2),
    ("new/original.eml: create", 2),
    ("new/original.eml: write", 2),
    ("new/original.pdf: create", 1),
    ("new/original.pdf: write", 1),
    ("new/record.json: create", 2),
    ("new/record.json: write", 2),
    ("new/original.eml: unlink", 1),
    ("new: mkdir", 2),
    ("new: rmdir", 1),
    ("originals/#: mkdir", 1),
    ("originals/new: mkdir", 1),
    ("originals: fsync", 1),
    ("originals: syncfs", 1),
    ("originals: mkdir", 1),
    ("post/cur: rename", 2),
    ("print/#-#-#/#-#-#.pdf: rename", 1),
    ("print/#-#-#/.#-#-#.pdf.new: create", 1),
    ("print/#-#-#/.#-#-#.pdf.new: fsync", 1),
    ("print/#-#-#/.#-#-#.pdf.new: write", 1),
    ("print/#-#-#: fsync", 1),
    ("print/#-#-#: mkdir", 1),
    ("print: mkdir", 1),
    ("record/.answer.eml.tmp: create", 1),
    ("record/.answer.eml.tmp: write", 1),
    ("record/.answer.pdf.tmp: create", 1),
    ("record/.answer.pdf.tmp: write", 1),
    ("record/.card.json.tmp: create", 2),
    ("record/.card.json.tmp: write", 2),
    ("record/.extract.json.tmp: create", 2),
    ("record/.extract.json.tmp: write", 2),
    ("record/.judgement.json.tmp: create", 2),
    ("record/.judgement.json.tmp: write", 2),
    ("record/answer.eml: rename", 1),
    ("record/answer.pdf: rename", 1),
    ("record/card.json: rename", 2),
    ("record/extract.json: rename", 2),
    ("record/judgement.json: rename", 2),
    ("record: rename", 2),
    ("rules.new/file: create", 10),
    ("rules.new/file: write", 10),
    ("rules.new: mkdir", 2),
    ("rules/#: rename", 1),
    ("rules: mkdir", 1),
    ("rules: syncfs", 1),
    ("scans/done: rename", 1),
    ("scans: mkdir", 1),
    ("sealed.tmp: create", 1),
    ("sealed.tmp: fsync", 1),
    ("sealed.tmp: write", 1),
    ("sealed: rename", 1),
    ("store: fsync", 1),
    ("store: mkdir", 1),
    ("store: syncfs", 4),
];

/// Around the change to another segment of the journal. A store that has had one writes on in `journal.next`.
pub const SEGMENT_POINTS: &[(&str, u32)] = &[
    ("journal.next: create", 1),
    ("journal.next: fdatasync", 1),
    ("journal.next: fsync", 1),
    ("journal.next: write", 3),
    ("journal: fdatasync", 1),
    ("journal: fsync", 3),
];

/// While a stack is divided: its own registration is the first of most of these.
pub const RUN_POINTS: &[(&str, u32)] = &[
    ("journal: write", 4),
    ("new/original.pdf: create", 3),
    ("new/original.pdf: write", 3),
    ("new/record.json: create", 3),
    ("new/record.json: write", 3),
    ("new: mkdir", 3),
    ("record/.card.json.tmp: create", 2),
    ("record/.card.json.tmp: write", 2),
    ("record/card.json: rename", 2),
    ("record: rename", 3),
    ("store: syncfs", 4),
];

/// Has a name a place in one of the lists?
pub fn is_named(name: &str) -> bool {
    [POINTS, READS, SEGMENT_POINTS, RUN_POINTS]
        .iter()
        .any(|list| list.iter().any(|(point, _)| *point == name))
}

/// What is read on the way.
pub const READS: &[(&str, u32)] = &[
    ("envelope.key: read", 1),
    ("founded: read", 1),
    ("index/conf: read", 1),
    ("index/db: read", 4),
    ("index/snap.#: read", 1),
    ("journal/durable: read", 1),
    ("journal: read", 2),
    ("new/original.eml: read", 1),
    ("post/new: read", 2),
    ("record/card.json: read", 1),
    ("record/answer.eml: read", 1),
    ("record/answer.pdf: read", 1),
    ("record/extract.json: read", 2),
    ("record/original.eml: read", 2),
    ("record/original.pdf: read", 1),
    ("record/record.json: read", 2),
    ("scans: read", 1),
    ("sealed: read", 1),
];

/// Does this call come only in the first round of a store (or, for the index, after its folder was removed)?
pub fn is_of_a_new_store(name: &str) -> bool {
    const FIRST: [&str; 14] = [
        "envelope.key.tmp",
        "envelope.key: rename",
        "founded.tmp",
        "founded: rename",
        "journal/durable: create",
        "journal: create",
        "journal: mkdir",
        "lock: create",
        "originals",
        "print",
        "rules",
        "scans: mkdir",
        "sealed",
        "store: mkdir",
    ];
    let later = name.contains(".pdf") || name.ends_with("#-#-#: fsync") || name == "sealed: read";
    (FIRST.iter().any(|first| name.starts_with(first)) && !later) || is_of_a_new_index(name)
}

pub fn is_of_a_new_index(name: &str) -> bool {
    const INDEX: [&str; 8] = [
        "index/blobs",
        "index/conf: create",
        "index/conf: unlink",
        "index/conf: write",
        "index/db: create",
        "index/db: unlink",
        "index: mkdir",
        "index: rmdir",
    ];
    INDEX.iter().any(|first| name.starts_with(first))
}
