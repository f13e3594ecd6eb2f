//! `config/<office>.toml` → [`Config`]. Faults are told with file, line, key and what is allowed.
//!
//! Invariants: relative paths are relative to the file; an unknown key is a fault; no secret stands in the
//! file (a secret is the name of a file or of an environment variable, read only when it is needed).

mod desk;
mod faults;
mod layers;
mod load;
mod oauth;
mod reload;
pub mod schema;
mod secret;
mod show;
mod webhook;
mod zaaksysteem;

pub use desk::{Desk, Oidc};
pub use layers::{ENVIRONMENT, Layers, Place};
pub use load::{ConfigError, Loaded, load, load_file, load_whole, load_with, position};
pub use oauth::{ClientAuth, EndpointUrl, Grant, Oauth};
pub use reload::{Changed, changed, is_reloaded};
pub use secret::{Secret, SecretError};
pub use show::{Shown, shown};
pub use webhook::Webhook;
pub use zaaksysteem::{HandedAs, HandedDecisions, Vertrouwelijkheid, Zaaksysteem};

use crate::record::{
    Cover, Office, Retention, RetentionRule, ReturnPath, StorePlace, USUAL_COVERS, Window, WindowSide,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// All that one instance (one office) runs by.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub office: Office,
    /// Directory of `organisations.toml` and the other rule files.
    pub rules: PathBuf,
    /// Directory of the acknowledgements and letters.
    pub templates: PathBuf,
    /// Directory of originals, journal and index.
    pub store: StorePlace,
    #[serde(default)]
    pub encryption: Encryption,
    #[serde(default)]
    pub mailbox: Option<Mailbox>,
    #[serde(default)]
    pub maildir: Option<Maildir>,
    #[serde(default)]
    pub scan: Option<ScanFolder>,
    #[serde(default)]
    pub smtp: Option<Smtp>,
    /// Sign-ins by name, for `[mailbox] oauth` and `[smtp] oauth`.
    #[serde(default)]
    pub oauth: BTreeMap<String, Oauth>,
    #[serde(default)]
    pub rehearsal: Rehearsal,
    #[serde(default)]
    pub answers: Answers,
    #[serde(default)]
    pub letters: Letters,
    #[serde(default)]
    pub reading: Reading,
    #[serde(default)]
    pub desk: Desk,
    #[serde(default)]
    pub digest: Option<Digest>,
    #[serde(default)]
    pub ledger: Ledger,
    /// Programs that are told what happens to cases.
    #[serde(default)]
    pub webhooks: Vec<Webhook>,
    /// Where decided cases are handed over.
    #[serde(default)]
    pub zaaksysteem: Option<Zaaksysteem>,
    /// How long what is kept, by outcome. What has no line is kept.
    #[serde(default)]
    #[schemars(with = "RetentionTable")]
    pub retention: Retention,
}

/// `[retention]` for the schema: one key for each [`RetentionClass`](crate::record::RetentionClass).
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(dead_code, reason = "only its schema is used")]
struct RetentionTable {
    /// Decided: taken up.
    taken_up: Option<RetentionRule>,
    /// Decided: referred.
    referred: Option<RetentionRule>,
    /// Decided: no complaint.
    not_a_complaint: Option<RetentionRule>,
    /// Decided: kept as a signal.
    signal: Option<RetentionRule>,
    /// More was asked, and nothing came.
    asked_for_more: Option<RetentionRule>,
    /// Set aside: a machine's message.
    automatic: Option<RetentionRule>,
    /// Set aside by a person.
    set_aside: Option<RetentionRule>,
    /// The scan of a stack, whose letters are pieces of their own.
    divided_run: Option<RetentionRule>,
}

/// Sealing what lies in the store.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Encryption {
    /// The keys (`bode key new`), outside the store and its backups. Without it the store lies open.
    pub key_file: Option<PathBuf>,
}

