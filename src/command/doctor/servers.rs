//! The servers of the office: mailbox, mail server, name server, and the desk's own address.

use super::{Doctor, Found, dns};
use crate::clock;
use crate::config::Config;
use crate::daemon::control;
use crate::explain::with_causes;
use crate::handover;
use crate::oauth::SignIns;
use crate::outbox::{Mailer, OutboxError};
use crate::source::Imap;
use crate::tls;
use jiff::SignedDuration;

/// A certificate that ends sooner is told; one that has ended is refused by the connection itself.
const CERTIFICATE_NOTE: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Clocks that differ more date receipts and answers visibly wrong.
const CLOCK_NOTE: SignedDuration = SignedDuration::from_secs(60);
/// Bytes that a mail server must take: answers are small, and one that takes less has a setting wrong.
const SIZE_BYTES_MIN: u64 = 1024 * 1024;
/// Percent of a mailbox's quota from which it is called full.
const QUOTA_PERCENT_MAX: u64 = 90;

/// Is the address free, or does a daemon of this store listen there?
pub(super) async fn desk(config: &Config) -> Found {
    let Some(address) = config.desk.listen else { return Found::skip("[desk] listen is off") };
    let runs = tokio::net::UnixStream::connect(control::socket_path(&config.store)).await.is_ok();
    match tokio::net::TcpListener::bind(address).await {
        Ok(_) if runs && address.port() != 0 => Found::note(format!(
            "a daemon runs, and does not listen on {address}: it runs by another configuration"
        )),
        Ok(_) => Found::ok(format!("{address} is free")),
        Err(_) if runs => Found::ok(format!("a daemon listens on {address}")),
        Err(error) => {
            Found::wrong(format!("cannot listen on {address}: {error}; choose another [desk] listen"))
        }
    }
}

pub(super) async fn mailbox(config: &Config, sign_ins: &SignIns, doctor: &mut Doctor) {
    let Some(mailbox) = &config.mailbox else { return };
    let probed = Imap::probe(mailbox, sign_ins.named(mailbox.oauth.as_deref()).as_ref()).await;
    let state = match probed {
        Ok(state) => state,
        Err(error) => return doctor.line("mailbox", "mailbox", Found::wrong(with_causes(&error))),
    };
    let waits = match state.tells {
        true => "tells of new mail by itself (IDLE)".to_owned(),
        false => format!("has no IDLE and is asked every {} seconds", mailbox.poll_seconds),
    };
    let moves = if state.moves { "" } else { "; has no MOVE: messages are copied, then deleted" };
    let done = match state.done {
        Some(done) => format!("{done} in {}", mailbox.done_folder),
        None => format!("{} is made with the first", mailbox.done_folder),
    };
    let told = format!("{} messages in {}, {done}; {waits}{moves}", state.messages, mailbox.folder);
    doctor.line("mailbox", "mailbox", Found::ok(told));
    doctor.line("mailbox-quota", "quota of the mailbox", quota(state.quota));
    doctor.line("mailbox-certificate", "certificate of the mailbox", certificate("mailbox"));
}

/// Kibibytes used, and allowed.
fn quota(quota: Option<(u64, u64)>) -> Found {
    match quota {
        None => Found::skip("the server tells of none"),
        Some((_, 0)) => Found::ok("without bound"),
        Some((used, most)) => {
            let percent = used.saturating_mul(100) / most;
            let told = format!("{percent} % of {} MiB used", most / 1024);
            if percent >= QUOTA_PERCENT_MAX {
                return Found::wrong(format!(
                    "{told}: a full mailbox refuses citizens' mail; enlarge it, or archive the done folder"
                ));
            }
            Found::ok(told)
        }
    }
}

pub(super) async fn smtp(config: &Config, sign_ins: &SignIns, doctor: &mut Doctor) {
    let Some(smtp) = &config.smtp else { return };
    let tried = match Mailer::new(smtp, sign_ins.named(smtp.oauth.as_deref()), &config.answers) {
        Ok(mailer) => mailer.probe().await.map(|()| mailer),
        Err(error) => Err(error),
    };
    let mailer = match tried {
        Ok(mailer) => mailer,
        Err(error) => return doctor.line("smtp", "SMTP", Found::wrong(advised(&error))),
    };
    doctor.line("smtp", "SMTP", Found::ok(smtp.host.clone()));
    doctor.line("smtp-size", "size that SMTP takes", size(mailer.size_max().await));
    doctor.line("smtp-certificate", "certificate of SMTP", certificate("smtp"));
    let found = match mailer.greeted_at().await {
        None => Found::skip("the mail server does not tell its time"),
        Some(theirs) => {
            let apart = clock::now().duration_since(theirs).abs();
            if apart > CLOCK_NOTE {
                let seconds = apart.as_secs();
                Found::note(format!(
                    "{seconds} seconds from that of the mail server; which is right? (timedatectl)"
                ))
            } else {
                Found::ok("as that of the mail server")
            }
        }
    };
    doctor.line("clock-smtp", "clock beside the mail server's", found);
}

fn advised(error: &OutboxError) -> String {
    let told = with_causes(error);
    match error.advice() {
        Some(advice) if advice != told.as_str() => format!("{told}; {advice}"),
        _ => told,
    }
}

fn size(most: Option<u64>) -> Found {
    match most {
        None => Found::skip("the server tells of no bound"),
        Some(0) => Found::ok("without bound"),
        Some(most) if most < SIZE_BYTES_MIN => {
            Found::wrong(format!("only {most} bytes; ask for {SIZE_BYTES_MIN} at the least"))
        }
        Some(most) => Found::ok(format!("{} MiB", most / 1024 / 1024)),
    }
}

