//! Programs that a test starts, and their end.

use std::fs::File;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// Whose rights the servers have.
#[derive(Clone, Debug)]
pub struct Owner {
    pub user: String,
    pub group: String,
    /// The numbers of user and group, when the caller is root: the servers refuse that, so they run as another.
    steps_down: Option<(u32, u32)>,
}

impl Owner {
    /// The caller, or `nobody` when that is root.
    pub fn of_caller() -> Self {
        let id = |arguments: &[&str]| {
            String::from_utf8(run("id", "coreutils", arguments).stdout).unwrap().trim().to_owned()
        };
        let user = id(&["-un"]);
        if user != "root" {
            return Self { user, group: id(&["-gn"]), steps_down: None };
        }
        let number = |flag: &str| id(&[flag, "nobody"]).parse().unwrap();
        Self {
            user: "nobody".into(),
            group: id(&["-gn", "nobody"]),
            steps_down: Some((number("-u"), number("-g"))),
        }
    }

    /// The caller, whoever that is: for a program that has nothing against root.
    pub fn caller_itself() -> Self {
        Self { steps_down: None, ..Self::of_caller() }
    }

    /// Makes a file or folder the servers' own.
    pub fn give(&self, path: &Path) {
        if let Some((user, group)) = self.steps_down {
            chown(path, Some(user), Some(group)).unwrap();
        }
    }

    /// Makes a folder and all in it the servers' own.
    pub fn give_all(&self, dir: &Path) {
        self.give(dir);
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { self.give_all(&path) } else { self.give(&path) }
        }
    }
}

/// A server that ends when this is dropped, with the processes it started.
pub struct Program {
    name: &'static str,
    child: Child,
}

impl Program {
    /// Starts a program in its own process group.
    ///
    /// # Panics
    /// When it is not installed, with the name of its Debian package.
    pub fn start(
        owner: &Owner,
        (name, package): (&'static str, &str),
        arguments: &[String],
        log_dir: &Path,
    ) -> Self {
        let path = find(name, package);
        let mut command = if owner.steps_down.is_some() {
            let mut command = Command::new(find("setpriv", "util-linux"));
            command.args(["--reuid", &owner.user, "--regid", &owner.group, "--clear-groups"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        let child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(log_dir.join(format!("{name}-stderr"))).unwrap())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        Self { name, child }
    }

    /// Waits until a port answers with these first bytes (none: until it takes a connection).
    pub fn wait_for(&mut self, port: u16, greeting: &[u8], logs: impl Fn() -> String) {
        let start = Instant::now();
        loop {
            if greets(port, greeting) {
                return;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("{} ended at its start ({status}):\n{}", self.name, logs());
            }
            assert!(
                start.elapsed() < super::DEADLINE,
                "{} does not answer on {port}:\n{}",
                self.name,
                logs()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn signal_group(&self, signal: rustix::process::Signal) -> bool {
        let group = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process_group(group, signal).is_ok()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.signal_group(rustix::process::Signal::TERM);
        let start = Instant::now();
        while self.child.try_wait().is_ok_and(|ended| ended.is_none())
            && start.elapsed() < Duration::from_secs(5)
        {
            std::thread::sleep(Duration::from_millis(5));
        }
        // What is left of the group, if anything is.
        self.signal_group(rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }
}

fn greets(port: u16, greeting: &[u8]) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut found = vec![0; greeting.len()];
    stream.read_exact(&mut found).is_ok() && found == greeting
}

/// Runs a program to its end.
///
/// # Panics
/// When it is not installed or fails.
pub fn run(name: &str, package: &str, arguments: &[&str]) -> Output {
    let output = Command::new(find(name, package)).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Servers lie in `sbin`, which is not in everybody's path.
fn find(name: &str, package: &str) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"])
        .map(|dir| format!("{dir}/{name}"))
        .find(|path| Path::new(path).is_file())
        .unwrap_or_else(|| {
            panic!("this test needs the program {name}; install it with: apt-get install {package}")
        })
}

/// A port that nobody listens on, below those that the kernel gives to outgoing connections. Each is given
/// once by this process; the start differs between processes.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id().wrapping_mul(97) % 10_000) as u16;
    for _ in 0..10_000 {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed) % 10_000) % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port on 127.0.0.1");
}
