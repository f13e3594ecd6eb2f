//! The rules for the desk: a draft checked, tried on the archive and on a text.

use crate::config::Config;
use crate::draft::{self, Draft, DraftFault, Effect, Fates};
use crate::explain::with_causes;
use crate::extract::ReadRequest;
use crate::intake::{Intake, Rulebook};
use crate::record::Channel;
use crate::review::{RuleDesk, Tried, Trying};
use crate::store::Store;
use jiff::civil::Date;
use std::sync::Arc;

/// The rules of this office.
pub(super) struct RuleRoom {
    draft: Draft,
    /// The configuration, with the draft in the place of the rules.
    drafted: Config,
    intake: Arc<Intake>,
    store: Arc<Store>,
}

impl RuleRoom {
    pub fn new(config: &Config, intake: &Arc<Intake>, store: &Arc<Store>) -> Self {
        let draft = Draft::new(config);
        let drafted = Config { rules: draft.dir().to_owned(), ..config.clone() };
        Self { draft, drafted, intake: Arc::clone(intake), store: Arc::clone(store) }
    }
}

impl RuleDesk for RuleRoom {
    fn draft(&self) -> &Draft {
        &self.draft
    }

    fn faults(&self) -> Vec<String> {
        Rulebook::faults(&self.drafted)
    }

    fn effect(&self) -> Result<Effect, DraftFault> {
        let rulebook = self.intake.rulebook();
        self.draft.effect(&self.store, &rulebook.ruleset, &rulebook.office)
    }

    fn fates(&self) -> Result<Fates, DraftFault> {
        Ok(draft::fates(&self.store, &self.intake.rulebook().office)?)
    }

    fn try_on(&self, name: String, bytes: Vec<u8>, received: Date) -> Trying {
        let (intake, drafted) = (Arc::clone(&self.intake), self.drafted.clone());
        let is_draft = self.draft.is_there();
        Box::pin(async move {
            let request = ReadRequest { name, channel: None, bytes, words: false };
            let extract = intake.reader().read(request).await.map_err(|error| with_causes(&error))?;
            let judged = tokio::task::spawn_blocking(move || {
                let channel = if extract.message.is_some() { Channel::Email } else { Channel::Letter };
                let now = intake.rulebook().judge(&extract, channel, received);
                // A draft with a fault judges nothing; the page of the draft tells the fault.
                let draft = if is_draft { Rulebook::load(&drafted).ok() } else { None };
                let draft = draft.map(|rulebook| rulebook.judge(&extract, channel, received));
                Tried { extract, now, draft }
            });
            judged.await.map_err(|error| error.to_string())
        })
    }
}
