//! A desk on a free port with a real store of sample cases, and a small HTTP client.
//! Every person, address and number here is invented.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "in tests a panic is the failure that is wanted, and a value is as good as a reference"
)]

pub mod browser;
pub mod samples;

use bode::config::Desk as DeskConfig;
use bode::extract::{Leaf, Reader, ReaderOptions};
use bode::handover::Room;
use bode::record::{Office, RefusedScan, WaitingScan};
use bode::review::{
    Accounts, AnswerSample, Health, Names, PagesRequest, PagesWish, PostRoom, PostRoomFault, Provider,
    Reread, Rereader, ReviewState, Role, RulesInForce, Sampler, serve,
};
use bode::source::PostFolder;
use bode::store::Store;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

pub const PASSWORD: &str = "correct paard batterij";

/// The desk's day: Thursday 12 March 2026, 10:00 in Amsterdam.
pub fn now() -> Timestamp {
    "2026-03-12T09:00:00Z".parse().unwrap()
}

/// A running desk; it stops when this is dropped.
pub struct Desk {
    pub address: SocketAddr,
    pub store: Arc<Store>,
    pub accounts: Arc<Accounts>,
    pub health: Health,
    /// What is known of the zaaksysteem, which takes what is taken up or referred.
    pub handover: Arc<Room>,
    /// A token of the API that may decide.
    pub token: String,
    pub dir: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

/// A desk that stops when this is dropped; its store is another's.
pub struct Restarted {
    pub address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Desk {
    /// With the sample cases.
    pub fn start() -> Self {
        Self::start_with(DeskConfig::default())
    }

    pub fn start_with(config: DeskConfig) -> Self {
        Self::start_at(config, now)
    }

    /// With another clock than one that stands still at [`now`].
    pub fn start_at(config: DeskConfig, clock: fn() -> Timestamp) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(dir.path().join("store")).unwrap());
        store.keep_rules(samples::RULES_VERSION, &[("rules.toml".into(), "# invented\n".into())]).unwrap();
        samples::fill(&store);
        let accounts = Arc::new(Accounts::new(dir.path()));
        accounts.add("noor", PASSWORD, Role::Reviewer, now()).unwrap();
        accounts.add("sanne", PASSWORD, Role::Reviewer, now()).unwrap();
        accounts.add("piet", PASSWORD, Role::PostRoom, now()).unwrap();
        accounts.add("karel", PASSWORD, Role::Auditor, now()).unwrap();
        accounts.add("ruth", PASSWORD, Role::RuleEditor, now()).unwrap();
        let token = accounts.add_token("zaaksysteem", Role::Reviewer, now()).unwrap();
        let health = Health::default();
        health.well("store");
        let handed = "take-up = { status = \"Ontvangen\" }\nrefer = { status = \"Ontvangen\" }\n";
        let handover = Arc::new(
            Room::open(bode::handover::dir(&dir.path().join("store")), toml::from_str(handed).unwrap())
                .unwrap(),
        );
        let provider = config.oidc.as_ref().map(|oidc| Provider::new(oidc).unwrap());
        let state =
            ReviewState::new(Arc::clone(&store), Arc::clone(&accounts), office(), config, health.clone())
                .with_provider(provider)
                .with_handover(Some(Arc::clone(&handover)))
                .with_clock(clock)
                .with_opener(opener())
                .with_page_maker(page_maker())
                .with_letter_checker(letter_checker(&store))
                .with_sampler(Arc::new(Answers))
                .with_post_room(Some(scan_room(dir.path())))
                .with_clerk(Arc::new(bode::daemon::DeskClerk(rulebook)))
                .with_rereader(rereader(dir.path()));
        state.show(office(), names());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(serve(listener, state, std::future::pending()));
        Self { address, store, accounts, health, handover, token, dir, _runtime: runtime }
    }

    /// Another desk on the same store, with nothing in its memory: as after a restart.
    pub fn restarted(&self) -> Restarted {
        let (store, accounts) = (Arc::clone(&self.store), Arc::clone(&self.accounts));
        let state = ReviewState::new(store, accounts, office(), DeskConfig::default(), self.health.clone())
            .with_clock(now);
        state.show(office(), names());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(serve(listener, state, std::future::pending()));
        Restarted { address, _runtime: runtime }
    }

    /// Nobody.
    pub fn visitor(&self) -> Client {
        Client { address: self.address, cookies: BTreeMap::new(), headers: Vec::new() }
    }

    /// Somebody who has logged in.
    pub fn person(&self, name: &str) -> Client {
        let mut client = self.visitor();
        let answer = client.log_in(name, PASSWORD);
        assert_eq!(answer.status, 303, "{}", answer.body);
        client
    }

