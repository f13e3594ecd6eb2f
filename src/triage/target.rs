//! From standings to a conclusion: whom it is about, whether that is for this office, how surely, and where
//! the rest goes.
//!
//! Invariant: a chance that is too small for its answer gives `unclear`; turning somebody away needs most.

use super::organisations::{OrgKind, Organisations, SECOND_LINE_DEFAULT, Strength};
use super::referrals::Referrals;
use super::roles::Means;
use super::standing::{AROUND, PARTS_MAX, Standings};
use super::weigh::{self, Circumstances, Weighing, label, weigh};
use crate::record::{FirstComplained, Office, Referral, Scope};

/// The conclusion.
#[derive(Clone, Debug)]
pub struct Target {
    pub scope: Scope,
    /// Indexes of bodies complained about, heaviest first.
    pub about: Vec<usize>,
    /// Indexes of bodies that are only mentioned.
    pub mentioned: Vec<usize>,
    /// 0 to 1.
    pub confidence: f64,
    /// The chance that it is about somebody of this office.
    pub inside: f64,
    /// The chance that it is no complaint at all.
    pub none: f64,
    /// Said in so many words to be about a body outside, and no body inside named that is not cleared.
    pub plainly_outside: bool,
    /// The body whose complaint goes elsewhere.
    pub elsewhere: Option<usize>,
}

/// May this office handle a complaint about the body?
pub fn is_covered(bodies: &Organisations, office: &Office, org: usize) -> bool {
    bodies.all.get(org).is_some_and(|body| {
        let competence = &office.competence;
        competence.covers(&body.id) || (body.label != "overig" && competence.covers(&body.label))
    })
}

/// Decides whom it is about.
pub fn decide(
    standings: &Standings<'_>,
    office: &Office,
    means: &Means<'_>,
    circumstances: Circumstances,
) -> Target {
    let limits = means.weights.target;
    let bodies = means.bodies;
    let covered = |org: usize| is_covered(bodies, office, org);
    let whole = weigh(standings, AROUND..=PARTS_MAX, office, means, circumstances);
    let inside: f64 = whole.bodies.iter().filter(|body| covered(body.org)).map(|body| body.chance).sum();
    let outside = (1.0 - inside - whole.nobody_chance).max(0.0);
    let mut about: Vec<usize> = Vec::new();
    let mut confidence = 0.0;
    // "De gemeente" of nobody knows where is nobody that can be told.
    let known = |org: usize| bodies.municipality != Some(org);
    let first = whole.bodies.first().filter(|first| first.chance >= whole.nobody_chance);
    if let Some(first) = first.filter(|first| known(first.org)) {
        about.push(first.org);
        confidence = if covered(first.org) { inside } else { outside };
    }
    if let Some(pair) = two_complaints(&whole, standings, office, means, circumstances)
        && pair.chance >= limits.two_least
    {
        about = vec![pair.first, pair.second];
        confidence = pair.chance;
    }
    let scope = match (about.iter().any(|org| covered(*org)), about.iter().all(|org| covered(*org))) {
        _ if about.is_empty() => Scope::Unclear,
        (_, true) => Scope::In,
        (true, false) => Scope::Mixed,
        (false, _) => Scope::Out,
    };
    let elsewhere = about.iter().find(|org| !covered(**org)).copied();
    let mentioned = whole
        .bodies
        .iter()
        .filter(|body| {
            let standing = standings.all.iter().find(|standing| standing.org == body.org);
            standing.is_some_and(|standing| standing.strongest >= Some(Strength::Hint))
        })
        .map(|body| body.org)
        .filter(|org| !about.iter().any(|about| label(bodies, *about) == label(bodies, *org)))
        .collect();
    let said = whole.bodies.first().map_or(0.0, |first| first.said);
    // Who is only meant by "de gemeente" or by what it does is never the ground for telling a citizen anything.
    let named = about.first().is_some_and(|org| standings.all.iter().any(|one| one.org == *org && one.named));
    let plainly_outside = named
        && circumstances.several <= 0.0
        && said >= limits.tell_least
        && inside <= limits.tell_inside_most;
    let weights = &means.weights.none;
    let none = weigh::none(standings, &whole, circumstances);
    let none = none.iter().map(|(name, amount)| weights.get(*name).copied().unwrap_or_default() * amount);
    let none = logistic(none.sum());
    Target { scope, about, mentioned, confidence, inside, none, plainly_outside, elsewhere }
}

