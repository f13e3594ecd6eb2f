//! A real mail server for tests: Dovecot (IMAP, IMAPS, LMTP) and Exim (SMTP in, submission out), each with its
//! own configuration in a temporary folder, on free ports of 127.0.0.1, without rights: as the caller, or as
//! `nobody` when the caller is root.
//!
//! Every address of `*.example.nl` and `*.example.org` has a mailbox: a Maildir that a test reads directly.
//! `lijst@…` is a mailing list of which the office is a member, and what goes to `kaal.example.org` reaches
//! [`OTHER_OFFICE`] through a gateway that takes off every field that says that a machine wrote it.
//! Local parts that begin with `reject` are refused (550), `full` too (552), `defer` put off (451) until
//! [`MailServers::accept_deferred`], `bounce` and `verhuisd` accepted and then returned. For `slow` the server takes its
//! time over RCPT, for `late` over the content. What comes to the office's return path (`mislukt`, with or without a
//! token) is delivered to the office's own account.
//!
//! With [`Options::oauth`] both take tokens too, and ask a real sign-in server ([`oidc`]) about each.
//!
//! Needs the Debian packages dovecot-imapd, dovecot-lmtpd, dovecot-sieve, exim4-daemon-light and openssl; a test without them
//! fails and says so.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod clamd;
mod dovecot;
mod exim;
mod http;
pub mod oidc;
mod program;
pub mod relay;
pub mod scripted;
mod smtp;
pub mod zgw;

pub use smtp::SmtpClient;

use bode::config::{Mailbox, Secret, Smtp, Tls};
use program::{Owner, Program, free_port, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// The office's own account, for IMAP and for submission.
pub const OFFICE: &str = "klacht@ombudsman.example.nl";
/// Another office on the same server.
pub const OTHER_OFFICE: &str = "loket@ander.example.nl";
pub const PASSWORD: &str = "geheim-voor-de-proef";
/// What XOAUTH2 takes in its place.
pub const ACCESS_TOKEN: &str = "ya29.proef-token";

/// How long a test waits for an event before it fails. Far more than is needed on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(180);

/// Another kind of server than the usual one.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What Dovecot says that it can do, instead of the truth: `IMAP4rev1` alone has no IDLE and no MOVE.
    pub imap_capability: Option<String>,
    /// The servers show the certificate of the authority itself, as a careless admin makes it.
    pub authority_as_server: bool,
    /// Sieve scripts (RFC 5228, 5230) by address.
    pub sieve: Vec<(String, String)>,
    /// Logins by token (SASL OAUTHBEARER and XOAUTH2, or what is named here), asked about at a sign-in server.
    pub oauth: Option<Oauth>,
    /// What is the matter with the submission server.
    pub submission: Submission,
}

/// How both servers take tokens.
#[derive(Clone, Debug)]
pub struct Oauth {
    pub introspection: oidc::Introspection,
    /// Names of SASL.
    pub mechanisms: &'static [&'static str],
    /// A scope that Dovecot wants of each token.
    pub scope: &'static str,
}

/// Another kind of submission server than the usual one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Submission {
    #[default]
    Usual,
    /// It knows no TLS at all.
    NoTls,
    /// It knows nothing of delivery reports as asked (DSN).
    NoDsn,
    /// Its disk is full: 452 to every message.
    Full,
    /// It takes only the login's own address as sender.
    OwnSender,
}

/// Ports on 127.0.0.1.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// STARTTLS.
    pub imap: u16,
    /// TLS from the first byte.
    pub imaps: u16,
    pub lmtp: u16,
    /// Where other servers deliver: no login, local domains only.
    pub smtp: u16,
    /// STARTTLS, then login.
    pub submission: u16,
    /// TLS from the first byte, then login.
    pub submissions: u16,
}

/// Both servers. They end when this is dropped; when a test fails, their logs are printed.
pub struct MailServers {
    pub ports: Ports,
    dir: tempfile::TempDir,
    owner: Owner,
    dovecot: Option<Program>,
    exim: Option<Program>,
}

