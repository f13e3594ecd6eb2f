//! From amounts of evidence to chances: how likely each body is the one complained about, or nobody that can
//! be told.
//!
//! A body's score is the sum of its amounts, each times its weight; chances are the scores against each other
//! (a softmax, with "nobody" as one more answer). The weights stand in the rules and in `judging.toml`; they are
//! fitted by `benches/fit_roles.py`.

use super::organisations::{OrgKind, Organisations, Strength};
use super::roles::Means;
use super::standing::{AROUND, Amounts, PARTS_MAX, Standing, Standings, Tally};
use super::target::is_covered;
use crate::record::{Line, Office};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Repetition of one kind of evidence counts no more than this often.
const REPEATS_MAX: f64 = 3.0;

/// What grows slowly with repetition.
const SLOW: &[&str] = &[
    "followed",
    "weakly_named",
    "dated",
    "dated_carried",
    "own",
    "own_carried",
    "they",
    "they_carried",
    "aside",
    "aside_carried",
];

/// What rules say of nobody in particular, or of no complaint at all, counts no heavier than this.
const SAID_MOST: f64 = 6.0;

/// What means something else within a part: whom a part of its own is about, it mostly names alone.
const IN_PART: &[(&str, &str)] = &[
    ("alone", "part_alone"),
    ("first", "part_first"),
    ("last", "part_last"),
    ("share", "part_share"),
    ("background", "part_background"),
    ("absent", "part_absent"),
];

/// One body with what speaks for it.
#[derive(Clone, Debug)]
pub struct Weighed<'r> {
    pub org: usize,
    pub evidence: Amounts<'r>,
    pub score: f64,
    pub chance: f64,
    /// How heavily rules say in so many words that it is complained about.
    pub said: f64,
}

/// All bodies against each other, the likeliest first.
#[derive(Clone, Debug)]
pub struct Weighing<'r> {
    pub bodies: Vec<Weighed<'r>>,
    /// What speaks for nobody.
    pub nobody: Amounts<'r>,
    pub nobody_score: f64,
    pub nobody_chance: f64,
}

/// What is known besides the standings.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// How heavily the writer says that there are two complaints.
    pub several: f64,
    /// Weight of what says that nobody can tell who it is about.
    pub nobody: f64,
    /// Of rules that say it is thanks, a question, or in so many words no complaint; and that it is one.
    pub thanks: f64,
    pub question: f64,
    pub denied: f64,
    pub complaint: f64,
    /// The kind is a question or nothing in particular.
    pub no_complaint: bool,
    /// The writer has complained to the body itself; or says not to have done so.
    pub lodged: bool,
    pub not_lodged: bool,
}

/// Weighs some parts of the text.
pub fn weigh<'r>(
    standings: &Standings<'r>,
    parts: RangeInclusive<usize>,
    office: &Office,
    means: &Means<'_>,
    circumstances: Circumstances,
) -> Weighing<'r> {
    let whole = *parts.start() == AROUND;
    let candidates: Vec<(&Standing<'r>, Tally<'r>)> = standings
        .all
        .iter()
        .filter(|standing| is_candidate(standing, office, means))
        .filter_map(|standing| {
            let mut tally = Tally::default();
            for part in parts.clone().filter(|part| *part < PARTS_MAX) {
                if let Some(one) = standing.parts.get(part) {
                    tally.merge(one);
                }
            }
            let here = !tally.amounts.is_empty() || tally.names + tally.hints > 0.0;
            let addressed = office.line == Line::First && means.home.first() == Some(&standing.org);
            (whole || here || addressed).then_some((standing, tally))
        })
        .collect();
    let crowd = Crowd::of(&candidates);
    let mut bodies: Vec<Weighed<'r>> = candidates
        .into_iter()
        .map(|(standing, tally)| {
            let mut evidence = evidence_of(standing, &tally, &crowd, office, means);
            for (name, in_part) in IN_PART.iter().filter(|_| !whole) {
                if let Some(amount) = evidence.remove(name) {
                    evidence.insert(in_part, amount);
                }
            }
            if *parts.start() > 1 && evidence.contains_key("home_first_line") {
                evidence.insert("home_later_part", 1.0);
            }
            let (mut score, mut said) = (0.0, 0.0);
            for (name, amount) in &evidence {
                let weight = means.weigh(name);
                score += weight * amount;
                if weight > 0.0 && name.contains('/') {
                    said += weight * amount;
                }
            }
            Weighed { org: standing.org, evidence, score, chance: 0.0, said }
        })
        .collect();
    let nobody = nobody(&bodies, &crowd, whole, standings, office, circumstances);
    let nobody_score = nobody
        .iter()
        .map(|(name, amount)| means.weights.nobody.get(*name).copied().unwrap_or_default() * amount)
        .sum();
    let most = bodies.iter().map(|body| body.score).fold(nobody_score, f64::max);
    let sum = (nobody_score - most).exp() + bodies.iter().map(|body| (body.score - most).exp()).sum::<f64>();
    for body in &mut bodies {
        body.chance = (body.score - most).exp() / sum;
    }
    bodies.sort_by(|a, b| b.chance.total_cmp(&a.chance));
    Weighing { bodies, nobody, nobody_score, nobody_chance: (nobody_score - most).exp() / sum }
}

