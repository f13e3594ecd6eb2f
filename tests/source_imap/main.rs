//! The mailbox as a source, against a real Dovecot and a real Exim.

mod claims;
mod faults;
mod figures;
#[path = "../servers/mod.rs"]
mod servers;

use bode::config::{Mailbox, Secret, Tls};
use bode::record::{Channel, Origin};
use bode::source::{Fate, Imap, ImapBounds, Piece, Source, SourceError, Token};
use jiff::Timestamp;
use servers::{DEADLINE, MailServers, OFFICE, Options, PASSWORD, wait_until};
use std::time::{Duration, SystemTime};
use tokio::time::timeout;

const WRITER: &str = "schrijver@example.org";

fn message(number: u32) -> String {
    format!(
        "From: {WRITER}\r\nTo: {OFFICE}\r\nSubject: klacht {number}\r\nMessage-ID: <{number}@example.org>\r\n\
         \r\nBericht {number}.\r\n"
    )
}

/// One after the other: Exim delivers side by side.
fn deliver(servers: &MailServers, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        let before = servers.mailbox_messages(OFFICE).len();
        servers.deliver(message(number).as_bytes(), WRITER, OFFICE);
        servers.wait_for_messages(OFFICE, "", before + 1);
    }
}

fn durable(pieces: &[Piece]) -> Vec<(Token, Fate)> {
    pieces.iter().map(|piece| (piece.token.clone(), Fate::Durable)).collect()
}

fn text(piece: &Piece) -> String {
    String::from_utf8_lossy(&piece.arrival.bytes).into_owned()
}

async fn poll_error(mailbox: &Mailbox) -> SourceError {
    Imap::new(mailbox, None).poll().await.unwrap_err()
}

/// Takes and settles until the mailbox gives nothing.
async fn take_all(source: &mut Imap) -> Vec<Piece> {
    let mut taken = Vec::new();
    loop {
        let pieces = source.poll().await.unwrap();
        if pieces.is_empty() {
            return taken;
        }
        source.settle(durable(&pieces)).await.unwrap();
        taken.extend(pieces);
    }
}

#[tokio::test]
async fn a_message_is_taken_and_moved_only_after_settle() {
    let servers = MailServers::start();
    deliver(&servers, 1..=3);
    for tls in [Tls::Implicit, Tls::Starttls] {
        let mut source = Imap::new(&servers.mailbox(tls), None);
        let pieces = source.poll().await.unwrap();
        assert_eq!(pieces.len(), 3, "given again to whoever asks, until settled");
        assert!(text(&pieces[0]).contains("Received: from") && text(&pieces[0]).ends_with("Bericht 1.\r\n"));
        assert!(text(&pieces[0]).starts_with("Return-Path: <schrijver@example.org>"));
        assert_eq!(pieces[0].arrival.channel, Channel::Email);
        assert!(
            matches!(&pieces[0].arrival.origin, Origin::Imap { uid: 1, folder, .. } if folder == "INBOX")
        );
        assert!(pieces[0].arrival.acknowledge);
        let age =
            Timestamp::try_from(SystemTime::now()).unwrap().duration_since(pieces[0].arrival.received_at);
        assert!(age.as_secs().abs() < 120, "INTERNALDATE is the moment of delivery: {age:?}");
    }
    assert_eq!(servers.mailbox_messages(OFFICE).len(), 3);

    let mut source = Imap::new(&servers.mailbox(Tls::Implicit), None);
    let pieces = source.poll().await.unwrap();
    source.settle(durable(&pieces[..2])).await.unwrap();
    assert_eq!(servers.mailbox_messages(OFFICE).len(), 1);
    let done = servers.folder_messages(OFFICE, "Verwerkt");
    assert_eq!(done.len(), 2, "the folder was made");
    assert_eq!(done[0], pieces[0].arrival.bytes, "moved as it was");
    let rest = source.poll().await.unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].arrival.bytes, pieces[2].arrival.bytes);
    assert_eq!(unread(&servers, OFFICE), 1, "a look marks nothing as read");
    assert_eq!(take_all(&mut source).await.len(), 1);
    assert_eq!(servers.folder_messages(OFFICE, "Verwerkt").len(), 3);
}

/// Messages in the inbox without the mark `S` of Maildir.
fn unread(servers: &MailServers, address: &str) -> usize {
    let maildir = servers.maildir(address);
    ["new", "cur"]
        .iter()
        .flat_map(|sub| std::fs::read_dir(maildir.join(sub)).unwrap())
        .filter(|entry| {
            let name = entry.as_ref().unwrap().file_name().into_string().unwrap();
            name.split_once(":2,").is_none_or(|(_, flags)| !flags.contains('S'))
        })
        .count()
}

