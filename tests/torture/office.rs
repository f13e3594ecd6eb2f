//! One office for some rounds: its folders, its mailbox, its line to the mail server, what was ever sent to it, and what
//! must hold after each round.

use crate::daemon::{BODE, Daemon, OfficeDir};
use crate::fault::{Control, Fault};
use crate::servers::relay::{Cut, Moment, Relay};
use crate::servers::{DEADLINE, MailServers};
use crate::story::{Answer, Story};
use crate::traffic::{Becomes, Sent};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// How long a stop may take: `DRAIN_TIME_MAX` twice (pieces in hand, then the outbox), and a busy machine.
const STOP_TIME_MAX: Duration = Duration::from_secs(60);

/// By which way a piece comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    Maildir,
    Mailbox,
}

/// The line to the mailbox, which can be cut, slowed down, or led elsewhere.
pub struct Line {
    pub relay: Relay,
    /// Records from the server until the cut.
    pub cut_after: Arc<AtomicIsize>,
    /// Before each of them.
    pub pause_ms: Arc<AtomicU64>,
}

impl Line {
    fn to(port: u16) -> Self {
        let (cut_after, pause_ms) = (Arc::new(AtomicIsize::new(isize::MAX)), Arc::new(AtomicU64::new(0)));
        let (left, pause) = (Arc::clone(&cut_after), Arc::clone(&pause_ms));
        let relay = Relay::watched(
            port,
            Box::new(move |way, moment| {
                if (way, moment) != (crate::servers::relay::Way::ToClient, Moment::Before) {
                    return true;
                }
                let pause = pause.load(Ordering::SeqCst);
                if pause > 0 {
                    std::thread::sleep(Duration::from_millis(pause));
                }
                left.load(Ordering::SeqCst) == isize::MAX || left.fetch_sub(1, Ordering::SeqCst) != 1
            }),
        );
        Self { relay, cut_after, pause_ms }
    }
}

pub struct Office<'a> {
    pub dir: OfficeDir,
    pub address: String,
    pub servers: &'a MailServers,
    pub control: Control,
    library: &'a Path,
    relay: Relay,
    pub line: Line,
    pub way: Way,
    pub sealed: bool,
    /// Everything that ever came.
    pub sent: Vec<Sent>,
    digests: BTreeSet<String>,
    /// What may have been taken and need not: somebody else was at it too.
    optional: BTreeSet<String>,
    /// How often the server took the answer of each case, and how far its log was read.
    taken: BTreeMap<String, usize>,
    log_bytes: usize,
    /// Copies that the design names: taken by the server, and cut off before our note.
    windows: BTreeMap<String, usize>,
}

impl<'a> Office<'a> {
    /// With a key file its store is sealed.
    pub fn new(number: usize, way: Way, sealed: bool, servers: &'a MailServers, library: &'a Path) -> Self {
        let address = format!("klacht@kantoor-{number}.example.nl");
        let relay = Relay::start(servers.ports.submissions);
        let toml = servers.toml_of(&address);
        let (mailbox, smtp) = toml.split_at(toml.find("[smtp]").unwrap());
        let smtp =
            smtp.replace(&format!("port = {}", servers.ports.submissions), &format!("port = {}", relay.port));
        let line = Line::to(servers.ports.imaps);
        let mailbox = mailbox
            .replace(&format!("port = {}", servers.ports.imaps), &format!("port = {}", line.relay.port));
        let mailbox = if way == Way::Mailbox { mailbox.as_str() } else { "" };
        let key = if sealed { "[encryption]\nkey_file = \"sleutels\"\n\n" } else { "" };
        let sections = format!(
            "{key}[maildir]\ndir = \"post\"\npoll_seconds = 1\n\n[scan]\ndir = \"scans\"\nstill_seconds = 0\n\
             poll_seconds = 1\n\n{mailbox}{smtp}"
        );
        let dir = OfficeDir::of("den-haag", &address, "hour_max = 1000000", &sections);
        for folder in ["post/new", "post/cur", "post/tmp", "scans"] {
            std::fs::create_dir_all(dir.dir.path().join(folder)).unwrap();
        }
        if sealed {
            let keys = dir.dir.path().join("sleutels");
            dir.told(&["key", "new", keys.to_str().unwrap()]);
        }
        let (_, log_bytes) = servers.taken_since(0);
        Self {
            control: Control::new(dir.dir.path()),
            dir,
            address,
            servers,
            library,
            relay,
            line,
            way,
            sealed,
            sent: Vec::new(),
            digests: BTreeSet::new(),
            optional: BTreeSet::new(),
            taken: BTreeMap::new(),
            log_bytes,
            windows: BTreeMap::new(),
        }
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.dir.dir.path().join(inside)
    }

