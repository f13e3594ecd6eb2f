//! In which role each body stands: complained about, excused, merely passing by.
//!
//! Works sentence by sentence. A mention alone weighs little; what is said of it weighs. A sentence that
//! names nobody speaks of whoever was named last. Evidence adds up; nothing here decides.

use super::judging::Weights;
use super::matching::Matcher;
use super::mentions::{self, Learned, Marked, Mention};
use super::organisations::{OrgKind, Organisations, Strength};
use super::reading::{Place, Reading, Sentence};
use super::rules::Rule;
use crate::record::Finding;
use std::collections::BTreeMap;
use std::ops::Range;

/// What the text says of one body.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    pub org: usize,
    pub named: f64,
    /// From rules that say it is complained about.
    pub complained: f64,
    pub negative: f64,
    pub positive: f64,
    /// From rules that say it is not.
    pub excused: f64,
    pub strongest: Option<Strength>,
    /// Named outside signature and disclaimer.
    pub findings: Vec<Finding>,
}

impl Standing {
    /// All evidence added up.
    pub fn score(&self) -> f64 {
        self.named + self.complained + self.negative - self.positive - self.excused
    }
}

/// What a whole reading says of bodies.
#[derive(Clone, Debug, Default)]
pub struct Standings {
    pub all: Vec<Standing>,
}

/// What roles are judged with.
#[derive(Clone, Copy, Debug)]
pub struct Means<'r> {
    pub bodies: &'r Organisations,
    pub rules: &'r Matcher,
    pub weights: &'r Weights,
    /// Bodies at home at this office; the first is meant by who only says "de gemeente".
    pub home: &'r [usize],
}

/// One sentence with what is named in it.
struct Seen {
    index: usize,
    mentions: Vec<Mention>,
    marked: Marked,
}

/// Reads the roles of all bodies.
pub fn read(reading: &Reading<'_>, means: &Means<'_>) -> Standings {
    let mut learned: Vec<Learned> = Vec::new();
    let mut seen: Vec<Seen> = Vec::with_capacity(reading.sentences.len());
    for (index, sentence) in reading.sentences.iter().enumerate() {
        let mentions = mentions::find(means.bodies, means.home, sentence, &learned);
        mentions::learn(means.bodies, sentence, &mentions, &mut learned);
        let marked = mentions::mark(&sentence.text, &mentions);
        seen.push(Seen { index, mentions, marked });
    }
    let residence = residence(reading, &seen, means);
    resolve(reading, &mut seen, means, residence);
    let mut scoring = Scoring {
        reading,
        means,
        standings: BTreeMap::new(),
        topic: Vec::new(),
        topic_age: 0,
        before: Vec::new(),
    };
    for one in &seen {
        scoring.sentence(one);
    }
    Standings { all: scoring.standings.into_values().collect() }
}

/// The town of the writer: what a rule `residence=…` says, the first town in the letterhead otherwise.
fn residence(reading: &Reading<'_>, seen: &[Seen], means: &Means<'_>) -> Option<usize> {
    let mut candidates = Vec::new();
    let mut best: Option<(f64, usize)> = None;
    for one in seen {
        let Some(sentence) = reading.sentences.get(one.index) else { continue };
        if !matches!(sentence.place, Place::Own | Place::Subject) || one.mentions.is_empty() {
            continue;
        }
        means.rules.candidates(&one.marked.text, &mut candidates);
        for rule in candidates.iter().filter_map(|index| means.rules.rules.get(*index as usize)) {
            if rule.label != "residence" || !rule.looks_at(reading, sentence) {
                continue;
            }
            if let Some((mention, _)) = hits_of(rule, &one.marked).into_iter().next()
                && let Some(mention) = one.mentions.get(mention)
                && mention.strength == Strength::Place
                && best.is_none_or(|(weight, _)| rule.weight > weight)
            {
                best = Some((rule.weight, mention.org));
            }
        }
    }
    best.map(|(_, org)| org)
}

