//! Logging in by token (OAuth 2.0) at a real Dovecot and a real Exim, which ask a real sign-in server about each token:
//! tokens that end, are revoked, or are refused; refresh tokens that rotate, also over a restart and a kill; a sign-in
//! server that throttles, is away, or says no; and what the admin is told. No secret shows anywhere.
//!
//! The sign-in server cannot throttle by itself, nor fall silent: that is a layer before it, in the same process.

#[path = "daemon/mod.rs"]
mod daemon;
mod servers;

use bode::config::{Answers, EndpointUrl, Oauth as Settings, Secret, Tls};
use bode::oauth::{OauthError, SignIn};
use bode::outbox::Mailer;
use bode::source::{Imap, Source, SourceError};
use daemon::{BODE, OfficeDir};
use serde_json::json;
use servers::oidc::{APPLICATION, PERSON, SignInServer};
use servers::{MailServers, OFFICE, OTHER_OFFICE, Oauth, Options, scripted, wait_until};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BOTH: &[&str] = &["OAUTHBEARER", "XOAUTH2"];
/// Seconds: longer than a test takes, and short enough to end in it.
const LONG: u32 = 600;
const SHORT: u32 = 5;

/// Mail servers that take tokens of this sign-in server.
fn mail_servers(sign_in: &SignInServer, mechanisms: &'static [&'static str]) -> MailServers {
    mail_servers_wanting(sign_in, mechanisms, "mail")
}

fn mail_servers_wanting(
    sign_in: &SignInServer,
    mechanisms: &'static [&'static str],
    scope: &'static str,
) -> MailServers {
    let oauth = Oauth { introspection: sign_in.introspection(), mechanisms, scope };
    MailServers::start_with(&Options { oauth: Some(oauth), ..Options::default() })
}

/// A sign-in and the store where it keeps what it is given.
fn signing_in(settings: &Settings) -> (tempfile::TempDir, SignIn) {
    let store = tempfile::tempdir().unwrap();
    let sign_in = SignIn::new("proef", settings, store.path()).unwrap();
    (store, sign_in)
}

fn mailer(servers: &MailServers, tls: Tls, sign_in: &SignIn) -> Mailer {
    let answers = Answers { return_path: "mislukt@ombudsman.example.nl".into(), ..Answers::default() };
    Mailer::new(&servers.smtp(tls), Some(sign_in.clone()), &answers).unwrap()
}

fn complaint(n: u32) -> Vec<u8> {
    format!(
        "From: A. Jansen <jansen{n}@example.org>\r\nTo: {OFFICE}\r\nSubject: Klacht {n} over de gemeente\r\n\
         Message-ID: <oauth-{n}@example.org>\r\nDate: Mon, 02 Mar 2026 09:00:00 +0100\r\n\r\n\
         Geachte ombudsman,\r\n\r\nIk heb een klacht over de gemeente Den Haag. De medewerker aan de balie was \
         onbeleefd en ik kreeg geen antwoord op mijn brief.\r\n\r\nA. Jansen\r\n"
    )
    .into_bytes()
}

/// Delivers a complaint, and waits until its answer has come to its writer.
fn answered(servers: &MailServers, n: u32) {
    let writer = format!("jansen{n}@example.org");
    servers.deliver(&complaint(n), &writer, OFFICE);
    servers.wait_for_messages(&writer, "", 1);
}

/// Waits until `/healthz` of a daemon that was just started says these words, with 503 where no mail comes in.
fn ill(daemon: &mut daemon::Daemon, words: &str) {
    daemon.wait_for("bode is running", 1);
    wait_until(words, || {
        let (status, reasons) = daemon.healthz();
        (status == 503) == reasons.contains("mailbox: ") && reasons.contains(words)
    });
}

