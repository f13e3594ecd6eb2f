//! Promise 4: a reading process that dies, hangs or lies costs one document's text and nothing else, and the
//! fence around it holds.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

mod extract_support;

use bode::extract::{Hold, ReadError, ReadRequest, Reader, ReaderOptions, Times};
use bode::record::{Channel, Problem};
use extract_support::{options, reader};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
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
        write_program(&program, &(script + "sleep 1000\n"));
        Self { _dir: dir, program }
    }

    /// The first process does `turn`; the next ones are real workers.
    fn before_the_real_one(turn: &str) -> Self {
        let stand_in = Self::new(&[turn]);
        let script = std::fs::read_to_string(&stand_in.program).unwrap();
        let real =
            format!("turn=$(wc -l < $count)\n[ $turn = 1 ] || exec {} worker\n", env!("CARGO_BIN_EXE_bode"));
        write_program(&stand_in.program, &script.replacen("turn=$(wc -l < $count)\n", &real, 1));
        stand_in
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

/// By a process of its own: were the file open for writing here, a child that another test starts at that moment would
/// hold it open too, and the kernel would not run it ("Text file busy").
fn write_program(program: &Path, script: &str) {
    let mut writer = Command::new("/bin/sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(program)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writer.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success());
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

/// The second process is the real worker: it has to find the files within a PDF that it does not read again, and
/// number what follows as the first one would have.
#[tokio::test]
async fn a_second_worker_opens_what_the_first_one_finished() {
    let attached = |name: &str, text: &[u8]| {
        let mut part = format!("--b\r\nContent-Disposition: attachment; filename={name}\r\nContent-Transfer-Encoding: binary\r\n\r\n").into_bytes();
        part.extend_from_slice(text);
        part.extend_from_slice(b"\r\n");
        part
    };
    let mut message =
        b"From: a@example.nl\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            .to_vec();
    message.extend(b"--b\r\nContent-Type: text/plain\r\n\r\nZie bijlagen.\r\n");
    message.extend(attached("een.pdf", &extract_support::fixture("ingesloten.pdf")));
    message.extend(attached("twee.txt", b"twee"));
    message.extend(attached("drie.pdf", &extract_support::fixture("ingesloten.pdf")));
    message.extend(attached("vier.txt", b"vier"));
    message.extend(b"--b--\r\n");
    let whole = [None, Some("een.pdf"), Some("ingesloten.txt"), Some("twee.txt"), Some("drie.pdf")];
    // The first worker finishes all documents before `n`, and dies at `n`.
    for (n, dies_at) in whole.iter().enumerate().skip(1) {
        let mut turn: Vec<String> =
            (0..n).flat_map(|n| [at(BEGINS, n, &n.to_string()), at(FINISHED, n, &n.to_string())]).collect();
        turn.push(at(BEGINS, n, dies_at.unwrap()));
        if dies_at.is_some_and(|name| name.ends_with(".pdf")) {
            turn.push(format!(r#"frame '{{"event":"opened","index":{n}}}' ''"#));
        }
        turn.push("exit 1".to_owned());
        let stand_in = StandIn::before_the_real_one(&turn.join("\n"));
        let request = ReadRequest { bytes: message.clone(), ..request() };
        let extract = stand_in.reader(times(Duration::from_secs(30))).read(request).await.unwrap();
        let told: Vec<_> = extract.documents.iter().map(|d| (d.name.as_deref(), d.problem)).collect();
        let all = [
            None,
            Some("een.pdf"),
            Some("ingesloten.txt"),
            Some("twee.txt"),
            Some("drie.pdf"),
            Some("ingesloten.txt"),
            Some("vier.txt"),
        ];
        assert_eq!(told.len(), all.len(), "{told:?}");
        assert_eq!(told[n], (*dies_at, Some(Problem::Damaged)));
        for (told, name) in told.iter().zip(all).skip(n + 1) {
            assert_eq!(told.0, name, "dies at {n}");
            assert_ne!(told.1, Some(Problem::Damaged), "dies at {n}");
        }
    }
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

/// A page that costs a worker its life or its time costs that page: those before it were told, and the next worker
/// goes on behind it.
#[tokio::test]
async fn a_bad_page_costs_that_page() {
    let page = |page: u32, text: &str| {
        let leaf = match text {
            "" => String::new(),
            text => format!(
                r#"{{"text":"{text}","recognised":false,"failed":null,"confidence":null,"words":[],"page_sizes":[]}}"#
            ),
        };
        format!(r#"frame '{{"event":"page-done","page":{page},"of":3}}' '{leaf}'"#)
    };
    let first = [at(BEGINS, 0, "brief"), page(0, ""), page(1, "bladzijde een")].join("\n");
    let second = [at(BEGINS, 0, "brief"), page(2, ""), at(FINISHED, 0, "brief"), DONE.to_owned()].join("\n");
    let stand_in = StandIn::new(&[&first, &second]);
    let extract = stand_in.reader(times(Duration::from_millis(1500))).read(request()).await.unwrap();
    let [document] = extract.documents.as_slice() else { panic!("{:?}", extract.documents) };
    assert_eq!(document.text, "bladzijde een\n\ngelezen");
    assert_eq!((document.problem, document.pages), (Some(Problem::Timeout), Some(3)));
    assert_eq!(
        extract.defects[0].explanation,
        "Bladzijde 2 van het bestand “brief” kon niet binnen de tijd worden gelezen: bekijk die zelf."
    );
    assert_eq!(extract.defects[0].document, Some(0));

    // And when no worker gets any further, what was told is kept.
    let stand_in = StandIn::new(&[&(first + "\nexit 1"); 8].map(String::as_str));
    let extract = stand_in.reader(times(Duration::from_secs(30))).read(request()).await.unwrap();
    assert!(extract.documents[0].text.starts_with("bladzijde een"), "{:?}", extract.documents);
    assert_eq!(extract.documents[0].problem, Some(Problem::Damaged));
}

#[tokio::test]
async fn a_hang_before_any_document_is_told_for_the_piece() {
    let stand_in = StandIn::new(&["sleep 1000"]);
    let extract = stand_in.reader(times(Duration::from_millis(800))).read(request()).await.unwrap();
    assert_eq!(extract.documents[0].problem, Some(Problem::Timeout));
    assert_eq!(extract.defects[0].document, None);
}

/// Forty pages in no time, then one that never ends and burns the processor: what the forty left is not its.
#[tokio::test]
async fn a_page_that_never_ends_costs_its_own_time_only() {
    let first = format!(
        "{}\nfor page in $(seq 40); do frame '{{\"event\":\"page\"}}' ''; done\nwhile :; do :; done",
        at(BEGINS, 0, "dik.pdf")
    );
    let second = [at(BEGINS, 1, "twee"), at(FINISHED, 1, "twee"), DONE.to_owned()].join("\n");
    let stand_in = StandIn::new(&[&first, &second]);
    let times = Times { read: Duration::from_secs(3), page: Duration::from_secs(1), ..times(Duration::ZERO) };
    let began = std::time::Instant::now();
    let extract = stand_in.reader(times).read(request()).await.unwrap();
    let told: Vec<_> = extract.documents.iter().map(|d| d.problem).collect();
    assert_eq!(told, [Some(Problem::Timeout), None]);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_fence_that_must_stand_whole_stops_reading_where_it_does_not() {
    let stand_in = StandIn::new(&[DONE]);
    let script = std::fs::read_to_string(&stand_in.program).unwrap();
    let gap = script.replace(
        r#"\"landlock\":{\"hold\":\"full\"}"#,
        r#"\"landlock\":{\"hold\":\"none\",\"why\":\"this kernel has no landlock\"}"#,
    );
    let gap = gap.replace(
        r#""landlock":{"hold":"full"}"#,
        r#""landlock":{"hold":"none","why":"this kernel has no landlock"}"#,
    );
    assert_ne!(script, gap);
    std::fs::write(&stand_in.program, gap).unwrap();
    let reader = stand_in.reader(times(Duration::from_secs(30)));
    assert!(reader.read(request()).await.is_ok());
    let reader = stand_in.reader(times(Duration::from_secs(30))).insisting_on_fence(true);
    match reader.read(request()).await {
        Err(ReadError::Fence { lacks }) => {
            assert_eq!(lacks, "landlock does not hold (this kernel has no landlock)");
        }
        other => panic!("{other:?}"),
    }
}

/// As the kernel tells it, from outside.
#[tokio::test]
async fn the_kernel_knows_of_the_fence() {
    let reader = reader();
    let letter = ReadRequest { name: "a.txt".into(), channel: None, bytes: b"tekst".to_vec(), words: false };
    reader.read(letter).await.unwrap();
    let of_worker =
        |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", reader.idle_workers()[0])).unwrap();
    let status = of_worker("status");
    let value = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(value("NoNewPrivs"), "1");
    assert_eq!(value("Seccomp"), "2");
    assert_eq!(value("Threads"), "1");
    let limits = of_worker("limits");
    let hard = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(hard("Max core file size"), "0");
    assert_eq!(hard("Max file size"), "0");
    assert_eq!(hard("Max address space"), (1536 * 1024 * 1024).to_string());
}

#[tokio::test]
async fn lies_are_not_believed() {
    let lies = [
        // A document that was never begun; one past the bound; no JSON; a length past the bound.
        at(FINISHED, 0, "x"),
        at(BEGINS, 1_000_000, "x"),
        at(BEGINS, 0, "x") + "\nframe '{\"event\":\"finished\",\"index\":0}' 'geen json'",
        at(BEGINS, 0, "x") + "\nprintf '\\377\\377\\377\\377\\377\\377\\377\\377'",
        // Rubbish; a head that is none; two documents at once; a question that was not allowed; half a frame.
        at(BEGINS, 0, "x") + "\nhead -c 100000 /dev/zero | tr '\\0' x",
        at(BEGINS, 0, "x") + "\nframe 'geen json' ''",
        at(BEGINS, 0, "x") + "\n" + &at(BEGINS, 1, "y"),
        at(BEGINS, 0, "x") + "\nframe '{\"event\":\"check\"}' 'x'",
        at(BEGINS, 0, "x") + "\nprintf '\\000\\000\\000\\020\\000\\000'; exit 0",
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
