//! A zaaksysteem for tests: `tests/zgw/server.py` over TLS on free ports of 127.0.0.1, which holds every request and every answer to the contract
//! of the ZGW APIs. It can be told to fail, to be silent or to be another office's; what it has is read back.

use super::program::{Owner, Program, free_port};
use super::{certificates, http};
use bode::config::Zaaksysteem;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub const CLIENT: &str = "bode-proef";
pub const SECRET: &str = "een geheim van het zaaksysteem";
/// Passes the elfproef; invented.
pub const RSIN: &str = "111222333";

/// It ends when this is dropped.
pub struct ZgwServer {
    dir: tempfile::TempDir,
    https: u16,
    http: u16,
    program: Option<Program>,
}

impl ZgwServer {
    pub fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("bode-zgw-").tempdir().unwrap();
        certificates(dir.path(), false);
        std::fs::write(dir.path().join("secret"), SECRET).unwrap();
        let mut server = Self { dir, https: free_port(), http: free_port(), program: None };
        server.run();
        server
    }

    fn run(&mut self) {
        let file = |name: &str| self.dir.path().join(name);
        // `make zgw-docs` reads it.
        let record = std::env::var("BODE_TEST_ZGW_RECORD").ok();
        let settings = json!({
            "https": self.https, "http": self.http, "certificate": file("certificate.pem"), "key": file("key.pem"),
            "client_id": CLIENT, "secret": SECRET, "record": record,
        });
        std::fs::write(file("settings.json"), settings.to_string()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/zgw/server.py");
        // No compiled copies in the tree.
        let arguments =
            ["-B".to_owned(), script.display().to_string(), file("settings.json").display().to_string()];
        let python = ("python3", "python3");
        let mut program = Program::start(&Owner::caller_itself(), python, &arguments, self.dir.path());
        let logs = || std::fs::read_to_string(file("python3-stderr")).unwrap_or_default();
        program.wait_for(self.http, b"", logs);
        program.wait_for(self.https, b"", logs);
        self.program = Some(program);
    }

    /// Nobody answers any more.
    pub fn stop(&mut self) {
        self.program = None;
    }

    /// It answers again, and has forgotten everything.
    pub fn run_again(&mut self) {
        self.run();
    }

    fn tell(&self, path: &str) -> Value {
        let (status, body) = http::get(self.http, path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    pub fn reset(&self) {
        self.tell("/test/reset");
    }

    /// What becomes of the n-th POST from now: a status, `hang-before` or `hang-after`.
    pub fn plan(&self, at: usize, what: &str) {
        self.tell(&format!("/test/plan?at={at}&what={what}"));
    }

    /// What becomes of every request until another is told; empty: it works.
    pub fn all(&self, what: &str) {
        self.tell(&format!("/test/all?what={what}"));
    }

    /// Its zaaktype has another name.
    pub fn rename_zaaktype(&self, identificatie: &str) {
        self.tell(&format!("/test/zaaktypen?identificatie={identificatie}"));
    }

    /// What it has: `zaken`, `documents`, `links`, `results`, `statuses`, `violations` of the contract, and counters.
    pub fn state(&self) -> Value {
        self.tell("/test/state")
    }

    pub fn ca_file(&self) -> PathBuf {
        self.dir.path().join("authority.pem")
    }

    /// `[zaaksysteem]` for a configuration file.
    pub fn toml(&self) -> String {
        let root = format!("https://localhost:{}", self.https);
        let secret = self.dir.path().join("secret");
        format!(
            "[zaaksysteem]\nzaken = \"{root}/zaken/api/v1\"\ndocumenten = \"{root}/documenten/api/v1/\"\n\
             catalogi = \"{root}/catalogi/api/v1\"\nclient_id = \"{CLIENT}\"\nsecret = {{ file = {secret:?} }}\n\
             ca_file = {:?}\nrsin = \"{RSIN}\"\nzaaktype = \"KLACHT\"\ninformatieobjecttype = \"klachtstuk\"\n\n\
             [zaaksysteem.decisions]\ntake-up = {{ status = \"In behandeling\" }}\n\
             settle = {{ status = \"Afgehandeld\", result = \"Niet in behandeling\" }}\n\
             refer = {{ status = \"Afgehandeld\", result = \"Doorgezonden\" }}\n",
            self.ca_file()
        )
    }

    /// The same as the structs have it.
    pub fn settings(&self) -> Zaaksysteem {
        let table: toml::Table = self.toml().parse().unwrap();
        table["zaaksysteem"].clone().try_into().unwrap()
    }
}
