//! The gate, a row for each rule of RFC 3834's check-list and of the office's own: what goes out, what waits
//! for a person, what stays silent, and with which reason.

#[path = "support/answers.rs"]
mod answers;

use answers::*;
use bode::acknowledge::*;
use bode::record::*;

/// What a row may change.
struct Piece {
    message: Message,
    judgement: Judgement,
    policy: GatePolicy,
    history: History,
    acknowledge: bool,
    joins: Option<CaseNumber>,
    channel: Channel,
    own_sentences: usize,
}

impl Piece {
    fn field(&mut self, name: &str, value: &str) {
        self.message.fields.push((name.into(), value.into()));
    }

    fn author(&mut self, address: &str) {
        self.message.author = Some(Address { name: None, address: Some(address.into()) });
    }

    fn path(&mut self, address: &str) {
        self.message.return_path = Some(address.into());
    }

    fn both(&mut self, address: &str) {
        self.author(address);
        self.path(address);
    }
}

enum Expect {
    Send,
    /// With a word of the reason.
    Hold(&'static str),
    Withhold(&'static str),
}
use Expect::{Hold, Send, Withhold};

type Row = (&'static str, fn(&mut Piece), Expect);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("a plain message", |_| {}, Send),
    ("null return path", |p| p.path(""), Withhold("retourpad")),
    ("null return path with brackets", |p| p.path("<>"), Withhold("retourpad")),
    ("no Return-Path field", |p| p.message.return_path = None, Hold("raden")),
    ("no Return-Path field in saved mail", |p| {
        p.message.return_path = None;
        p.policy.missing_return_path = MissingReturnPath::UseAuthor;
    }, Send),
    ("neither Return-Path nor From", |p| { p.message.return_path = None; p.message.author = None; }, Withhold("geen adres")),
    ("no From", |p| p.message.author = None, Hold("schrijver")),
    ("From without address", |p| p.message.author = Some(Address { name: Some("x".into()), address: None }), Hold("schrijver")),
    ("malformed return path", |p| p.path("jansen@@example..org"), Hold("te lezen")),
    ("return path without domain", |p| p.path("jansen"), Hold("te lezen")),
    ("auto-replied", |p| p.field("auto-submitted", "auto-replied"), Withhold("Auto-Submitted")),
    ("auto-generated with comment and parameter", |p| p.field("auto-submitted", "(x) auto-generated; a=b"), Withhold("Auto-Submitted")),
    ("unknown keyword", |p| p.field("auto-submitted", "auto-unheardof"), Withhold("Auto-Submitted")),
    ("second field says so", |p| { p.field("auto-submitted", "no"); p.field("auto-submitted", "auto-notified"); }, Withhold("Auto-Submitted")),
    ("Auto-Submitted: no", |p| p.field("auto-submitted", "No (a person)"), Send),
    ("List-Id", |p| p.field("list-id", "<x.example.org>"), Withhold("list-id")),
    ("List-Unsubscribe", |p| p.field("list-unsubscribe", "<mailto:x@example.org>"), Withhold("list-unsubscribe")),
    ("Precedence: bulk", |p| p.field("precedence", "Bulk"), Withhold("Precedence")),
    ("Precedence: first-class", |p| p.field("precedence", "first-class"), Send),
    ("Precedence: list with a comment", |p| p.field("precedence", "(x) List"), Withhold("Precedence")),
    ("the list software before RFC 2369", |p| p.field("mailing-list", "contact buurt-help@example.org; run by ezmlm"), Withhold("mailing-list")),
    ("Mailman", |p| p.field("x-mailman-version", "2.1.39"), Withhold("x-mailman-version")),
    ("a ticket system that answers", |p| p.field("x-otrs-loop", "loket@example.org"), Withhold("x-otrs-loop")),
    ("X-Autoreply: no", |p| p.field("x-autoreply", "no"), Send),
    ("X-Loop of who passed it on", |p| p.field("x-loop", "jansen@example.org"), Hold("x-loop")),
    ("a rule of the mailbox passed it on", |p| p.field("x-ms-exchange-inbox-rules-loop", "jansen@example.org"), Hold("gaf dit bericht door")),
    ("spam, says the mail server", |p| p.field("x-spam-flag", "YES"), Hold("ongewenste post")),
    ("no spam, says the mail server", |p| p.field("x-spam-status", "No, score=-1.9"), Send),
    ("X-Autoreply", |p| p.field("x-autoreply", "yes"), Withhold("x-autoreply")),
    ("X-Failed-Recipients", |p| p.field("x-failed-recipients", "a@example.org"), Withhold("x-failed-recipients")),
    ("MAILER-DAEMON", |p| p.both("MAILER-DAEMON@example.org"), Withhold("mailprogramma")),
    ("owner-", |p| p.path("owner-buurt@example.org"), Withhold("lijst")),
    ("-request", |p| p.path("buurt-request@example.org"), Withhold("lijst")),
    ("VERP bounce", |p| p.path("bounces+7-ab=jansen@example.org"), Withhold("lijst")),
    ("ezmlm's bounces", |p| p.path("buurt-return-12-jansen=example.org@example.org"), Withhold("lijst")),
    ("a signed return path (BATV)", |p| p.path("prvs=0012ab34cd=jansen@example.org"), Send),
    ("forwarded with SRS", |p| p.path("SRS0=ab12=cd=example.org=jansen@elders.example.com"), Hold("domein")),
    ("forwarded by a rule in the cloud", |p| p.path("bounces+SRS=ab12=cd@elders.example.com"), Hold("domein")),
    ("sent to where our bounces come back", |p| p.message.to = vec![Address { name: None, address: Some("mislukt@den-haag.example.nl".into()) }], Withhold("mislukte bezorging")),
    ("sent there with a token", |p| p.field("delivered-to", "Mislukt+2026-000042-6.ab12@den-haag.example.nl"), Withhold("mislukte bezorging")),
    ("sent to an address that begins like it", |p| p.field("delivered-to", "misluktekweek@den-haag.example.nl"), Send),
    ("two From fields", |p| p.field("from", "pietersen@example.org"), Hold("meer dan één")),
    ("list as author", |p| p.author("listserv@example.org"), Withhold("lijst")),
    ("postmaster is often a person", |p| p.both("postmaster@example.org"), Hold("machine")),
    ("no-reply", |p| p.path("no-reply@example.org"), Hold("geen post")),
    ("no-reply as author", |p| p.author("NoReply@example.org"), Hold("geen post")),
    ("own address", |p| p.both("klacht@den-haag.example.nl"), Withhold("eigen adres")),
    ("own address in other case", |p| p.both("Klacht@Den-Haag.example.nl"), Withhold("eigen adres")),
    ("the office's address as author only", |p| p.author("ombudsman@denhaag.nl"), Withhold("eigen adres")),
    ("own Message-ID", |p| p.message.msg_id = Some("2026-000001-3.ontvangst.den-haag@den-haag.example.nl".into()), Withhold("zelf")),
    ("own subject", |p| p.message.subject = Some("Automatisch bericht: wij hebben uw bericht ontvangen [2026-000001-3]".into()), Withhold("zelf")),
    ("a reply to our subject", |p| p.message.subject = Some("Re: Automatisch bericht: wij hebben uw bericht ontvangen".into()), Send),
    ("multipart/report", |p| p.message.media_type = "multipart/report; report-type=delivery-status".into(), Withhold("bezorgbericht")),
    ("judged a bounce", |p| p.judgement.automatic = Some(Automatic { class: AutomaticClass::Bounce, reason: "niet bezorgd".into() }), Withhold("niet bezorgd")),
    ("judged spam", |p| p.judgement.automatic = Some(Automatic { class: AutomaticClass::Spam, reason: "loterij".into() }), Withhold("loterij")),
    ("another domain", |p| p.path("jansen@elders.example.com"), Hold("domein")),
    ("a subdomain", |p| p.path("jansen@mail.example.org"), Send),
    ("old mail", |p| p.acknowledge = false, Withhold("zonder bevestiging")),
    ("a known case", |p| p.joins = Some(CaseNumber::new(2026, 7)), Withhold("2026-000007")),
    ("a thank-you", |p| { p.judgement.scope = Scope::None; p.judgement.kind = Kind::Other; }, Hold("geen klacht")),
    ("a question", |p| { p.judgement.scope = Scope::None; p.judgement.kind = Kind::Question; }, Send),
    ("unclear", |p| { p.judgement.scope = Scope::Unclear; p.judgement.confidence = 0.2; }, Send),
    ("anonymous with an address", |p| p.judgement.anonymous = true, Send),
    ("failed DMARC, nobody believed", |p| p.field("authentication-results", "mx.example.nl; dmarc=fail"), Send),
    ("failed DMARC", |p| {
        p.policy.authserv_ids = vec!["mx.example.nl".into()];
        p.field("authentication-results", "mx.example.nl; spf=pass; dmarc=fail (p=reject) header.from=example.org");
    }, Hold("dmarc=fail")),
    ("failed SPF of a stranger", |p| {
        p.policy.authserv_ids = vec!["mx.example.nl".into()];
        p.field("authentication-results", "mx.example.com; spf=fail");
    }, Send),
    ("failed DMARC below the line of the border", |p| {
        p.policy.authserv_ids = vec!["mx.example.nl".into()];
        p.field("authentication-results", "mx.example.nl; dmarc=pass");
        p.field("received", "from mail.example.org by mx.example.nl (Postfix); Tue, 24 Mar 2026 09:30:00 +0000");
        p.field("authentication-results", "mx.example.nl; dmarc=fail");
    }, Send),
    ("endless results", |p| {
        p.policy.authserv_ids = vec!["mx.example.nl".into()];
        p.field("authentication-results", &format!("mx.example.nl; {}", "dkim=pass; ".repeat(1_000)));
    }, Hold("te lang")),
    ("asks for no answer", |p| p.field("x-auto-response-suppress", "DR, AutoReply"), Hold("vraagt")),
    ("suppresses only receipts", |p| p.field("x-auto-response-suppress", "DR, RN"), Send),
    ("hour cap of an address", |p| p.history.to_address_hour = 3, Hold("uur")),
    ("below the hour cap", |p| p.history.to_address_hour = 2, Send),
    ("day cap of an address", |p| p.history.to_address_day = 8, Hold("vandaag")),
    ("the breaker is open", |p| p.history.breaker_open = true, Hold("noodrem is aan")),
    ("perhaps a machine", |p| p.judgement.findings.push(Finding { rule: "x".into(), concludes: "automatic=doubtful".into(), weight: 1.5, evidence: vec![], reason: "De afzender is een nieuwsbrief.".into() }), Hold("nieuwsbrief")),
    ("a sentence of ours", |p| p.own_sentences = 1, Send),
    ("our own answer in it", |p| p.own_sentences = 3, Hold("onze eigen bevestiging")),
    ("breaker", |p| p.history.all_hour = 200, Hold("noodrem")),
    ("urgent, office does not mind", |p| p.judgement.urgent = true, Send),
    ("urgent, office wants to see", |p| { p.judgement.urgent = true; p.policy.hold_urgent = true; }, Hold("spoed")),
    ("a letter", |p| p.channel = Channel::Letter, Send),
    ("a letter without an address", |p| { p.channel = Channel::Letter; p.judgement.writer.postal.clear(); }, Hold("Adres controleren")),
    ("a letter without a name", |p| { p.channel = Channel::Letter; p.judgement.writer.name = None; }, Hold("Adres controleren")),
    ("a letter without a postcode", |p| { p.channel = Channel::Letter; p.judgement.writer.postal.pop(); }, Hold("Adres controleren")),
    ("a letter without a street", |p| { p.channel = Channel::Letter; p.judgement.writer.postal.remove(0); }, Hold("Adres controleren")),
    ("an anonymous letter", |p| { p.channel = Channel::Letter; p.judgement.anonymous = true; p.judgement.writer = Writer::default(); }, Withhold("geen adres")),
    ("an old letter", |p| { p.channel = Channel::Letter; p.acknowledge = false; }, Withhold("zonder bevestiging")),
    ("an urgent letter", |p| { p.channel = Channel::Letter; p.judgement.urgent = true; p.policy.hold_urgent = true; }, Hold("spoed")),
];

#[test]
fn each_rule_of_the_gate() {
    let house = house("den-haag");
    let office = &house.config.office;
    for (name, change, expected) in ROWS {
        let mut piece = Piece {
            message: message(),
            judgement: judgement(),
            policy: GatePolicy::new(&house.config.answers, office),
            history: History::default(),
            acknowledge: true,
            joins: None,
            channel: Channel::Email,
            own_sentences: 0,
        };
        change(&mut piece);
        let extract = Extract { message: Some(piece.message.clone()), ..Extract::default() };
        let situation = situation(&piece.judgement, &extract, office, &house.calendar, &name_of);
        let answer = gate(&GateInput {
            message: (piece.channel == Channel::Email).then_some(&piece.message),
            channel: piece.channel,
            judgement: &piece.judgement,
            situation: &situation,
            office,
            policy: &piece.policy,
            history: piece.history,
            acknowledge: piece.acknowledge,
            joins: piece.joins,
            own_sentences: piece.own_sentences,
        });
        match (expected, &answer) {
            (Send, Answer::Send { to, .. }) => {
                let sole = piece.message.return_path.clone().unwrap_or("jansen@example.org".into());
                assert!(piece.channel == Channel::Letter || *to == sole, "{name}: to {to}");
            }
            (Hold(word), Answer::Hold { reason, .. }) | (Withhold(word), Answer::Withhold { reason }) => {
                assert!(reason.contains(word), "{name}: {reason:?} lacks {word:?}");
                assert!(reason.ends_with(['.', '?']) || reason.contains(": "), "{name}: {reason:?}");
            }
            _ => panic!("{name}: {answer:?}"),
        }
    }
}

/// A message of ours as another office's reader sees it.
fn read_back(bytes: &[u8]) -> Message {
    let parsed = mail_parser::MessageParser::default().parse(bytes).unwrap();
    let address = |found: Option<&mail_parser::Address>| {
        let address = found?.first()?;
        Some(Address {
            name: address.name().map(str::to_owned),
            address: address.address().map(str::to_owned),
        })
    };
    let sender = address(parsed.from());
    Message {
        return_path: sender.as_ref().and_then(|sender| sender.address.clone()),
        author: sender,
        subject: parsed.subject().map(str::to_owned),
        msg_id: parsed.message_id().map(str::to_owned),
        media_type: "multipart/alternative".into(),
        fields: parsed
            .headers_raw()
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect(),
        ..Message::default()
    }
}

fn answer_to(house: &House, message: &Message, history: History) -> Answer {
    let office = &house.config.office;
    let extract = Extract { message: Some(message.clone()), ..Extract::default() };
    let situation = situation(&judgement(), &extract, office, &house.calendar, &name_of);
    gate(&GateInput {
        message: Some(message),
        channel: Channel::Email,
        judgement: &judgement(),
        situation: &situation,
        office,
        policy: &GatePolicy::new(&house.config.answers, office),
        history,
        acknowledge: true,
        joins: None,
        own_sentences: 0,
    })
}

#[test]
fn two_offices_do_not_answer_each_other() {
    let (one, other) = (house("den-haag"), house("haarlem"));
    let bytes = answered(&one, &judgement(), &mail(), Channel::Email).bytes.unwrap();
    let mut ours = read_back(&bytes);
    let silent = |message: &Message| match answer_to(&other, message, History::default()) {
        Answer::Withhold { reason } => reason,
        answer => panic!("{answer:?}"),
    };
    assert!(silent(&ours).contains("Auto-Submitted"));
    // A broken machine strips what says so; the subject is still that of an acknowledgement.
    ours.fields.clear();
    assert!(silent(&ours).contains("zelf"));
}

#[test]
fn a_responder_that_tells_nothing_is_stopped_by_the_caps() {
    let house = house("den-haag");
    let mut message = message();
    message.subject = Some("Bedankt voor uw bericht".into());
    // Every answer of ours brings a new message at once: a loop.
    let mut sent = 0;
    for _ in 0..1_000 {
        let history =
            History { to_address_hour: sent, to_address_day: sent, all_hour: sent, breaker_open: false };
        match answer_to(&house, &message, history) {
            Answer::Send { .. } => sent += 1,
            Answer::Hold { reason, .. } => assert!(reason.contains("uur"), "{reason}"),
            Answer::Withhold { reason } => panic!("{reason}"),
        }
    }
    assert_eq!(sent, house.config.answers.per_address_hour_max);
}

/// What a piece with this text holds of our own sentences.
fn own_sentences(house: &House, text: &str) -> usize {
    let document = Document { text: text.to_owned(), ..Document::unread(None, "text/plain", Problem::Empty) };
    house.templates.own_sentences(&Extract { documents: vec![document], ..Extract::default() })
}

#[test]
fn our_own_answer_is_known_again_without_its_header() {
    for office in OFFICES {
        let house = house(office);
        let bytes = answered(&house, &judgement(), &mail(), Channel::Email).bytes.unwrap();
        let (text, html) = parts(&bytes);
        assert!(own_sentences(&house, &text) >= 3, "{office}: {text}");
        let quoted: String = text.lines().map(|line| format!("> {line}\r\n")).collect();
        assert!(own_sentences(&house, &format!("Wij zijn gesloten.\r\n\r\n{quoted}")) >= 3, "{office}");
        // What an HTML reader leaves of it.
        let bare: String =
            html.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, text)| text).collect();
        assert!(own_sentences(&house, &bare) >= 3, "{office}: {bare}");
    }
}

#[test]
fn what_citizens_write_is_not_our_own_answer() {
    let house = house("den-haag");
    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/mail");
    let mut seen = 0;
    for entry in std::fs::read_dir(&samples).unwrap().flatten() {
        let bytes = std::fs::read(entry.path()).unwrap();
        let Some(parsed) = mail_parser::MessageParser::default().parse(&bytes) else { continue };
        let text = parsed.body_text(0).unwrap_or_default().into_owned();
        assert_eq!(own_sentences(&house, &text), 0, "{}", entry.path().display());
        seen += 1;
    }
    assert!(seen > 5, "{seen} samples in {}", samples.display());
}