impl MailServers {
    /// Starts both and waits until every port answers.
    pub fn start() -> Self {
        Self::start_with(&Options::default())
    }

    pub fn start_with(options: &Options) -> Self {
        let dir = tempfile::Builder::new().prefix("bode-").tempdir().unwrap();
        let owner = Owner::of_caller();
        let ports = Ports {
            imap: free_port(),
            imaps: free_port(),
            lmtp: free_port(),
            smtp: free_port(),
            submission: free_port(),
            submissions: free_port(),
        };
        for sub in ["mail", "log", "dovecot", "dovecot/base", "dovecot/state", "exim", "exim/spool", "sieve"]
        {
            fs::create_dir(dir.path().join(sub)).unwrap();
        }
        for (address, script) in &options.sieve {
            fs::write(dir.path().join(format!("sieve/{}.sieve", address.to_lowercase())), script).unwrap();
        }
        certificates(dir.path(), options.authority_as_server);
        fs::write(dir.path().join("password"), format!("{PASSWORD}\n")).unwrap();
        fs::write(dir.path().join("dovecot.conf"), dovecot::config(dir.path(), &owner, ports, options))
            .unwrap();
        if let Some(oauth) = &options.oauth {
            fs::write(dir.path().join("dovecot-oauth2.conf"), dovecot::oauth2_config(oauth)).unwrap();
        }
        fs::write(dir.path().join("exim.conf"), exim::config(dir.path(), &owner, ports, options)).unwrap();
        owner.give_all(dir.path());
        let mut servers = Self { ports, dir, owner, dovecot: None, exim: None };
        servers.start_dovecot();
        servers.start_exim();
        servers
    }

    pub fn start_dovecot(&mut self) {
        let arguments = dovecot::arguments(self.dir.path());
        let mut program = Program::start(
            &self.owner,
            ("dovecot", "dovecot-imapd dovecot-lmtpd dovecot-sieve"),
            &arguments,
            &self.log_dir(),
        );
        program.wait_for(self.ports.imap, b"* OK", || self.logs());
        program.wait_for(self.ports.imaps, b"", || self.logs());
        program.wait_for(self.ports.lmtp, b"220", || self.logs());
        self.dovecot = Some(program);
    }

    /// Ends Dovecot as an admin would (SIGTERM); its connections are closed.
    pub fn stop_dovecot(&mut self) {
        self.dovecot = None;
    }

    pub fn start_exim(&mut self) {
        let arguments = exim::arguments(self.dir.path());
        let mut program =
            Program::start(&self.owner, ("exim4", "exim4-daemon-light"), &arguments, &self.log_dir());
        for port in [self.ports.smtp, self.ports.submission] {
            program.wait_for(port, b"220", || self.logs());
        }
        program.wait_for(self.ports.submissions, b"", || self.logs());
        self.exim = Some(program);
    }

    pub fn stop_exim(&mut self) {
        self.exim = None;
    }

    /// From now on, local parts that begin with `defer` are accepted.
    pub fn accept_deferred(&self) {
        fs::write(self.dir.path().join("accept-deferred"), "").unwrap();
    }

    /// The Message-IDs of all that Exim has taken, in order.
    pub fn taken(&self) -> Vec<String> {
        let log = fs::read_to_string(self.log_dir().join("exim-main")).unwrap_or_default();
        let arrived = log.lines().filter(|line| line.contains(" <= "));
        arrived
            .filter_map(|line| line.split(' ').find_map(|word| word.strip_prefix("id=")).map(str::to_owned))
            .collect()
    }

    /// The Message-IDs of what Exim has taken since it had written so many bytes of its log, and how many those are now.
    pub fn taken_since(&self, bytes: usize) -> (Vec<String>, usize) {
        let log = fs::read(self.log_dir().join("exim-main")).unwrap_or_default();
        let whole = log.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let news = String::from_utf8_lossy(log.get(bytes..whole).unwrap_or_default()).into_owned();
        let arrived = news.lines().filter(|line| line.contains(" <= "));
        let ids = arrived.filter_map(|line| line.split(' ').find_map(|word| word.strip_prefix("id=")));
        (ids.map(str::to_owned).collect(), whole.max(bytes))
    }