/// How a connection is protected. There is no plain one: citizens' mail does not travel in the clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// TLS from the first byte (RFC 8314).
    #[default]
    Implicit,
    Starttls,
}

/// The mailbox that citizens write to, over IMAP (RFC 3501 or 9051).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mailbox {
    /// The server.
    pub host: String,
    /// 993, or 143 with `starttls`.
    #[serde(default)]
    pub port: Option<u16>,
    #[serde(default)]
    pub tls: Tls,
    /// PEM file of a private certification authority, beside the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The mailbox.
    pub user: String,
    /// One of `password`, `access_token` and `oauth`.
    #[serde(default)]
    pub password: Option<Secret>,
    /// In place of a password: an access token (OAuth 2.0, RFC 6749) that something else renews.
    #[serde(default)]
    pub access_token: Option<Secret>,
    /// In place of a password: the name of a sign-in, `[oauth.NAME]`.
    #[serde(default)]
    pub oauth: Option<String>,
    /// Where citizens' mail arrives.
    #[serde(default = "inbox")]
    pub folder: String,
    /// Where a message is moved once it is durable here.
    pub done_folder: String,
    /// Seconds between two looks where the server has no IDLE, and at the least now and then where it has.
    #[serde(default = "poll_seconds")]
    pub poll_seconds: u64,
    /// Mail received before this date is registered but never answered. Without it: the first start.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub answer_from: Option<jiff::civil::Date>,
}

/// A Maildir that the mail server delivers to: `new` is taken, then moved to `cur`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Maildir {
    /// Its `new` is taken, then moved to `cur`.
    pub dir: PathBuf,
    /// Seconds between two looks, beside the one that each delivery brings about where the system tells of it.
    #[serde(default = "scan_poll_seconds")]
    pub poll_seconds: u64,
    /// Mail received before this date is registered but never answered. Without it: the first start.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub answer_from: Option<jiff::civil::Date>,
}

/// The folder that the post room scans into.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScanFolder {
    /// PDF, TIFF, JPEG or PNG; what was taken goes to `done/` in it.
    pub dir: PathBuf,
    /// A file counts once its size and time have been still for so long.
    #[serde(default = "still_seconds")]
    pub still_seconds: u64,
    /// Seconds between two looks.
    #[serde(default = "scan_poll_seconds")]
    pub poll_seconds: u64,
    /// Texts of barcodes (QR, Code 128, Code 39) that divide a stack, beside our own sheets and Patch-T.
    #[serde(default = "separators")]
    pub separators: Vec<String>,
    /// Name of the folder in `dir` for stacks that a one-sided feeder scans twice: fronts, then backs.
    #[serde(default = "one_sided_dir")]
    pub one_sided_dir: String,
    /// True: also a stack in `dir` itself whose sheets show one side only waits for its other half.
    #[serde(default)]
    pub backs_follow: bool,
    /// How long a half waits before it is taken in as it is.
    #[serde(default = "half_wait_hours")]
    pub half_wait_hours: u32,
}

impl ScanFolder {
    /// This folder, everything else as it is without a setting.
    pub fn at(dir: PathBuf) -> Self {
        Self {
            dir,
            still_seconds: still_seconds(),
            poll_seconds: scan_poll_seconds(),
            separators: separators(),
            one_sided_dir: one_sided_dir(),
            backs_follow: false,
            half_wait_hours: half_wait_hours(),
        }
    }
}

/// Where answers are handed over.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// The server.
    pub host: String,
    /// 465, or 587 with `starttls`.
    #[serde(default)]
    pub port: Option<u16>,
    #[serde(default)]
    pub tls: Tls,
    /// PEM file of a private certification authority, beside the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// With one of password, oauth and access_token; none for a server that asks for none.
    #[serde(default)]
    pub user: Option<String>,
    /// One of `password`, `access_token` and `oauth`.
    #[serde(default)]
    pub password: Option<Secret>,
    /// In place of a password: an access token (OAuth 2.0, RFC 6749) that something else renews.
    #[serde(default)]
    pub access_token: Option<Secret>,
    /// In place of a password: the name of a sign-in, `[oauth.NAME]`.
    #[serde(default)]
    pub oauth: Option<String>,
}