/// The certificate that a connection just showed.
fn certificate(server: &str) -> Found {
    let Some(end) = tls::certificates().get(server).copied() else {
        return Found::skip("its end cannot be read");
    };
    let left = end.duration_since(clock::now());
    let day = crate::record::office_date(end);
    if left < CERTIFICATE_NOTE {
        return Found::note(format!(
            "it ends on {day}, in {} days: tell who runs that server",
            left.as_hours() / 24
        ));
    }
    Found::ok(format!("until {day}"))
}

/// Do the three APIs answer, and is there what the settings name?
pub(super) async fn zaaksysteem(config: &Config, doctor: &mut Doctor) {
    let Some(settings) = &config.zaaksysteem else { return };
    let today = crate::record::office_date(clock::now());
    let found = match handover::probe(settings, &config.office.name, today).await {
        Ok(told) => Found::ok(told),
        Err(error) => Found::wrong(with_causes(&error)),
    };
    doctor.line("zaaksysteem", "zaaksysteem", found);
}

/// What the world can read of the domain that answers come from.
pub(super) async fn names(config: &Config, doctor: &mut Doctor) {
    let address = &config.answers.from_address;
    let Some((_, domain)) = address.rsplit_once('@').filter(|_| config.smtp.is_some()) else { return };
    let lines = ["dns-mx", "dns-spf", "dns-dkim", "dns-dmarc"];
    let titles = ["MX of our domain", "SPF of our domain", "DKIM of our domain", "DMARC of our domain"];
    let Some(server) = dns::server() else {
        for (check, title) in lines.into_iter().zip(titles) {
            doctor.line(check, title, Found::skip("this machine has no name server"));
        }
        return;
    };
    let mx = dns::ask(server, domain, dns::MX).await;
    if let dns::Answer::Nothing(why) = &mx {
        for (check, title) in lines.into_iter().zip(titles) {
            doctor.line(
                check,
                title,
                Found::skip(format!("the name server {server} cannot be asked: {why}")),
            );
        }
        return;
    }
    let found = [
        judged_mx(&mx),
        judged_txt(&dns::ask(server, domain, dns::TXT).await, "v=spf1", "SPF (RFC 7208)"),
        judged_dkim(&dns::ask(server, &format!("_domainkey.{domain}"), dns::TXT).await),
        judged_txt(
            &dns::ask(server, &format!("_dmarc.{domain}"), dns::TXT).await,
            "v=DMARC1",
            "DMARC (RFC 7489)",
        ),
    ];
    for ((check, title), found) in lines.into_iter().zip(titles).zip(found) {
        doctor.line(check, title, found);
    }
}

fn judged_mx(answer: &dns::Answer) -> Found {
    match answer {
        dns::Answer::Records(records) if !records.is_empty() => {
            Found::ok(format!("{} of them", records.len()))
        }
        dns::Answer::Nothing(why) => Found::skip(why.clone()),
        _ => Found::note("none: citizens cannot answer to this address"),
    }
}

fn judged_txt(answer: &dns::Answer, begin: &str, what: &str) -> Found {
    let records = match answer {
        dns::Answer::Records(records) => records.as_slice(),
        dns::Answer::NoName => &[],
        dns::Answer::Nothing(why) => return Found::skip(why.clone()),
    };
    match records.iter().filter(|text| text.starts_with(begin)).count() {
        0 => Found::note(format!("no {what}: answers may be taken for spam; ask who runs the domain")),
        1 => Found::ok("there"),
        many => {
            Found::note(format!("{many} records of {what}, where there may be one: receivers ignore all"))
        }
    }
}

/// Nobody can ask for all selectors; that there is nothing below `_domainkey` says that there are none (RFC 8020).
fn judged_dkim(answer: &dns::Answer) -> Found {
    match answer {
        dns::Answer::NoName => {
            Found::note("no DKIM key (RFC 6376): answers may be taken for spam; ask who runs the mail server")
        }
        dns::Answer::Records(_) => {
            Found::ok("there are keys; whether the mail server signs with one, a message shows")
        }
        dns::Answer::Nothing(why) => Found::skip(why.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::dns::Answer;
    use super::*;

    #[test]
    fn what_the_world_reads_of_the_domain_is_judged() {
        let records = |texts: &[&str]| Answer::Records(texts.iter().map(|&text| text.to_owned()).collect());
        let spf = |answer: &Answer| judged_txt(answer, "v=spf1", "SPF").state;
        assert_eq!(spf(&records(&["google-site=x", "v=spf1 mx -all"])), State::Ok);
        assert_eq!(spf(&records(&["v=spf1 mx -all", "v=spf1 a -all"])), State::Note);
        assert_eq!(spf(&Answer::NoName), State::Note);
        assert_eq!(spf(&Answer::Nothing("no answer".to_owned())), State::Skip);
        assert_eq!(judged_dkim(&Answer::NoName).state, State::Note);
        assert_eq!(judged_dkim(&records(&[])).state, State::Ok);
        assert_eq!(judged_mx(&records(&[])).state, State::Note);
    }

    #[test]
    fn a_mailbox_that_is_nearly_full_is_wrong() {
        assert_eq!(quota(Some((95 * 1024, 100 * 1024))).state, State::Wrong);
        assert_eq!(quota(Some((10 * 1024, 100 * 1024))).state, State::Ok);
        assert_eq!(quota(None).state, State::Skip);
        assert_eq!(size(Some(1_000)).state, State::Wrong);
        assert_eq!(size(Some(50_000_000)).state, State::Ok);
    }
}
