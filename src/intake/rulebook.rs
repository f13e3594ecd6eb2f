//! What pieces are judged and answered by: office, rules, templates, holidays, and the gate's policy. Loaded and
//! checked as a whole, so that a broken file never half counts.

use crate::acknowledge::{
    Addressee, CheckedAddress, ComposeError, GatePolicy, History, Identity, Prepared, Request, Situation,
    TemplateFaults, Templates, prepare, prepare_checked, situation,
};
use crate::calendar::{Calendar, CalendarError};
use crate::config::{Config, FollowUp};
use crate::explain::with_causes;
use crate::record::{Answer, CaseNumber, Channel, Deadline, Extract, Judgement, Office, ReturnPath, Window};
use crate::triage::{RuleFaults, Ruleset, judge};
use jiff::Timestamp;
use jiff::civil::Date;
use std::sync::Arc;
use tracing::error;

/// Everything reloadable, checked.
#[derive(Debug)]
pub struct Rulebook {
    pub office: Office,
    pub ruleset: Arc<Ruleset>,
    pub templates: Templates,
    pub calendar: Calendar,
    pub policy: GatePolicy,
    /// What goes out for a follow-up to a case that had its acknowledgement.
    pub follow_up: FollowUp,
    /// The envelope sender of our answers, by which a bounce finds its case.
    pub return_path: Option<ReturnPath>,
    identity: Identity,
    /// The place before the date of a letter, and where its address stands.
    place: String,
    window: Window,
}