/// By what we log in.
#[derive(Clone, Copy, Debug)]
pub enum Login<'a> {
    Password(&'a Secret),
    AccessToken(&'a Secret),
    /// The name of a sign-in.
    SignIn(&'a str),
}

impl<'a> Login<'a> {
    /// The one of the three that is there; a configuration that was loaded has no two.
    fn of(
        password: &'a Option<Secret>,
        token: &'a Option<Secret>,
        oauth: &'a Option<String>,
    ) -> Option<Self> {
        let password = password.as_ref().map(Self::Password);
        let token = token.as_ref().map(Self::AccessToken);
        oauth.as_deref().map(Self::SignIn).or(token).or(password)
    }
}

impl Mailbox {
    /// By what we log in; a configuration that was loaded has it.
    pub fn login(&self) -> Option<Login<'_>> {
        Login::of(&self.password, &self.access_token, &self.oauth)
    }
}

impl Smtp {
    /// User and secret; `None` for a server that asks for none.
    pub fn login(&self) -> Option<(&str, Login<'_>)> {
        Some((self.user.as_deref()?, Login::of(&self.password, &self.access_token, &self.oauth)?))
    }
}

/// Everything runs and nothing leaves the house.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rehearsal {
    /// While it is on no answer, letter, digest, webhook or case goes out, and messages stay in their folder.
    pub on: bool,
    /// True: messages are moved to the done folder also in a rehearsal.
    pub move_mail: bool,
}

/// Who answers, and when a machine may.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Answers {
    /// False: everything is judged and written, and nothing is sent.
    pub send: bool,
    /// The From of an acknowledgement.
    pub from_name: String,
    /// Its address.
    pub from_address: String,
    /// Envelope sender (MAIL FROM, RFC 3834 §3.3): an address that never answers by itself. Empty: `<>`.
    pub return_path: String,
    /// Between its local part and the token of a case (VERP), as the mail server splits addresses. Empty: no token.
    pub return_path_separator: String,
    /// Domain of our Message-IDs; by default that of `from_address`.
    pub msg_id_domain: Option<String>,
    /// Addresses that are ours: never answered.
    pub own_addresses: Vec<String>,
    /// At most so many answers to one address in an hour and in a day; more is held.
    pub per_address_hour_max: u32,
    /// The same in a day.
    pub per_address_day_max: u32,
    /// The breaker: more answers than this in an hour over all, and the rest is held.
    pub hour_max: u32,
    /// The breaker closes by itself when it has held nothing for so many minutes; 0: only a person closes it.
    pub breaker_quiet_minutes: u32,
    /// What the writer hears of a follow-up to a case that is known.
    pub follow_up: FollowUp,
    /// Hold the answer to a message with signs of danger until a person has read it.
    pub hold_urgent: bool,
    /// Only `Authentication-Results` of these hosts are believed (RFC 8601 §4.1).
    pub authserv_ids: Vec<String>,
}

/// What goes out for a follow-up to a case that had its acknowledgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FollowUp {
    #[default]
    None,
    /// One line: it was received and lies with the case. At most one a day for a case.
    Line,
}

impl Answers {
    /// The envelope sender of answers; `None` is the null return path `<>`.
    pub fn envelope_sender(&self) -> Option<ReturnPath> {
        ReturnPath::new(&self.return_path, self.return_path_separator.chars().next())
    }
}

/// Letters on paper.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Letters {
    /// Where letters to print are laid, a folder a day. Without it: `print` in the store.
    pub print_dir: Option<PathBuf>,
    /// The place written before the date.
    pub place: String,
    /// On which side of the cover its window is.
    pub window: WindowSide,
    /// The office's own cover, where it is none of the usual ones.
    pub cover: Option<Cover>,
}