/// "De gemeente" becomes the municipality that is meant: named with it, named last, of the writer's town, or
/// the office's own.
fn resolve(reading: &Reading<'_>, seen: &mut [Seen], means: &Means<'_>, residence: Option<usize>) {
    const NEAR_BYTES: usize = 24;
    let Some(generic) = means.bodies.municipality else { return };
    let is_town =
        |org: usize| means.bodies.all.get(org).is_some_and(|body| body.kind == OrgKind::Municipality);
    let mut last: Option<usize> = None;
    let mut last_at = 0;
    for one in seen.iter_mut() {
        let Some(sentence) = reading.sentences.get(one.index) else { continue };
        let spoken = matches!(sentence.place, Place::Own | Place::Subject | Place::Attachment);
        for index in 0..one.mentions.len() {
            let Some(mention) = one.mentions.get(index).cloned() else { continue };
            if mention.org != generic {
                if is_town(mention.org) && mention.strength == Strength::Name && spoken {
                    last = Some(mention.org);
                    last_at = one.index;
                }
                continue;
            }
            let town = |other: &&Mention| {
                other.strength == Strength::Place
                    || (other.strength == Strength::Name && is_town(other.org) && other.org != generic)
            };
            let after = one
                .mentions
                .iter()
                .filter(town)
                .find(|other| {
                    other.range.start >= mention.range.end
                        && other.range.start - mention.range.end <= NEAR_BYTES
                })
                .filter(|other| {
                    let between = sentence.text.get(mention.range.end..other.range.start).unwrap_or_default();
                    [" in ", " van ", " te ", " uit ", ", ", " (", " hier (", " "]
                        .iter()
                        .any(|link| between == *link)
                        || between.ends_with(" in ")
                        || between.ends_with(" van ")
                        || between.ends_with("(")
                });
            let before = one.mentions.iter().filter(town).rfind(|other| {
                other.range.end <= mention.range.start && mention.range.start - other.range.end <= 14
            });
            let recent = last.filter(|_| one.index.saturating_sub(last_at) <= 6);
            let meant = after
                .or(before)
                .map(|other| other.org)
                .or(recent)
                .or(residence)
                .or(last)
                .or(means.home.first().copied());
            if let (Some(meant), Some(slot)) = (meant, one.mentions.get_mut(index)) {
                slot.org = meant;
            }
        }
    }
}

/// The mentions that a rule speaks of in a marked sentence, each with where the rule matched.
fn hits_of(rule: &Rule, marked: &Marked) -> Vec<(usize, Range<usize>)> {
    const HITS_MAX: usize = 8;
    let text = marked.text.as_str();
    if rule.find(text).is_none() {
        return Vec::new();
    }
    let mut hits: Vec<(usize, Range<usize>)> = Vec::new();
    for pattern in &rule.any {
        for found in pattern.regex.captures_iter(text).take(HITS_MAX) {
            let Some(whole) = found.get(0) else { continue };
            let named = found.name("org").map(|group| group.range());
            if let Some(mention) = marked.mention_at(&named.unwrap_or_else(|| whole.range()))
                && !hits.iter().any(|(known, _)| *known == mention)
            {
                hits.push((mention, whole.range()));
            }
        }
    }
    hits
}

struct Scoring<'a, 'r> {
    reading: &'a Reading<'a>,
    means: &'a Means<'r>,
    standings: BTreeMap<usize, Standing>,
    /// Whom the text speaks of, for sentences that name nobody.
    topic: Vec<usize>,
    topic_age: u32,
    /// Bodies of the sentence before, for "die instanties verwijt ik niets".
    before: Vec<usize>,
}

impl Scoring<'_, '_> {
    fn sentence(&mut self, seen: &Seen) {
        let Some(sentence) = self.reading.sentences.get(seen.index) else { return };
        let factor = self.place_factor(sentence.place);
        self.name(seen, sentence, factor);
        if factor <= 0.0 {
            return;
        }
        let mut candidates = Vec::new();
        self.means.rules.candidates(&seen.marked.text, &mut candidates);
        let rules: Vec<&Rule> = candidates
            .iter()
            .filter_map(|index| self.means.rules.rules.get(*index as usize))
            .filter(|rule| rule.looks_at(self.reading, sentence))
            .collect();
        let cleared = self.roles(seen, sentence, &rules, factor);
        let praised = self.tones(seen, sentence, &rules, factor, &cleared);
        self.remember(seen, sentence, &cleared, &praised);
    }

    fn place_factor(&self, place: Place) -> f64 {
        let weights = &self.means.weights.places;
        let little = self.reading.own_count <= weights.little_own_sentences;
        let other = |weight: f64| if little { (weight * weights.little_own_factor).min(1.0) } else { weight };
        match place {
            Place::Own => weights.own,
            Place::Subject => weights.subject,
            Place::Attachment => other(weights.attachment),
            Place::Forwarded => other(weights.forwarded),
            Place::Quote => other(weights.quote),
            Place::Signature | Place::Disclaimer => 0.0,
        }
    }

    fn strength_factor(&self, strength: Strength) -> f64 {
        let weights = &self.means.weights.strength;
        match strength {
            Strength::Name => weights.name,
            Strength::Hint => weights.hint,
            Strength::Weak => weights.weak,
            Strength::Place => weights.place,
            Strength::LookAlike => 0.0,
        }
    }

    fn standing(&mut self, org: usize) -> &mut Standing {
        self.standings.entry(org).or_insert_with(|| Standing { org, ..Standing::default() })
    }