    /// The certification authority of both servers.
    pub fn ca_file(&self) -> PathBuf {
        self.dir.path().join("authority.pem")
    }

    /// A file with the office's password.
    pub fn password_file(&self) -> PathBuf {
        self.dir.path().join("password")
    }

    /// The office's mailbox, as configuration.
    pub fn mailbox(&self, tls: Tls) -> Mailbox {
        Mailbox {
            host: "localhost".into(),
            port: Some(if tls == Tls::Implicit { self.ports.imaps } else { self.ports.imap }),
            tls,
            ca_file: Some(self.ca_file()),
            user: OFFICE.into(),
            password: Some(Secret::File(self.password_file())),
            access_token: None,
            oauth: None,
            folder: "INBOX".into(),
            done_folder: "Verwerkt".into(),
            poll_seconds: 60,
            answer_from: None,
        }
    }

    /// The submission server, as configuration.
    pub fn smtp(&self, tls: Tls) -> Smtp {
        Smtp {
            host: "localhost".into(),
            port: Some(if tls == Tls::Implicit { self.ports.submissions } else { self.ports.submission }),
            tls,
            ca_file: Some(self.ca_file()),
            user: Some(OFFICE.into()),
            password: Some(Secret::File(self.password_file())),
            access_token: None,
            oauth: None,
        }
    }

    /// `[mailbox]` and `[smtp]` for a configuration file, both with the sign-in `proef`.
    pub fn toml_by_token(&self) -> String {
        let password = format!("password = {{ file = {:?} }}", self.password_file());
        let toml = self.toml();
        assert_eq!(toml.matches(&password).count(), 2);
        toml.replace(&password, "oauth = \"proef\"")
    }

    /// `[mailbox]` and `[smtp]` for a configuration file, with TLS from the first byte.
    pub fn toml(&self) -> String {
        self.toml_of(OFFICE)
    }

    /// The same with the mailbox of another address.
    pub fn toml_of(&self, office: &str) -> String {
        let (ca, password) = (self.ca_file(), self.password_file());
        format!(
            "[mailbox]\nhost = \"localhost\"\nport = {}\ntls = \"implicit\"\nca_file = {ca:?}\nuser = \"{office}\"\n\
             password = {{ file = {password:?} }}\ndone_folder = \"Verwerkt\"\n\n\
             [smtp]\nhost = \"localhost\"\nport = {}\ntls = \"implicit\"\nca_file = {ca:?}\nuser = \"{OFFICE}\"\n\
             password = {{ file = {password:?} }}\n",
            self.ports.imaps, self.ports.submissions
        )
    }

    /// Hands a message to Exim as another mail server would, which gives it a Received field and delivers it.
    /// Returns when Exim has taken it, not when it lies in the mailbox.
    ///
    /// # Panics
    /// When Exim does not take it.
    pub fn deliver(&self, message: &[u8], envelope_from: &str, recipient: &str) {
        let mut client = SmtpClient::connect(self.ports.smtp);
        client.send(envelope_from, recipient, message).unwrap_or_else(|reply| panic!("SMTP: {reply}"));
    }

    /// The messages that lie in the inbox of an address, oldest first, with line ends as on the wire.
    pub fn mailbox_messages(&self, address: &str) -> Vec<Vec<u8>> {
        self.folder_messages(address, "")
    }

