//! A real `bode run` for tests: its configuration, the process, its log as it comes, and the command line beside it.
#![allow(dead_code, reason = "each test file uses a part of it")]

use crate::servers::{DEADLINE, OFFICE};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

/// The program under test.
pub const BODE: &str = env!("CARGO_BIN_EXE_bode");

/// One office on disk: configuration, store, scan folder.
pub struct OfficeDir {
    pub dir: tempfile::TempDir,
    pub config: PathBuf,
}

impl OfficeDir {
    /// The office of Den Haag with these further sections (`[mailbox]`, `[smtp]` …).
    pub fn den_haag(sections: &str) -> Self {
        Self::of("den-haag", OFFICE, "hour_max = 1000", sections)
    }

    /// An office of `config/` that answers from an address, with these further lines under `[answers]`.
    pub fn of(office: &str, address: &str, answers: &str, sections: &str) -> Self {
        let domain = address.split_once('@').unwrap().1;
        let dir = tempfile::tempdir().unwrap();
        let here = std::env::current_dir().unwrap();
        let text = format!(
            "rules = {:?}\ntemplates = {:?}\nstore = \"store\"\noffice_file = {:?}\n\n{sections}\n\
             [answers]\nfrom_name = \"Ombudsman\"\nfrom_address = \"{address}\"\nreturn_path = \"mislukt@{domain}\"\n\
             own_addresses = [\"{address}\"]\n{answers}\n\n\
             [letters]\nplace = \"Den Haag\"\n\n[desk]\nlisten = \"127.0.0.1:0\"\n",
            here.join("rules"),
            here.join("templates"),
            here.join(format!("config/{office}.toml")),
        );
        let config = dir.path().join("office.toml");
        std::fs::write(&config, text).unwrap();
        Self { dir, config }
    }

    /// The office of Den Haag with rules of its own that may be written, and a scan folder.
    pub fn with_rules() -> Self {
        let office = Self::den_haag("[scan]\ndir = \"scans\"\n");
        let rules = office.rules();
        std::fs::create_dir_all(rules.join("examples")).unwrap();
        std::fs::create_dir_all(office.store()).unwrap();
        std::fs::create_dir(office.dir.path().join("scans")).unwrap();
        for entry in std::fs::read_dir("rules").unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::copy(&path, rules.join(path.file_name().unwrap())).unwrap();
            }
        }
        let here = std::env::current_dir().unwrap().join("rules");
        let config = std::fs::read_to_string(&office.config).unwrap();
        std::fs::write(&office.config, config.replace(&format!("{here:?}"), &format!("{rules:?}"))).unwrap();
        office
    }

    /// Of an office with rules of its own.
    pub fn rules(&self) -> PathBuf {
        self.dir.path().join("regels")
    }

    pub fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// Runs one command of the command line to its end.
    pub fn bode(&self, arguments: &[&str]) -> Output {
        Command::new(BODE).arg("--config").arg(&self.config).args(arguments).output().unwrap()
    }

    /// The standard output of a command that must succeed.
    pub fn told(&self, arguments: &[&str]) -> String {
        let output = self.bode(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The report of `verify` on the store, whether or not it is clean.
    pub fn verify(&self) -> serde_json::Value {
        self.verified(&["verify", "--json", "--no-sources"])
    }

    /// The same with the sources counted.
    pub fn verify_all(&self) -> serde_json::Value {
        self.verified(&["verify", "--json"])
    }

    fn verified(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.bode(arguments);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    pub fn run(&self) -> Daemon {
        Daemon::start(&self.config)
    }
}

/// A running daemon. Killed when dropped.
pub struct Daemon {
    child: Child,
    lines: Receiver<String>,
    pub log: String,
}

impl Daemon {
    pub fn start(config: &Path) -> Self {
        Self::start_by(Command::new(BODE), config)
    }

    /// Starts it by a command to which its arguments are added, such as one that limits it.
    pub fn start_by(mut command: Command, config: &Path) -> Self {
        let mut child = command
            .args(["--log", "json", "--config"])
            .arg(config)
            .arg("run")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, log: String::new() }
    }

    /// Waits for the n-th log line from now on that holds a word.
    ///
    /// # Panics
    /// When it does not come in time, or the daemon ends before.
    pub fn wait_for(&mut self, word: &str, mut count: usize) {
        while count > 0 {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) => {
                    if line.contains(word) {
                        count -= 1;
                    }
                    self.keep(&line);
                }
                Err(RecvTimeoutError::Timeout) => panic!("no {word:?} in the log:\n{}", self.log),
                Err(RecvTimeoutError::Disconnected) => panic!("the daemon ended:\n{}", self.log),
            }
        }
    }

    /// Has it read its rules again, as `systemctl reload` does.
    pub fn reload(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.pid(), signal).unwrap();
    }

    pub fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// What `/healthz` says: the status and the reasons. The daemon must have said that it is running.
    pub fn healthz(&self) -> (u16, String) {
        self.get("/healthz")
    }

    /// Where the desk listens, as the log told.
    pub fn desk(&self) -> std::net::SocketAddr {
        let desk = self.log.lines().find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            line["fields"]["desk"].as_str()?.parse().ok()
        });
        desk.expect("the daemon runs")
    }

    /// One page of the desk, without a login.
    pub fn get(&self, path: &str) -> (u16, String) {
        let mut stream = std::net::TcpStream::connect(self.desk()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.rest()
    }

    /// Ends it as systemd would; it must end well and in time.
    pub fn terminate(mut self) -> String {
        self.signal(rustix::process::Signal::TERM);
        let status = self.child.wait().unwrap();
        let log = self.rest();
        assert!(status.success(), "{status}:\n{log}");
        log
    }

    /// How it ended, if it did. Keeps its log as far as it came.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        while let Ok(line) = self.lines.try_recv() {
            self.keep(&line);
        }
        self.child.try_wait().unwrap()
    }

    fn keep(&mut self, line: &str) {
        self.log.push_str(line);
        self.log.push('\n');
    }

    /// The rest of the log of one that has ended.
    pub fn rest(&mut self) -> String {
        while let Ok(line) = self.lines.recv_timeout(DEADLINE) {
            self.keep(&line);
        }
        std::mem::take(&mut self.log)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Already ended: nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