impl Letters {
    /// Where the address stands.
    pub fn address_window(&self) -> Window {
        match &self.cover {
            Some(cover) => Window::of(self.window, &[*cover]),
            None => Window::of(self.window, &USUAL_COVERS),
        }
    }
}

/// How pieces are read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reading {
    /// Tesseract's languages.
    pub languages: String,
    /// Processes that read at the same time; 0: one a core.
    pub workers: usize,
    /// Is anything read when a layer of the fence is missing?
    pub fence: Fence,
    /// The virus scanner. Without it nothing is scanned.
    pub clamd: Option<ClamdAddress>,
}

/// What is asked of the fence around the reading processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fence {
    /// What this kernel has; what is missing is told.
    #[default]
    Available,
    /// Every layer, or nothing is read.
    Required,
}

/// Where clamd listens: `unix:/run/clamav/clamd.ctl` or `tcp:127.0.0.1:3310`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ClamdAddress {
    Unix(PathBuf),
    /// Host and port.
    Tcp(String),
}

impl JsonSchema for ClamdAddress {
    fn schema_name() -> Cow<'static, str> {
        "ClamdAddress".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "format": "clamd-address", "pattern": "^(unix:.+|tcp:.+:[0-9]+)$"
        })
    }
}

impl TryFrom<String> for ClamdAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let port =
            |address: &str| address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        match text.split_once(':') {
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(path.into())),
            Some(("tcp", address)) if port(address) => Ok(Self::Tcp(address.to_owned())),
            _ => Err(format!("clamd: {text:?} is neither `unix:/PATH` nor `tcp:HOST:PORT`")),
        }
    }
}

/// The daily overview for staff, by mail. It holds numbers only.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// One address: a shared mailbox, or a list of the office's own.
    pub to: String,
    /// Local time from which that day's goes out: `"07:00"`.
    #[serde(default = "digest_at", deserialize_with = "local_time")]
    #[schemars(with = "String", extend("format" = "local-time"))]
    pub at: jiff::civil::Time,
}

/// The proof that nothing was lost, made once a day by itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ledger {
    /// Local time from which that day's is made: `"06:30"`, before the digest that tells of it.
    #[serde(deserialize_with = "local_time")]
    #[schemars(with = "String", extend("format" = "local-time"))]
    pub at: jiff::civil::Time,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { at: jiff::civil::time(6, 30, 0, 0) }
    }
}

fn inbox() -> String {
    "INBOX".to_owned()
}
fn poll_seconds() -> u64 {
    60
}
fn scan_poll_seconds() -> u64 {
    2
}
fn separators() -> Vec<String> {
    vec!["PATCHT".to_owned()]
}
fn one_sided_dir() -> String {
    "eenzijdig".to_owned()
}
fn half_wait_hours() -> u32 {
    4
}
fn digest_at() -> jiff::civil::Time {
    jiff::civil::time(7, 0, 0, 0)
}
fn local_time<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<jiff::civil::Time, D::Error> {
    let text = String::deserialize(deserializer)?;
    let fault = || serde::de::Error::custom(format!("at: {text:?} is not a local time such as \"07:00\""));
    text.parse().map_err(|_| fault())
}
fn still_seconds() -> u64 {
    5
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            send: true,
            from_name: String::new(),
            from_address: String::new(),
            return_path: String::new(),
            return_path_separator: "+".to_owned(),
            msg_id_domain: None,
            own_addresses: Vec::new(),
            per_address_hour_max: 3,
            per_address_day_max: 8,
            hour_max: 200,
            breaker_quiet_minutes: 60,
            follow_up: FollowUp::None,
            hold_urgent: false,
            authserv_ids: Vec::new(),
        }
    }
}

impl Default for Reading {
    fn default() -> Self {
        Self { languages: "nld+eng".to_owned(), workers: 0, fence: Fence::default(), clamd: None }
    }
}
