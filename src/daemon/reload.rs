//! Reading rules, templates and office data again while the daemon runs: on SIGHUP, and from the desk.
//!
//! Invariants: what has a fault never comes into force, and the old stays; what comes into force is kept in the store
//! first, under its version, so that a judgement by it can be repeated.

use crate::explain::with_causes;
use crate::intake::{Intake, Rulebook};
use crate::review::{Health, Names, Reread, Rereader, RulesInForce};
use crate::store::Store;
use std::path::PathBuf;
use std::sync::Arc;
use tracing::{error, info, warn};

/// All that a reload needs.
#[derive(Clone)]
pub(super) struct Reload {
    /// The configuration file, read again too.
    pub config_path: PathBuf,
    pub intake: Arc<Intake>,
    pub store: Arc<Store>,
    pub health: Health,
}

impl Reload {
    /// Reads everything again. Blocks for as long as the rules take to compile.
    ///
    /// # Errors
    /// Every fault in a line; the old rules stay in force then.
    pub fn run(&self) -> Result<Reread, String> {
        let loaded = crate::config::load(&self.config_path)
            .map_err(|error| error.to_string())
            .and_then(|config| Rulebook::load(&config).map_err(|error| error.to_string()));
        let rulebook = loaded.inspect_err(|faults| {
            self.health.ill("rules", "the last reload was refused; the old rules are in force");
            error!(%faults, "not reloaded: the old rules stay");
        })?;
        keep(&self.store, &rulebook);
        let reread =
            Reread { office: rulebook.office.clone(), names: names(&rulebook), rules: in_force(&rulebook) };
        self.intake.replace_rulebook(Arc::new(rulebook));
        self.health.well("rules");
        info!(rules = %reread.rules.version, "rules, templates and office data read again");
        Ok(reread)
    }

    /// The same for the desk, off the threads that serve.
    pub fn rereader(&self) -> Arc<Rereader> {
        let reload = self.clone();
        Arc::new(move || {
            let reload = reload.clone();
            Box::pin(async move {
                let run = tokio::task::spawn_blocking(move || reload.run()).await;
                run.map_err(|error| error.to_string())?
            })
        })
    }
}

/// Keeps a rule set that comes into force. A disk that cannot take it stops nothing: the version still tells whether
/// the files of now are those of then.
pub(super) fn keep(store: &Store, rulebook: &Rulebook) {
    if let Err(error) = store.keep_rules(&rulebook.version(), &rulebook.kept_files()) {
        warn!(error = %with_causes(&error), "the rules in force could not be kept in the store");
    }
}

/// The rules as the desk tells of them.
pub(super) fn in_force(rulebook: &Rulebook) -> RulesInForce {
    RulesInForce {
        version: rulebook.version(),
        count: rulebook.ruleset.rules().count(),
        page: rulebook.ruleset.describe(&rulebook.office),
    }
}

/// The names of the rules, as the desk shows them.
pub(super) fn names(rulebook: &Rulebook) -> Names {
    let owned = |(id, name): (&str, &str)| (id.to_owned(), name.to_owned());
    Names {
        queues: rulebook
            .ruleset
            .queue_names()
            .map(|(id, name, explanation)| (id.to_owned(), name.to_owned(), explanation.to_owned()))
            .collect(),
        organisations: rulebook.ruleset.organisation_names().map(owned).collect(),
        referrals: rulebook.ruleset.referral_names(),
        sent_on: rulebook.ruleset.referrals.sent_on().clone(),
    }
}