/// Each with the section, the key and what is allowed; a secret that was typed into the file is not repeated.
#[test]
fn faults_in_the_settings_are_told() {
    let mailbox = "[mailbox]\nhost = \"h\"\nuser = \"u\"\ndone_folder = \"D\"\n";
    let oauth = "[oauth.m365]\ntoken_url = \"https://h/token\"\nclient_id = \"c\"\n";
    let secret = "client_secret = { env = \"X\" }\n";
    let credentials = "grant = \"client-credentials\"\n";
    for (sections, told) in [
        (format!("{mailbox}oauth = \"m365\"\n"), "there is no [oauth.m365]"),
        (mailbox.to_owned(), "needs one of password, access_token and oauth"),
        (
            format!("{mailbox}oauth = \"m365\"\npassword = {{ env = \"X\" }}\n{oauth}{secret}{credentials}"),
            "needs one of password, access_token and oauth",
        ),
        (format!("{oauth}{credentials}"), "client-credentials needs client_secret"),
        (format!("{oauth}{credentials}client_secret = \"geheim\"\n"), "a secret never stands here"),
        (format!("{oauth}grant = \"password\"\n"), "client-credentials"),
        (format!("{oauth}{secret}{credentials}refresh_token = {{ env = \"Y\" }}\n"), "goes with grant"),
        (format!("{oauth}{secret}{credentials}").replace("https://h", "http://h"), "for localhost alone"),
        (format!("{oauth}{secret}{credentials}").replace("m365", "M365"), "small letters"),
        (format!("{oauth}{secret}{credentials}geheim = 1\n"), "unknown field"),
    ] {
        let office = OfficeDir::den_haag(&sections);
        let output = office.bode(&["doctor"]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{sections}{text}");
        assert!(text.contains(told) && text.contains("office.toml:"), "{told}: {text}");
        assert!(!text.contains("geheim\""), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_to_say_a_token_at_both_servers() {
    let provider = SignInServer::start(LONG);
    let (_store, sign_in) = signing_in(&provider.by_credentials());
    for (mechanisms, logged) in [(BOTH, "OAUTHBEARER"), (&["XOAUTH2"][..], "XOAUTH2")] {
        let servers = mail_servers(&provider, mechanisms);
        for tls in [Tls::Implicit, Tls::Starttls] {
            let state = Imap::probe(&servers.mailbox(tls), Some(&sign_in)).await.unwrap();
            assert!(state.tells && state.messages == 0);
            mailer(&servers, tls, &sign_in).probe().await.unwrap();
        }
        let logs = servers.logs();
        assert_eq!(logs.matches(&format!("method={logged}")).count(), 2, "{logs}");
    }
    assert_eq!(provider.asked(), 1, "one token serves every login of a sign-in");
    // A server that knows no tokens is told as such, and gets none.
    let servers = MailServers::start_with(&Options::default());
    let error = Imap::probe(&servers.mailbox(Tls::Implicit), Some(&sign_in)).await.unwrap_err();
    assert!(matches!(error, SourceError::NoTokenLogin { .. }), "{error}");
}

/// A token that something else renews, at IMAP too.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_from_a_command() {
    let provider = SignInServer::start(LONG);
    let servers = mail_servers(&provider, BOTH);
    let (_store, sign_in) = signing_in(&provider.by_credentials());
    let token = sign_in.token().await.unwrap().expose().to_owned();
    let mut mailbox = servers.mailbox(Tls::Implicit);
    mailbox.password = None;
    mailbox.access_token = Some(Secret::Command(vec!["printf".into(), token]));
    Imap::probe(&mailbox, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_login_meets_a_token_that_has_ended() {
    let provider = SignInServer::start(SHORT);
    let servers = mail_servers(&provider, BOTH);
    let (_store, sign_in) = signing_in(&provider.by_credentials());
    let mailbox = servers.mailbox(Tls::Implicit);
    while provider.asked() < 4 {
        Imap::probe(&mailbox, Some(&sign_in)).await.unwrap();
        mailer(&servers, Tls::Implicit, &sign_in).probe().await.unwrap();
    }
    assert!(!servers.logs().contains("auth failed"), "each was renewed before its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_renewal_for_all_who_wait() {
    let provider = SignInServer::start(LONG);
    let (_store, sign_in) = signing_in(&provider.by_credentials());
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let sign_in = sign_in.clone();
            tokio::spawn(async move { sign_in.token().await.unwrap().expose().to_owned() })
        })
        .collect();
    let mut tokens = Vec::new();
    for one in waiting {
        tokens.push(one.await.unwrap());
    }
    tokens.dedup();
    assert_eq!((tokens.len(), provider.asked()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_renewed_once() {
    let provider = SignInServer::start(LONG);
    let servers = mail_servers(&provider, BOTH);
    let (_store, sign_in) = signing_in(&provider.by_credentials());
    let mailbox = servers.mailbox(Tls::Implicit);
    Imap::probe(&mailbox, Some(&sign_in)).await.unwrap();
    provider.revoke_access_tokens();
    Imap::probe(&mailbox, Some(&sign_in)).await.unwrap();
    assert_eq!(provider.asked(), 2);
    provider.revoke_access_tokens();
    mailer(&servers, Tls::Starttls, &sign_in).probe().await.unwrap();
    assert_eq!(provider.asked(), 3);
}

/// The token is good, and not for this mailbox, or not for this server: asking for others does not help.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_the_right_is_told_and_not_asked_for_again_and_again() {
    let provider = SignInServer::start(LONG);
    let servers = mail_servers(&provider, BOTH);
    let (_store, sign_in) = signing_in(&provider.by_credentials());
    let mut mailbox = servers.mailbox(Tls::Implicit);
    mailbox.user = OTHER_OFFICE.into();
    let mut source = Imap::new(&mailbox, None).signing_in(Some(sign_in.clone()));
    let error = source.poll().await.unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("invalid_token") && told.contains("user under [mailbox] must be the mailbox"),
        "{told}"
    );
    assert!(!error.is_passing());
    assert_eq!(provider.asked(), 1, "a fresh token is not made fresher");
    let mut smtp = servers.smtp(Tls::Implicit);
    smtp.user = Some(OTHER_OFFICE.into());
    let mailer = Mailer::new(&smtp, Some(sign_in.clone()), &Answers::default()).unwrap();
    let error = mailer.probe().await.unwrap_err();
    assert!(error.advice().unwrap().contains("user under [smtp] must be the mailbox"), "{error}");

    // A scope that it lacks; this Dovecot calls that invalid_token too.
    let servers = mail_servers_wanting(&provider, BOTH, "beheer");
    sign_in.token().await.unwrap();
    let asked = provider.asked();
    let error = Imap::probe(&servers.mailbox(Tls::Implicit), Some(&sign_in)).await.unwrap_err().to_string();
    assert!(error.contains("check scope"), "{error}");
    assert_eq!(provider.asked(), asked + 1, "one fresh token and one more try");
}

/// Retry-After, as seconds and as a date, at 429 and at 503: nothing is asked until then, and mail waits so long.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_throttles_is_left_alone() {
    let provider = SignInServer::start(LONG);
    let servers = mail_servers(&provider, BOTH);
    let date = |now: jiff::Timestamp| {
        let then = now + jiff::SignedDuration::from_secs(6);
        then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    for (status, least) in [(429, 2), (503, 3)] {
        let retry_after = if status == 429 { "3".to_owned() } else { date(bode::clock::now()) };
        let (_store, sign_in) = signing_in(&provider.by_credentials());
        let throttled = provider.throttled();
        provider.throttle(1, status, &retry_after);
        let mut source = Imap::new(&servers.mailbox(Tls::Implicit), None).signing_in(Some(sign_in.clone()));
        let start = Instant::now();
        let error = source.poll().await.unwrap_err();
        assert!(
            error.is_passing() && error.wait() > Duration::from_secs(least),
            "{error} {:?}",
            error.wait()
        );
        // Whoever else asks is told the same without asking there.
        let waits = sign_in.token().await.unwrap_err();
        assert!(matches!(&waits, OauthError::Waits { .. }), "{waits}");
        assert!(waits.to_string().contains("asks for patience"), "{waits}");
        let smtp = mailer(&servers, Tls::Implicit, &sign_in).probe().await.unwrap_err();
        assert!(smtp.wait() > Duration::ZERO && smtp.wait() <= error.wait());
        assert_eq!(provider.throttled(), throttled + 1);
        source.wait().await.unwrap();
        assert!(start.elapsed() >= error.wait(), "{:?}", start.elapsed());
        assert!(source.poll().await.unwrap().is_empty());
    }
}

/// What the admin reads, in the log and in `doctor`, and what nobody reads.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_is_refused_says_what_to_do() {
    let provider = SignInServer::start(LONG);
    let scratch = tempfile::tempdir().unwrap();
    let (wrong, refresh) = (scratch.path().join("wrong"), scratch.path().join("refresh"));
    std::fs::write(&wrong, "verkeerd-geheim").unwrap();
    let told = async |settings: &Settings| {
        let (_store, sign_in) = signing_in(settings);
        let error = sign_in.token().await.unwrap_err();
        assert!(!error.is_passing(), "{error}");
        let again = sign_in.token().await.unwrap_err();
        assert!(again.wait() > Duration::from_secs(10), "a person is wanted first: {again}");
        let told = format!("{error}\n{error:?}\n{again}");
        for secret in ["verkeerd-geheim", APPLICATION.1, PERSON.1] {
            assert!(!told.contains(secret), "{told}");
        }
        told
    };
    let settings = Settings { client_secret: Some(Secret::File(wrong.clone())), ..provider.by_credentials() };
    let error = told(&settings).await;
    assert!(error.contains("invalid_client") && error.contains("make a new one"), "{error}");

    let settings = provider.by_refresh_token(&refresh);
    provider.revoke_refresh_tokens();
    let error = told(&settings).await;
    assert!(error.contains("invalid_grant") && error.contains("bode oauth sign-in proef"), "{error}");

    let nowhere = Settings { refresh_token: None, ..settings.clone() };
    assert!(told(&nowhere).await.contains("nobody has signed in"));

    let not_theirs =
        Settings { grant: bode::config::Grant::ClientCredentials, refresh_token: None, ..settings };
    let error = told(&not_theirs).await;
    assert!(error.contains("grant, and the registration at the provider"), "{error}");

    let untrusted = Settings { ca_file: None, ..provider.by_credentials() };
    assert!(told(&untrusted).await.contains("ca_file under [oauth.proef]"));
}

/// An endpoint that answers one connection with these bytes.
fn answering(bytes: Vec<u8>) -> EndpointUrl {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 4096];
        let _ = stream.read(&mut asked).unwrap();
        // A client that has read enough goes away.
        let _ = stream.write_all(&bytes);
    });
    EndpointUrl::try_from(format!("http://127.0.0.1:{port}/token")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_none_are_told_within_bounds() {
    let provider = SignInServer::prepare(LONG);
    let http = |status: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    };
    let long = format!("{{\"access_token\":\"{}\"}}", "x".repeat(10_000));
    for (answer, word) in [
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".to_vec(),
            "a redirect",
        ),
        (http("200 OK", "<html>Inloggen</html>"), "without an access token"),
        (http("200 OK", "{\"access_token\":\"a b\"}"), "a token that is none"),
        (http("200 OK", &long), "too long"),
        (http("200 OK", "{\"access_token\":\"x\",\"token_type\":\"mac\"}"), "another kind"),
        (http("200 OK", &"x".repeat(1_000_000)), "too large"),
        (http("404 Not Found", "nee"), "status 404"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"acc".to_vec(), "cannot be reached"),
        (b"220 mx.example.nl ESMTP\r\n".to_vec(), "cannot be reached"),
        (Vec::new(), "cannot be reached"),
    ] {
        let settings = Settings { token_url: answering(answer), ..provider.by_credentials() };
        let (_store, sign_in) = signing_in(&settings);
        let error = sign_in.token().await.unwrap_err().to_string();
        assert!(error.contains(word) && !error.contains(APPLICATION.1), "{word}: {error}");
    }
}

/// Every use of a refresh token gives another and makes the former void. The office's own mail goes on over that, over
/// `doctor` beside it, over a stop and over a kill.
#[test]
fn refresh_tokens_that_rotate_outlast_a_restart_and_a_kill() {
    let provider = SignInServer::start(SHORT);
    let servers = mail_servers(&provider, BOTH);
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("refresh-token");
    provider.by_refresh_token(&file);
    let office = OfficeDir::den_haag(&format!(
        "{}\n{}",
        servers.toml_by_token(),
        provider.toml_by_refresh_token(&file)
    ));
    let kept = || std::fs::read_to_string(office.store().join("oauth/proef.json")).unwrap();
    let mut seen = Vec::new();
    for (n, ending) in [(1, "stop"), (2, "kill"), (3, "stop")] {
        let mut daemon = office.run();
        daemon.wait_for("bode is running", 1);
        answered(&servers, n);
        let before = provider.asked();
        // Beside the daemon, with the same sign-in: neither takes the other's token away.
        while provider.asked() < before + 2 {
            office.told(&["doctor"]);
        }
        seen.push(kept());
        let log = if ending == "kill" { daemon.kill() } else { daemon.terminate() };
        assert!(!log.contains("invalid_grant"), "{log}");
    }
    seen.dedup();
    assert_eq!(seen.len(), 3, "each run used and kept tokens of its own");
    let mode =
        |path: &str| std::fs::metadata(office.store().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("oauth"), mode("oauth/proef.json")), (0o700, 0o600));

    // The one window: the server has used the token up, and its answer never comes before the end.
    provider.fall_silent(true);
    let asked = provider.asked();
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    wait_until("the token is used up", || provider.asked() > asked);
    daemon.kill();
    provider.fall_silent(false);
    servers.deliver(&complaint(4), "jansen4@example.org", OFFICE);
    let mut daemon = office.run();
    ill(&mut daemon, "bode oauth sign-in proef");
    let doctor = office.bode(&["doctor"]);
    let told = String::from_utf8(doctor.stdout).unwrap();
    assert!(told.contains("WRONG sign-in proef") && told.contains("sign in again"), "{told}");
    daemon.terminate();
    // A person signs in anew; what was kept counts no more.
    std::fs::write(&file, provider.new_refresh_token()).unwrap();
    let mut daemon = office.run();
    daemon.wait_for("bode is running", 1);
    servers.wait_for_messages("jansen4@example.org", "", 1);
    daemon.terminate();
    let verify = office.verify();
    assert_eq!((&verify["exceptions"], &verify["in_cases"]), (&json!([]), &json!(4)), "{verify}");
}

