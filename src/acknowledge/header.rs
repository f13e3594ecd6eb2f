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
    const MACHINES: [&str; 9] = [
        "mailer-daemon",
        "mailerdaemon",
        "listserv",
        "majordomo",
        "mailman",
        "bounce",
        "bounces",
        "owner",
        "lists-bounces",
    ];
    const DOUBTFUL: [&str; 4] = ["postmaster", "root", "nobody", "www-data"];
    // VERP and tags: what stands before the first + or = names the program.
    let stem = local.split(['+', '=']).next().unwrap_or(local);
    if MACHINES.contains(&stem)
        || stem.starts_with("owner-")
        || stem.ends_with("-owner")
        || stem.ends_with("-request")
        || stem.ends_with("-bounces")
        || stem.ends_with("-bounce")
        || stem.starts_with("bounce-")
        || stem.starts_with("bounces-")
        || stem.starts_with("listserv-")
    {
        return LocalPart::Machine;
    }
    let letters: String = stem.chars().filter(char::is_ascii_alphanumeric).collect();
    let no_reply =
        ["noreply", "donotreply", "nietbeantwoorden", "geenantwoord", "nepasrepondre", "neantwoorden"]
            .iter()
            .any(|word| letters.contains(word));
    if no_reply || DOUBTFUL.contains(&stem) { LocalPart::Doubtful } else { LocalPart::Person }
}

/// The check of `Authentication-Results` (RFC 8601) that failed, such as `dmarc=fail`. Only a field of an
/// authserv-id in `believed` is looked at, and only the results that its §2.7 knows.
pub fn failed_check<'a>(values: impl Iterator<Item = &'a str>, believed: &[String]) -> Option<String> {
    values
        .filter_map(|value| {
            let bare = without_comments(value);
            let mut clauses = bare.split(';');
            // `authserv-id [version]`
            let id = clauses.next()?.split_whitespace().next()?.to_lowercase();
            believed.iter().any(|own| own.eq_ignore_ascii_case(&id)).then_some(())?;
            clauses
                .filter_map(|clause| {
                    let (method, result) = clause.split_whitespace().next()?.split_once('=')?;
                    let method = method.split('/').next()?.to_lowercase();
                    let result = result.to_lowercase();
                    (["dmarc", "spf"].contains(&method.as_str()) && result == "fail")
                        .then(|| format!("{method}=fail"))
                })
                .next()
        })
        .next()
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
            ("j.bouncer", LocalPart::Person),
            ("jan", LocalPart::Person),
        ] {
            assert_eq!(local_part(local), kind, "{local}");
        }
    }

    #[test]
    fn only_believed_hosts_fail_a_check() {
        let believed = vec!["mx.example.nl".to_owned()];
        let check = |value: &str| failed_check([value].into_iter(), &believed);
        assert_eq!(
            check("mx.example.nl; spf=pass smtp.mailfrom=a@b.nl; dmarc=fail (p=none)"),
            Some("dmarc=fail".into())
        );
        assert_eq!(check("MX.example.nl 1; SPF=Fail smtp.mailfrom=a@b.nl"), Some("spf=fail".into()));
        assert_eq!(check("evil.example.com; dmarc=fail"), None);
        assert_eq!(check("mx.example.nl; dkim=fail; spf=softfail; dmarc=unheardof"), None);
        assert_eq!(check("mx.example.nl; none"), None);
        assert_eq!(check("(mx.example.nl; dmarc=fail"), None);
        assert_eq!(check(""), None);
    }

    #[test]
    fn houses() {
        assert!(same_house("Example.nl", "example.nl"));
        assert!(same_house("mail.example.nl", "example.nl"));
        assert!(!same_house("notexample.nl", "example.nl"));
        assert!(!same_house("example.nl", "nl"));
    }
}
