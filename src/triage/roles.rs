//! In which role each body stands: complained about, excused, merely passing by.
//!
//! Works sentence by sentence. A mention alone weighs little; what is said of it weighs. A sentence that
//! names nobody speaks of whoever was named last. Evidence adds up; nothing here decides.

use super::agents;
use super::judging::Weights;
use super::letters::attached;
use super::matching::{Matcher, Said, Scratch};
use super::mentions::{self, Learned, Marked, Mention};
use super::organisations::{Organisations, Strength};
use super::reading::{Place, Reading, Sentence};
use super::resolve::{is_addressing, resolve};
use super::rules::Rule;
use super::spoken::{clauses, hits_of, unique};
use super::standing::{AROUND, PARTS_MAX, Standing, Standings, Tally, add_finding};
use super::weigh::Scale;
use std::collections::BTreeMap;
use std::ops::Range;

/// What roles are judged with.
#[derive(Clone, Copy, Debug)]
pub struct Means<'r> {
    pub bodies: &'r Organisations,
    pub rules: &'r Matcher,
    pub weights: &'r Weights,
    /// What evidence weighs, by its name.
    pub scale: &'r Scale,
    /// Bodies at home at this office; the first is meant by who only says "de gemeente".
    pub home: &'r [usize],
    /// The office handles complaints about its own municipality: "jullie" is the municipality.
    pub first_line: bool,
    /// Somebody reports on the employer: then the employer is whom it is about.
    pub integrity: bool,
    /// Something broken in the street is reported: that is for the municipality, named or not.
    pub report: bool,
}

impl Means<'_> {
    /// What one unit of evidence weighs.
    pub fn weigh(&self, name: &str) -> f64 {
        self.scale.get(name).copied().unwrap_or_default()
    }
}

/// One sentence with what is named in it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Index of the sentence in the reading.
    pub index: usize,
    pub mentions: Vec<Mention>,
    pub marked: Marked,
    /// Rules that could match in the marked text.
    said: Vec<Said>,
}

impl Seen {
    /// Rules that could match in the marked text, in order.
    pub fn said<'s, 'r>(&'s self, means: &Means<'r>) -> impl Iterator<Item = (&'r Rule, &'s Said)> {
        let rules: &'r [Rule] = &means.rules.rules;
        self.said.iter().filter_map(move |said| Some((rules.get(said.candidate.rule)?, said)))
    }
}

/// A rule that could match in the sentence that is read.
type Heard<'r, 's> = (&'r Rule, &'s Said);

/// Reads the roles of all bodies.
pub fn read<'r>(reading: &Reading<'_>, means: &Means<'r>) -> Standings<'r> {
    let mut learned: Vec<Learned> = Vec::new();
    let mut seen: Vec<Seen> = Vec::with_capacity(reading.sentences.len());
    for (index, sentence) in reading.sentences.iter().enumerate() {
        let mentions = mentions::find(means.bodies, means.home, means.first_line, sentence, &learned);
        mentions::learn(means.bodies, sentence, &mentions, &mut learned);
        seen.push(Seen { index, mentions, marked: Marked::default(), said: Vec::new() });
    }
    let mut scratch = Scratch::default();
    for one in &mut seen {
        let Some(sentence) = reading.sentences.get(one.index) else { continue };
        // A name that is explained further on is also known from the subject.
        if learned.iter().any(|known| sentence.text.contains(known.word.as_str())) {
            one.mentions = mentions::find(means.bodies, means.home, means.first_line, sentence, &learned);
        }
        one.marked = mentions::mark(&sentence.text, &one.mentions);
        one.said = means.rules.candidates(&one.marked.text, &mut scratch);
    }
    resolve(reading, &mut seen, means);
    agents::settle(reading, &mut seen, means);
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
        part: AROUND,
        counted: Standings::default(),
    };
    if means.first_line
        && let Some(home) = means.home.first()
    {
        let standing = scoring.standing(*home);
        standing.strongest = Some(Strength::Weak);
    }
    for one in &seen {
        scoring.sentence(one);
    }
    if means.report {
        let named = |org: &&usize| {
            scoring.standings.get(org).is_some_and(|standing| standing.strongest >= Some(Strength::Hint))
        };
        if let Some(home) = means.home.iter().find(named).or(means.home.first()) {
            scoring.tally(*home, Place::Subject).add("reported", 1.0);
            let standing = scoring.standing(*home);
            standing.strongest = standing.strongest.max(Some(Strength::Hint));
        }
    }
    Standings {
        several: scoring.several,
        parts: scoring.part.max(1),
        all: scoring.standings.into_values().collect(),
        ..scoring.counted
    }
}

