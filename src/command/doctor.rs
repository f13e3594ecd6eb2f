//! `bode doctor`: everything that can be wrong before the first piece comes, one line each, with the mend.

use super::{CommandResult, Ended, Failure, Global, look, setting};
use crate::clock;
use crate::config::Config;
use crate::explain::with_causes;
use crate::extract::{Clamd, FenceReport, Hold};
use crate::oauth::SignIns;
use crate::outbox::{Mailer, OutboxError};
use crate::source::Imap;
use std::path::Path;

/// Free space below which the disk is called full: the store refuses nothing before, people get a day to act.
const FREE_BYTES_MIN: u64 = 1024 * 1024 * 1024;

/// Lines printed so far, and whether all were well.
struct Doctor {
    well: bool,
}

impl Doctor {
    fn line(&mut self, what: &str, found: Result<String, String>) {
        match found {
            Ok(detail) => println!("ok    {what}: {detail}"),
            Err(mend) => {
                self.well = false;
                println!("WRONG {what}: {mend}");
            }
        }
    }
}

/// How much is past its term; a store that is not there yet has nothing.
fn past_term(config: &Config) -> Result<String, String> {
    if config.retention.is_empty() {
        return Ok("no [retention]: everything is kept".to_owned());
    }
    if !config.store.join("journal").is_dir() {
        return Ok("nothing is past its term".to_owned());
    }
    let store = setting::store_to_read(config).map_err(|error| with_causes(&error))?;
    let plan =
        crate::retention::plan(&store, &config.retention, crate::record::office_date(crate::clock::now()))
            .map_err(|error| with_causes(&error))?;
    Ok(match plan.past.len() {
        0 => "nothing is past its term".to_owned(),
        many => format!("{many} past their term: bode purge lists them and asks"),
    })
}

pub(super) fn doctor(global: &Global) -> CommandResult {
    let config = setting::config(global)?;
    let mut doctor = Doctor { well: true };
    doctor.line("configuration", Ok(format!("{}, {}", config.office.id, config.office.name)));
    doctor.line("rules and templates", rules(&config));
    doctor.line("store", writable(&config.store));
    doctor.line("disk", free(&config.store));
    doctor.line("retention", past_term(&config));
    doctor.line("clock", clock_is_sane());
    doctor.line("OCR languages", setting::ocr_languages(&config));
    if let Some(scan) = &config.scan {
        doctor.line("scan folder", writable(&scan.dir));
    }
    if let Some(maildir) = &config.maildir {
        doctor.line("maildir", writable(&maildir.dir));
    }
    let runtime = setting::runtime()?;
    runtime.block_on(async {
        let reader = look::reader(global)?;
        let fence = reader.fence().await.map_err(|error| with_causes(&error));
        doctor.line("fence around reading", fence.map(|fence| told_of_fence(&fence)));
        if let Some(clamd) = crate::daemon::clamd(&config.reading) {
            let probed = clamd
                .probe()
                .await
                .map_err(|error| format!("{}; nothing is read until it answers", with_causes(&error)));
            doctor.line("virus scanner", probed.and_then(|version| signatures(&clamd, &version)));
        }
        let sign_ins = match SignIns::new(&config) {
            Ok(sign_ins) => sign_ins,
            Err(error) => {
                doctor.line("sign-in", Err(with_causes(&error)));
                return Ok(());
            }
        };
        for name in config.oauth.keys() {
            let Some(sign_in) = sign_ins.named(Some(name)) else { continue };
            let token = sign_in.token().await.map(|_| "gives an access token".to_owned());
            doctor.line(&format!("sign-in {name}"), token.map_err(|error| with_causes(&error)));
        }
        if let Some(mailbox) = &config.mailbox {
            let probed = Imap::probe(mailbox, sign_ins.named(mailbox.oauth.as_deref()).as_ref()).await;
            doctor.line(
                "mailbox",
                probed.map(|state| format!("{state:?}")).map_err(|error| with_causes(&error)),
            );
        }
        if let Some(smtp) = &config.smtp {
            let tried = match Mailer::new(smtp, sign_ins.named(smtp.oauth.as_deref()), &config.answers) {
                Ok(mailer) => mailer.probe().await,
                Err(error) => Err(error),
            };
            let told = |error: OutboxError| match error.advice() {
                Some(advice) if advice == with_causes(&error) => with_causes(&error),
                Some(advice) => format!("{}; {advice}", with_causes(&error)),
                None => with_causes(&error),
            };
            doctor.line("SMTP", tried.map(|()| smtp.host.clone()).map_err(told));
        }
        Ok::<(), Failure>(())
    })?;
    Ok(if doctor.well { Ended::Well } else { Ended::WithRefusals })
}

