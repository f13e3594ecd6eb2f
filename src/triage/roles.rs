//! In which role each body stands: complained about, excused, merely passing by.
//!
//! Works sentence by sentence. A mention alone weighs little; what is said of it weighs. A sentence that
//! names nobody speaks of whoever was named last. Evidence adds up; nothing here decides.

use super::judging::Weights;
use super::matching::Matcher;
use super::mentions::{self, Learned, Marked, Mention};
use super::organisations::{Organisations, Strength};
use super::reading::{Place, Reading, Sentence};
use super::resolve::{is_addressing, resolve};
use super::rules::Rule;
use super::spoken::{clauses, hits_of, unique};
use super::standing::{Standing, Standings, add_finding};
use std::collections::BTreeMap;
use std::ops::Range;

/// What roles are judged with.
#[derive(Clone, Copy, Debug)]
pub struct Means<'r> {
    pub bodies: &'r Organisations,
    pub rules: &'r Matcher,
    pub weights: &'r Weights,
    /// Bodies at home at this office; the first is meant by who only says "de gemeente".
    pub home: &'r [usize],
    /// The office handles complaints about its own municipality: "jullie" is the municipality.
    pub first_line: bool,
    /// Somebody reports on the employer: then the employer is whom it is about.
    pub integrity: bool,
}

/// One sentence with what is named in it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Index of the sentence in the reading.
    pub index: usize,
    pub mentions: Vec<Mention>,
    pub marked: Marked,
}

/// Reads the roles of all bodies.
pub fn read(reading: &Reading<'_>, means: &Means<'_>) -> Standings {
    let mut learned: Vec<Learned> = Vec::new();
    let mut seen: Vec<Seen> = Vec::with_capacity(reading.sentences.len());
    for (index, sentence) in reading.sentences.iter().enumerate() {
        let mentions = mentions::find(means.bodies, means.home, means.first_line, sentence, &learned);
        mentions::learn(means.bodies, sentence, &mentions, &mut learned);
        seen.push(Seen { index, mentions, marked: Marked::default() });
    }
    for one in &mut seen {
        let Some(sentence) = reading.sentences.get(one.index) else { continue };
        // A name that is explained further on is also known from the subject.
        if learned.iter().any(|known| sentence.text.contains(known.word.as_str())) {
            one.mentions = mentions::find(means.bodies, means.home, means.first_line, sentence, &learned);
        }
        one.marked = mentions::mark(&sentence.text, &one.mentions);
    }
    resolve(reading, &mut seen, means);
    let mut scoring = Scoring {
        reading,
        means,
        standings: BTreeMap::new(),
        topic: Vec::new(),
        topic_age: 0,
        before: Vec::new(),
        several: 0.0,
        document: None,
        attached: attached(reading, &seen, means),
    };
    if means.first_line
        && let Some(home) = means.home.first()
    {
        let standing = scoring.standing(*home);
        standing.complained += means.weights.naming.addressed;
        standing.strongest = Some(Strength::Weak);
    }
    for one in &seen {
        scoring.sentence(one);
    }
    Standings { several: scoring.several, all: scoring.standings.into_values().collect() }
}

/// Whose letter is attached or forwarded: the body in the head of the attached letter, of the one about a complaint
/// if there are several.
fn attached(reading: &Reading<'_>, seen: &[Seen], means: &Means<'_>) -> Vec<usize> {
    let mut heads: Vec<(usize, Vec<usize>, bool)> = Vec::new();
    let mut candidates = Vec::new();
    for one in seen {
        let Some(sentence) = reading.sentences.get(one.index) else { continue };
        let (place @ (Place::Attachment | Place::Forwarded), Some(document)) =
            (sentence.place, sentence.document)
        else {
            continue;
        };
        if heads.last().is_none_or(|(known, _, _)| *known != document) {
            heads.push((document, Vec::new(), false));
        }
        let Some((_, orgs, answers)) = heads.last_mut() else { continue };
        if orgs.is_empty() && (place == Place::Forwarded || reading.is_letterhead(sentence)) {
            let names = one.mentions.iter().filter(|mention| mention.strength == Strength::Name);
            *orgs = unique(names.map(|mention| mention.org).take(1));
        }
        means.rules.candidates(&one.marked.text, &mut candidates);
        *answers |= candidates
            .iter()
            .filter_map(|index| means.rules.rules.get(*index as usize))
            .any(|rule| rule.label == "letter" && rule.find(&one.marked.text).is_some());
    }
    heads.retain(|(_, orgs, _)| !orgs.is_empty());
    if heads.iter().any(|(_, _, answers)| *answers) {
        heads.retain(|(_, _, answers)| *answers);
    }
    match heads.as_slice() {
        [(_, orgs, _)] => orgs.clone(),
        _ => Vec::new(),
    }
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
    /// Heaviest rule that says that there are several complaints.
    several: f64,
    /// The document of the sentence before.
    document: Option<usize>,
    /// Whose letter is attached.
    attached: Vec<usize>,
}

