//! `bode doctor`: everything that can be wrong before the first piece comes, one line each, with the mend.
//!
//! `docs/watching.md` lists the checks. Invariants: nothing is changed but a small trial file that is removed again; a check that
//! cannot be made here says why; no secret, address or name of a citizen is told.

mod dns;
mod house;
mod servers;
mod unit;

use super::{CommandResult, Ended, Failure, Global, look, setting};
use crate::clock;
use crate::config::Config;
use crate::explain::with_causes;
use crate::extract::{Clamd, FenceReport, Hold};
use crate::oauth::SignIns;
use clap::Args;
use serde::Serialize;

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// All checks as one JSON object, at the end.
    #[arg(long)]
    json: bool,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// It works; an admin should know.
    Note,
    Wrong,
    /// It could not be made here.
    Skip,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    state: State,
    told: String,
}

impl Found {
    fn ok(told: impl Into<String>) -> Self {
        Self { state: State::Ok, told: told.into() }
    }

    fn note(told: impl Into<String>) -> Self {
        Self { state: State::Note, told: told.into() }
    }

    /// What is wrong, and the mend.
    fn wrong(told: impl Into<String>) -> Self {
        Self { state: State::Wrong, told: told.into() }
    }

    fn skip(why: impl Into<String>) -> Self {
        Self { state: State::Skip, told: why.into() }
    }
}

impl From<Result<String, String>> for Found {
    fn from(found: Result<String, String>) -> Self {
        match found {
            Ok(told) => Found::ok(told),
            Err(mend) => Found::wrong(mend),
        }
    }
}

/// One line, as JSON.
#[derive(Debug, Serialize)]
struct Check {
    check: String,
    state: State,
    told: String,
}

/// What was found so far.
struct Doctor {
    json: bool,
    checks: Vec<Check>,
}

impl Doctor {
    /// `check`: the name that programs go by; `title`: what people read.
    fn line(&mut self, check: &str, title: &str, found: impl Into<Found>) {
        let Found { state, told } = found.into();
        if !self.json {
            let word = match state {
                State::Ok => "ok   ",
                State::Note => "note ",
                State::Wrong => "WRONG",
                State::Skip => "skip ",
            };
            println!("{word} {title}: {told}");
        }
        self.checks.push(Check { check: check.to_owned(), state, told });
    }

    fn is_well(&self) -> bool {
        self.checks.iter().all(|check| check.state != State::Wrong)
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
    let plan = crate::retention::plan(&store, &config.retention, crate::record::office_date(clock::now()))
        .map_err(|error| with_causes(&error))?;
    Ok(match plan.past.len() {
        0 => "nothing is past its term".to_owned(),
        many => format!("{many} past their term: bode purge lists them and asks"),
    })
}

pub(super) fn doctor(global: &Global, args: &DoctorArgs) -> CommandResult {
    let config = setting::config(global)?;
    let mut doctor = Doctor { json: args.json, checks: Vec::new() };
    let told = format!("{}, {}", config.office.id, config.office.name);
    doctor.line("configuration", "configuration", Found::ok(told));
    doctor.line("rules", "rules and templates", rules(&config));
    doctor.line("store", "store", house::writable(&config.store));
    doctor.line("store-owner", "owner of the store", house::owner(&config.store));
    doctor.line("disk", "disk", house::free(&config.store));
    doctor.line("sync", "durable writes", house::sync(&config.store));
    doctor.line("memory", "memory", house::memory(&config));
    doctor.line("retention", "retention", past_term(&config));
    doctor.line("backup", "backup", house::backup(&config.store, clock::now()));
    doctor.line("clock", "clock", house::clock_is_sane());
    doctor.line("time-zone", "time zone", house::time_zone());
    let today = crate::record::office_date(clock::now());
    doctor.line("holidays", "holidays", house::holidays(&config.rules, today));
    doctor.line("ocr", "OCR languages", setting::ocr_languages(&config));
    doctor.line("fonts", "fonts of letters", house::fonts());
    for (check, title, dir) in house::folders(&config) {
        doctor.line(check, title, house::writable(&dir));
    }
    let folders: Vec<_> = house::folders(&config).into_iter().map(|(.., dir)| dir).collect();
    doctor.line("unit", "systemd unit", unit::lets_write(&config.store, &folders));
    let runtime = setting::runtime()?;
    runtime.block_on(async {
        let reader = look::reader(global)?;
        let fence = reader.fence().await.map_err(|error| with_causes(&error));
        doctor.line("fence", "fence around reading", fence.map(|fence| told_of_fence(&fence)));
        if let Some(clamd) = crate::daemon::clamd(&config.reading) {
            let probed = clamd
                .probe()
                .await
                .map_err(|error| format!("{}; nothing is read until it answers", with_causes(&error)));
            let probed = probed.and_then(|version| signatures(&clamd, &version));
            doctor.line("virus-scanner", "virus scanner", probed);
        }
        doctor.line("desk", "desk", servers::desk(&config).await);
        let sign_ins = match SignIns::new(&config) {
            Ok(sign_ins) => sign_ins,
            Err(error) => {
                doctor.line("sign-in", "sign-in", Found::wrong(with_causes(&error)));
                return Ok(());
            }
        };
        for name in config.oauth.keys() {
            let Some(sign_in) = sign_ins.named(Some(name)) else { continue };
            let token = sign_in.token().await.map(|_| "gives an access token".to_owned());
            let title = format!("sign-in {name}");
            doctor.line(&format!("sign-in-{name}"), &title, token.map_err(|error| with_causes(&error)));
        }
        servers::mailbox(&config, &sign_ins, &mut doctor).await;
        servers::smtp(&config, &sign_ins, &mut doctor).await;
        servers::zaaksysteem(&config, &mut doctor).await;
        servers::names(&config, &mut doctor).await;
        Ok::<(), Failure>(())
    })?;
    if args.json {
        let told = serde_json::json!({ "well": doctor.is_well(), "checks": doctor.checks });
        println!("{}", serde_json::to_string_pretty(&told).map_err(Failure::failed)?);
    }
    Ok(if doctor.is_well() { Ended::Well } else { Ended::WithRefusals })
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