#[tokio::test]
async fn what_is_wrong_is_told_with_what_to_do() {
    let servers = MailServers::start();
    let right = servers.mailbox(Tls::Implicit);
    let probe = Imap::probe(&right, None).await.unwrap();
    assert!(probe.tells && probe.moves && probe.messages == 0);

    let wrong_password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(wrong_password.path(), "verkeerd").unwrap();
    for tls in [Tls::Implicit, Tls::Starttls] {
        let mut mailbox = servers.mailbox(tls);
        mailbox.password = Some(Secret::File(wrong_password.path().to_owned()));
        let error = poll_error(&mailbox).await;
        assert!(matches!(error, SourceError::WrongLogin { .. }), "{error:?}");
        let told = error.to_string();
        assert!(
            told.contains("check user and password under [mailbox]") && !told.contains("verkeerd"),
            "{told}"
        );

        let mut mailbox = servers.mailbox(tls);
        mailbox.ca_file = None;
        let error = poll_error(&mailbox).await;
        assert!(matches!(error, SourceError::CertificateRefused { .. }), "{error:?}");
        assert!(error.to_string().contains("ca_file under [mailbox]"), "{error}");

        let mut mailbox = servers.mailbox(tls);
        mailbox.host = "127.0.0.1".into();
        let error = poll_error(&mailbox).await;
        assert!(matches!(error, SourceError::CertificateRefused { .. }), "another name: {error:?}");
    }

    let mut mailbox = right.clone();
    mailbox.password = Some(Secret::File("/nonexistent/password".into()));
    assert!(matches!(poll_error(&mailbox).await, SourceError::Password(_)));

    let mut mailbox = right.clone();
    mailbox.folder = "Bestaat niet".into();
    let error = poll_error(&mailbox).await;
    assert!(matches!(error, SourceError::FolderMissing { key: "folder", .. }), "{error:?}");

    let mut mailbox = right.clone();
    mailbox.port = Some(servers.ports.imap);
    let error = poll_error(&mailbox).await;
    assert!(error.to_string().contains("does not speak TLS"), "{error}");

    let mut mailbox = right.clone();
    mailbox.ca_file = Some(servers.password_file());
    assert!(matches!(poll_error(&mailbox).await, SourceError::CaFile { .. }));

    let mut mailbox = right;
    mailbox.port = Some(1);
    let error = poll_error(&mailbox).await;
    assert!(matches!(error, SourceError::NotReachable { .. }) && error.is_passing(), "{error:?}");
}

#[tokio::test]
async fn a_careless_certificate_is_told() {
    let servers = MailServers::start_with(&Options { authority_as_server: true, ..Options::default() });
    let told = poll_error(&servers.mailbox(Tls::Implicit)).await.to_string();
    assert!(told.contains("CA:FALSE"), "{told}");
}

#[tokio::test]
async fn idle_wakes_up_on_new_mail() {
    let servers = MailServers::start();
    let mut mailbox = servers.mailbox(Tls::Implicit);
    mailbox.poll_seconds = 3600;
    let mut source = Imap::new(&mailbox, None);
    for number in 1..=3 {
        assert!(source.poll().await.unwrap().is_empty());
        // Dropping the wait half-way (as a shutdown or other news does) must cost nothing.
        assert!(timeout(Duration::from_millis(50), source.wait()).await.is_err());
        let woken = async { timeout(DEADLINE, source.wait()).await.expect("IDLE did not wake up").unwrap() };
        let sent = async { servers.deliver(message(number).as_bytes(), WRITER, OFFICE) };
        tokio::join!(woken, sent);
        assert_eq!(take_all(&mut source).await.len(), 1);
    }
    // Mail that came while nobody waited is not missed: a look, then mail, then the wait.
    assert!(source.poll().await.unwrap().is_empty());
    deliver(&servers, 4..=4);
    timeout(DEADLINE, source.wait()).await.expect("the mail between look and wait was missed").unwrap();
    assert_eq!(take_all(&mut source).await.len(), 1);
}

