//! Reading rules, templates and office data again while the daemon runs: on SIGHUP, and from the desk. Each key of the
//! configuration that is not what it was is told by its name: in effect now, or only after a restart.
//!
//! Invariants: what has a fault never comes into force, and the old stays; what comes into force is kept in the store
//! first, under its version, so that a judgement by it can be repeated.

use crate::config::{Config, Layers, Loaded, changed, load_whole};
use crate::explain::with_causes;
use crate::intake::{Intake, Rulebook};
use crate::metrics::family;
use crate::review::{Code, Health, Names, Reread, Rereader, RulesInForce};
use crate::store::Store;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tracing::{error, info, warn};

/// All that a reload needs.
#[derive(Clone)]
pub(super) struct Reload {
    /// The configuration file, read again too.
    pub config_path: PathBuf,
    /// What is in effect, and the last reading, against which the next is held.
    pub in_effect: Arc<Mutex<InEffect>>,
    pub intake: Arc<Intake>,
    pub store: Arc<Store>,
    pub health: Health,
}

/// The configuration as the daemon runs by it.
pub(super) struct InEffect {
    pub config: Config,
    /// As they were read last; `None`: they could not be read at the start, which an import or a test does without.
    pub layers: Option<Layers>,
    /// As they were at the start, by which the parts that a reload does not reach go on.
    pub started: Option<Layers>,
}

impl InEffect {
    /// At the start of a daemon with this configuration, which was read from this file a moment ago.
    pub fn at_start(config: &Config, path: &Path) -> Arc<Mutex<Self>> {
        let layers = load_whole(path).ok().map(|loaded| loaded.layers);
        Arc::new(Mutex::new(Self { config: config.clone(), started: layers.clone(), layers }))
    }

    /// For who asks later on what is in effect then.
    pub fn asked(this: &Arc<Mutex<Self>>) -> Arc<dyn Fn() -> Config + Send + Sync> {
        let this = Arc::clone(this);
        Arc::new(move || this.lock().unwrap_or_else(PoisonError::into_inner).config.clone())
    }

    /// Tells what changed since the last reading: keys, never values.
    fn tell(&self, newer: &Layers) {
        let since_last = self.layers.iter().flat_map(|layers| changed(layers, newer));
        for one in since_last.filter(|one| one.in_effect) {
            info!(key = %one.key, "changed, and in effect");
        }
        // Told with each reload until there was a restart, or the key is as it was.
        let since_start = self.started.iter().flat_map(|layers| changed(layers, newer));
        for one in since_start.filter(|one| !one.in_effect) {
            warn!(key = %one.key, "changed, and needs a restart");
        }
    }
}

impl Reload {
    /// Reads everything again. Blocks for as long as rules that changed take to compile.
    ///
    /// # Errors
    /// Every fault in a line; the old rules stay in force then.
    pub fn run(&self) -> Result<Reread, String> {
        let mut in_effect = self.in_effect.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = load_whole(&self.config_path).map_err(|error| error.to_string()).and_then(|loaded| {
            let Loaded { config, layers } = loaded;
            let config = in_effect.config.reloaded_from(&config);
            let rulebook = self.intake.rulebook().again(&config).map_err(|error| error.to_string())?;
            Ok((config, layers, rulebook))
        });
        let (config, layers, rulebook) = loaded.inspect_err(|faults| {
            self.health.metrics().add(&family::RELOADS, &["refused"], 1);
            self.health.ill(
                "rules",
                Code::RulesRefused,
                "the last reload was refused; the old rules are in force",
            );
            error!(%faults, "not reloaded: the old rules stay");
        })?;
        in_effect.tell(&layers);
        (in_effect.config, in_effect.layers) = (config, Some(layers));
        drop(in_effect);
        keep(&self.store, &rulebook);
        let reread =
            Reread { office: rulebook.office.clone(), names: names(&rulebook), rules: in_force(&rulebook) };
        self.intake.replace_rulebook(Arc::new(rulebook));
        self.health.well("rules");
        self.health.metrics().add(&family::RELOADS, &["taken"], 1);
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