    /// The messages in a folder (`""`: the inbox), oldest first.
    pub fn folder_messages(&self, address: &str, folder: &str) -> Vec<Vec<u8>> {
        let maildir = self.maildir(address);
        let dir = if folder.is_empty() { maildir } else { maildir.join(format!(".{folder}")) };
        let mut found: Vec<(SystemTime, PathBuf, Vec<u8>)> = Vec::new();
        for sub in ["new", "cur"] {
            for entry in fs::read_dir(dir.join(sub)).into_iter().flatten().flatten() {
                // Moved from `new` to `cur` between listing and reading: the caller looks again.
                let (Ok(metadata), Ok(bytes)) = (entry.metadata(), fs::read(entry.path())) else { continue };
                found.push((metadata.modified().unwrap(), entry.path(), bytes));
            }
        }
        found.sort();
        found.into_iter().map(|(_, _, bytes)| crlf(&bytes)).collect()
    }

    /// Waits until at least `count` messages lie in a folder, and gives them.
    ///
    /// # Panics
    /// After [`DEADLINE`].
    pub fn wait_for_messages(&self, address: &str, folder: &str, count: usize) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        wait_until(&format!("{count} messages in {address}/{folder}"), || {
            found = self.folder_messages(address, folder);
            found.len() >= count
        });
        found
    }

    /// Lays a message in the office's inbox with a chosen INTERNALDATE, past SMTP.
    pub fn lay(&self, name: &str, message: &[u8], internal_date: SystemTime) {
        self.lay_for(OFFICE, name, message, internal_date);
    }

    /// The same in the inbox of an address.
    pub fn lay_for(&self, address: &str, name: &str, message: &[u8], internal_date: SystemTime) {
        let maildir = self.maildir(address);
        for sub in ["cur", "new", "tmp"] {
            fs::create_dir_all(maildir.join(sub)).unwrap();
        }
        let path = maildir.join("tmp").join(name);
        fs::write(&path, message).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(internal_date).unwrap();
        self.owner.give(&path);
        for dir in ["cur", "new", "tmp", ""] {
            self.owner.give(&maildir.join(dir));
        }
        fs::rename(path, maildir.join("new").join(name)).unwrap();
    }

    /// The Maildir of an address.
    pub fn maildir(&self, address: &str) -> PathBuf {
        self.dir.path().join("mail").join(address.to_lowercase())
    }

    fn log_dir(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// What both servers logged.
    pub fn logs(&self) -> String {
        let mut logs = String::new();
        for entry in fs::read_dir(self.log_dir()).into_iter().flatten().flatten() {
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            logs.push_str(&format!("--- {}\n{text}", entry.file_name().to_string_lossy()));
        }
        logs
    }
}

impl Drop for MailServers {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        // Before their folder goes.
        self.dovecot = None;
        self.exim = None;
    }
}

/// Dovecot keeps bare line feeds on disk.
fn crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 40);
    for &byte in bytes {
        if byte == b'\n' && out.last() != Some(&b'\r') {
            out.push(b'\r');
        }
        out.push(byte);
    }
    out
}

/// Waits for an event that this process cannot be told of, and fails after [`DEADLINE`].
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < DEADLINE, "did not happen in {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// An authority, and a certificate for localhost that it signed (or, wrongly, its own for the server).
fn certificates(dir: &Path, authority_as_server: bool) {
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let make = |more: &[&str]| {
        let mut arguments = vec![
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ];
        arguments.extend(more);
        run("openssl", "openssl", &arguments);
    };
    let (authority, authority_key) = (path("authority.pem"), path("authority-key.pem"));
    let (certificate, key) = (path("certificate.pem"), path("key.pem"));
    let name = "subjectAltName=DNS:localhost";
    make(&["-subj", "/CN=proef", "-addext", name, "-keyout", &authority_key, "-out", &authority]);
    if authority_as_server {
        fs::copy(authority, certificate).unwrap();
        fs::copy(authority_key, key).unwrap();
        return;
    }
    let signed = ["-CA", authority.as_str(), "-CAkey", authority_key.as_str(), "-subj", "/CN=localhost"];
    let server = ["-addext", name, "-addext", "basicConstraints=critical,CA:FALSE"];
    make(&[&signed[..], &server[..], &["-keyout", &key, "-out", &certificate]].concat());
}
