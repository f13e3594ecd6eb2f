//! What a header field says of the machine behind a message (RFC 3834, 5230, 8601). Pure; the values come
//! from strangers, so whatever cannot be read counts as the careful reading.

/// The keyword of an `Auto-Submitted` field (RFC 3834 §5), in lower case: comments and parameters are no part
/// of it. `None` for `no`; an empty or odd value is some other keyword.
pub fn auto_submitted(value: &str) -> Option<String> {
    let bare = without_comments(value);
    let keyword = bare.split(';').next().unwrap_or_default().trim().to_lowercase();
    (keyword != "no").then(|| if keyword.is_empty() { "onbekend".to_owned() } else { keyword })
}

/// The value without its comments, which may be nested (RFC 5322 §3.2.2). An unclosed one hides the rest.
pub fn without_comments(value: &str) -> String {
    let mut depth = 0_usize;
    let mut escaped = false;
    let mut bare = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if depth > 0 => escaped = true,
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth == 0 => bare.push(c),
            _ => {}
        }
    }
    bare
}

/// An addr-spec as it is compared: without angle brackets and outer white space, in lower case.
pub fn plain_address(text: &str) -> String {
    text.trim().trim_start_matches('<').trim_end_matches('>').trim().to_lowercase()
}

/// Local part and domain.
pub fn split_address(address: &str) -> Option<(&str, &str)> {
    address.rsplit_once('@').filter(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

/// The same domain, or one under the other: `mail.gemeente.nl` and `gemeente.nl`.
pub fn same_house(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim_end_matches('.').to_lowercase(), other.trim_end_matches('.').to_lowercase());
    let under = |long: &str, short: &str| {
        short.contains('.') && long.strip_suffix(short).is_some_and(|rest| rest.ends_with('.'))
    };
    one == other || under(&one, &other) || under(&other, &one)
}

/// What kind of machine a local part names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalPart {
    /// A list or mail program (RFC 3834 §2, RFC 5230 §4.6): no answer.
    Machine,
    /// An address that takes no answers, or that is as often a person as a machine: a person looks.
    Doubtful,
    Person,
}

/// Judges a local part, in lower case.
pub fn local_part(local: &str) -> LocalPart {
    const MACHINES: [&str; 21] = [
        "mailer-daemon",
        "mailerdaemon",
        "mail-daemon",
        "listserv",
        "listmaster",
        "majordomo",
        "mailman",
        "sympa",
        "ezmlm",
        "bounce",
        "bounces",
        "owner",
        "request",
        "lists-bounces",
        "autoreply",
        "auto-reply",
        "autoresponder",
        "autoresponse",
        "auto-confirm",
        "vacation",
        "mdaemon",
    ];
    const DOUBTFUL: [&str; 12] = [
        "postmaster",
        "root",
        "nobody",
        "daemon",
        "wwwdata",
        "apache",
        "hostmaster",
        "notification",
        "notifications",
        "notificaties",
        "automailer",
        "unattended",
    ];
    // A forwarder that rewrote the path (SRS): behind it stands a person, and the domain is another.
    if local.starts_with("srs0") || local.starts_with("srs1") || local.contains("+srs=") {
        return LocalPart::Person;
    }
    // VERP and tags: what stands before the first + or = names the program. A signed path (BATV) is the writer's own.
    let untagged =
        local.strip_prefix("prvs=").and_then(|rest| rest.split_once('=')).map_or(local, |(_, own)| own);
    let stem = untagged.split(['+', '=']).next().unwrap_or(untagged);
    if MACHINES.contains(&stem)
        || ["owner-", "bounce-", "bounces-", "listserv-"].iter().any(|start| stem.starts_with(start))
        || ["-owner", "-request", "-bounces", "-bounce", "-errors"].iter().any(|end| stem.ends_with(end))
        // ezmlm: `list-return-123-writer=example.org`.
        || stem.contains("-return-")
    {
        return LocalPart::Machine;
    }
    let letters: String = stem.chars().filter(char::is_ascii_alphanumeric).collect();
    let no_reply = [
        "noreply",
        "notreply",
        "noresponse",
        "donotrespond",
        "nietbeantwoorden",
        "nietreageren",
        "geenantwoord",
        "geenreactie",
        "neantwoorden",
        "nepasrepondre",
        "keineantwort",
        "nichtantworten",
        "noresponder",
    ]
    .iter()
    .any(|word| letters.contains(word));
    if no_reply || DOUBTFUL.contains(&letters.as_str()) { LocalPart::Doubtful } else { LocalPart::Person }
}

/// Header fields that only list software sets (RFC 2369, 2919, and what came before them).
pub const LIST_FIELDS: [&str; 15] = [
    "list-id",
    "list-help",
    "list-subscribe",
    "list-unsubscribe",
    "list-post",
    "list-owner",
    "list-archive",
    "mailing-list",
    "x-mailing-list",
    "x-beenthere",
    "x-mailman-version",
    "x-ml-name",
    "x-mlserver",
    "x-listname",
    "x-sympa-to",
];

