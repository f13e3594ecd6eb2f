//! Killed (-9) at every write around sending: the real daemon, a real mail server (Exim, behind a relay that sees each
//! record of TLS on its way), a Maildir. What the daemon writes is watched: the journal, the index and the folders of
//! the records (inotify), and each record to and from the mail server. Round after round the daemon is killed at
//! another of these writes, in turn, just before or just after it.
//!
//! Held at the end: every case has its acknowledgement; a second copy only under the same Message-ID, with the same
//! words, and only where a kill fell between the server's taking it and our note of that; as many as there were such
//! kills. The counts are printed.
//!
//! `BODE_TEST_ROUNDS=200` (`make killed`) goes round all of them several times; without it, a dozen over the whole way.

mod daemon;
mod servers;

use daemon::OfficeDir;
use rustix::fs::inotify;
use servers::relay::{Moment, Relay, Way};
use servers::{DEADLINE, MailServers, OFFICE, wait_until};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Rounds without `BODE_TEST_ROUNDS`.
const ROUNDS: usize = 12;

/// Where a kill fell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// After a write to journal, index or a record's folder.
    Disk,
    /// Before or after a record to the mail server, or from it.
    ToServer(bool),
    ToClient(bool),
    /// All was done before the chosen write came.
    AfterAll,
}

/// Counts the writes of a round, and kills at the chosen one.
#[derive(Default)]
struct Watch {
    inner: Mutex<Round>,
}

#[derive(Default)]
struct Round {
    /// The daemon of this round; none between rounds.
    pid: Option<rustix::process::Pid>,
    seen: usize,
    kill_at: usize,
    fell: Option<Place>,
}

impl Watch {
    fn begin(&self, pid: rustix::process::Pid, kill_at: usize) {
        *self.inner.lock().unwrap() = Round { pid: Some(pid), seen: 0, kill_at, fell: None };
    }

    /// One write. True while the daemon lives.
    fn write(&self, place: Place) -> bool {
        let mut round = self.inner.lock().unwrap();
        if round.fell.is_some() {
            return false;
        }
        let Some(pid) = round.pid else { return true };
        round.seen += 1;
        if round.seen == round.kill_at {
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            round.fell = Some(place);
        }
        round.fell.is_none()
    }

    fn fell(&self) -> Option<Place> {
        self.inner.lock().unwrap().fell
    }

    /// The writes seen in this round, and where its kill fell.
    fn end(&self) -> (usize, Option<Place>) {
        let round = std::mem::take(&mut *self.inner.lock().unwrap());
        (round.seen, round.fell)
    }
}

/// Tells the watch of each write below the store.
struct DiskWatch {
    inotify: Arc<OwnedFd>,
    added: Mutex<BTreeSet<PathBuf>>,
}

impl DiskWatch {
    fn start(watch: Arc<Watch>) -> Self {
        let inotify = Arc::new(inotify::init(inotify::CreateFlags::CLOEXEC).unwrap());
        let reading = Arc::clone(&inotify);
        std::thread::spawn(move || {
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut events = inotify::Reader::new(&*reading, &mut buffer);
            while events.next().is_ok() {
                watch.write(Place::Disk);
            }
        });
        Self { inotify, added: Mutex::default() }
    }

    /// Watches the folders that are there now and were not before. New folders of records are found here too late for
    /// their first files in this round, not for those of the next.
    fn look(&self, store: &Path) {
        let mut folders = vec![store.join("journal"), store.join("index"), store.join("originals/new")];
        for year in folder_names(&store.join("originals")) {
            folders.extend(folder_names(&year));
            folders.push(year);
        }
        let flags = inotify::WatchFlags::MODIFY | inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO;
        let mut added = self.added.lock().unwrap();
        for folder in folders {
            if !added.contains(&folder) && inotify::add_watch(&*self.inotify, &folder, flags).is_ok() {
                added.insert(folder);
            }
        }
    }
}

fn folder_names(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// A message of somebody who writes once.
fn lay(post: &Path, round: usize) {
    for folder in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(post.join(folder)).unwrap();
    }
    let message = format!(
        "Return-Path: <{0}>\nFrom: Ruud de Wit <{0}>\nTo: <{OFFICE}>\nSubject: Klacht\n\
         Message-ID: <ronde-{round}@mail.example.org>\n\nGeachte ombudsman,\n\nIk kreeg bij de gemeente Den Haag \
         geen antwoord op mijn klacht over de afdeling Burgerzaken.\n\nRuud de Wit\n",
        writer(round)
    );
    std::fs::write(post.join(format!("tmp/{round}")), message).unwrap();
    std::fs::rename(post.join(format!("tmp/{round}")), post.join(format!("new/{round}"))).unwrap();
}

fn writer(round: usize) -> String {
    format!("ronde-{round}@example.org")
}

/// Cases whose answer the journal says is sent.
fn noted(store: &Path) -> BTreeSet<String> {
    let mut cases = BTreeSet::new();
    for segment in std::fs::read_dir(store.join("journal")).into_iter().flatten().flatten() {
        for line in std::fs::read_to_string(segment.path()).unwrap().lines() {
            if line.contains("\"answer-sent\"")
                && let Some((_, rest)) = line.split_once("\"case\":\"")
            {
                cases.extend(rest.split('"').next().map(str::to_owned));
            }
        }
    }
    cases
}

