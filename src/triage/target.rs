//! From standings to a conclusion: whom it is about, whether that is for this office, how surely, and where
//! the rest goes.
//!
//! Invariant: when two readings are near each other and would lead to different answers, it is `unclear`.

use super::judging::Weights;
use super::organisations::{OrgKind, Organisations, SECOND_LINE_DEFAULT, Strength};
use super::referrals::Referrals;
use super::standing::{Standing, Standings};
use crate::record::{FirstComplained, Line, Office, Referral, Scope};

/// What is known besides the standings.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// How heavily the writer says that there are two complaints.
    pub several: f64,
    /// Weight of what says that nobody can tell who it is about.
    pub nobody: f64,
}

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
    /// How heavily rules say in so many words that somebody is complained about.
    pub explicit: f64,
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
    standings: &Standings,
    bodies: &Organisations,
    weights: &Weights,
    office: &Office,
    circumstances: Circumstances,
) -> Target {
    let limits = weights.target;
    let covered = |standing: &Standing| is_covered(bodies, office, standing.org);
    let label = |org: usize| bodies.all.get(org).map(|body| body.label.as_str()).unwrap_or_default();
    let home = office.competence.home.first().and_then(|id| bodies.find(id));
    let mut ranked: Vec<&Standing> = standings
        .all
        .iter()
        .filter(|standing| {
            standing.strongest >= Some(Strength::Hint)
                || home.is_some_and(|home| standing.org == home && office.line == Line::First)
        })
        .collect();
    // Neighbours, a school, an employer are part of the story until the writer says otherwise.
    let is_background = |org: usize| bodies.all.get(org).is_some_and(|body| body.background);
    let others =
        ranked.iter().any(|standing| !is_background(standing.org) && standing.score() >= limits.least);
    ranked.retain(|standing| {
        !is_background(standing.org)
            || standing.complained
                >= limits.background_least
                    * if circumstances.several >= limits.several_sure { 0.5 } else { 1.0 }
            || !others
    });
    ranked.sort_by(|a, b| b.score().total_cmp(&a.score()));
    let mut about: Vec<usize> = Vec::new();
    let mut confidence = 0.0;
    if let Some(first) = ranked.first().filter(|first| first.score() - circumstances.nobody >= limits.least) {
        about.push(first.org);
        let mut seconds: Vec<&&Standing> =
            ranked.iter().skip(1).filter(|second| label(second.org) != label(first.org)).collect();
        // Of two complaints one mostly is for this office and one is not.
        seconds.sort_by_key(|second| covered(second) == covered(first));
        for second in seconds {
            let score = second.score();
            let ratio = score / first.score();
            let said = score >= limits.least
                && ((circumstances.several >= limits.several_sure
                    && score >= limits.sure_least
                    && ratio >= limits.sure_ratio)
                    || (circumstances.several > 0.0
                        && score >= limits.second_least
                        && ratio >= limits.second_ratio));
            let heavy = score >= limits.alone_least && ratio >= limits.alone_ratio && second.complained > 0.0;
            if said || heavy {
                about.push(second.org);
                break;
            }
        }
        let rival = ranked
            .iter()
            .filter(|other| covered(other) != covered(first) && !about.contains(&other.org))
            .map(|other| other.against(limits.rival_named))
            .fold(0.0, f64::max);
        // Who is never named but only hinted at, and of whom nothing is said, may well be another.
        let unnamed = first.strongest < Some(Strength::Name) && first.complained <= 0.0;
        let top = first.score()
            * match (unnamed, first.named > weights.naming.hint * 1.9) {
                (true, true) => limits.unnamed,
                (true, false) => limits.unnamed_once,
                (false, _) => 1.0,
            };
        confidence = certainty(top - circumstances.nobody, rival, limits.doubt);
    } else if office.line == Line::First
        && circumstances.nobody <= 0.0
        && let Some(home) = home
    {
        // Who writes to the municipality and names nobody else means the municipality.
        let rival = ranked
            .iter()
            .filter(|other| !covered(other))
            .map(|other| other.against(limits.rival_named))
            .fold(0.0, f64::max);
        if rival < limits.least {
            about.push(home);
            confidence = certainty(limits.least, rival, 0.0);
        }
    }
    let is_in = |org: &usize| is_covered(bodies, office, *org);
    let scope = if about.is_empty() {
        Scope::Unclear
    } else {
        match (about.iter().any(is_in), about.iter().all(is_in)) {
            (_, true) => Scope::In,
            (true, false) => Scope::Mixed,
            (false, _) => Scope::Out,
        }
    };
    let elsewhere = about.iter().find(|org| !is_in(org)).copied();
    let mentioned = ranked
        .iter()
        .filter(|standing| standing.strongest >= Some(Strength::Hint) && !about.contains(&standing.org))
        .map(|standing| standing.org)
        .filter(|org| !about.iter().any(|about| label(*about) == label(*org)))
        .collect();
    let plainly_outside = circumstances.several <= 0.0
        && ranked.first().is_some_and(|first| first.complained >= limits.tell_least)
        && standings.all.iter().all(|standing| {
            !covered(standing) || standing.named <= limits.tell_named_most || standing.score() < 0.0
        });
    let explicit = ranked.iter().map(|standing| standing.complained).fold(0.0, f64::max);
    Target { scope, about, mentioned, confidence, explicit, plainly_outside, elsewhere }
}

/// How surely the heaviest stands against the heaviest that would lead to another answer, 0 to 1: their
/// distance, in proportion to how much was said at all.
fn certainty(top: f64, rival: f64, doubt: f64) -> f64 {
    const STEEPNESS: f64 = 1.6;
    let distance = (top - rival).max(0.0) / (top.max(0.0).sqrt() + doubt).max(f64::EPSILON);
    1.0 - (-STEEPNESS * distance).exp()
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