    /// A program with the token.
    pub fn program(&self) -> Client {
        let mut client = self.visitor();
        client.headers.push(("Authorization".into(), format!("Bearer {}", self.token)));
        client
    }
}

/// The real worker, behind its fence.
pub fn reader() -> Reader {
    Reader::start(ReaderOptions {
        languages: "nld".into(),
        workers: 1,
        program: env!("CARGO_BIN_EXE_bode").into(),
    })
}

fn page_maker() -> Arc<bode::review::PageMaker> {
    let reader = Arc::new(reader());
    Arc::new(move |request: PagesRequest| {
        let reader = Arc::clone(&reader);
        Box::pin(async move {
            let PagesRequest { name, channel, bytes, document, wish } = request;
            let leaf = Leaf { name: &name, channel: Some(channel), bytes: &bytes, document };
            let given = match &wish {
                PagesWish::Picture { page, turns } => reader.picture(leaf, *page, *turns).await,
                PagesWish::Searchable(read) => reader.searchable(leaf, read).await,
                PagesWish::Formatted => reader.formatted(&bytes).await,
            };
            given.map_err(|error| error.to_string())
        })
    })
}

/// The rules and words of a real office, read at the first question.
pub fn rulebook() -> Arc<bode::intake::Rulebook> {
    static RULEBOOK: std::sync::OnceLock<Arc<bode::intake::Rulebook>> = std::sync::OnceLock::new();
    let read = || {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/den-haag.toml");
        Arc::new(bode::intake::Rulebook::load(&bode::config::load(&path).unwrap()).unwrap())
    };
    Arc::clone(RULEBOOK.get_or_init(read))
}

/// Letters by the rules and words of a real office.
fn letter_checker(store: &Arc<Store>) -> Arc<bode::review::LetterChecker> {
    use bode::intake::{CheckError, LetterChecked, check_letter};
    let store = Arc::clone(store);
    Arc::new(move |case, lines, by, now| match check_letter(&store, &rulebook(), case, lines, by, now) {
        Ok(LetterChecked::Goes) => Ok(bode::review::LetterChecked::Goes),
        Ok(LetterChecked::StillHeld(_)) => Ok(bode::review::LetterChecked::StillHeld),
        Ok(LetterChecked::Refused(why)) => Ok(bode::review::LetterChecked::Refused(why)),
        Err(CheckError::Store(error)) => Err(bode::review::LetterFault::Store(error)),
        Err(error) => Err(bode::review::LetterFault::Other(error.to_string())),
    })
}

/// One answer, in two languages.
struct Answers;

impl Sampler for Answers {
    fn situations(&self) -> Vec<(String, String)> {
        vec![("received".into(), "Ontvangen".into())]
    }

    fn languages(&self) -> Vec<String> {
        vec!["nl".into(), "en".into()]
    }

    fn sample(&self, id: &str, language: &str, now: Timestamp) -> Result<Option<AnswerSample>, String> {
        Ok((id == "received").then(|| AnswerSample {
            title: "Ontvangen".into(),
            subject: "Wij hebben uw bericht ontvangen".into(),
            mail: format!("Goedendag,\n\nWij hebben <uw> bericht ontvangen ({language}, {now})."),
            letter: "Geachte heer of mevrouw,".into(),
            pdf: b"%PDF-1.7".to_vec(),
        }))
    }
}

/// Reads rules again that stand nowhere: with a fault when the file `kapot` is there.
fn rereader(dir: &Path) -> Arc<Rereader> {
    let broken = dir.join("kapot");
    Arc::new(move || {
        let broken = broken.exists();
        Box::pin(async move {
            if broken {
                return Err("urgent.toml:3:1: De regel urgent/x heeft geen reden.".to_owned());
            }
            let rules =
                RulesInForce { version: "c0ffee123456".into(), count: 7, page: "# De regels\n".into() };
            Ok(Reread { office: office(), names: names(), rules })
        })
    })
}

/// Attachments come out of the real worker.
fn opener() -> Arc<bode::review::Opener> {
    let reader = Arc::new(reader());
    Arc::new(move |message, name, nth| {
        let reader = Arc::clone(&reader);
        Box::pin(
            async move { reader.attachment(&message, &name, nth).await.map_err(|error| error.to_string()) },
        )
    })
}

pub fn office() -> Office {
    bode::config::load(Path::new("config/den-haag.toml")).unwrap().office
}