    /// Being named.
    fn name(&mut self, seen: &Seen, sentence: &Sentence<'_>, factor: f64) {
        let naming = self.means.weights.naming;
        for mention in &seen.mentions {
            let base = match mention.strength {
                Strength::Name => naming.name,
                Strength::Hint => naming.hint,
                Strength::Weak => naming.weak,
                Strength::Place => naming.place,
                Strength::LookAlike => 0.0,
            };
            if mention.strength == Strength::Place {
                continue;
            }
            let strength = self.strength_factor(mention.strength);
            let bonus = match sentence.place {
                Place::Subject => naming.subject_bonus * strength,
                Place::Own if self.reading.is_opening(sentence, 3) => naming.opening_bonus * strength,
                _ => 0.0,
            };
            let weight = (base + bonus) * factor;
            let reason =
                self.means.bodies.all.get(mention.org).map(|org| org.reason.clone()).unwrap_or_default();
            let id = self.means.bodies.all.get(mention.org).map(|org| org.id.clone()).unwrap_or_default();
            let standing = self.standing(mention.org);
            standing.named = (standing.named + weight).min(naming.most);
            standing.strongest = standing.strongest.max(Some(mention.strength));
            if mention.strength >= Strength::Hint {
                add_finding(
                    standing,
                    &format!("organisations/{id}"),
                    &reason,
                    weight,
                    sentence,
                    &mention.range,
                );
            }
        }
    }

    /// What role rules say. Gives the orgs that this sentence clears of complaint.
    fn roles(&mut self, seen: &Seen, sentence: &Sentence<'_>, rules: &[&Rule], factor: f64) -> Vec<usize> {
        let mut cleared = Vec::new();
        // Of one body in one sentence the heaviest rule of each kind counts, not their sum.
        let mut heaviest: BTreeMap<(usize, bool), f64> = BTreeMap::new();
        for rule in rules.iter().filter(|rule| rule.label == "role") {
            let about_before = rule.value.ends_with("-before");
            let hits: Vec<(usize, f64, Range<usize>)> = if about_before {
                if seen.mentions.iter().any(|mention| mention.strength == Strength::Name) {
                    continue;
                }
                let Some(range) = rule.find(&seen.marked.text) else { continue };
                let before = if rule.value == "excused-before" { &self.before } else { &self.topic };
                before.iter().map(|org| (*org, 1.0, range.clone())).collect()
            } else {
                hits_of(rule, &seen.marked)
                    .into_iter()
                    .filter_map(|(mention, range)| {
                        let mention = seen.mentions.get(mention)?;
                        Some((mention.org, self.strength_factor(mention.strength), range))
                    })
                    .collect()
            };
            let against = rule.value.starts_with("excused") || rule.value == "passing";
            for (org, strength, range) in hits {
                let weight = rule.weight * factor * if against { 1.0 } else { strength };
                let counted = heaviest.entry((org, against)).or_default();
                let added = (weight - *counted).max(0.0);
                *counted = counted.max(weight);
                let standing = self.standing(org);
                if against {
                    standing.excused += added;
                } else {
                    standing.complained += added;
                }
                let signed = if against { -weight } else { weight };
                add_finding(standing, &rule.id, &rule.reason, signed, sentence, &seen.marked.folded(&range));
                if against {
                    cleared.push(org);
                }
            }
        }
        cleared
    }

    /// Good and bad words, clause by clause. Gives the orgs that are spoken well of.
    fn tones(
        &mut self,
        seen: &Seen,
        sentence: &Sentence<'_>,
        rules: &[&Rule],
        factor: f64,
        cleared: &[usize],
    ) -> Vec<usize> {
        let tone = self.means.weights.tone;
        let mut praised = Vec::new();
        let tones: Vec<&&Rule> = rules.iter().filter(|rule| rule.label == "tone").collect();
        if tones.is_empty() {
            return praised;
        }
        let carried =
            tone.carried * tone.carried_decay.powi(i32::try_from(self.topic_age).unwrap_or(i32::MAX));
        let mut whom: Vec<(usize, f64)> = self.topic.iter().map(|org| (*org, carried)).collect();
        for clause in clauses(&seen.marked.text) {
            let Some(text) = seen.marked.text.get(clause.clone()) else { continue };
            let here: Vec<(usize, f64)> = seen
                .marked
                .marks
                .iter()
                .filter(|(at, _)| clause.contains(at))
                .filter_map(|(_, mention)| seen.mentions.get(*mention))
                .filter(|mention| mention.strength != Strength::Place)
                .map(|mention| (mention.org, self.strength_factor(mention.strength)))
                .collect();
            if !here.is_empty() {
                whom = here;
            }
            let (mut good, mut bad) = (0.0_f64, 0.0_f64);
            let mut reasons: Vec<(&Rule, Range<usize>)> = Vec::new();
            for rule in &tones {
                if let Some(range) = rule.find(text) {
                    if rule.value == "positive" {
                        good += rule.weight;
                    } else {
                        bad += rule.weight;
                    }
                    reasons.push((**rule, clause.start + range.start..clause.start + range.end));
                }
            }
            // A clause is good or bad; a good word with a bad one is mostly scorn.
            let (good, bad) = if bad > 0.0 && good > 0.0 { (good - bad, bad - good) } else { (good, bad) };
            let good = good.clamp(0.0, tone.positive_most) * tone.positive_factor;
            let bad = bad.clamp(0.0, tone.negative_most);
            let share = 1.0 / (whom.len().max(1) as f64).sqrt();
            for (org, strength) in whom.clone() {
                if cleared.contains(&org) {
                    continue;
                }
                let standing = self.standing(org);
                standing.positive += good * factor * strength * share;
                standing.negative += bad * factor * strength * share;
                if good > 0.0 {
                    praised.push(org);
                }
                for (rule, range) in &reasons {
                    let counts = if rule.value == "positive" { good > 0.0 } else { bad > 0.0 };
                    if counts {
                        let sign = if rule.value == "positive" { -1.0 } else { 1.0 };
                        let weight = sign * rule.weight * factor * strength * share;
                        let folded = seen.marked.folded(range);
                        add_finding(standing, &rule.id, &rule.reason, weight, sentence, &folded);
                    }
                }
            }
        }
        praised
    }

