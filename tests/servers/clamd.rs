//! A real clamd for tests: its own configuration and a signature database of one hand-made line, in a temporary
//! folder, without rights and without network. It calls every text with [`HARMFUL`] in it harmful.

use super::program::{Owner, Program, free_port};
use super::wait_until;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// The words that the signature knows. Nothing else in the world does.
pub const HARMFUL: &str = "Dit-is-de-schadelijke-proeftekst-van-bode";

/// What clamd calls them.
pub const SIGNATURE: &str = "Proef.Schadelijk.UNOFFICIAL";

/// It ends when this is dropped.
pub struct Clamd {
    dir: tempfile::TempDir,
    port: u16,
    owner: Owner,
    program: Option<Program>,
}

impl Clamd {
    /// Takes pieces of up to `stream_max`, such as `25M`.
    pub fn start(stream_max: &str) -> Self {
        let mut clamd = Self::prepare(stream_max);
        clamd.run();
        clamd
    }

    /// Everything but the start.
    pub fn prepare(stream_max: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("bode-clamd-").tempdir().unwrap();
        let (owner, port) = (Owner::of_caller(), free_port());
        let path = |name: &str| dir.path().join(name);
        for sub in ["db", "log", "tmp"] {
            fs::create_dir(path(sub)).unwrap();
        }
        let hex: String = HARMFUL.bytes().map(|byte| format!("{byte:02x}")).collect();
        fs::write(path("db/proef.ndb"), format!("Proef.Schadelijk:0:*:{hex}\n")).unwrap();
        let config = format!(
            "Foreground yes\nLogFile {}\nDatabaseDirectory {}\nTemporaryDirectory {}\nLocalSocket {}\nTCPSocket {port}\n\
             TCPAddr 127.0.0.1\nStreamMaxLength {stream_max}\nAlertExceedsMax yes\nMaxThreads 4\nConcurrentDatabaseReload no\n",
            path("log/clamd.log").display(),
            path("db").display(),
            path("tmp").display(),
            path("clamd.ctl").display(),
        );
        fs::write(path("clamd.conf"), config).unwrap();
        owner.give_all(dir.path());
        Self { dir, port, owner, program: None }
    }

    /// Starts it, and waits until it answers by both ways: it opens the port first, and the socket in the file system
    /// a moment later.
    pub fn run(&mut self) {
        let arguments = [format!("--config-file={}", self.dir.path().join("clamd.conf").display())];
        let log_dir = self.dir.path().join("log");
        let mut program = Program::start(&self.owner, ("clamd", "clamav-daemon"), &arguments, &log_dir);
        program.wait_for(self.port, b"", || {
            fs::read_to_string(log_dir.join("clamd.log")).unwrap_or_default()
                + &fs::read_to_string(log_dir.join("clamd-stderr")).unwrap_or_default()
        });
        wait_until("clamd's socket takes a connection", || UnixStream::connect(self.socket()).is_ok());
        self.program = Some(program);
    }

    pub fn stop(&mut self) {
        self.program = None;
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("clamd.ctl")
    }

    /// Host and port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Clamd {
    fn drop(&mut self) {
        // Before its folder goes.
        self.program = None;
    }
}