fn names() -> Names {
    let named = |id: &str, name: &str, why: &str| (id.to_owned(), name.to_owned(), why.to_owned());
    Names {
        queues: vec![
            named("spoed", "Spoed", "Er is haast bij: vandaag lezen."),
            named("nieuw", "Nieuw", "Waarschijnlijk voor ons."),
            named("doorverwijzen", "Doorverwijzen", "Gaat over een ander."),
            named("aanvullen", "Aanvullen", "Niet duidelijk over wie het gaat."),
            named("met-de-hand-lezen", "Met de hand lezen", "Een bestand was niet te lezen."),
        ],
        organisations: [("gemeente-den-haag", "Gemeente Den Haag"), ("uwv", "UWV")]
            .map(|(id, name)| (id.to_owned(), name.to_owned()))
            .into(),
        referrals: vec![("nationale-ombudsman".to_owned(), "Nationale ombudsman".to_owned())],
        sent_on: ["nationale-ombudsman".to_owned()].into(),
    }
}

/// The scan folder of a desk without a daemon: nothing is taken in, and one file was refused.
fn scan_room(dir: &Path) -> Arc<dyn PostRoom> {
    let scans = dir.join("scans");
    std::fs::create_dir_all(scans.join("failed")).unwrap();
    std::fs::write(scans.join("scan-0012.pdf"), "%PDF").unwrap();
    std::fs::write(scans.join("failed/brief.docx"), "PK").unwrap();
    let reason = "brief.docx\n\nDit soort bestand kan niet worden verwerkt. Scan de brief opnieuw.\n\nHet staat hier.\n";
    std::fs::write(scans.join("failed/brief.docx.reden.txt"), reason).unwrap();
    Arc::new(Scans(PostFolder::new(&bode::config::ScanFolder::at(scans))))
}

struct Scans(PostFolder);

impl PostRoom for Scans {
    fn waiting(&self) -> Result<Vec<WaitingScan>, String> {
        self.0.waiting().map_err(|error| error.to_string())
    }

    fn refused(&self) -> Result<Vec<RefusedScan>, String> {
        self.0.refused().map_err(|error| error.to_string())
    }

    fn again(&self, name: &str) -> Result<bool, PostRoomFault> {
        self.0.again(name).map_err(|fault| PostRoomFault::Unfit(fault.to_string()))
    }

    fn lay(&self, name: &str, bytes: &[u8]) -> Result<String, PostRoomFault> {
        self.0.lay(name, bytes).map_err(|fault| PostRoomFault::Unfit(fault.to_string()))
    }

    fn sheets(&self, count: u32, received: Option<jiff::civil::Date>) -> Result<Vec<u8>, String> {
        bode::sheets::sheets("PROEF", count, received).map_err(|error| error.to_string())
    }
}

/// One visitor with its cookies. Every request has its own connection.
pub struct Client {
    pub address: SocketAddr,
    pub cookies: BTreeMap<String, String>,
    pub headers: Vec<(String, String)>,
}

pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    /// The value of a hidden field.
    pub fn field(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let from =
            self.body.find(&start).unwrap_or_else(|| panic!("no field {name}: {}", self.body)) + start.len();
        self.body[from..].split('"').next().unwrap().to_owned()
    }
}

impl Client {
    pub fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, None, "")
    }

    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.send("POST", path, Some("application/x-www-form-urlencoded"), &body.join("&"))
    }

    pub fn post_json(&mut self, path: &str, body: &serde_json::Value) -> Answer {
        self.send("POST", path, Some("application/json"), &body.to_string())
    }

    pub fn log_in(&mut self, name: &str, password: &str) -> Answer {
        let csrf = self.get("/login").field("csrf");
        self.post("/login", &[("csrf", &csrf), ("name", name), ("password", password)])
    }

    pub fn send(&mut self, method: &str, path: &str, media_type: Option<&str>, body: &str) -> Answer {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
            request += &format!("Cookie: {}\r\n", cookies.join("; "));
        }
        for (name, value) in &self.headers {
            request += &format!("{name}: {value}\r\n");
        }
        if let Some(media_type) = media_type {
            request += &format!("Content-Type: {media_type}\r\nContent-Length: {}\r\n", body.len());
        }
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
        let mut raw = Vec::new();
        stream.read_to_end(&mut raw).unwrap();
        let split = raw.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole answer");
        let head = String::from_utf8(raw[..split].to_vec()).unwrap();
        let bytes = raw[split + 4..].to_vec();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        for (_, cookie) in headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        // As a browser reads it: the templates write a slash in a value as a character reference.
        let body = String::from_utf8_lossy(&bytes).replace("&#x2f;", "/");
        Answer { status, headers, body, bytes }
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}
