//! Trying what was given before it is written: rules, folders, the mailbox, the mail server, the desk's place.
//!
//! Invariant: no message goes to anybody but an address of the office's own that the admin named for it.

use super::lay::{Owner, Scratch};
use super::plan::{Faults, Part, Plan};
use super::render;
use crate::clock;
use crate::config::Config;
use crate::explain::with_causes;
use crate::outbox::{Handed, Mailer, OutboxError};
use crate::source::Imap;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

/// Tries every part; what does not work, with what to do.
pub fn all(plan: &Plan) -> Faults {
    let mut faults = Faults::new();
    let scratch = match Scratch::beside(plan) {
        Ok(scratch) => scratch,
        Err(fault) => {
            faults.push((Part::Store, fault));
            return faults;
        }
    };
    let config = match written(plan, &scratch) {
        Ok(config) => config,
        Err(fault) => {
            faults.push((Part::Office, fault));
            return faults;
        }
    };
    let folders = [
        (Part::Store, plan.store.parent()),
        (Part::Scans, plan.scans.as_deref()),
        (Part::Mailbox, plan.maildir.as_deref()),
    ];
    for (part, dir) in folders {
        if let Some(dir) = dir
            && let Err(fault) = writable(dir, plan.owner.as_ref(), part == Part::Store)
        {
            faults.push((part, fault));
        }
    }
    if let Err(error) = crate::intake::Rulebook::load(&config) {
        faults.push((Part::Office, error.to_string()));
    }
    if let Err(fault) = super::super::setting::ocr_languages(&config) {
        faults.push((Part::Scans, fault));
    }
    if let Some(admin) = &plan.admin
        && let Some(password) = &admin.password
        && let Err(error) = crate::review::may_be_account(&admin.name, password)
    {
        faults.push((Part::Admin, error.to_string()));
    }
    if !plan.untested {
        match super::super::setting::runtime() {
            Ok(runtime) => runtime.block_on(servers(plan, &config, &mut faults)),
            Err(_) => faults.push((Part::Office, "no threads can be started".to_owned())),
        }
    }
    faults
}

/// The configuration as it will be, read back from a scratch copy; the secrets lie beside that.
fn written(plan: &Plan, scratch: &Scratch) -> Result<Config, String> {
    let path = scratch.file("config.toml");
    std::fs::write(&path, render::configuration(plan))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    let mut config = crate::config::load(&path).map_err(|error| error.to_string())?;
    (config.rules, config.templates) = (plan.shipped.rules.clone(), plan.shipped.templates.clone());
    if let (Some(mailbox), Some(server)) = (&mut config.mailbox, &plan.mailbox) {
        mailbox.password = scratch.secret("imap", server)?;
    }
    if let (Some(smtp), Some(server)) = (&mut config.smtp, &plan.smtp) {
        smtp.password = scratch.secret("smtp", server)?;
    }
    Ok(config)
}

/// Can the daemon make a file there? A folder that is not there is made, but for one whose parent is not there either
/// when it holds what was not asked for.
fn writable(dir: &Path, owner: Option<&Owner>, make: bool) -> Result<(), String> {
    let mend = |what: &dyn std::fmt::Display| {
        format!(
            "{} cannot be written: {what}; make it, and give the account that runs bode the right to it",
            dir.display()
        )
    };
    if !dir.is_dir() {
        if !make && !dir.parent().is_some_and(Path::is_dir) {
            return Err(mend(&"it is not there"));
        }
        std::fs::create_dir_all(dir).map_err(|error| mend(&error))?;
        if let Some(owner) = owner {
            owner.give(dir).map_err(|error| mend(&error))?;
        }
    }
    match owner {
        // As root everything can be written; what counts is whether the daemon can.
        Some(owner) => {
            let (uid, gid) = (owner.uid.to_string(), owner.gid.to_string());
            let tried = Command::new("setpriv")
                .args(["--reuid", &uid, "--regid", &gid, "--init-groups", "test", "-w"])
                .arg(dir)
                .status()
                .map_err(|error| mend(&error))?;
            if tried.success() { Ok(()) } else { Err(mend(&format!("{} may not", owner.name))) }
        }
        None => {
            let trial = dir.join(".bode-setup");
            std::fs::write(&trial, b"trial")
                .and_then(|()| std::fs::remove_file(&trial))
                .map_err(|error| mend(&error))
        }
    }
}

async fn servers(plan: &Plan, config: &Config, faults: &mut Faults) {
    if let Some(mailbox) = &config.mailbox
        && let Err(error) = Imap::probe(mailbox, None).await
    {
        faults.push((Part::Mailbox, with_causes(&error)));
    }
    if let Some(smtp) = &config.smtp {
        let mailer = match Mailer::new(smtp, None, &config.answers) {
            Ok(mailer) => mailer,
            Err(error) => return faults.push((Part::Smtp, told(&error))),
        };
        if let Err(error) = mailer.probe().await {
            return faults.push((Part::Smtp, told(&error)));
        }
        if let Some(to) = &plan.smtp_test_to
            && let Err(fault) = one_message(plan, &mailer, to).await
        {
            faults.push((Part::Smtp, fault));
        }
    }
    // Taken now, free again at once.
    if plan.listen.port() != 0
        && let Err(error) = tokio::net::TcpListener::bind(plan.listen).await
    {
        faults.push((
            Part::Desk,
            format!("{} cannot be listened on: {error}; name another: --desk", plan.listen),
        ));
    }
}

fn told(error: &OutboxError) -> String {
    let what = with_causes(error);
    match error.advice() {
        Some(advice) if advice != what => format!("{what}; {advice}"),
        _ => what,
    }
}

/// The one message that a person asked for, to an address of the office's own.
async fn one_message(plan: &Plan, mailer: &Mailer, to: &str) -> Result<(), String> {
    let address: lettre::Address =
        to.parse().map_err(|_| format!("--smtp-test-to: {to:?} is no e-mail address"))?;
    let from: lettre::Address = plan
        .from_address
        .parse()
        .map_err(|_| format!("--from-address: {:?} is no e-mail address", plan.from_address))?;
    let field = |name: &'static str, value: &str| {
        HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
    };
    let message = lettre::Message::builder()
        .from(lettre::message::Mailbox::new(Some(plan.from_name.clone()), from))
        .to(lettre::message::Mailbox::new(None, address.clone()))
        .subject("bode: proef van de mailserver")
        .date(SystemTime::from(clock::now()))
        .message_id(None)
        .raw_header(field("Auto-Submitted", "auto-generated"))
        .raw_header(field("X-Auto-Response-Suppress", "All"))
        .header(ContentType::TEXT_PLAIN)
        .body("Dit bericht is verstuurd bij het instellen van bode. U hoeft niets te doen.\r\n".to_owned())
        .map_err(|error| error.to_string())?;
    match mailer.send_own(&address, "setup", &message.formatted()).await {
        Handed::Sent => Ok(()),
        Handed::Deferred { reply }
        | Handed::Refused { reply }
        | Handed::Unsure { reply }
        | Handed::Unreachable { reply, .. } => Err(format!("the message to {to} was not taken: {reply}")),
    }
}
