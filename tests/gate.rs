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
    ("X-Autoreply", |p| p.field("x-autoreply", "yes"), Withhold("x-autoreply")),
    ("X-Failed-Recipients", |p| p.field("x-failed-recipients", "a@example.org"), Withhold("x-failed-recipients")),
    ("MAILER-DAEMON", |p| p.both("MAILER-DAEMON@example.org"), Withhold("mailprogramma")),
    ("owner-", |p| p.path("owner-buurt@example.org"), Withhold("lijst")),
    ("-request", |p| p.path("buurt-request@example.org"), Withhold("lijst")),
    ("VERP bounce", |p| p.path("bounces+7-ab=jansen@example.org"), Withhold("lijst")),
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
    ("a thank-you", |p| { p.judgement.scope = Scope::None; p.judgement.kind = Kind::Other; }, Withhold("bedankje")),
    ("perhaps a thank-you", |p| { p.judgement.scope = Scope::None; p.judgement.kind = Kind::Other; p.judgement.confidence = 0.4; }, Hold("niet zeker")),
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
    ("asks for no answer", |p| p.field("x-auto-response-suppress", "DR, AutoReply"), Hold("vraagt")),
    ("suppresses only receipts", |p| p.field("x-auto-response-suppress", "DR, RN"), Send),
    ("hour cap of an address", |p| p.history.to_address_hour = 3, Hold("uur")),
    ("below the hour cap", |p| p.history.to_address_hour = 2, Send),
    ("day cap of an address", |p| p.history.to_address_day = 8, Hold("vandaag")),
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
        let history = History { to_address_hour: sent, to_address_day: sent, all_hour: sent };
        match answer_to(&house, &message, history) {
            Answer::Send { .. } => sent += 1,
            Answer::Hold { reason, .. } => assert!(reason.contains("uur"), "{reason}"),
            Answer::Withhold { reason } => panic!("{reason}"),
        }
    }
    assert_eq!(sent, house.config.answers.per_address_hour_max);
}