/// Why a set of rules and templates cannot be used; every fault, with its file.
#[derive(Debug, thiserror::Error)]
pub enum RulebookError {
    #[error("{0}")]
    Rules(#[from] RuleFaults),
    #[error("{0}")]
    Templates(#[from] TemplateFaults),
    #[error("{0}")]
    Calendar(#[from] CalendarError),
}

/// What the answer depends on beside the rules.
#[derive(Clone, Copy, Debug)]
pub struct AnswerRequest<'a> {
    pub case: CaseNumber,
    pub received: Date,
    pub now: Timestamp,
    pub channel: Channel,
    pub extract: &'a Extract,
    pub judgement: &'a Judgement,
    pub deadlines: &'a [Deadline],
    /// False for old mail: never answered.
    pub acknowledge: bool,
    /// The case that the piece belongs to already, and that gets no answer for it.
    pub joins: Option<CaseNumber>,
    /// Only one line, for a follow-up.
    pub line: bool,
    pub history: History,
}

/// What would become of a piece that is only looked at: no case, no history, nothing sent.
#[derive(Debug)]
pub struct Preview {
    pub judgement: Judgement,
    pub deadlines: Vec<Deadline>,
    pub prepared: Prepared,
}

impl Rulebook {
    /// Reads rules and templates where the configuration says.
    ///
    /// # Errors
    /// Every fault of the first part that has any: rules, holidays, templates.
    pub fn load(config: &Config) -> Result<Self, RulebookError> {
        Self::with(Ruleset::load(&config.rules).map(Arc::new), config)
    }

    /// The same while one is in force, whose rules are kept where no file of them changed.
    ///
    /// # Errors
    /// As [`Rulebook::load`].
    pub fn again(&self, config: &Config) -> Result<Self, RulebookError> {
        Self::with(self.ruleset.again(&config.rules), config)
    }

    fn with(ruleset: Result<Arc<Ruleset>, RuleFaults>, config: &Config) -> Result<Self, RulebookError> {
        let ruleset = ruleset?;
        let calendar = Calendar::load(&config.rules.join("holidays.toml"))?;
        let templates = Templates::load(&config.templates, &config.office)?;
        Ok(Self {
            office: config.office.clone(),
            ruleset,
            templates,
            calendar,
            policy: GatePolicy::new(&config.answers, &config.office),
            follow_up: config.answers.follow_up,
            return_path: config.answers.envelope_sender(),
            identity: Identity::new(&config.answers, &config.office),
            place: config.letters.place.clone(),
            window: config.letters.address_window(),
        })
    }

    /// What each kind of rule file may hold, as JSON Schema, by the name of the file.
    pub fn schemas() -> Vec<(&'static str, serde_json::Value)> {
        let mut schemas = crate::triage::schemas();
        schemas.push(("holidays", crate::calendar::schema()));
        schemas.sort_by_key(|(name, _)| *name);
        schemas
    }

    /// Every fault of every part, each a line in Dutch with its file; empty when all is in order.
    pub fn faults(config: &Config) -> Vec<String> {
        let rules = Ruleset::load(&config.rules).err().map(|faults| faults.to_string());
        let days = Calendar::load(&config.rules.join("holidays.toml")).err().map(|fault| fault.to_string());
        let templates =
            Templates::load(&config.templates, &config.office).err().map(|faults| faults.to_string());
        [rules, days, templates].into_iter().flatten().collect()
    }

    /// Digest of all that a judgement rests on: the rules and the office's own data.
    pub fn version(&self) -> String {
        self.ruleset.version_for(&self.office)
    }

    /// What must be kept so that a judgement under this version can be repeated: name and text of each file.
    pub fn kept_files(&self) -> Vec<(String, String)> {
        let mut files = self.ruleset.files().to_vec();
        let office = serde_json::to_string_pretty(&self.office).unwrap_or_default();
        files.push(("office.json".to_owned(), office));
        files
    }

    pub fn judge(&self, extract: &Extract, channel: Channel, received: Date) -> Judgement {
        judge(extract, channel, received, &self.office, &self.ruleset)
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The place before the date of a letter, and where its address stands.
    pub(super) fn on_paper(&self) -> (&str, Window) {
        (&self.place, self.window)
    }

    pub fn deadlines(&self, received: Date, judgement: &Judgement) -> Vec<Deadline> {
        self.calendar.deadlines(&self.office, received, judgement)
    }

    /// Judges and answers a piece without taking it in.
    pub fn preview(&self, extract: &Extract, channel: Channel, received: Date, now: Timestamp) -> Preview {
        let judgement = self.judge(extract, channel, received);
        let deadlines = self.deadlines(received, &judgement);
        let prepared = self.answer(&AnswerRequest {
            // Serial 0 is never given to a case.
            case: CaseNumber::new(u16::try_from(received.year()).unwrap_or_default(), 0),
            received,
            now,
            channel,
            extract,
            judgement: &judgement,
            deadlines: &deadlines,
            acknowledge: true,
            joins: None,
            line: false,
            history: History::default(),
        });
        Preview { judgement, deadlines, prepared }
    }

    /// Whether to answer, and the words. Where the words cannot be made there is no answer, and staff are told to
    /// write themselves: the piece goes on.
    pub fn answer(&self, request: &AnswerRequest) -> Prepared {
        let situation = self.situation(request);
        let situation = if request.line { situation.follow_up() } else { situation };
        let prepared = prepare(&self.templates, &self.request(request, &situation));
        prepared.unwrap_or_else(|fault| {
            error!(case = %request.case, error = %with_causes(&fault), "the answer could not be made");
            let reason =
                "De ontvangstbevestiging kon niet worden gemaakt. Schrijf de afzender zelf.".to_owned();
            Prepared { answer: Answer::Withhold { reason }, bytes: None, msg_id: None }
        })
    }

    /// The letter of a piece with an address that a person checked.
    ///
    /// # Errors
    /// When the letter cannot be made.
    pub fn checked_letter(
        &self,
        request: &AnswerRequest,
        addressee: &Addressee,
    ) -> Result<CheckedAddress, ComposeError> {
        let situation = self.situation(request);
        prepare_checked(&self.templates, &self.request(request, &situation), addressee)
    }

    fn situation(&self, request: &AnswerRequest) -> Situation {
        situation(request.judgement, request.extract, &self.office, &self.calendar, &|id| {
            self.ruleset.organisation_name(id)
        })
    }

    fn request<'a>(&'a self, request: &AnswerRequest<'a>, situation: &'a Situation) -> Request<'a> {
        Request {
            office: &self.office,
            identity: &self.identity,
            policy: &self.policy,
            history: request.history,
            message: request.extract.message.as_ref(),
            channel: request.channel,
            judgement: request.judgement,
            situation,
            deadlines: request.deadlines,
            acknowledge: request.acknowledge,
            joins: request.joins,
            own_sentences: match request.channel {
                Channel::Email => self.templates.own_sentences(request.extract),
                Channel::Letter => 0,
            },
            case: request.case,
            received: request.received,
            place: &self.place,
            window: self.window,
            now: request.now,
        }
    }
}
