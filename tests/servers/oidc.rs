//! A real sign-in server for tests: oidc-provider (an OpenID-certified server) on node, over TLS, on free ports of
//! 127.0.0.1. `oidc/provider.mjs` says what it can be told to do.
//!
//! `make deps-test` installs it, with the versions and digests of `oidc/package-lock.json`, in a folder outside the tree
//! (`BODE_TEST_CACHE`, by default `.cache/bode-test` in the home directory).

use super::program::{Owner, Program, free_port};
use super::{OFFICE, certificates, http};
use bode::config::{ClientAuth, EndpointUrl, Grant, Oauth, Secret};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// The client that asks with its own right. The secret has what a form must encode.
pub const APPLICATION: (&str, &str) = ("postkamer", "geheim+van/de=app&%25~");
/// The client for which a person signed in.
pub const PERSON: (&str, &str) = ("postbus", "geheim-van-de:postbus");
/// By which mail servers ask whether a token is good.
const MAIL_SERVER: (&str, &str) = ("mailserver", "geheim-van-de-mailserver");

/// It ends when this is dropped.
pub struct SignInServer {
    dir: tempfile::TempDir,
    https: u16,
    http: u16,
    ttl: u32,
    /// Where people are sent back after they signed in, and what is told of them.
    logins: Option<(String, serde_json::Value, bool)>,
    program: Option<Program>,
}

/// The clients of the desk: one whose ID tokens are signed by RSA, one by an elliptic curve.
pub const DESK: [(&str, &str, &str); 2] =
    [("bode", "geheim-van-de-balie", "RS256"), ("bode-es", "geheim-van-de-balie-es", "ES256")];

impl SignInServer {
    /// Its access tokens last so many seconds.
    pub fn start(ttl: u32) -> Self {
        let mut server = Self::prepare(ttl);
        server.run();
        server
    }

    /// For people who log in at a desk: `people` has the claims of each, `in_token` tells whether the ID token has them.
    pub fn start_for_desk(desk: &str, people: serde_json::Value, in_token: bool) -> Self {
        let mut server = Self::prepare(600);
        server.logins = Some((desk.to_owned(), people, in_token));
        server.run();
        server
    }

    /// Who sits at the browser from now on, and whether they refuse.
    pub fn sits(&self, person: &str, refuses: bool) {
        self.tell(&format!("/test/person?name={person}&refuses={}", if refuses { "yes" } else { "no" }));
    }

    /// Where the provider can be asked without TLS, as if a proxy had taken that off.
    pub fn plain(&self) -> std::net::SocketAddr {
        std::net::SocketAddr::from(([127, 0, 0, 1], self.http))
    }

    pub fn issuer(&self) -> String {
        format!("https://localhost:{}", self.https)
    }

    /// `[desk.oidc]` for one of the clients of the desk.
    pub fn for_desk(&self, client: usize) -> bode::config::Oidc {
        let (id, secret, _) = DESK[client];
        let file = self.dir.path().join(format!("secret-of-{id}"));
        fs::write(&file, secret).unwrap();
        let toml = format!(
            "issuer = {:?}\nclient_id = \"{id}\"\nclient_secret = {{ file = {file:?} }}\nca_file = {:?}\n\
             role_claim = \"groups\"\n[roles]\nbode-zaken = \"reviewer\"\nbode-beheer = \"admin\"\n",
            self.issuer(),
            self.ca_file()
        );
        toml::from_str(&toml).unwrap()
    }

    /// Everything but the start.
    pub fn prepare(ttl: u32) -> Self {
        let dir = tempfile::Builder::new().prefix("bode-oidc-").tempdir().unwrap();
        certificates(dir.path(), false);
        fs::write(dir.path().join("secret-of-application"), APPLICATION.1).unwrap();
        fs::write(dir.path().join("secret-of-person"), PERSON.1).unwrap();
        Self { dir, https: free_port(), http: free_port(), ttl, logins: None, program: None }
    }