/// Fields of responders and of ticket systems that answer by themselves.
pub const MACHINE_FIELDS: [&str; 10] = [
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-autoreply-from",
    "x-auto-reply-from",
    "x-mail-autoreply",
    "x-vacation",
    "x-failed-recipients",
    "x-rt-loop-prevention",
    "x-otrs-loop",
];

/// Fields that a machine sets which answers, or which passes a person's mail on.
pub const PASSED_ON_FIELDS: [&str; 2] = ["x-loop", "x-ms-exchange-inbox-rules-loop"];

/// The field by which the mail server's own filter calls the message spam. A writer can only harm himself by it.
pub fn called_spam<'a>(value_of: impl Fn(&'static str) -> Option<&'a str>) -> Option<&'static str> {
    let says = |name: &'static str, words: &[&str]| {
        let value = value_of(name).map(|value| without_comments(value).trim().to_lowercase())?;
        words.iter().any(|word| value.starts_with(word)).then_some(name)
    };
    says("x-spam-flag", &["yes"])
        .or_else(|| says("x-spam-status", &["yes"]))
        .or_else(|| says("x-spam", &["yes"]))
        .or_else(|| says("x-ms-exchange-organization-scl", &["5", "6", "7", "8", "9"]))
}

/// What `Authentication-Results` (RFC 8601) of a believed host tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nothing is known, or nothing failed. It is never proof of who wrote (§7.2).
    Unquestioned,
    /// The check that failed, such as `dmarc=fail`.
    Failed(String),
    /// A believed field is longer than a mail server makes it (§7.8).
    TooLong,
}

/// Characters of a field that are read: a mail server writes some hundreds.
const AUTHENTICATION_CHARS_MAX: usize = 4_000;

/// Judges the fields of a header, top down. Only `Authentication-Results` of an authserv-id in `believed` are looked
/// at, only the methods and results that §2.7 knows, and only as far down as the trusted part of the header goes: to
/// the first Received line, below such a field, that a believed host wrote when the message came in (§7.1).
pub fn origin<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>, believed: &[String]) -> Origin {
    let mut seen = false;
    for (name, value) in fields {
        match name {
            "received" if seen && received_by(value).is_some_and(|host| is_believed(&host, believed)) => {
                break;
            }
            "authentication-results" => {
                let head: String = value.chars().take(AUTHENTICATION_CHARS_MAX).collect();
                let bare = without_comments(&head);
                let mut clauses = bare.split(';');
                // `authserv-id [version]`
                let id = clauses.next().and_then(|first| first.split_whitespace().next()).unwrap_or_default();
                if !is_believed(id, believed) {
                    continue;
                }
                seen = true;
                if let Some(failed) = clauses.find_map(failed) {
                    return Origin::Failed(failed);
                }
                if value.chars().nth(AUTHENTICATION_CHARS_MAX).is_some() {
                    return Origin::TooLong;
                }
            }
            _ => {}
        }
    }
    Origin::Unquestioned
}

fn is_believed(host: &str, believed: &[String]) -> bool {
    believed.iter().any(|own| own.eq_ignore_ascii_case(host))
}

/// The host that took the message in: what stands after `by`.
fn received_by(value: &str) -> Option<String> {
    let bare = without_comments(value);
    let mut words = bare.split_whitespace().skip_while(|word| !word.eq_ignore_ascii_case("by")).skip(1);
    words.next().map(|host| host.trim_end_matches([';', '.']).to_owned())
}

