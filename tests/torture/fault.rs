//! The disk faults: `faults.c`, compiled here and put before the C library of a `bode run`, and the page by which this
//! test tells it what is to fail and sees what did.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What becomes of the chosen call. The numbers stand in `faults.c` too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    None = 0,
    KillBefore = 1,
    KillAfter = 2,
    /// Half of the bytes, then the end.
    Torn = 3,
    FailOnce = 4,
    /// From that call on, until there is relief.
    FailOn = 5,
    /// The end, and what was never synced is gone.
    PowerCut = 6,
}

/// Kinds of calls, for [`Action::FailOn`].
pub const MAKES: u32 = 1;
pub const WRITES: u32 = 2;
pub const NAMES: u32 = 4;
pub const SYNCS: u32 = 8;
pub const OPENS: u32 = 32;

pub const ENOSPC: u32 = 28;
pub const EIO: u32 = 5;
pub const EACCES: u32 = 13;

/// One fault: at the n-th call of this name (or of any name, when it is empty).
#[derive(Clone, Debug)]
pub struct Fault {
    pub action: Action,
    pub point: String,
    pub nth: u32,
    pub error: u32,
    pub kinds: u32,
    /// Reads are counted and may fail.
    pub reads: bool,
    /// Added to the time of day, in seconds.
    pub clock: i64,
}

impl Fault {
    pub fn none() -> Self {
        Self {
            action: Action::None,
            point: String::new(),
            nth: 0,
            error: 0,
            kinds: 0,
            reads: false,
            clock: 0,
        }
    }

    /// Does it end the daemon?
    pub fn kills(&self) -> bool {
        matches!(self.action, Action::KillBefore | Action::KillAfter | Action::Torn | Action::PowerCut)
    }
}

const PAGE_BYTES: usize = 4096;
/// Where the fields of `struct control` lie.
const NTH_AT: u64 = 12;
const RELIEF_AT: u64 = 24;
const SEEN_AT: u64 = 28;
const STRUCK_AT: u64 = 32;
const POINT_AT: usize = 40;
const WHERE_AT: u64 = 240;
const NAME_BYTES: usize = 200;

/// Compiles the library.
///
/// # Panics
/// When there is no C compiler; `make test` installs one.
pub fn library() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("faults-{}-{}.so", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture/faults.c");
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-w", "-o"])
        .args([&path, &source])
        .output()
        .expect("this test needs a C compiler; install it with: apt-get install gcc libc6-dev");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    path
}

/// The page of one daemon.
pub struct Control {
    page: File,
    page_path: PathBuf,
    log_path: PathBuf,
}

impl Control {
    /// In this folder, outside of what is watched.
    pub fn new(dir: &Path) -> Self {
        let page_path = dir.join("control-page");
        let page =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&page_path).unwrap();
        page.set_len(PAGE_BYTES as u64).unwrap();
        Self { page, page_path, log_path: dir.join("calls") }
    }

    /// Sets the fault of the next start, and the command that starts it.
    pub fn arm(
        &self,
        fault: &Fault,
        library: &Path,
        roots: &[(&str, PathBuf)],
        mut command: Command,
    ) -> Command {
        let mut page = [0_u8; PAGE_BYTES];
        page[..8].copy_from_slice(&fault.clock.to_ne_bytes());
        let words =
            [fault.action as u32, fault.nth, fault.error, fault.kinds, 0, 0, 0, u32::from(fault.reads)];
        for (index, word) in words.iter().enumerate() {
            page[8 + 4 * index..12 + 4 * index].copy_from_slice(&word.to_ne_bytes());
        }
        assert!(fault.point.len() < NAME_BYTES);
        page[POINT_AT..POINT_AT + fault.point.len()].copy_from_slice(fault.point.as_bytes());
        self.page.write_all_at(&page, 0).unwrap();
        // None yet: the calls of one run only.
        let _ = std::fs::remove_file(&self.log_path);
        let roots: Vec<String> =
            roots.iter().map(|(label, path)| format!("{label}={}", path.display())).collect();
        command
            .env("LD_PRELOAD", library)
            .env("TORTURE_CONTROL", &self.page_path)
            .env("TORTURE_LOG", &self.log_path)
            .env("TORTURE_ROOTS", roots.join(":"));
        command
    }

    /// How many calls failed, or whether the one for the kill came.
    pub fn struck(&self) -> u32 {
        let mut word = [0; 4];
        self.page.read_exact_at(&mut word, STRUCK_AT).unwrap();
        u32::from_ne_bytes(word)
    }

    /// The name of the first of them.
    pub fn place(&self) -> String {
        let mut name = [0; NAME_BYTES];
        self.page.read_exact_at(&mut name, WHERE_AT).unwrap();
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(NAME_BYTES);
        String::from_utf8_lossy(&name[..end]).into_owned()
    }

    /// The fault falls on the next call of its name: those that were made by now do not count.
    pub fn fail_next(&self) {
        let mut seen = [0; 4];
        self.page.read_exact_at(&mut seen, SEEN_AT).unwrap();
        let next = u32::from_ne_bytes(seen) + 1;
        self.page.write_all_at(&next.to_ne_bytes(), NTH_AT).unwrap();
    }

    /// From now on nothing fails.
    pub fn relieve(&self) {
        self.page.write_all_at(&1_u32.to_ne_bytes(), RELIEF_AT).unwrap();
    }

    pub fn set_clock(&self, seconds: i64) {
        self.page.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }

    /// The names of all calls of the run, in order.
    pub fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.log_path).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}