    /// Starts it, and waits until it answers. What it gave before is forgotten.
    pub fn run(&mut self) {
        let installed = installed();
        let client = |(id, secret): (&str, &str), grants: &[&str], auth: &str| {
            json!({"client_id": id, "client_secret": secret, "grant_types": grants, "redirect_uris": [],
                   "response_types": [], "token_endpoint_auth_method": auth})
        };
        let device = "urn:ietf:params:oauth:grant-type:device_code";
        let mut clients = vec![
            client(APPLICATION, &["client_credentials"], "client_secret_post"),
            client(PERSON, &["refresh_token", device], "client_secret_basic"),
            client(MAIL_SERVER, &[], "client_secret_basic"),
        ];
        let (desk, people, in_token) = self.logins.clone().unwrap_or_default();
        for (id, secret, algorithm) in DESK.iter().filter(|_| !desk.is_empty()) {
            clients.push(json!({
                "client_id": id, "client_secret": secret, "grant_types": ["authorization_code"],
                "redirect_uris": [format!("{desk}/login/oidc/back")], "response_types": ["code"],
                "post_logout_redirect_uris": [format!("{desk}/login")],
                "id_token_signed_response_alg": algorithm, "token_endpoint_auth_method": "client_secret_post",
            }));
        }
        let settings = json!({
            "people": people, "in_token": in_token,
            "https": self.https, "http": self.http, "ttl": self.ttl, "username": OFFICE,
            "key": self.dir.path().join("key.pem"), "certificate": self.dir.path().join("certificate.pem"),
            "clients": clients,
        });
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/oidc/provider.mjs");
        let arguments = [
            script.to_str().unwrap().to_owned(),
            installed.to_str().unwrap().to_owned(),
            settings.to_string(),
        ];
        let mut program =
            Program::start(&Owner::caller_itself(), ("node", "nodejs"), &arguments, self.dir.path());
        // It listens on this one last.
        program.wait_for(self.http, b"", || {
            fs::read_to_string(self.dir.path().join("node-stderr")).unwrap_or_default()
        });
        self.program = Some(program);
    }

    pub fn stop(&mut self) {
        self.program = None;
    }

    /// Where a mail server asks whether a token is good (RFC 7662), with the proof that it may.
    pub fn introspection(&self) -> Introspection {
        Introspection { port: self.http, client: MAIL_SERVER.0, secret: MAIL_SERVER.1 }
    }

    pub fn ca_file(&self) -> PathBuf {
        self.dir.path().join("authority.pem")
    }

    /// A sign-in of the application's own, as configuration.
    pub fn by_credentials(&self) -> Oauth {
        Oauth {
            token_url: self.url("/token"),
            device_url: None,
            client_id: APPLICATION.0.into(),
            client_secret: Some(Secret::File(self.dir.path().join("secret-of-application"))),
            client_auth: ClientAuth::Post,
            grant: Grant::ClientCredentials,
            scope: "mail".into(),
            refresh_token: None,
            ca_file: Some(self.ca_file()),
        }
    }

    /// A sign-in with a refresh token, as configuration; a person has signed in and the token lies in this file.
    pub fn by_refresh_token(&self, file: &Path) -> Oauth {
        fs::write(file, self.new_refresh_token()).unwrap();
        Oauth {
            device_url: Some(self.url("/device/auth")),
            client_id: PERSON.0.into(),
            client_secret: Some(Secret::File(self.dir.path().join("secret-of-person"))),
            client_auth: ClientAuth::Basic,
            grant: Grant::RefreshToken,
            scope: String::new(),
            refresh_token: Some(Secret::File(file.to_owned())),
            ..self.by_credentials()
        }
    }

    /// `[oauth.proef]` for a configuration file: the application's own.
    pub fn toml_by_credentials(&self) -> String {
        format!(
            "[oauth.proef]\ntoken_url = \"https://localhost:{}/token\"\nca_file = {:?}\nclient_id = \"{}\"\n\
             client_secret = {{ file = {:?} }}\ngrant = \"client-credentials\"\nscope = \"mail\"\n",
            self.https,
            self.ca_file(),
            APPLICATION.0,
            self.dir.path().join("secret-of-application"),
        )
    }