/// Only who is named or hinted at can be complained about, and the municipality that is written to.
fn is_candidate(standing: &Standing<'_>, office: &Office, means: &Means<'_>) -> bool {
    standing.strongest >= Some(Strength::Hint)
        || (office.line == Line::First && means.home.first() == Some(&standing.org))
}

/// What is known of all bodies together.
struct Crowd {
    named: f64,
    most: f64,
    first: Option<usize>,
    last: Option<usize>,
    /// Bodies named in own words.
    present: usize,
}

impl Crowd {
    fn of(candidates: &[(&Standing<'_>, Tally<'_>)]) -> Self {
        let mut crowd = Self { named: 0.0, most: 0.0, first: None, last: None, present: 0 };
        for (_, tally) in candidates {
            let named = times(tally);
            crowd.named += named;
            crowd.most = crowd.most.max(named);
            crowd.first = crowd.first.into_iter().chain(tally.first).min();
            crowd.last = crowd.last.max(tally.last);
            crowd.present += usize::from(named > 0.0);
        }
        crowd
    }
}

/// How often a body is named, a hint counting for half.
fn times(tally: &Tally<'_>) -> f64 {
    tally.names + tally.hints / 2.0
}

fn evidence_of<'r>(
    standing: &Standing<'r>,
    tally: &Tally<'r>,
    crowd: &Crowd,
    office: &Office,
    means: &Means<'_>,
) -> Amounts<'r> {
    let mut evidence: Amounts<'r> =
        tally.amounts.iter().map(|(name, amount)| (*name, amount.min(REPEATS_MAX))).collect();
    let named = times(tally);
    let absent = named <= 0.0 && tally.amounts.is_empty();
    for slow in SLOW {
        if let Some(amount) = tally.amounts.get(slow) {
            evidence.insert(slow, amount.ln_1p());
        }
    }
    let mut put = |name: &'static str, amount: f64| {
        if amount > 0.0 {
            evidence.insert(name, amount);
        }
    };
    let yes = |holds: bool| f64::from(u8::from(holds));
    put("named", tally.names.ln_1p());
    put("hinted", tally.hints.ln_1p());
    put("share", named / crowd.named.max(1.0));
    put("most", yes(named > 0.0 && named >= crowd.most));
    put("first", yes(tally.first.is_some() && tally.first == crowd.first));
    put("last", yes(tally.last.is_some() && tally.last == crowd.last));
    put("alone", yes(named > 0.0 && crowd.present == 1));
    put("unnamed", yes(standing.strongest < Some(Strength::Name)));
    let is_home = means.home.first() == Some(&standing.org);
    put("home", yes(is_home && office.line == Line::Second));
    put("home_first_line", yes(is_home && office.line == Line::First));
    put("inside", yes(is_covered(means.bodies, office, standing.org)));
    put("none_other", yes(crowd.present == 0));
    put("absent", yes(absent && crowd.present > 0));
    if let Some(body) = means.bodies.all.get(standing.org) {
        put("background", yes(body.background));
        put("private", yes(body.kind == OrgKind::Private && !body.background));
        put("other_municipality", yes(body.kind == OrgKind::Municipality && !is_home));
    }
    evidence
}

