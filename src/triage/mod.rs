//! Judging: text, rules and office data → a judgement with its evidence.
//!
//! Pure: no clock, no I/O but reading the rule files at start. Invariants: the same text, rules, office
//! and date of receipt give the same judgement; nothing about a body or an office stands in this code;
//! when unsure it says `unclear` and a person decides.

mod agents;
mod assemble;
mod describe;
mod facets;
mod fold;
mod judging;
mod letters;
mod machine;
mod matching;
mod mentions;
mod names;
mod needs;
mod organisations;
mod pattern;
mod queues;
mod reading;
mod referrals;
mod resolve;
mod roles;
mod rules;
mod ruleset;
mod scan;
mod side_by_side;
mod spoken;
mod standing;
mod target;
mod towns;
mod weigh;
mod words;
mod written;

pub use rules::{RuleFault, RuleFaults};
pub use ruleset::{Example, Ruleset};
pub use weigh::{BodyAmounts, PartAmounts};
pub use written::{Block, blocks};

use crate::limits::FINDINGS_MAX;
use crate::record::{Channel, Extract, Finding, FirstComplained, Judgement, Kind, Line, Office, Scope};
use facets::Facets;
use jiff::civil::Date;
use matching::Hits;
use reading::Reading;
use roles::Means;
use standing::Standings;
use target::Target;
use weigh::Circumstances;

/// What each kind of rule file may hold, as JSON Schema (draft 2020-12), by the name of the file; `rules` stands for every
/// file with rules.
pub fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    let [bodies, towns] = organisations::schemas();
    vec![
        ("judging", crate::record::schema_of::<judging::Weights>("judging.toml")),
        ("municipalities", towns),
        ("organisations", bodies),
        ("queues", queues::schema()),
        ("referrals", referrals::schema()),
        ("rules", rules::schema()),
        ("words", ruleset::schema()),
    ]
}

/// Judges one piece.
pub fn judge(
    extract: &Extract,
    channel: Channel,
    received: Date,
    office: &Office,
    rules: &Ruleset,
) -> Judgement {
    let reading = Reading::new(extract, channel, received);
    let Read { hits, facets, home } = read(&reading, office, rules);
    let means = means(office, rules, &home, &facets);
    let standings = roles::read(&reading, &means);
    let first_complained = match office.line {
        Line::First => FirstComplained::NotApplicable,
        Line::Second => facets.first_complained,
    };
    let circumstances = circumstances(&standings, &hits, &facets);
    let mut target = target::decide(&standings, office, &means, circumstances);
    if facets.automatic.is_some() || target.none >= rules.weights.target.none_least {
        target.mentioned.splice(0..0, target.about.drain(..));
        target.scope = Scope::None;
        target.elsewhere = None;
        if facets.automatic.is_none() {
            // How sure it is that there is no complaint, not of whom it would be about.
            target.confidence = target.none;
        }
    } else if !is_sure(&target, office, rules) {
        target.mentioned.splice(0..0, target.about.drain(..));
        target.scope = Scope::Unclear;
        target.elsewhere = None;
    }
    let mut facet_findings = facets.findings;
    let first_complained = if target.scope == Scope::Mixed && office.line == Line::Second {
        let named = named(&standings, &target, rules, office);
        let (value, rests_on) =
            facets::first_complained_of_part(&reading, &hits, facets::term_days(office), &named);
        facet_findings.retain(|finding| !finding.concludes.starts_with("first_complained="));
        facet_findings.extend(rests_on);
        value
    } else {
        first_complained
    };
    let labels = |orgs: &[usize]| {
        let mut labels: Vec<String> = Vec::new();
        for label in orgs.iter().filter_map(|org| rules.bodies.all.get(*org)).map(|body| &body.label) {
            if !labels.contains(label) {
                labels.push(label.clone());
            }
        }
        labels
    };
    let readable = reading
        .ocr_confidence
        .is_none_or(|confidence| f64::from(confidence) >= rules.weights.target.ocr_confidence_least);
    let mut findings = target_findings(&standings, &target, rules);
    findings.extend(hits.findings("target", "nobody", &reading));
    findings.extend(hits.findings("several", "true", &reading));
    findings.extend(facet_findings);
    findings.truncate(FINDINGS_MAX);
    let refer_to = target
        .elsewhere
        .and_then(|org| target::refer(org, &rules.bodies, &rules.referrals, office, first_complained));
    let mut judgement = Judgement {
        writer: facets.writer,
        language: facets.language,
        automatic: facets.automatic,
        scope: target.scope,
        complained_about: labels(&target.about),
        mentioned_only: labels(&target.mentioned),
        refer_to,
        first_complained,
        older_than_year: facets.older_than_year,
        kind: facets.kind,
        anonymous: facets.anonymous,
        on_behalf: facets.on_behalf,
        multiple: facets.multiple,
        urgent: facets.urgent,
        follow_up: facets.follow_up,
        queue: String::new(),
        confidence: (target.confidence * 100.0).round() / 100.0,
        may_tell_citizen: target.scope == Scope::Out
            && target.plainly_outside
            && target.confidence >= office.procedure.tell_citizen_min
            && readable,
        findings,
        rules_version: rules.version_for(office),
    };
    judgement.queue = rules.queues.choose(&judgement);
    judgement
}