    /// The same with a refresh token that lies in this file.
    pub fn toml_by_refresh_token(&self, file: &Path) -> String {
        format!(
            "[oauth.proef]\ntoken_url = \"https://localhost:{port}/token\"\n\
             device_url = \"https://localhost:{port}/device/auth\"\nca_file = {:?}\nclient_id = \"{}\"\n\
             client_secret = {{ file = {:?} }}\nclient_auth = \"basic\"\ngrant = \"refresh-token\"\n\
             scope = \"openid offline_access mail\"\nrefresh_token = {{ file = {file:?} }}\n",
            self.ca_file(),
            PERSON.0,
            self.dir.path().join("secret-of-person"),
            port = self.https,
        )
    }

    /// As if a person had signed in.
    pub fn new_refresh_token(&self) -> String {
        self.tell(&format!("/test/refresh-token?client={}", PERSON.0)).as_str().unwrap().to_owned()
    }

    /// A person enters the code of a device and agrees.
    pub fn approve(&self, user_code: &str) {
        self.tell(&format!("/test/approve?code={user_code}"));
    }

    /// The next `times` requests for a token get this status, and a Retry-After where it is not empty.
    pub fn throttle(&self, times: u32, status: u16, retry_after: &str) {
        let retry_after = retry_after.replace(' ', "%20");
        self.tell(&format!("/test/throttle?times={times}&status={status}&retry_after={retry_after}"));
    }

    /// Every access token that was given is good no more, before its end.
    pub fn revoke_access_tokens(&self) {
        self.tell("/test/forget?kind=ClientCredentials");
        self.tell("/test/forget?kind=AccessToken");
    }

    pub fn revoke_refresh_tokens(&self) {
        self.tell("/test/forget?kind=RefreshToken");
    }

    /// From now on the token endpoint does its work and its answer never comes.
    pub fn fall_silent(&self, silent: bool) {
        self.tell(&format!("/test/silent?on={}", if silent { "yes" } else { "no" }));
    }

    /// Every token that was given and is still good.
    pub fn given(&self) -> Vec<String> {
        serde_json::from_value(self.tell("/test/given")).unwrap()
    }

    /// Requests for a token that were answered by the provider.
    pub fn asked(&self) -> u64 {
        self.tell("/test/counts")["token"].as_u64().unwrap()
    }

    /// Requests for a token that were throttled.
    pub fn throttled(&self) -> u64 {
        self.tell("/test/counts")["throttled"].as_u64().unwrap()
    }

    fn url(&self, path: &str) -> EndpointUrl {
        EndpointUrl::try_from(format!("https://localhost:{}{path}", self.https)).unwrap()
    }

    fn tell(&self, path: &str) -> serde_json::Value {
        let (status, body) = http::get(self.http, path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }
}

impl Drop for SignInServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", fs::read_to_string(self.dir.path().join("node-stderr")).unwrap_or_default());
        }
        // Before its folder goes.
        self.program = None;
    }
}

/// Where and with what proof a mail server asks about tokens.
#[derive(Clone, Copy, Debug)]
pub struct Introspection {
    pub port: u16,
    pub client: &'static str,
    pub secret: &'static str,
}

/// Where `make deps-test` laid the provider.
fn installed() -> PathBuf {
    let cache = std::env::var_os("BODE_TEST_CACHE").map(PathBuf::from).unwrap_or_else(|| {
        Path::new(&std::env::var_os("HOME").expect("HOME is set")).join(".cache/bode-test")
    });
    let installed = cache.join("oidc");
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/oidc/package-lock.json");
    let same =
        fs::read(installed.join("package-lock.json")).is_ok_and(|lock| lock == fs::read(ours).unwrap());
    assert!(
        same,
        "this test needs the sign-in server of tests/servers/oidc; install it with: make deps-test"
    );
    installed
}