/// Two bodies that may each be complained about, and the chance that they are.
#[derive(Clone, Copy, Debug)]
struct Pair {
    first: usize,
    second: usize,
    chance: f64,
}

/// The likeliest two complaints: the likeliest bodies of two parts that the writer marks off, or else the likeliest
/// two of the whole.
fn two_complaints(
    whole: &Weighing<'_>,
    standings: &Standings<'_>,
    office: &Office,
    means: &Means<'_>,
    circumstances: Circumstances,
) -> Option<Pair> {
    /// Below this chance a part is about nobody in particular.
    const PART_MIN: f64 = 0.15;
    let two = means.weights.two;
    let covered = |org: usize| is_covered(means.bodies, office, org);
    let same = |a: usize, b: usize| label(means.bodies, a) == label(means.bodies, b);
    let said = two.always + two.several * circumstances.several.min(3.0);
    let mut parts: Vec<(usize, f64)> = Vec::new();
    for part in (1..=standings.parts).filter(|_| standings.parts > 1) {
        let weighing = weigh(standings, part..=part, office, means, circumstances);
        parts.extend(weighing.bodies.first().map(|first| (first.org, first.chance)));
    }
    let mut best: Option<(f64, Pair)> = None;
    for (nth, (first, chance)) in parts.iter().enumerate() {
        for (second, other) in parts.iter().skip(nth + 1).filter(|(second, _)| !same(*first, *second)) {
            // Of two complaints mostly one is for this office and one is not.
            let least = chance.min(*other);
            let rank = least + if covered(*first) == covered(*second) { 0.0 } else { 0.3 };
            if best.is_none_or(|(known, _)| rank > known) {
                best = Some((rank, Pair { first: *first, second: *second, chance: least }));
            }
        }
    }
    if let Some((_, pair)) = best.filter(|(_, pair)| pair.chance > PART_MIN) {
        let odds = (pair.chance.min(0.999) / (1.0 - pair.chance.min(0.999))).ln();
        let more = standings.parts.saturating_sub(2).min(3) as f64;
        let sum = said + two.parts + two.part_chance * odds + two.more_parts * more;
        return Some(Pair { chance: logistic(sum), ..pair });
    }
    let first = whole.bodies.first()?;
    let others = || whole.bodies.iter().skip(1).filter(|body| !same(first.org, body.org));
    let second = others().find(|body| covered(body.org) != covered(first.org)).or_else(|| others().next())?;
    // Against nobody alone: the first complaint takes nothing from the second.
    let distance = (second.score - whole.nobody_score).clamp(-4.0, 6.0);
    Some(Pair { first: first.org, second: second.org, chance: logistic(said + two.second_chance * distance) })
}

fn logistic(sum: f64) -> f64 {
    1.0 / (1.0 + (-sum).exp())
}

/// Where a complaint about a body goes that does not belong here.
pub fn refer(
    org: usize,
    bodies: &Organisations,
    referrals: &Referrals,
    office: &Office,
    first_complained: FirstComplained,
) -> Option<Referral> {
    let body = bodies.all.get(org)?;
    let id = if body.kind == OrgKind::Municipality {
        // The municipality itself comes before any ombudsman (Awb 9:20), unless it was asked already; a
        // national office sends on to a municipal ombudsman in any case (Awb 9:18 lid 2).
        let asked = matches!(first_complained, FirstComplained::Answered | FirstComplained::NoAnswer6Weeks);
        let own_ombudsman = body.refer != SECOND_LINE_DEFAULT;
        if asked || (own_ombudsman && office.competence.home.is_empty()) {
            body.refer.as_str()
        } else {
            "own-municipality-first"
        }
    } else {
        body.refer.as_str()
    };
    // What would come back to this office goes to the body itself.
    let id = if id == office.id { "own-municipality-first" } else { id };
    let mut referral = referrals.find(id)?;
    if id == "own-municipality-first" && body.kind == OrgKind::Municipality {
        referral.name.clone_from(&body.name);
    }
    Some(referral)
}