/// The sign-in server is away while mail comes in and answers are due: all waits, the house says why, and nothing is lost.
#[test]
fn mail_waits_for_a_sign_in_server_that_is_away() {
    let mut provider = SignInServer::prepare(LONG);
    let servers = mail_servers(&provider, BOTH);
    let office =
        OfficeDir::den_haag(&format!("{}\n{}", servers.toml_by_token(), provider.toml_by_credentials()));
    for n in 1..=3 {
        servers.deliver(&complaint(n), &format!("jansen{n}@example.org"), OFFICE);
    }
    servers.wait_for_messages(OFFICE, "", 3);
    let mut daemon = office.run();
    ill(&mut daemon, "sign-in server");
    assert_eq!(servers.mailbox_messages(OFFICE).len(), 3);
    provider.run();
    for n in 1..=3 {
        servers.wait_for_messages(&format!("jansen{n}@example.org"), "", 1);
    }
    wait_until("all is well again", || daemon.healthz() == (200, "ok\n".to_owned()));
    daemon.terminate();
    let verify = office.verify();
    assert_eq!((&verify["exceptions"], &verify["in_cases"]), (&json!([]), &json!(3)), "{verify}");
    for n in 1..=3 {
        assert_eq!(servers.mailbox_messages(&format!("jansen{n}@example.org")).len(), 1);
    }
}