/// `dmarc=fail` or `spf=fail` in one clause.
fn failed(clause: &str) -> Option<String> {
    // White space may stand around the equals sign.
    let clause = clause.split('=').map(str::trim).collect::<Vec<_>>().join("=");
    let (method, result) = clause.split_whitespace().next()?.split_once('=')?;
    let method = method.split('/').next()?.trim().to_lowercase();
    (["dmarc", "spf"].contains(&method.as_str()) && result.eq_ignore_ascii_case("fail"))
        .then(|| format!("{method}=fail"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_submitted_keywords() {
        for (value, keyword) in [
            ("no", None),
            ("No", None),
            (" (a person) no (really)", None),
            ("no; parameter=x", None),
            ("auto-replied", Some("auto-replied")),
            ("Auto-Replied (rejected); owner-email=\"a@example.nl\"", Some("auto-replied")),
            ("(vacation) auto-generated", Some("auto-generated")),
            ("auto-notified; no", Some("auto-notified")),
            ("x-unheard-of", Some("x-unheard-of")),
            ("", Some("onbekend")),
            ("(no", Some("onbekend")),
        ] {
            assert_eq!(auto_submitted(value).as_deref(), keyword, "{value:?}");
        }
    }

    #[test]
    fn local_parts() {
        for (local, kind) in [
            ("mailer-daemon", LocalPart::Machine),
            ("owner-klachten", LocalPart::Machine),
            ("lijst-request", LocalPart::Machine),
            ("bounces+123-abc=jan", LocalPart::Machine),
            ("bounce-77", LocalPart::Machine),
            ("no-reply", LocalPart::Doubtful),
            ("noreply+x", LocalPart::Doubtful),
            ("do_not.reply", LocalPart::Doubtful),
            ("postmaster", LocalPart::Doubtful),
            ("post_master", LocalPart::Doubtful),
            ("lijst-return-12-jan=example.org", LocalPart::Machine),
            ("j.bouncer", LocalPart::Person),
            ("prvs=1234abcdef=jan", LocalPart::Person),
            ("prvs=1234abcdef=bounces", LocalPart::Machine),
            ("srs0=ab12=cd=example.org=jan", LocalPart::Person),
            ("bounces+srs=ab12=cd", LocalPart::Person),
            ("jan", LocalPart::Person),
        ] {
            assert_eq!(local_part(local), kind, "{local}");
        }
    }

    #[test]
    fn only_believed_hosts_fail_a_check() {
        let believed = vec!["mx.example.nl".to_owned()];
        let check = |value: &str| origin([("authentication-results", value)].into_iter(), &believed);
        let fails = |name: &str| Origin::Failed(name.into());
        for (value, told) in [
            ("mx.example.nl; spf=pass smtp.mailfrom=a@b.nl; dmarc=fail (p=none)", fails("dmarc=fail")),
            ("MX.example.nl 1; SPF=Fail smtp.mailfrom=a@b.nl", fails("spf=fail")),
            ("mx.example.nl; dmarc = fail header.from=b.nl", fails("dmarc=fail")),
            ("mx.example.nl; dmarc/1=fail", fails("dmarc=fail")),
            ("evil.example.com; dmarc=fail", Origin::Unquestioned),
            ("mx.example.nl.evil.example.com; dmarc=fail", Origin::Unquestioned),
            ("mx.example.nl; dkim=fail; spf=softfail; dmarc=unheardof", Origin::Unquestioned),
            ("mx.example.nl; x-dmarc=fail", Origin::Unquestioned),
            ("mx.example.nl; none", Origin::Unquestioned),
            ("(mx.example.nl; dmarc=fail", Origin::Unquestioned),
            ("", Origin::Unquestioned),
        ] {
            assert_eq!(check(value), told, "{value:?}");
        }
        assert_eq!(check(&format!("mx.example.nl; {}", "x=pass; ".repeat(2_000))), Origin::TooLong);
        assert_eq!(check(&format!("evil.example.com; {}", "x=pass; ".repeat(2_000))), Origin::Unquestioned);
    }

    #[test]
    fn only_the_trusted_part_of_the_header_counts() {
        let believed = vec!["mx.example.nl".to_owned()];
        let told = |fields: &[(&'static str, &'static str)]| origin(fields.iter().copied(), &believed);
        let pass = ("authentication-results", "mx.example.nl; spf=pass");
        let fail = ("authentication-results", "mx.example.nl; dmarc=fail");
        let border = (
            "received",
            "from mail.example.org (x [192.0.2.1]) by mx.example.nl (Postfix) with ESMTPS; date",
        );
        let inside = ("received", "from mx.example.nl by store.example.nl with LMTP; date");
        // What lies below the line of the border came with the message.
        assert_eq!(told(&[inside, pass, border, fail]), Origin::Unquestioned);
        assert_eq!(told(&[inside, pass, fail, border]), Origin::Failed("dmarc=fail".into()));
        // Some servers write their line first, then the results.
        assert_eq!(told(&[border, pass, fail]), Origin::Failed("dmarc=fail".into()));
        assert_eq!(told(&[pass, inside, fail, border]), Origin::Failed("dmarc=fail".into()));
    }

    #[test]
    fn the_spam_filter_of_the_server() {
        let says =
            |name: &'static str, value: &'static str| called_spam(|asked| (asked == name).then_some(value));
        assert_eq!(says("x-spam-flag", "YES"), Some("x-spam-flag"));
        assert_eq!(says("x-spam-status", "Yes, score=7.1 required=5.0"), Some("x-spam-status"));
        assert_eq!(says("x-spam-status", "No, score=0.1"), None);
        assert_eq!(says("x-ms-exchange-organization-scl", "6"), Some("x-ms-exchange-organization-scl"));
        assert_eq!(says("x-ms-exchange-organization-scl", "-1"), None);
    }

    #[test]
    fn houses() {
        assert!(same_house("Example.nl", "example.nl"));
        assert!(same_house("mail.example.nl", "example.nl"));
        assert!(!same_house("notexample.nl", "example.nl"));
        assert!(!same_house("example.nl", "nl"));
    }
}
