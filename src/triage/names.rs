//! The names that the rules give to ids, for pages and answers.

use super::Ruleset;
use crate::record::{FirstComplained, Office, Referral};

impl Ruleset {
    /// The name of a body within a sentence, such as "het UWV".
    pub fn organisation_name(&self, id: &str) -> Option<String> {
        let index = self.bodies.find(id)?;
        self.bodies.all.get(index).map(|body| body.name.clone())
    }

    /// Where a complaint about a body goes, when this office may not handle it.
    pub fn referral(&self, id: &str, office: &Office, first: FirstComplained) -> Option<Referral> {
        super::target::refer(self.bodies.find(id)?, &self.bodies, &self.referrals, office, first)
    }

    /// The id of every body, as the competence of an office names it.
    pub fn organisation_ids(&self) -> impl Iterator<Item = &str> {
        self.bodies.all.iter().flat_map(|body| [body.id.as_str(), body.label.as_str()])
    }

    /// Every body: the id of the contract and its name.
    pub fn organisation_names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.bodies.all.iter().map(|body| (body.label.as_str(), body.name.as_str()))
    }

    /// Every queue, in the order of the rules: id, name, and one sentence that says when a case lies there.
    pub fn queue_names(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.queues.0.iter().map(|queue| (queue.id.as_str(), queue.name.as_str(), queue.explanation.as_str()))
    }

    /// Every place to refer to: the id of the contract and its name.
    pub fn referral_names(&self) -> Vec<(String, String)> {
        let named = |id: String| self.referrals.find(&id).map(|referral| (id, referral.name));
        self.referrals.ids().into_iter().filter_map(named).collect()
    }
}