    /// Whom the next sentence speaks of if it names nobody.
    fn remember(&mut self, seen: &Seen, sentence: &Sentence<'_>, cleared: &[usize], praised: &[usize]) {
        if sentence.place == Place::Subject {
            // The subject names the topic until the text names another.
        } else if sentence.place != Place::Own {
            self.topic.clear();
            self.before.clear();
            return;
        }
        let named: Vec<usize> = unique(
            seen.mentions
                .iter()
                .filter(|mention| matches!(mention.strength, Strength::Name | Strength::Hint))
                .map(|mention| mention.org),
        );
        if !named.is_empty() {
            self.before = named.clone();
        }
        let strong: Vec<usize> = unique(
            seen.mentions
                .iter()
                .filter(|mention| mention.strength == Strength::Name)
                .map(|mention| mention.org)
                .filter(|org| !cleared.contains(org) && !praised.contains(org)),
        );
        let topic = if strong.is_empty() {
            named.into_iter().filter(|org| !cleared.contains(org) && !praised.contains(org)).collect()
        } else {
            strong
        };
        let weak_only = seen.mentions.iter().all(|mention| mention.strength != Strength::Name);
        if topic.is_empty() || (weak_only && !self.topic.is_empty()) {
            self.topic_age = self.topic_age.saturating_add(1);
        } else {
            self.topic = topic;
            self.topic_age = 0;
        }
    }
}

fn unique(orgs: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut kept = Vec::new();
    for org in orgs {
        if !kept.contains(&org) {
            kept.push(org);
        }
    }
    kept
}

fn add_finding(
    standing: &mut Standing,
    rule: &str,
    reason: &str,
    weight: f64,
    sentence: &Sentence<'_>,
    range: &Range<usize>,
) {
    const EVIDENCE_MAX: usize = 6;
    let evidence = sentence.evidence(range);
    match standing.findings.iter_mut().find(|finding| finding.rule == rule) {
        Some(finding) => {
            finding.weight += weight;
            if finding.evidence.len() < EVIDENCE_MAX {
                finding.evidence.extend(evidence);
            }
        }
        None => standing.findings.push(Finding {
            rule: rule.to_owned(),
            concludes: String::new(),
            weight,
            evidence: evidence.into_iter().collect(),
            reason: reason.to_owned(),
        }),
    }
}

/// Where one clause ends and another begins.
fn clauses(text: &str) -> Vec<Range<usize>> {
    const BREAKS: &[&str] = &[
        ", ",
        "; ",
        ": ",
        " - ",
        " (",
        ") ",
        " maar ",
        " terwijl ",
        " alleen ",
        " en toen ",
        " echter ",
        " doch ",
        " but ",
        " while ",
        " aber ",
        " ale ",
        "... ",
        "! ",
        "? ",
        ". ",
    ];
    let mut cuts: Vec<usize> = Vec::new();
    for pattern in BREAKS {
        cuts.extend(text.match_indices(pattern).map(|(at, _)| at + 1));
    }
    cuts.sort_unstable();
    cuts.dedup();
    let mut ranges = Vec::with_capacity(cuts.len() + 1);
    let mut from = 0;
    for cut in cuts.into_iter().chain(std::iter::once(text.len())) {
        if cut > from {
            ranges.push(from..cut);
        }
        from = cut;
    }
    ranges
}