    /// Notes a piece that must be found again, without laying it anywhere.
    pub fn expect(&mut self, sent: &Sent) {
        self.digests.insert(sent.digest());
        self.sent.push(sent.clone());
    }

    pub fn digests(&self) -> &BTreeSet<String> {
        &self.digests
    }

    /// Notes a piece that may be found again, as a case of its own, and need not be.
    pub fn may_come(&mut self, sent: &Sent) {
        self.optional.insert(sent.digest());
    }

    /// Lays a piece where it comes in, under a name of its own.
    pub fn lay(&mut self, sent: &Sent, name: &str) {
        if sent.paper {
            // As a copier does: under another name until it is whole.
            let hidden = self.path(&format!("scans/.{name}"));
            std::fs::write(&hidden, &sent.bytes).unwrap();
            std::fs::rename(hidden, self.path(&format!("scans/{name}"))).unwrap();
            self.expect(sent);
            return;
        }
        match self.way {
            Way::Maildir => {
                let whole = self.path(&format!("post/tmp/{name}"));
                std::fs::write(&whole, &sent.bytes).unwrap();
                std::fs::rename(whole, self.path(&format!("post/new/{name}"))).unwrap();
                self.expect(sent);
            }
            Way::Mailbox => {
                self.servers.lay_for(&self.address, name, &sent.bytes, SystemTime::now());
                self.expect(&sent.on_the_wire());
            }
        }
    }

    pub fn story(&self) -> Story {
        Story::of(&self.dir.store())
    }