#[tokio::test]
async fn idle_is_renewed_in_time() {
    let servers = MailServers::start();
    let bounds = ImapBounds { idle_time_max: Duration::from_millis(100), ..ImapBounds::default() };
    let mut source = Imap::new(&servers.mailbox(Tls::Implicit), None).with_bounds(bounds);
    for _ in 0..5 {
        assert!(source.poll().await.unwrap().is_empty());
        timeout(DEADLINE, source.wait()).await.expect("the wait has its own end").unwrap();
    }
    let logins = servers.logs().matches("Login: user=").count();
    assert_eq!(logins, 1, "one connection through all renewals");
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again() {
    let mut servers = MailServers::start();
    let mut source = Imap::new(&servers.mailbox(Tls::Implicit), None);
    deliver(&servers, 1..=1);
    let pieces = source.poll().await.unwrap();
    servers.stop_dovecot();
    // The settlement fails, and is owed.
    assert!(source.settle(durable(&pieces)).await.is_err());
    assert!(source.poll().await.is_err());
    source.wait().await.unwrap();
    servers.start_dovecot();
    assert!(source.poll().await.unwrap().is_empty(), "what is durable is not given again, but moved");
    assert_eq!(servers.folder_messages(OFFICE, "Verwerkt").len(), 1);

    // Ended in the middle of IDLE: the wait says so, or the next poll finds out.
    let stopped = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        servers.stop_dovecot();
        servers.start_dovecot();
        deliver(&servers, 2..=2);
    };
    let found = async {
        timeout(DEADLINE, async {
            loop {
                let _ = source.wait().await;
                if let Ok(pieces) = source.poll().await
                    && !pieces.is_empty()
                {
                    return pieces;
                }
            }
        })
        .await
        .expect("not found again")
    };
    let (pieces, ()) = tokio::join!(found, stopped);
    assert!(text(&pieces[0]).contains("Bericht 2"));
}

#[tokio::test]
async fn uids_of_another_uidvalidity_are_not_used() {
    let mut servers = MailServers::start();
    let mut source = Imap::new(&servers.mailbox(Tls::Implicit), None);
    deliver(&servers, 1..=1);
    let uid = |piece: &Piece| match piece.arrival.origin {
        Origin::Imap { uid, uid_validity, .. } => (uid_validity, uid),
        _ => panic!(),
    };
    let first = source.poll().await.unwrap();
    servers.stop_dovecot();
    // The mailbox is made anew by the admin: the same UID, another message.
    std::fs::remove_dir_all(servers.maildir(OFFICE)).unwrap();
    servers.start_dovecot();
    // UIDVALIDITY is made of the time in seconds.
    wait_until("the next second", || {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() > uid(&first[0]).0.into()
    });
    deliver(&servers, 2..=2);
    let _ = source.poll().await;
    let second = source.poll().await.unwrap();
    assert!(text(&second[0]).contains("Bericht 2"));
    let ((old, first_uid), (new, second_uid)) = (uid(&first[0]), uid(&second[0]));
    assert!(old != new && first_uid == second_uid, "{old} {new}");
    source.settle(durable(&first)).await.unwrap();
    assert_eq!(
        servers.mailbox_messages(OFFICE).len(),
        1,
        "the second is not moved by the first's settlement"
    );
    source.settle(durable(&second)).await.unwrap();
    assert!(servers.mailbox_messages(OFFICE).is_empty());
}

#[tokio::test]
async fn a_message_over_the_bound_stays_and_is_told_once() {
    let servers = MailServers::start();
    let large = format!("{}{}", message(1), "x".repeat(70).repeat(100));
    servers.deliver(large.as_bytes(), WRITER, OFFICE);
    servers.wait_for_messages(OFFICE, "", 1);
    deliver(&servers, 2..=3);
    let bounds = ImapBounds { piece_bytes_max: 5_000, ..ImapBounds::default() };
    let mut source = Imap::new(&servers.mailbox(Tls::Implicit), None).with_bounds(bounds);
    let pieces = take_all(&mut source).await;
    assert_eq!(pieces.len(), 2, "the others come in");
    let troubles = source.troubles();
    assert_eq!(troubles.len(), 1);
    assert!(troubles[0].reason.contains("te groot") && troubles[0].reason.contains("nog in de postbus"));
    assert!(source.poll().await.unwrap().is_empty());
    assert_eq!(source.troubles(), troubles);
    assert_eq!(servers.mailbox_messages(OFFICE).len(), 1);
    // What the register refuses stays too.
    deliver(&servers, 4..=4);
    let refused = source.poll().await.unwrap();
    let fate = Fate::Refused { reason: "De schijf is vol.".into() };
    source.settle(vec![(refused[0].token.clone(), fate)]).await.unwrap();
    assert!(source.poll().await.unwrap().is_empty());
    assert_eq!(source.troubles().len(), 2);
    // A person takes them away: nothing to tell any more.
    std::fs::remove_dir_all(servers.maildir(OFFICE).join("cur")).unwrap();
    servers.lay("x", message(5).as_bytes(), SystemTime::now());
    assert_eq!(take_all(&mut source).await.len(), 1);
    assert!(source.troubles().is_empty());
}