fn nobody<'r>(
    bodies: &[Weighed<'r>],
    crowd: &Crowd,
    whole: bool,
    standings: &Standings<'_>,
    office: &Office,
    circumstances: Circumstances,
) -> Amounts<'r> {
    let (guessed, dated) = (standings.guessed.len() as f64, standings.dated);
    let yes = |holds: bool| f64::from(u8::from(holds));
    let mut amounts = Amounts::new();
    amounts.insert("always", 1.0);
    amounts.insert("first_line", yes(office.line == Line::First));
    amounts.insert("part", yes(!whole));
    amounts.insert("said", circumstances.nobody.min(SAID_MOST));
    amounts.insert("guessed", guessed.min(REPEATS_MAX));
    amounts.insert("lodged", yes(circumstances.lodged));
    amounts.insert("dated", dated.ln_1p());
    amounts.insert("none_named", yes(crowd.present == 0));
    amounts.insert("many", (bodies.len() as f64).ln_1p());
    amounts
}

/// What says that it is no complaint at all.
pub fn none(
    standings: &Standings<'_>,
    whole: &Weighing<'_>,
    circumstances: Circumstances,
) -> Amounts<'static> {
    let said: f64 = whole.bodies.iter().map(|body| body.said).sum();
    Amounts::from([
        ("always", 1.0),
        ("no_complaint", f64::from(u8::from(circumstances.no_complaint))),
        ("thanks", circumstances.thanks.min(SAID_MOST)),
        ("question", circumstances.question.min(SAID_MOST)),
        ("denied", circumstances.denied.min(SAID_MOST)),
        ("complaint", circumstances.complaint.min(REPEATS_MAX)),
        ("lodged", f64::from(u8::from(circumstances.lodged))),
        ("not_lodged", f64::from(u8::from(circumstances.not_lodged))),
        ("dated", standings.dated.ln_1p()),
        ("negative", standings.negative.ln_1p()),
        ("positive", standings.positive.ln_1p()),
        ("said", said.ln_1p()),
        ("sentences", standings.sentences.ln_1p()),
        ("asked", standings.asked / standings.sentences.max(1.0)),
    ])
}

/// Unweighed evidence of one part of a text, 0 being the whole.
#[derive(Clone, Debug)]
pub struct PartAmounts {
    pub part: usize,
    pub several: f64,
    pub nobody: Vec<(String, f64)>,
    /// What says that it is no complaint at all.
    pub none: Vec<(String, f64)>,
    pub bodies: Vec<BodyAmounts>,
}

/// Unweighed evidence on one body.
#[derive(Clone, Debug)]
pub struct BodyAmounts {
    pub label: String,
    /// May the office handle a complaint about it?
    pub inside: bool,
    pub score: f64,
    pub chance: f64,
    pub amounts: Vec<(String, f64)>,
}

/// The evidence of the whole text and of each part.
pub fn amounts(
    standings: &Standings<'_>,
    office: &Office,
    means: &Means<'_>,
    circumstances: Circumstances,
) -> Vec<PartAmounts> {
    let owned = |amounts: &Amounts<'_>| -> Vec<(String, f64)> {
        amounts.iter().map(|(name, amount)| ((*name).to_owned(), *amount)).collect()
    };
    let one = |part: usize| {
        let parts = if part == 0 { AROUND..=PARTS_MAX } else { part..=part };
        let weighing = weigh(standings, parts, office, means, circumstances);
        let bodies = weighing.bodies.iter().map(|body| BodyAmounts {
            label: label(means.bodies, body.org).to_owned(),
            inside: is_covered(means.bodies, office, body.org),
            score: body.score,
            chance: body.chance,
            amounts: owned(&body.evidence),
        });
        let nobody = owned(&weighing.nobody);
        let none = owned(&none(standings, &weighing, circumstances));
        PartAmounts { part, several: circumstances.several, nobody, none, bodies: bodies.collect() }
    };
    let last = if standings.parts > 1 { standings.parts } else { 0 };
    (0..=last).map(one).collect()
}

/// What all names of evidence weigh: rules by their weight, the rest by `[evidence]`.
pub type Scale = BTreeMap<String, f64>;

/// The label of a body as the contract prints it.
pub fn label(bodies: &Organisations, org: usize) -> &str {
    bodies.all.get(org).map(|body| body.label.as_str()).unwrap_or_default()
}
