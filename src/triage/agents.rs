//! Who acts for another: a bailiff or a joint tax office stands for the public body that the text says it acts for.
//!
//! Invariant: without such words, or with two different principals, the agent stays who it is.

use super::organisations::{OrgKind, Strength};
use super::reading::Reading;
use super::roles::{Means, Seen};
use super::spoken::{hits_of, unique};

/// Gives every mention of an agent the body that it acts for.
pub fn settle(reading: &Reading<'_>, seen: &mut [Seen], means: &Means<'_>) {
    let is_agent = |org: usize| means.bodies.all.get(org).is_some_and(|body| body.agent);
    if !seen.iter().flat_map(|one| &one.mentions).any(|mention| is_agent(mention.org)) {
        return;
    }
    let mut principals: Vec<usize> = Vec::new();
    for one in seen.iter() {
        let Some(sentence) = reading.sentences.get(one.index) else { continue };
        let rules = one.said(means).filter(|(rule, _)| rule.label == "principal");
        for (rule, said) in rules.filter(|(rule, _)| rule.looks_at(reading, sentence)) {
            let named = hits_of(rule, said, &one.marked).into_iter().next();
            principals.extend(
                named
                    .and_then(|(mention, _)| one.mentions.get(mention))
                    .filter(|mention| mention.strength == Strength::Name && !is_agent(mention.org))
                    .map(|mention| mention.org),
            );
        }
    }
    principals.retain(|org| means.bodies.all.get(*org).is_some_and(|body| body.kind != OrgKind::Private));
    let [principal] = unique(principals.into_iter())[..] else { return };
    for mention in seen.iter_mut().flat_map(|one| &mut one.mentions).filter(|one| is_agent(one.org)) {
        mention.org = principal;
    }
}