/// A person signs in on another device, with a code.
#[test]
fn a_first_sign_in_by_code() {
    let provider = SignInServer::start(LONG);
    let servers = mail_servers(&provider, BOTH);
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("refresh-token");
    let sections = provider.toml_by_refresh_token(&file);
    let line = sections.lines().find(|line| line.starts_with("refresh_token")).unwrap();
    let office = OfficeDir::den_haag(&format!("{}\n{}", servers.toml_by_token(), sections.replace(line, "")));
    let told = office.bode(&["doctor"]);
    assert!(String::from_utf8(told.stdout).unwrap().contains("do so with: bode oauth sign-in proef"));
    let mut child = Command::new(BODE)
        .arg("--config")
        .arg(&office.config)
        .args(["oauth", "sign-in", "proef"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    let code = first.split("the code ").nth(1).unwrap().split(' ').next().unwrap();
    provider.approve(code);
    assert!(lines.any(|line| line.starts_with("Signed in")));
    assert!(child.wait().unwrap().success());
    let told = office.told(&["doctor"]);
    assert!(told.contains("ok    sign-in proef") && told.contains("ok    mailbox"), "{told}");
}

/// Exim gives no reason before it refuses a token; Microsoft and Google do (334).
#[tokio::test(flavor = "multi_thread")]
async fn the_reason_before_a_refusal_is_heard_and_answered() {
    let provider = SignInServer::start(LONG);
    let servers = mail_servers(&provider, BOTH);
    let (_store, sign_in) = signing_in(&provider.by_credentials());
    // {"status":"invalid_token"}, to which OAUTHBEARER answers %x01 (RFC 7628 §3.2.3) and XOAUTH2 nothing.
    let bearer: fn(&str) -> &'static str = |line| match line {
        _ if line.starts_with("EHLO") => {
            "250-smtp.example.nl\r\n250-AUTH PLAIN XOAUTH2 OAUTHBEARER\r\n250 DSN\r\n"
        }
        _ if line.starts_with("AUTH OAUTHBEARER ") => "334 eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=\r\n",
        "AQ==" => "535 5.7.8 no\r\n",
        _ => "500 5.5.1 out of order\r\n",
    };
    // {"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}
    let google: fn(&str) -> &'static str = |line| match line {
        _ if line.starts_with("EHLO") => "250-smtp.example.nl\r\n250 AUTH LOGIN XOAUTH2\r\n",
        _ if line.starts_with("AUTH XOAUTH2 ") => {
            "334 eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==\r\n"
        }
        "" => "535 5.7.8 Username and Password not accepted\r\n",
        _ => "500 5.5.1 out of order\r\n",
    };
    let busy: fn(&str) -> &'static str = |line| match line {
        _ if line.starts_with("EHLO") => "250-smtp.example.nl\r\n250 AUTH XOAUTH2\r\n",
        _ => "421 4.3.2 Service not available, closing transmission channel\r\n",
    };
    let shut: fn(&str) -> &'static str = |line| match line {
        _ if line.starts_with("EHLO") => "250-smtp.example.nl\r\n250 AUTH XOAUTH2\r\n",
        _ => {
            "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.\r\n"
        }
    };
    for (script, word, new_tokens) in [
        (bearer, "(invalid_token)", 1),
        (google, "(400)", 1),
        (busy, "is asked too much", 0),
        (shut, "SMTP AUTH is switched off", 1),
    ] {
        sign_in.token().await.unwrap();
        let asked = provider.asked();
        let mut smtp = servers.smtp(Tls::Implicit);
        smtp.port = Some(scripted::smtp(&servers, script));
        let mailer = Mailer::new(&smtp, Some(sign_in.clone()), &Answers::default()).unwrap();
        let error = mailer.probe().await.unwrap_err();
        let advice = error.advice().unwrap();
        assert!(advice.contains(word), "{word}: {advice} {error}");
        assert!(!error.to_string().contains("out of order"), "{error}");
        assert_eq!(provider.asked(), asked + new_tokens, "{word}");
        assert_eq!(error.wait() > Duration::ZERO, new_tokens == 0, "{word}");
    }
}