impl Scoring<'_, '_> {
    fn sentence(&mut self, seen: &Seen) {
        let Some(sentence) = self.reading.sentences.get(seen.index) else { return };
        let factor = self.place_factor(sentence.place);
        if sentence.document != self.document && sentence.place != Place::Own {
            self.topic.clear();
            self.before.clear();
        }
        self.document = sentence.document;
        if is_addressing(self.reading, seen, self.means) {
            self.name(seen, sentence, factor * self.means.weights.naming.addressing);
            return;
        }
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
        for rule in rules.iter().filter(|rule| rule.label == "several") {
            if rule.weight > self.several && rule.find(&seen.marked.text).is_some() {
                self.several = rule.weight;
            }
        }
        let cleared = self.roles(seen, sentence, &rules, factor);
        let praised = self.tones(seen, sentence, &rules, factor, &cleared);
        self.remember(seen, sentence, &rules, &cleared, &praised);
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

    fn is_background(&self, org: usize) -> bool {
        self.means.bodies.all.get(org).is_some_and(|body| body.background)
    }

    /// How much of a role or tone counts for a body that is named this surely.
    fn share(&self, mention: &Mention) -> f64 {
        self.strength_factor(mention.strength)
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
            let background = if self.is_background(mention.org) { naming.background } else { 1.0 };
            let weight = (base + bonus) * factor * background;
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
                before
                    .iter()
                    .filter(|org| rule.value == "excused-before" || !self.is_background(**org))
                    .map(|org| (*org, 1.0, range.clone()))
                    .collect()
            } else {
                hits_of(rule, &seen.marked)
                    .into_iter()
                    .filter_map(|(mention, range)| {
                        let mention = seen.mentions.get(mention)?;
                        // "Gewerkt voor de WW": only who is named can be an employer.
                        if rule.value == "employer" && mention.strength != Strength::Name {
                            return None;
                        }
                        Some((mention.org, self.share(mention), range))
                    })
                    .collect()
            };
            let against = match rule.value.as_str() {
                "employer" => !self.means.integrity,
                value => value.starts_with("excused") || value == "passing",
            };
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
        // Whom a word speaks of that stands in a clause without a name, and how much of it counts.
        let mut whom: Vec<(usize, f64)> = self.topic.iter().map(|org| (*org, carried)).collect();
        // The heaviest so far is spoken of too: stories come back to it.
        let leader = self
            .standings
            .values()
            .filter(|standing| !self.is_background(standing.org))
            .max_by(|a, b| a.score().total_cmp(&b.score()));
        if let Some(leader) = leader.map(|standing| standing.org).filter(|org| !self.topic.contains(org)) {
            whom.push((leader, tone.leader));
        }
        let mut is_carried = true;
        for clause in clauses(&seen.marked.text) {
            let Some(text) = seen.marked.text.get(clause.clone()) else { continue };
            let here: Vec<(usize, usize, f64)> = seen
                .marked
                .marks
                .iter()
                .filter(|(at, _)| clause.contains(at))
                .filter_map(|(at, mention)| Some((*at, seen.mentions.get(*mention)?)))
                .filter(|(_, mention)| mention.strength != Strength::Place)
                .map(|(at, mention)| (at, mention.org, self.share(mention)))
                .collect();
            let mut balance: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
            let mut said: Vec<(usize, &Rule, Range<usize>, f64)> = Vec::new();
            for rule in &tones {
                let Some(range) = rule.find(text) else { continue };
                let range = clause.start + range.start..clause.start + range.end;
                let positive = rule.value == "positive";
                // The body named last before the word, else the first after it.
                let nearest = here.iter().rfind(|(at, _, _)| *at <= range.start).or(here.first());
                let targets: Vec<(usize, f64)> = match nearest {
                    Some((_, org, share)) => vec![(*org, *share)],
                    None => {
                        let topics = if is_carried { self.topic.len() } else { whom.len() };
                        let share = 1.0 / (topics.max(1) as f64).sqrt();
                        let less = if positive && is_carried { tone.carried_positive } else { 1.0 };
                        whom.iter().map(|(org, part)| (*org, part * share * less)).collect()
                    }
                };
                for (org, share) in targets.into_iter().filter(|(org, _)| !cleared.contains(org)) {
                    let entry = balance.entry(org).or_default();
                    if positive {
                        entry.0 += rule.weight * share;
                    } else {
                        entry.1 += rule.weight * share;
                    }
                    said.push((org, rule, range.clone(), share));
                }
            }
            for (org, (good, bad)) in balance {
                // A good word with a bad one is mostly scorn: the heavier one stands, less the other.
                let net = good - bad;
                let good = net.clamp(0.0, tone.positive_most) * tone.positive_factor * factor;
                let bad = (-net).clamp(0.0, tone.negative_most) * factor;
                let standing = self.standing(org);
                standing.positive += good;
                standing.negative += bad;
                if good > 0.0 {
                    praised.push(org);
                }
                for (_, rule, range, share) in said.iter().filter(|(of, _, _, _)| *of == org) {
                    let positive = rule.value == "positive";
                    if positive == (good > 0.0) {
                        let weight = rule.weight * share * factor * if positive { -1.0 } else { 1.0 };
                        let folded = seen.marked.folded(range);
                        add_finding(standing, &rule.id, &rule.reason, weight, sentence, &folded);
                    }
                }
            }
            if !here.is_empty() {
                whom = here.iter().map(|(_, org, share)| (*org, *share)).collect();
                whom.dedup_by_key(|(org, _)| *org);
                is_carried = false;
            }
        }
        praised
    }

    /// Whom the next sentence speaks of if it names nobody.
    fn remember(
        &mut self,
        seen: &Seen,
        sentence: &Sentence<'_>,
        rules: &[&Rule],
        cleared: &[usize],
        praised: &[usize],
    ) {
        if !matches!(sentence.place, Place::Subject | Place::Own | Place::Attachment) {
            self.topic.clear();
            self.before.clear();
            return;
        }
        let refers =
            rules.iter().any(|rule| rule.label == "refers" && rule.find(&seen.marked.text).is_some());
        let cleared_letter = self.attached.iter().any(|org| cleared.contains(org) || praised.contains(org));
        if refers && sentence.place != Place::Attachment && !self.attached.is_empty() && !cleared_letter {
            self.topic = self.attached.clone();
            self.topic_age = 0;
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
                .filter(|org| !cleared.contains(org) && !praised.contains(org))
                .filter(|org| self.topic.is_empty() || !self.is_background(*org)),
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