    /// Is all that came judged and answered, and let go of by where it lay?
    pub fn is_idle(&self) -> bool {
        let files = |folder: &str| {
            let entries = std::fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
            entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file())).count()
        };
        files("post/new") == 0
            && files("scans") == 0
            && self.story().is_done_with(&self.digests)
            && (self.way == Way::Maildir || self.servers.mailbox_messages(&self.address).is_empty())
    }

    /// A daemon in which this fault falls.
    pub fn run_with(&self, fault: &Fault) -> Daemon {
        let roots = [("store", self.dir.store()), ("post", self.path("post")), ("scans", self.path("scans"))];
        let command = self.control.arm(fault, self.library, &roots, Command::new(BODE));
        Daemon::start_by(command, &self.dir.config)
    }

    /// Called when a daemon has ended, or is about to be helped: what the server took and nobody noted may come once
    /// more, and nothing else may.
    pub fn note_windows(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        while !self.relay.is_quiet() {
            if begun.elapsed() > DEADLINE {
                return Err("the line to the mail server stays open".to_owned());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.note_cut();
        Ok(())
    }

    /// The line to the mail server is cut when it says that it took the next message.
    pub fn cut_before_reply(&self, cut: bool) {
        self.relay.plan(if cut { &[Cut::BeforeReply] } else { &[] });
    }

    /// How often it was.
    pub fn sending_cuts(&self) -> usize {
        self.relay.cuts()
    }

    /// Called when the line was cut after the server took a message: what is not noted as sent may come once more.
    pub fn note_cut(&mut self) {
        let news = self.read_taken();
        let story = self.story();
        for case in news.into_iter().filter(|case| story.answers.get(case) != Some(&Answer::Sent)) {
            *self.windows.entry(case).or_default() += 1;
        }
    }

    /// Cases whose answer the server took since the last look.
    fn read_taken(&mut self) -> Vec<String> {
        let (ids, bytes) = self.servers.taken_since(self.log_bytes);
        self.log_bytes = bytes;
        let domain = self.address.split_once('@').unwrap().1;
        let ours = ids.iter().filter(|id| id.ends_with(&format!("@{domain}")));
        let cases: Vec<String> =
            ours.filter_map(|id| id.split_once(".ontvangst.")).map(|(case, _)| case.to_owned()).collect();
        for case in &cases {
            *self.taken.entry(case.clone()).or_default() += 1;
        }
        cases
    }

    /// Ends a daemon as systemd would: in time, and well.
    pub fn terminate(daemon: &mut Daemon) -> Result<(), String> {
        daemon.signal(rustix::process::Signal::TERM);
        let begun = Instant::now();
        loop {
            match daemon.ended() {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("after SIGTERM it ended with {status}")),
                None if begun.elapsed() > STOP_TIME_MAX => {
                    return Err(format!("SIGTERM was not obeyed in {STOP_TIME_MAX:?}"));
                }
                None => std::thread::sleep(Duration::from_millis(3)),
            }
        }
    }

    /// Runs without a fault until everything is done, and stops.
    pub fn heal(&mut self) -> Result<(), String> {
        let mut daemon = self.dir.run();
        let begun = Instant::now();
        // Not before it runs: until then SIGTERM ends it as it ends any program.
        while !(is_running(&mut daemon) && self.is_idle()) {
            if let Some(status) = daemon.ended() {
                return Err(format!("without a fault it ended ({status}):\n{}", daemon.rest()));
            }
            if begun.elapsed() > DEADLINE {
                return Err(format!("not idle in {DEADLINE:?}:\n{}", daemon.log));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Self::terminate(&mut daemon).map_err(|fault| format!("{fault}:\n{}", daemon.log))?;
        no_panic(&daemon.rest())
    }

    /// What must hold when nothing is under way: nothing lost, no case doubled, no answer doubled, `verify` clean.
    pub fn holds(&mut self) -> Result<Counts, String> {
        let begun = Instant::now();
        while !self.relay.is_quiet() && begun.elapsed() < DEADLINE {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.read_taken();
        let story = self.story();
        let mut faults = Vec::new();
        for (digest, records) in &story.registered {
            if records.len() != 1 {
                faults.push(format!("doubled piece: {digest} is {records:?}"));
            }
            let of_run = records.iter().all(|record| story.is_of_run(record));
            if !self.digests.contains(digest) && !self.optional.contains(digest) && !of_run {
                faults.push(format!("{digest} ({records:?}) was never sent in"));
            }
        }
        for (record, became) in &story.became {
            if became.len() != 1 {
                faults.push(format!("{record} became {became:?}"));
            }
        }
        // A thread has one case, whichever of its pieces opened it; each of the others is part of it or aside. By name: the
        // same message with other line ends (imported as a file, then by IMAP) is other bytes of the same thread.
        let wanted = self.sent.iter().filter(|sent| sent.becomes == Becomes::Case);
        let wanted: BTreeSet<&str> = wanted.map(|sent| sent.name.as_str()).collect();
        let extra = self.optional.iter().filter(|digest| story.registered.contains_key(*digest)).count();
        let of_runs = self.sent.iter().filter_map(|sent| match sent.becomes {
            Becomes::Run(letters) => Some(letters),
            _ => None,
        });
        let wanted = wanted.len() + extra + of_runs.sum::<usize>();
        if story.opened.len() != wanted {
            let opened = self.sent.iter().filter_map(|sent| {
                let record = story.registered.get(&sent.digest())?.first()?;
                let case = story.opened.iter().find(|(_, opener)| *opener == record)?.0;
                Some(format!("{case} ({record}) by {}, sent as {:?}", sent.name, sent.becomes))
            });
            let opened: Vec<String> = opened.collect();
            faults.push(format!("{} cases, {wanted} were to be:\n{}", story.opened.len(), opened.join("\n")));
        }
        for sent in &self.sent {
            let Some(record) = story.registered.get(&sent.digest()).and_then(|records| records.first())
            else {
                faults.push(format!("lost: {} ({})", sent.name, sent.digest()));
                continue;
            };
            if let Becomes::Run(letters) = sent.becomes
                && story.divided.get(record).map(Vec::len) != Some(letters)
            {
                faults.push(format!(
                    "{} ({record}) was divided into {:?}",
                    sent.name,
                    story.divided.get(record)
                ));
            }
            let aside = story.became.get(record).is_some_and(|became| became[0] == "set-aside");
            if aside != (sent.becomes == Becomes::Aside) {
                faults.push(format!("{} ({record}) became {:?}", sent.name, story.became.get(record)));
            }
        }
        let mut copies = 0;
        for (case, times) in &self.taken {
            let may = 1 + self.windows.get(case).copied().unwrap_or(0);
            copies += times - 1;
            if *times > may {
                faults.push(format!("{case} was answered {times} times, {may} may be"));
            }
        }
        for (case, answer) in &story.answers {
            let paper = self.sent.iter().any(|sent| {
                sent.paper
                    && story.registered.get(&sent.digest()).and_then(|r| r.first()) == story.opened.get(case)
            });
            let paper = paper || story.opened.get(case).is_some_and(|record| story.is_of_run(record));
            if *answer == Answer::Sent && !paper && !self.taken.contains_key(case) {
                faults.push(format!("{case} is said to be answered, and the server took nothing"));
            }
        }
        faults.extend(self.letters_doubled());
        let output = self.dir.bode(&["verify", "--json"]);
        if !output.status.success() {
            faults.push(format!(
                "verify ends with {}: {}{}",
                output.status,
                String::from_utf8_lossy(&output.stderr),
                String::from_utf8_lossy(&output.stdout)
            ));
        }
        if faults.is_empty() {
            let sent = story.answers.values().filter(|answer| **answer == Answer::Sent).count();
            Ok(Counts { pieces: self.sent.len(), cases: story.opened.len(), answers: sent, copies })
        } else {
            Err(faults.join("\n"))
        }
    }

    /// Letters to print: one file a case, whatever the day.
    fn letters_doubled(&self) -> Vec<String> {
        let mut letters: BTreeMap<String, usize> = BTreeMap::new();
        for day in std::fs::read_dir(self.dir.store().join("print")).into_iter().flatten().flatten() {
            for file in std::fs::read_dir(day.path()).into_iter().flatten().flatten() {
                let name = file.file_name().to_string_lossy().into_owned();
                if !name.starts_with('.') {
                    *letters.entry(name).or_default() += 1;
                }
            }
        }
        letters
            .into_iter()
            .filter(|(_, count)| *count > 1)
            .map(|(name, _)| format!("{name} is laid twice"))
            .collect()
    }

    /// Second copies have the Message-ID of the first, by which they were counted; their words must be the same too.
    pub fn copies_are_equal(&self) -> Result<(), String> {
        for (case, times) in self.taken.iter().filter(|(_, times)| **times > 1) {
            let story = self.story();
            let opened = story.opened.get(case).and_then(|record| {
                self.sent.iter().find(|sent| {
                    story.registered.get(&sent.digest()).is_some_and(|records| records.contains(record))
                })
            });
            let text = String::from_utf8_lossy(&opened.ok_or("no first piece")?.bytes).into_owned();
            let writer = text.split("Return-Path: <").nth(1).and_then(|rest| rest.split('>').next());
            let writer = writer.ok_or("no writer")?.to_owned();
            let messages = self.servers.wait_for_messages(&writer, "", *times);
            let words = |message: &[u8]| {
                let text = String::from_utf8_lossy(message).into_owned();
                text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
            };
            let ours: Vec<_> = messages
                .iter()
                .filter(|message| String::from_utf8_lossy(message).contains(&format!("<{case}.ontvangst.")))
                .collect();
            if ours.iter().any(|message| words(message) != words(ours[0])) {
                return Err(format!("{case}: a second copy with other words"));
            }
        }
        Ok(())
    }
}

/// Has it said that it runs?
pub fn is_running(daemon: &mut Daemon) -> bool {
    daemon.ended().is_none() && daemon.log.contains("bode is running")
}

/// What an office came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub pieces: usize,
    pub cases: usize,
    pub answers: usize,
    /// In the window that the design names.
    pub copies: usize,
}

/// A fault of the machine is told, never a panic.
pub fn no_panic(log: &str) -> Result<(), String> {
    // What sled does on its way out is caught where it closes.
    let ours = |line: &&str| line.contains("panicked") && !line.contains("closing the index");
    match log.lines().find(ours) {
        Some(line) => Err(format!("it panicked: {line}\n{log}")),
        None => Ok(()),
    }
}
