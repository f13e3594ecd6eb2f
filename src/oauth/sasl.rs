//! What is said to a mail server with a token: SASL OAUTHBEARER (RFC 7628), or XOAUTH2, the form that came before it
//! and that Microsoft and Google speak; and the reason that the server gives when it does not take the token.

use super::AccessToken;
use std::fmt;

/// Characters kept of what a server says.
const SAID_CHARS_MAX: usize = 200;

/// Two ways to say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    Oauthbearer,
    Xoauth2,
}

impl Mechanism {
    /// The one to use of those that a server offers: the standard where it is there.
    pub fn choose<'a>(offered: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut chosen = None;
        for name in offered {
            if name.eq_ignore_ascii_case(Self::Oauthbearer.name()) {
                return Some(Self::Oauthbearer);
            }
            if name.eq_ignore_ascii_case(Self::Xoauth2.name()) {
                chosen = Some(Self::Xoauth2);
            }
        }
        chosen
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Oauthbearer => "OAUTHBEARER",
            Self::Xoauth2 => "XOAUTH2",
        }
    }

    /// The first message, before base64. `user`: the mailbox; `host`, `port`: the server as it was connected to.
    pub fn first(self, user: &str, (host, port): (&str, u16), token: &AccessToken) -> String {
        let token = token.expose();
        match self {
            Self::Oauthbearer => {
                // A gs2 header (RFC 5801 §4) with `,` and `=` of the name escaped.
                let user = user.replace('=', "=3D").replace(',', "=2C");
                format!("n,a={user},\u{1}host={host}\u{1}port={port}\u{1}auth=Bearer {token}\u{1}\u{1}")
            }
            Self::Xoauth2 => format!("user={user}\u{1}auth=Bearer {token}\u{1}\u{1}"),
        }
    }

    /// What the client says to the reason of a refusal, after which the server ends it (RFC 7628 §3.2.3).
    pub fn after_refusal(self) -> &'static str {
        match self {
            Self::Oauthbearer => "\u{1}",
            Self::Xoauth2 => "",
        }
    }
}

/// Why a mail server did not take a token, as far as it said (RFC 7628 §3.2.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// `invalid_token`, `insufficient_scope`, or a number such as `401`.
    pub status: Option<String>,
    /// The scope that would do.
    pub scope: Option<String>,
}

impl Refusal {
    /// Reads the JSON of a challenge; what is none says nothing.
    pub fn of(challenge: &[u8]) -> Self {
        let Ok(json) = serde_json::from_slice::<serde_json::Value>(challenge) else { return Self::default() };
        let text = |key: &str| {
            let fits = |c: &char| c.is_ascii_graphic() || *c == ' ';
            let kept: String = json.get(key)?.as_str()?.chars().filter(fits).take(SAID_CHARS_MAX).collect();
            Some(kept).filter(|kept| !kept.is_empty())
        };
        Self { status: text("status"), scope: text("scope") }
    }

    /// What the admin should look at. `section`: `[mailbox]` or `[smtp]`.
    pub fn advice(&self, section: &str) -> String {
        let permission = "the sign-in may not use this mailbox by IMAP or SMTP: check scope, the permission of the \
                          application at the provider, and its right to the mailbox";
        if self.status.as_deref() == Some("insufficient_scope") {
            return match &self.scope {
                Some(scope) => format!("{permission}; the server wants the scope {scope}"),
                None => permission.to_owned(),
            };
        }
        format!(
            "a fresh token is refused too: user under {section} must be the mailbox that was signed in for (or what access_token \
             there gives is no longer valid), or {permission}"
        )
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.status.as_deref().unwrap_or("no reason"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_as_the_standards_show_them() {
        let token = AccessToken::given("[smtp]", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==").unwrap();
        // RFC 7628 §4.1.
        assert_eq!(
            Mechanism::Oauthbearer.first("user@example.com", ("server.example.com", 143), &token),
            "n,a=user@example.com,\u{1}host=server.example.com\u{1}port=143\u{1}\
             auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\u{1}\u{1}"
        );
        assert!(Mechanism::Oauthbearer.first("a,b=c", ("h", 1), &token).starts_with("n,a=a=2Cb=3Dc,"));
        assert!(
            Mechanism::Xoauth2.first("a@b.nl", ("h", 1), &token).starts_with("user=a@b.nl\u{1}auth=Bearer ")
        );
    }

    #[test]
    fn the_standard_is_preferred() {
        let choose = |offered: &str| Mechanism::choose(offered.split(' '));
        assert_eq!(choose("PLAIN XOAUTH2 OAUTHBEARER"), Some(Mechanism::Oauthbearer));
        assert_eq!(choose("PLAIN xoauth2"), Some(Mechanism::Xoauth2));
        assert_eq!(choose("PLAIN LOGIN"), None);
    }

    #[test]
    fn reasons_of_a_refusal() {
        // RFC 7628 §3.2.2.
        let told = Refusal::of(br#"{"status":"insufficient_scope","scope":"mail.read"}"#);
        assert!(told.advice("[smtp]").contains("wants the scope mail.read"));
        assert_eq!(Refusal::of(br#"{"status":"401","schemes":"bearer"}"#).status.as_deref(), Some("401"));
        assert_eq!(Refusal::of(b"\xff{"), Refusal::default());
        let odd = format!("{{\"status\":\"a\\r\\n{}\"}}", "x".repeat(1000));
        assert_eq!(Refusal::of(odd.as_bytes()).status.map(|status| status.len()), Some(SAID_CHARS_MAX));
    }
}