#[tokio::test]
async fn batches_are_bounded_and_in_order() {
    let servers = MailServers::start();
    let start = SystemTime::now() - Duration::from_secs(3600);
    for number in 1..=25_u32 {
        let name = format!("{number:04}.test");
        servers.lay(&name, message(number).as_bytes(), start + Duration::from_secs(number.into()));
    }
    let by_count = ImapBounds { batch_pieces_max: 10, ..ImapBounds::default() };
    let mut source = Imap::new(&servers.mailbox(Tls::Implicit), None).with_bounds(by_count);
    assert_eq!(source.poll().await.unwrap().len(), 10);
    let by_bytes = ImapBounds { batch_bytes_max: 300, ..ImapBounds::default() };
    let mut source = Imap::new(&servers.mailbox(Tls::Implicit), None).with_bounds(by_bytes);
    let first = source.poll().await.unwrap();
    assert!((1..5).contains(&first.len()), "{}", first.len());
    let all = take_all(&mut source).await;
    let numbers: Vec<String> =
        all.iter().map(|piece| text(piece).trim_end().rsplit(' ').next().unwrap().into()).collect();
    let expected: Vec<String> = (1..=25).map(|number| format!("{number}.")).collect();
    assert_eq!(numbers, expected);
}

#[tokio::test]
async fn mail_from_before_the_cut_off_is_not_answered() {
    let servers = MailServers::start();
    let cut_off: Timestamp = "2026-03-01T00:00:00+01:00".parse().unwrap();
    let at = |seconds: i64| {
        SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(cut_off.as_second() + seconds).unwrap())
    };
    servers.lay("1.old", message(1).as_bytes(), at(-1));
    servers.lay("2.new", message(2).as_bytes(), at(0));
    let mut source = Imap::new(&servers.mailbox(Tls::Implicit), Some(cut_off));
    let pieces = source.poll().await.unwrap();
    let told: Vec<_> =
        pieces.iter().map(|piece| (piece.arrival.received_at, piece.arrival.acknowledge)).collect();
    assert_eq!(told, [(cut_off - Duration::from_secs(1), false), (cut_off, true)]);
}

#[tokio::test]
async fn a_server_without_idle_and_move_is_polled_and_copied() {
    for capability in ["IMAP4rev1", "IMAP4rev1 UIDPLUS"] {
        let servers = MailServers::start_with(&Options {
            imap_capability: Some(capability.into()),
            ..Options::default()
        });
        let mut mailbox = servers.mailbox(Tls::Implicit);
        mailbox.poll_seconds = 1;
        mailbox.done_folder = "Klaar & gezien – ü".into();
        let mut source = Imap::new(&mailbox, None);
        assert!(source.poll().await.unwrap().is_empty());
        deliver(&servers, 1..=2);
        timeout(DEADLINE, source.wait()).await.expect("the pause has an end").unwrap();
        assert_eq!(take_all(&mut source).await.len(), 2);
        assert!(servers.mailbox_messages(OFFICE).is_empty());
        let done = servers.maildir(OFFICE).join(".Klaar &- gezien &IBM- &APw-");
        wait_until("two in the done-folder", || {
            std::fs::read_dir(done.join("new")).unwrap().count()
                + std::fs::read_dir(done.join("cur")).unwrap().count()
                == 2
        });
    }
}

#[tokio::test]
async fn a_done_folder_that_cannot_be_made_stops_no_mail() {
    let servers = MailServers::start();
    let mut mailbox = servers.mailbox(Tls::Implicit);
    // Dovecot's Maildir refuses this name.
    mailbox.done_folder = "a.b/c".into();
    let mut source = Imap::new(&mailbox, None);
    deliver(&servers, 1..=1);
    let pieces = source.poll().await.unwrap();
    let error = source.settle(durable(&pieces)).await.unwrap_err();
    assert!(matches!(
        error,
        SourceError::FolderMissing { key: "done_folder", .. } | SourceError::Protocol { .. }
    ));
    deliver(&servers, 2..=2);
    let pieces = source.poll().await.unwrap();
    assert_eq!(pieces.len(), 1, "the new one, and only that");
    assert!(source.troubles()[0].reason.contains("a.b/c"));
}

#[tokio::test]
async fn the_harness_rejects_defers_and_returns() {
    let servers = MailServers::start();
    let mut client = servers::SmtpClient::connect(servers.ports.smtp);
    let mut send = |to: &str| client.send(WRITER, to, message(1).as_bytes());
    assert!(send("reject@example.org").unwrap_err().starts_with("550"));
    assert!(send("defer@example.org").unwrap_err().starts_with("451"));
    assert!(send("iemand@example.com").unwrap_err().starts_with("550"));
    servers.accept_deferred();
    send("defer@example.org").unwrap();
    send("bounce@example.org").unwrap();
    servers.wait_for_messages("defer@example.org", "", 1);
    let returned = servers.wait_for_messages(WRITER, "", 1);
    assert!(String::from_utf8_lossy(&returned[0]).contains("Return-Path: <>"));
    let mut submission = servers::SmtpClient::connect(servers.ports.submission);
    assert!(submission.send(OFFICE, WRITER, b"x").unwrap_err().starts_with("530"));
    assert!(servers.toml().contains(OFFICE) && !servers.toml().contains(PASSWORD));
}
