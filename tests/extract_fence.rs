//! Promise 4: a reading process that dies, hangs or lies costs one document's text and nothing else, and the
//! fence around it holds.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

mod extract_support;

use bode::extract::{Hold, ReadError, ReadRequest, Reader, ReaderOptions, Times};
use bode::record::{Channel, Problem};
use extract_support::{options, reader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

/// A stand-in for the worker: a shell script that speaks the frames it is told to, counts its starts in a file
/// beside it, and reads a request before each answer. Frames are written with `printf`.
struct StandIn {
    _dir: tempfile::TempDir,
    program: PathBuf,
}

impl StandIn {
    /// `turns`: what the first, second, … process does after its request came in.
    fn new(turns: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("worker.sh");
        let mut script = format!(
            "#!/bin/sh\nPATH=/usr/bin:/bin\ncount={0}/count\necho x >> $count\nturn=$(wc -l < $count)\n\
             frame() {{ printf \"\\\\000\\\\000\\\\$(printf %03o $((${{#1}} / 256)))\\\\$(printf %03o $((${{#1}} % 256)))\"; \
             printf \"\\\\000\\\\000\\\\$(printf %03o $((${{#2}} / 256)))\\\\$(printf %03o $((${{#2}} % 256)))\"; printf '%s%s' \"$1\" \"$2\"; }}\n\
             frame '{{\"event\":\"ready\",\"fence\":{{\"rlimits\":{{\"hold\":\"full\"}},\"landlock\":{{\"hold\":\"full\"}},\"seccomp\":{{\"hold\":\"full\"}}}}}}' ''\n\
             head -c 9 > /dev/null\n",
            dir.path().display()
        );
        for (n, turn) in turns.iter().enumerate() {
            script.push_str(&format!("if [ $turn = {} ]; then\n{turn}\nfi\n", n + 1));
        }
        std::fs::write(&program, script + "sleep 1000\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { _dir: dir, program }
    }

    fn reader(&self, times: Times) -> Reader {
        let options =
            ReaderOptions { languages: "nld".to_owned(), workers: 1, program: self.program.clone() };
        Reader::with_times(options, times)
    }

    fn starts(&self) -> usize {
        std::fs::read_to_string(self.program.with_file_name("count")).unwrap().lines().count()
    }
}

const BEGINS: &str =
    r#"frame '{"event":"begins","index":INDEX,"name":"NAME","media_type":"application/pdf"}' ''"#;
const FINISHED: &str = r#"frame '{"event":"finished","index":INDEX}' '{"document":{"name":"NAME","media_type":"text/plain","method":"text","pages":null,"confidence":null,"text":"gelezen","problem":null},"notes":[]}'"#;
const DONE: &str = r#"frame '{"event":"done"}' '{"notes":[]}'; cat > /dev/null"#;

fn at(frame: &str, index: usize, name: &str) -> String {
    frame.replace("INDEX", &index.to_string()).replace("NAME", name)
}

fn request() -> ReadRequest {
    ReadRequest {
        name: "m.eml".to_owned(),
        channel: Some(Channel::Email),
        bytes: b"x".to_vec(),
        words: false,
    }
}

/// Generous where nothing should wait, short where the test is about waiting.
fn times(read: Duration) -> Times {
    Times {
        start: Duration::from_secs(30),
        read,
        page: Duration::from_secs(30),
        piece: Duration::from_secs(60),
    }
}

#[tokio::test]
async fn a_death_costs_one_document() {
    let first =
        [at(BEGINS, 0, "een"), at(FINISHED, 0, "een"), at(BEGINS, 1, "twee"), "exit 1".to_owned()].join("\n");
    let second = [at(BEGINS, 2, "drie"), at(FINISHED, 2, "drie"), DONE.to_owned()].join("\n");
    let stand_in = StandIn::new(&[&first, &second]);
    let extract = stand_in.reader(times(Duration::from_secs(30))).read(request()).await.unwrap();
    let told: Vec<_> = extract.documents.iter().map(|d| (d.name.as_deref().unwrap(), d.problem)).collect();
    assert_eq!(told, [("een", None), ("twee", Some(Problem::Damaged)), ("drie", None)]);
    assert_eq!(extract.defects.len(), 1);
    assert_eq!(extract.defects[0].document, Some(1));
    assert_eq!(
        extract.defects[0].explanation,
        "Het bestand “twee” kon niet worden gelezen (het leesprogramma stopte)."
    );
    assert_eq!(stand_in.starts(), 2);
}

#[tokio::test]
async fn a_hang_ends_at_the_deadline_and_costs_one_document() {
    let first = at(BEGINS, 0, "traag");
    let second = [at(BEGINS, 1, "twee"), at(FINISHED, 1, "twee"), DONE.to_owned()].join("\n");
    let stand_in = StandIn::new(&[&first, &second]);
    let extract = stand_in.reader(times(Duration::from_millis(1500))).read(request()).await.unwrap();
    let told: Vec<_> = extract.documents.iter().map(|d| d.problem).collect();
    assert_eq!(told, [Some(Problem::Timeout), None]);
    assert_eq!(extract.defects[0].problem, Problem::Timeout);
}

#[tokio::test]
async fn a_hang_before_any_document_is_told_for_the_piece() {
    let stand_in = StandIn::new(&["sleep 1000"]);
    let extract = stand_in.reader(times(Duration::from_millis(800))).read(request()).await.unwrap();
    assert_eq!(extract.documents[0].problem, Some(Problem::Timeout));
    assert_eq!(extract.defects[0].document, None);
}

#[tokio::test]
async fn lies_are_not_believed() {
    let lies = [
        // A document that was never begun; one past the bound; no JSON; a length past the bound.
        at(FINISHED, 0, "x"),
        at(BEGINS, 1_000_000, "x"),
        at(BEGINS, 0, "x") + "\nframe '{\"event\":\"finished\",\"index\":0}' 'geen json'",
        at(BEGINS, 0, "x") + "\nprintf '\\377\\377\\377\\377\\377\\377\\377\\377'",
    ];
    for lie in &lies {
        let turns: Vec<&str> = vec![lie; 8];
        let stand_in = StandIn::new(&turns);
        let extract = stand_in.reader(times(Duration::from_secs(2))).read(request()).await.unwrap();
        assert!(extract.documents.iter().all(|document| document.problem.is_some()), "{lie}");
        assert!(!extract.defects.is_empty(), "{lie}");
    }
}

#[tokio::test]
async fn the_machines_fault_is_an_error() {
    let missing = ReaderOptions { program: PathBuf::from("/nonexistent/bode"), ..options() };
    assert!(matches!(Reader::start(missing).read(request()).await, Err(ReadError::Start { .. })));
    let silent = ReaderOptions { program: PathBuf::from("/bin/true"), ..options() };
    assert!(matches!(Reader::start(silent).read(request()).await, Err(ReadError::Handshake { .. })));
    let languages = ReaderOptions { languages: "klingon".to_owned(), ..options() };
    let scan = ReadRequest {
        name: "scan.pdf".into(),
        channel: None,
        bytes: extract_support::fixture("scan.pdf"),
        words: false,
    };
    assert!(matches!(Reader::start(languages).read(scan).await, Err(ReadError::Engine { .. })));
}

#[tokio::test]
async fn the_fence_stands_around_the_real_worker() {
    let report = reader().fence().await.unwrap();
    assert_eq!(report.rlimits, Hold::Full);
    // What the kernel of the test machine lacks cannot hold; what it has must.
    let kernel_has = |feature: &str| {
        std::fs::read_to_string("/sys/kernel/security/lsm").is_ok_and(|lsm| lsm.contains(feature))
    };
    if kernel_has("landlock") {
        assert!(matches!(report.landlock, Hold::Full | Hold::Partial), "{report:?}");
    }
    if std::path::Path::new("/proc/sys/kernel/seccomp").exists() {
        assert_eq!(report.seccomp, Hold::Full);
    }
}

#[tokio::test]
async fn a_killed_worker_is_replaced() {
    let reader = reader();
    let letter =
        || ReadRequest { name: "a.txt".into(), channel: None, bytes: b"tekst".to_vec(), words: false };
    assert_eq!(reader.read(letter()).await.unwrap().documents[0].text, "tekst");
    let idle = reader.idle_workers();
    assert_eq!(idle.len(), 1);
    let pid = rustix::process::Pid::from_raw(i32::try_from(idle[0]).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    assert_eq!(reader.read(letter()).await.unwrap().documents[0].text, "tekst");
}