/// Ways of telling a story (`story=…`), and the names of the evidence that each is.
const STORY: &[(&str, &str, &str)] = &[
    ("dated", "dated", "dated_carried"),
    ("own", "own", "own_carried"),
    ("they", "they", "they_carried"),
    ("aside", "aside", "aside_carried"),
];

struct Scoring<'a, 'r> {
    reading: &'a Reading<'a>,
    means: &'a Means<'r>,
    standings: BTreeMap<usize, Standing<'r>>,
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
    /// The part of the own words that is being read.
    part: usize,
    /// Sentences counted by their tone.
    counted: Standings<'r>,
}

impl<'r> Scoring<'_, 'r> {
    fn sentence(&mut self, seen: &Seen) {
        let Some(sentence) = self.reading.sentences.get(seen.index) else { return };
        let factor = self.place_factor(sentence.place);
        if sentence.document != self.document && sentence.place != Place::Own {
            self.topic.clear();
            self.before.clear();
        }
        self.document = sentence.document;
        if sentence.place == Place::Own && self.part == AROUND {
            self.part = 1;
        }
        if is_addressing(self.reading, seen, self.means) {
            self.address(seen, sentence);
            return;
        }
        if factor <= 0.0 {
            self.name(seen, sentence);
            return;
        }
        let rules: Vec<Heard<'r, '_>> =
            seen.said(self.means).filter(|(rule, _)| rule.looks_at(self.reading, sentence)).collect();
        self.count(seen, sentence, &rules);
        self.turn(seen, sentence, &rules);
        self.story(seen, sentence, &rules);
        self.name(seen, sentence);
        for (rule, said) in rules.iter().filter(|(rule, _)| rule.label == "several") {
            if rule.weight > self.several && said.find(rule, &seen.marked.text).is_some() {
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
        self.means.weights.strength.of(strength)
    }

    fn standing(&mut self, org: usize) -> &mut Standing<'r> {
        self.standings.entry(org).or_insert_with(|| Standing { org, ..Standing::default() })
    }

    /// Where evidence of this sentence is kept.
    fn tally(&mut self, org: usize, place: Place) -> &mut Tally<'r> {
        let part = if place == Place::Own { self.part.min(PARTS_MAX - 1) } else { AROUND };
        let standing = self.standing(org);
        // The index is below the length of the row by the line above.
        &mut standing.parts[part]
    }

    /// Counts own sentences by their tone, whomever they speak of.
    fn count(&mut self, seen: &Seen, sentence: &Sentence<'_>, rules: &[Heard<'r, '_>]) {
        if sentence.place != Place::Own {
            return;
        }
        let says = |value: &str| {
            let mut toned = rules.iter().filter(|(rule, _)| rule.label == "tone" && rule.value == value);
            toned.any(|(rule, said)| said.find(rule, &seen.marked.text).is_some())
        };
        let yes = |holds: bool| f64::from(u8::from(holds));
        self.counted.sentences += 1.0;
        self.counted.negative += yes(says("negative"));
        self.counted.positive += yes(says("positive"));
        self.counted.asked += yes(sentence.text.trim_end().ends_with('?'));
    }

    /// How a story is told: sentences with dates, and about the writer, tell it of whom they name, or of whom was
    /// named last. Gives nothing to rest on; it only weighs.
    fn story(&mut self, seen: &Seen, sentence: &Sentence<'_>, rules: &[Heard<'r, '_>]) {
        if sentence.place != Place::Own {
            return;
        }
        let named: Vec<usize> = unique(
            seen.mentions
                .iter()
                .filter(|mention| matches!(mention.strength, Strength::Name | Strength::Hint))
                .map(|mention| mention.org),
        );
        for (value, here, carried) in STORY {
            let mut told = rules.iter().filter(|(rule, _)| rule.label == "story" && rule.value == *value);
            if !told.any(|(rule, said)| said.find(rule, &seen.marked.text).is_some()) {
                continue;
            }
            if *value == "dated" {
                self.counted.dated += 1.0;
            }
            let (orgs, name) = if named.is_empty() { (&self.topic, carried) } else { (&named, here) };
            for org in orgs.clone() {
                self.tally(org, Place::Own).add(name, 1.0);
            }
        }
    }

    /// Does the writer turn to the first, or to a further complaint here?
    fn turn(&mut self, seen: &Seen, sentence: &Sentence<'_>, rules: &[Heard<'r, '_>]) {
        if sentence.place != Place::Own {
            return;
        }
        let says = |value: &str| {
            rules.iter().any(|(rule, said)| {
                rule.label == "part" && rule.value == value && said.find(rule, &seen.marked.text).is_some()
            })
        };
        if says("first") && self.part <= 1 {
            for standing in self.standings.values_mut() {
                let introduction = std::mem::take(&mut standing.parts[1]);
                standing.parts[AROUND].merge(&introduction);
            }
        } else if says("second") && sentence.order > 0 {
            self.part = (self.part + 1).min(PARTS_MAX - 1);
            self.topic.clear();
            self.before.clear();
        }
    }

    /// Being addressed.
    fn address(&mut self, seen: &Seen, sentence: &Sentence<'_>) {
        for mention in seen.mentions.iter().filter(|mention| mention.strength >= Strength::Hint) {
            if mention.strength == Strength::Place {
                continue;
            }
            self.tally(mention.org, Place::Subject).at_least("addressed", 1.0);
            let standing = self.standing(mention.org);
            standing.strongest = standing.strongest.max(Some(mention.strength));
            self.found(mention, sentence);
        }
    }

    /// Being named.
    fn name(&mut self, seen: &Seen, sentence: &Sentence<'_>) {
        for mention in &seen.mentions {
            let strength = mention.strength;
            if matches!(strength, Strength::Place | Strength::LookAlike) {
                continue;
            }
            let share = self.strength_factor(strength);
            let (opening, closing) =
                (self.reading.is_opening(sentence, 3), self.reading.is_closing(sentence, 4));
            let tally = self.tally(mention.org, sentence.place);
            match sentence.place {
                Place::Own => {
                    match strength {
                        Strength::Name => tally.names += 1.0,
                        Strength::Hint => tally.hints += 1.0,
                        _ => tally.add("weakly_named", 1.0),
                    }
                    if strength >= Strength::Hint {
                        tally.first = tally.first.or(Some(sentence.order));
                        tally.last = Some(sentence.order);
                    }
                    if opening {
                        tally.at_least("named_opening", share);
                    }
                    if closing {
                        tally.at_least("named_closing", share);
                    }
                }
                Place::Subject => tally.at_least("named_subject", share),
                Place::Attachment => tally.at_least("named_attachment", share),
                Place::Forwarded => tally.at_least("named_forwarded", share),
                Place::Quote => tally.at_least("named_quote", share),
                Place::Signature | Place::Disclaimer => tally.at_least("named_signature", share),
            }
            let standing = self.standing(mention.org);
            standing.strongest = standing.strongest.max(Some(strength));
            standing.named |= strength == Strength::Name
                && !mention.meant
                && matches!(sentence.place, Place::Own | Place::Subject);
            if strength >= Strength::Hint {
                self.found(mention, sentence);
            }
        }
    }

    /// The finding that a body is named.
    fn found(&mut self, mention: &Mention, sentence: &Sentence<'_>) {
        let Some(body) = self.means.bodies.all.get(mention.org) else { return };
        let rule = format!("organisations/{}", body.id);
        let weight = self.means.weights.strength.of(mention.strength);
        add_finding(self.standing(mention.org), &rule, &body.reason, weight, sentence, &mention.range);
    }

    /// What role rules say. Gives the orgs that this sentence clears of complaint.
    fn roles(
        &mut self,
        seen: &Seen,
        sentence: &Sentence<'_>,
        rules: &[Heard<'r, '_>],
        factor: f64,
    ) -> Vec<usize> {
        let mut cleared = Vec::new();
        // Of one body in one sentence the heaviest rule of each kind counts, not their sum.
        let mut heaviest: BTreeMap<(usize, bool), (f64, &'r str, f64)> = BTreeMap::new();
        for (rule, said) in rules.iter().filter(|(rule, _)| rule.label == "role") {
            let about_before = rule.value.ends_with("-before");
            let about_desk = rule.value.ends_with("-desk");
            let hits: Vec<(usize, f64, Range<usize>)> = if about_desk {
                // "U" and "uw" at the complaints desk of the municipality itself.
                let home = self.means.home.first().filter(|_| self.means.first_line);
                let (Some(home), Some(range)) = (home, said.find(rule, &seen.marked.text)) else { continue };
                vec![(*home, 1.0, range)]
            } else if about_before {
                if seen.mentions.iter().any(|mention| mention.strength == Strength::Name) {
                    continue;
                }
                let Some(range) = said.find(rule, &seen.marked.text) else { continue };
                let before = if rule.value == "excused-before" { &self.before } else { &self.topic };
                before
                    .iter()
                    .filter(|org| rule.value == "excused-before" || !self.is_background(**org))
                    .map(|org| (*org, 1.0, range.clone()))
                    .collect()
            } else {
                hits_of(rule, said, &seen.marked)
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
                value => value.starts_with("excused") || value.starts_with("passing") || value == "guessed",
            };
            let guessed = rule.value == "guessed" && matches!(sentence.place, Place::Own | Place::Subject);
            for (org, strength, range) in hits {
                let amount = factor * if against { 1.0 } else { strength };
                let weight = rule.weight * amount;
                let counted = heaviest.entry((org, against)).or_insert((0.0, "", 0.0));
                if weight > counted.0 {
                    *counted = (weight, &rule.id, amount);
                }
                let signed = if against { -weight } else { weight };
                let folded = seen.marked.folded(&range);
                add_finding(self.standing(org), &rule.id, &rule.reason, signed, sentence, &folded);
                if against && !about_desk {
                    cleared.push(org);
                }
                if guessed && !self.counted.guessed.contains(&org) {
                    self.counted.guessed.push(org);
                }
            }
        }
        for ((org, against), (_, rule, amount)) in heaviest {
            let own_employer =
                !against && rules.iter().any(|(one, _)| one.id == rule && one.value == "employer");
            let name = if own_employer { "reported_employer" } else { rule };
            self.tally(org, sentence.place).add(name, amount);
        }
        cleared
    }

    /// Good and bad words, clause by clause. Gives the orgs that are spoken well of.
    fn tones(
        &mut self,
        seen: &Seen,
        sentence: &Sentence<'_>,
        rules: &[Heard<'r, '_>],
        factor: f64,
        cleared: &[usize],
    ) -> Vec<usize> {
        let tone = self.means.weights.tone;
        let mut praised = Vec::new();
        let tones: Vec<&Heard<'r, '_>> = rules.iter().filter(|(rule, _)| rule.label == "tone").collect();
        if tones.is_empty() {
            return praised;
        }
        let carried =
            tone.carried * tone.carried_decay.powi(i32::try_from(self.topic_age).unwrap_or(i32::MAX));
        // Whom a word speaks of that stands in a clause without a name, and how much of it counts.
        let mut whom: Vec<(usize, f64)> = self.topic.iter().map(|org| (*org, carried)).collect();
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
            for (rule, heard) in &tones {
                let Some(range) = heard.candidate.find(rule, text) else { continue };
                let range = clause.start + range.start..clause.start + range.end;
                let positive = rule.value == "positive";
                // The body named last before the word, else the first after it.
                let nearest = here.iter().rfind(|(at, _, _)| *at <= range.start).or(here.first());
                let targets: Vec<(usize, f64)> = match nearest {
                    Some((_, org, share)) => vec![(*org, *share)],
                    None => {
                        let share = 1.0 / (whom.len().max(1) as f64).sqrt();
                        whom.iter().map(|(org, part)| (*org, part * share)).collect()
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
                let good = net.clamp(0.0, tone.positive_most) * factor;
                let bad = (-net).clamp(0.0, tone.negative_most) * factor;
                let names = match (is_carried && here.is_empty(), good > 0.0) {
                    (false, true) => "positive",
                    (false, false) => "negative",
                    (true, true) => "positive_carried",
                    (true, false) => "negative_carried",
                };
                self.tally(org, sentence.place).add(names, good + bad);
                let standing = self.standing(org);
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
        rules: &[Heard<'_, '_>],
        cleared: &[usize],
        praised: &[usize],
    ) {
        if !matches!(sentence.place, Place::Subject | Place::Own | Place::Attachment) {
            self.topic.clear();
            self.before.clear();
            return;
        }
        let refers = rules
            .iter()
            .any(|(rule, said)| rule.label == "refers" && said.find(rule, &seen.marked.text).is_some());
        let cleared_letter = self.attached.iter().any(|org| cleared.contains(org) || praised.contains(org));
        if refers && sentence.place != Place::Attachment && !self.attached.is_empty() && !cleared_letter {
            self.topic = self.attached.clone();
            self.topic_age = 0;
            if sentence.place == Place::Own {
                for org in self.attached.clone() {
                    self.tally(org, Place::Own).at_least("letter_shown", 1.0);
                }
            }
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
            if sentence.place == Place::Own {
                for org in self.topic.clone() {
                    self.tally(org, Place::Own).add("followed", 1.0);
                }
            }
        } else {
            self.topic = topic;
            self.topic_age = 0;
        }
    }
}