/// How often the server took the answer of each case.
fn taken(servers: &MailServers) -> BTreeMap<String, usize> {
    let mut cases = BTreeMap::new();
    for id in servers.taken() {
        if let Some((case, _)) = id.split_once(".ontvangst.") {
            *cases.entry(case.to_owned()).or_default() += 1;
        }
    }
    cases
}

#[test]
fn killed_at_every_write_around_sending() {
    let rounds = std::env::var("BODE_TEST_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let servers = MailServers::start();
    let watch = Arc::new(Watch::default());
    // Odd rounds are killed before a record is passed on, even ones after.
    let (on_the_way, before) = (Arc::clone(&watch), Arc::new(AtomicUsize::new(0)));
    let is_before = Arc::clone(&before);
    let relay = Relay::watched(
        servers.ports.submissions,
        Box::new(move |way, moment| {
            let early = is_before.load(Ordering::SeqCst) == 1;
            if early != (moment == Moment::Before) {
                return on_the_way.fell().is_none();
            }
            on_the_way.write(match way {
                Way::ToServer => Place::ToServer(early),
                Way::ToClient => Place::ToClient(early),
            })
        }),
    );
    let smtp = servers.toml();
    let smtp = &smtp[smtp.find("[smtp]").unwrap()..];
    let smtp =
        smtp.replace(&format!("port = {}", servers.ports.submissions), &format!("port = {}", relay.port));
    let office = OfficeDir::den_haag(&format!("[maildir]\ndir = \"post\"\npoll_seconds = 1\n\n{smtp}"));
    let (post, store) = (office.dir.path().join("post"), office.store());
    let disk = DiskWatch::start(Arc::clone(&watch));

    // The first round is not cut: it tells how many writes there are on the way.
    let mut writes = usize::MAX;
    let mut places: BTreeMap<Place, usize> = BTreeMap::new();
    // Kills between the server's taking a message and our note.
    let mut in_between = 0;
    for round in 0..=rounds {
        lay(&post, round);
        before.store(round % 2, Ordering::SeqCst);
        let already = taken(&servers);
        // In turn over the whole way, by the golden section: near neighbours are never killed one after the other.
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small"
        )]
        let kill_at = match round {
            0 => usize::MAX,
            _ => 1 + ((round as f64 * 0.618_033_988_75).fract() * writes as f64) as usize,
        };
        disk.look(&store);
        let daemon = office.run();
        watch.begin(daemon.pid(), kill_at);
        let begun = Instant::now();
        while watch.fell().is_none() && noted(&store).len() <= round {
            disk.look(&store);
            if begun.elapsed() > DEADLINE / 2 {
                let (seen, _) = watch.end();
                panic!("round {round} saw {seen} writes, not {kill_at}:\n{}", daemon.kill());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let (seen, fell) = watch.end();
        drop(daemon.kill());
        wait_until("the server is done with the line", || relay.is_quiet());
        if round == 0 {
            writes = seen;
            println!("{writes} writes from the start of the daemon to the note that the answer is out");
            continue;
        }
        *places.entry(fell.unwrap_or(Place::AfterAll)).or_default() += 1;
        let (now, noted) = (taken(&servers), noted(&store));
        in_between += now
            .iter()
            .filter(|(case, times)| {
                **times > already.get(*case).copied().unwrap_or(0) && !noted.contains(*case)
            })
            .count();
    }

    // Nobody is killed any more: what was cut off is made up for.
    let daemon = office.run();
    wait_until("every piece is judged and no answer waits", || {
        let report = office.verify();
        report["pieces"] == rounds + 1 && report["in_work"] == 0 && report["answers"]["waiting"] == 0
    });
    drop(daemon.terminate());
    let report = office.verify();
    assert_eq!(report["exceptions"], serde_json::json!([]), "{report:#}");
    assert_eq!(report["answers"]["sent"], rounds + 1, "{report:#}");

    let taken = taken(&servers);
    assert_eq!(taken.len(), rounds + 1, "every case is acknowledged");
    let mut copies = 0;
    for round in 0..=rounds {
        let writer = writer(round);
        let first = servers.wait_for_messages(&writer, "", 1).remove(0);
        let (msg_id, words) = told(&first);
        let case = msg_id.split_once(".ontvangst.").unwrap().0.to_owned();
        // As many as the server took.
        let messages = servers.wait_for_messages(&writer, "", taken[&case]);
        assert_eq!(messages.len(), taken[&case], "{case}");
        for message in &messages {
            assert_eq!(told(message), (msg_id.clone(), words.clone()), "{case}: another message");
        }
        copies += messages.len() - 1;
    }
    println!(
        "{rounds} rounds, killed at: {places:?}\n{} cases, all acknowledged; {copies} second copies, {in_between} kills \
         between the server's taking a message and our note",
        taken.len()
    );
    assert_eq!(copies, in_between, "a second copy only when the cut fell in between");
}

/// Message-ID and body of a message that lies in a mailbox.
fn told(message: &[u8]) -> (String, String) {
    let text = String::from_utf8(message.to_vec()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let id = head.lines().find_map(|line| line.strip_prefix("Message-ID: <")).unwrap();
    (id.trim_end_matches('>').to_owned(), body.to_owned())
}