/// What is known before the roles are read.
struct Read<'r> {
    hits: Hits<'r>,
    facets: Facets,
    home: Vec<usize>,
}

fn read<'r>(reading: &Reading<'_>, office: &Office, rules: &'r Ruleset) -> Read<'r> {
    let hits = rules.matcher.hits(reading);
    let facets = facets::judge(reading, &hits, office, &rules.bodies.towns);
    let home = office.competence.home.iter().filter_map(|id| rules.bodies.find(id)).collect();
    Read { hits, facets, home }
}

fn means<'r>(office: &Office, rules: &'r Ruleset, home: &'r [usize], facets: &Facets) -> Means<'r> {
    Means {
        bodies: &rules.bodies,
        rules: &rules.roles,
        weights: &rules.weights,
        scale: &rules.scale,
        home,
        first_line: office.line == Line::First,
        integrity: facets.kind == Kind::Integrity,
        report: facets.kind == Kind::Report,
    }
}

fn circumstances(standings: &Standings<'_>, hits: &Hits<'_>, facets: &Facets) -> Circumstances {
    Circumstances {
        several: standings.several + hits.weight("several", "true") + if facets.multiple { 1.0 } else { 0.0 },
        nobody: hits.weight("target", "nobody"),
        thanks: hits.weight("none", "thanks"),
        question: hits.weight("none", "question"),
        denied: hits.weight("none", "denied"),
        complaint: hits.weight("none", "complaint"),
        no_complaint: facets.no_complaint,
        lodged: matches!(
            facets.first_complained,
            FirstComplained::Answered | FirstComplained::NoAnswer6Weeks | FirstComplained::Waiting
        ),
        not_lodged: facets.first_complained == FirstComplained::No,
    }
}

/// The amounts of evidence that a judgement of the target rests on, unweighed: what `benches/fit_roles.py` fits
/// the weights to.
pub fn amounts(
    extract: &Extract,
    channel: Channel,
    received: Date,
    office: &Office,
    rules: &Ruleset,
) -> Vec<PartAmounts> {
    let reading = Reading::new(extract, channel, received);
    let Read { hits, facets, home } = read(&reading, office, rules);
    let means = means(office, rules, &home, &facets);
    let standings = roles::read(&reading, &means);
    let circumstances = circumstances(&standings, &hits, &facets);
    weigh::amounts(&standings, office, &means, circumstances)
}

/// The sentences in the writer's own words as rules see them: small letters, no accents.
pub fn own_sentences(extract: &Extract, channel: Channel, received: Date) -> Vec<String> {
    Reading::new(extract, channel, received).own().map(|sentence| sentence.text.clone()).collect()
}

/// Where the bodies of a mixed complaint are named, for the part that belongs here.
fn named(standings: &Standings<'_>, target: &Target, rules: &Ruleset, office: &Office) -> Vec<facets::Named> {
    let mut named = Vec::new();
    for org in &target.about {
        let belongs = target::is_covered(&rules.bodies, office, *org);
        for standing in standings.all.iter().filter(|standing| standing.org == *org) {
            // Rules on roles may rest on a neighbouring sentence; only the name itself tells the part.
            let names = standing.findings.iter().filter(|finding| !finding.rule.starts_with("roles/"));
            for evidence in names.flat_map(|finding| &finding.evidence) {
                named.push(facets::Named { document: evidence.document, start: evidence.start, belongs });
            }
        }
    }
    named
}

/// Is it sure enough? Turning somebody away who is at the right address is the worse mistake: "out" also needs that
/// it is hardly about anybody of this office.
fn is_sure(target: &Target, office: &Office, rules: &Ruleset) -> bool {
    let limits = &rules.weights.target;
    match target.scope {
        Scope::Mixed => target.confidence >= limits.two_least,
        Scope::Out => {
            target.confidence >= office.procedure.certainty_min && target.inside <= limits.out_inside_most
        }
        _ => target.confidence >= office.procedure.certainty_min,
    }
}

/// The findings on bodies, the ones complained about first.
fn target_findings(standings: &Standings<'_>, target: &Target, rules: &Ruleset) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (orgs, what) in [(&target.about, "complained_about"), (&target.mentioned, "mentioned_only")] {
        for org in orgs {
            let Some(body) = rules.bodies.all.get(*org) else { continue };
            let Some(standing) = standings.all.iter().find(|standing| standing.org == *org) else { continue };
            for finding in &standing.findings {
                let mut finding = finding.clone();
                finding.concludes = format!("{what}={}", body.label);
                finding.weight = (finding.weight * 100.0).round() / 100.0;
                findings.push(finding);
            }
        }
    }
    findings
}