/// One layer after the other. A layer that this kernel lacks is told, and wrong only where the configuration insists.
fn told_of_fence(fence: &FenceReport) -> String {
    let holds = |name: &str, hold: &Hold| match hold {
        Hold::Full => format!("{name} holds"),
        Hold::Partial => format!("{name} holds in the older form that this kernel knows"),
        Hold::None(why) => format!("{name} does not hold ({why})"),
    };
    [holds("rlimits", &fence.rlimits), holds("landlock", &fence.landlock), holds("seccomp", &fence.seccomp)]
        .join(", ")
}

/// Days after which signatures are called old: freshclam brings new ones every day.
const SIGNATURE_DAYS_MAX: i64 = 7;

/// Are the scanner's signatures of this week? `version`: as clamd tells it.
fn signatures(clamd: &Clamd, version: &str) -> Result<String, String> {
    let told = format!("{clamd}, {version}");
    let Some(date) = version.splitn(3, '/').nth(2) else {
        return Ok(format!("{told}, signatures without a date"));
    };
    // As ctime(3) writes it, in the scanner's own zone: a day more or less does not matter.
    let date = date.split_whitespace().collect::<Vec<_>>().join(" ");
    let Ok(date) = jiff::civil::DateTime::strptime("%a %b %d %H:%M:%S %Y", &date) else {
        return Ok(format!("{told}, signatures with a date that is not understood"));
    };
    let days = (crate::record::office_date(clock::now()) - date.date()).get_days();
    if i64::from(days) > SIGNATURE_DAYS_MAX {
        return Err(format!(
            "{told}: the signatures are {days} days old; see why freshclam brings no new ones"
        ));
    }
    Ok(told)
}

fn rules(config: &Config) -> Result<String, String> {
    crate::intake::Rulebook::load(config)
        .map(|rulebook| format!("version {}", rulebook.version()))
        .map_err(|error| error.to_string())
}

/// Can this account make a file there? The directory is made when it is missing.
fn writable(dir: &Path) -> Result<String, String> {
    let trial = || {
        std::fs::create_dir_all(dir)?;
        let path = dir.join(".bode-doctor");
        std::fs::write(&path, b"trial")?;
        std::fs::remove_file(&path)
    };
    trial().map(|()| dir.display().to_string()).map_err(|error| {
        format!(
            "{} cannot be written: {error}; give the account that runs bode the right to it",
            dir.display()
        )
    })
}

fn free(dir: &Path) -> Result<String, String> {
    let stat = rustix::fs::statvfs(dir).map_err(|error| error.to_string())?;
    let bytes = stat.f_bavail.saturating_mul(stat.f_frsize);
    let told = format!("{} MiB free", bytes / 1024 / 1024);
    if bytes < FREE_BYTES_MIN { Err(format!("only {told}; make room")) } else { Ok(told) }
}

/// A clock before the day this program was written is wrong, and would date every receipt wrongly.
fn clock_is_sane() -> Result<String, String> {
    let now = clock::now();
    let told = now.in_tz(crate::record::OFFICE_TIME_ZONE).map_err(|error| error.to_string())?;
    if told.year() < 2026 {
        return Err(format!("it says {told}; set the clock (timedatectl)"));
    }
    Ok(told.strftime("%Y-%m-%d %H:%M:%S %Z").to_string())
}
