//! Whom a general word means: "de gemeente", "het stadhuis", "het waterschap" become a certain body.
//!
//! A municipality is, in this order: the town named with it, the municipality named shortly before, of the towns
//! that the text names one of the office's own (unless the writer says to live elsewhere), the writer's own town, any
//! municipality named in the text, the office's own. A municipality that is only compared with is not meant.

use super::mentions::Mention;
use super::organisations::{OrgKind, Strength};
use super::reading::{Place, Reading, Sentence};
use super::roles::{Means, Seen};
use super::rules::Rule;
use super::spoken::hits_of;

/// Sentences for which a named municipality stays the one that is meant.
const RECENT_SENTENCES: usize = 6;
/// Sentences for which a named place tells which municipality is meant.
const NEAR_SENTENCES: usize = 2;
/// Bytes between "stadhuis" and the town it stands in.
const NEAR_BYTES: usize = 24;

/// Gives every general word its body.
pub fn resolve(reading: &Reading<'_>, seen: &mut [Seen], means: &Means<'_>) {
    let (said, residence) = residence(reading, seen, means);
    let most = spoken_of(reading, seen, means);
    resolve_towns(reading, seen, means, Towns { said, residence, most });
    resolve_kinds(seen, means);
}

/// Towns that general words may mean.
#[derive(Clone, Copy, Debug)]
struct Towns {
    /// Where the writer says to live.
    said: Option<usize>,
    /// The town in the letterhead or below the name.
    residence: Option<usize>,
    /// The town that the text speaks of most.
    most: Option<usize>,
}

/// The town of the writer: what the heaviest rule `residence=…` says, in so many words and by the letterhead.
fn residence(reading: &Reading<'_>, seen: &[Seen], means: &Means<'_>) -> (Option<usize>, Option<usize>) {
    /// Rules of this weight and more are words of the writer, lighter ones are places in a letterhead.
    const SAID_MIN: f64 = 2.5;
    let mut best: Option<(f64, usize)> = None;
    for one in seen {
        let Some(sentence) = reading.sentences.get(one.index) else { continue };
        if !matches!(sentence.place, Place::Own | Place::Subject) || one.mentions.is_empty() {
            continue;
        }
        for (rule, said) in one.said(means) {
            if rule.label != "residence" || !rule.looks_at(reading, sentence) {
                continue;
            }
            if let Some((mention, _)) = hits_of(rule, said, &one.marked).into_iter().next()
                && !elsewhere(one, means).contains(&mention)
                && let Some(mention) = one.mentions.get(mention)
                && mention.strength == Strength::Place
                && best.is_none_or(|(weight, _)| rule.weight > weight)
            {
                best = Some((rule.weight, mention.org));
            }
        }
    }
    let said = best.filter(|(weight, _)| *weight >= SAID_MIN);
    (said.map(|(_, org)| org), best.map(|(_, org)| org))
}

/// Towns in a sentence where somebody else lives, or where the writer only was.
fn elsewhere(one: &Seen, means: &Means<'_>) -> Vec<usize> {
    hit_by(one, means, Strength::Place, |rule| rule.label == "elsewhere")
}

/// Bodies in a sentence that are only compared with or guessed, employ the writer, or pass by: "de gemeente" is none of
/// them.
fn compared(one: &Seen, means: &Means<'_>) -> Vec<usize> {
    hit_by(one, means, Strength::Name, |rule| {
        rule.label == "role" && ["passing", "employer", "guessed"].contains(&rule.value.as_str())
    })
}

/// Mentions that some rules fire on, if one of this strength is there at all.
fn hit_by(one: &Seen, means: &Means<'_>, strength: Strength, which: impl Fn(&Rule) -> bool) -> Vec<usize> {
    if !one.mentions.iter().any(|mention| mention.strength == strength) {
        return Vec::new();
    }
    one.said(means)
        .filter(|(rule, _)| which(rule))
        .flat_map(|(rule, said)| hits_of(rule, said, &one.marked))
        .map(|(mention, _)| mention)
        .collect()
}

/// Is this a line of the letterhead: an address, a date with its town, or whom it is addressed to?
fn is_head(reading: &Reading<'_>, one: &Seen, means: &Means<'_>) -> bool {
    let Some(sentence) = reading.sentences.get(one.index) else { return false };
    one.said(means).any(|(rule, said)| {
        (rule.label == "head" || rule.value == "letterhead")
            && rule.looks_at(reading, sentence)
            && said.find(rule, &one.marked.text).is_some()
    })
}

/// Is this the head of the message: whom it is addressed to?
pub fn is_addressing(reading: &Reading<'_>, one: &Seen, means: &Means<'_>) -> bool {
    let Some(sentence) = reading.sentences.get(one.index) else { return false };
    if one.mentions.is_empty() || sentence.place != Place::Own || sentence.order >= reading.head_count() {
        return false;
    }
    one.said(means).any(|(rule, said)| {
        rule.label == "head"
            && rule.looks_at(reading, sentence)
            && said.find(rule, &one.marked.text).is_some()
    })
}

/// The town that the text speaks of most, if it is not the office's first.
fn spoken_of(reading: &Reading<'_>, seen: &[Seen], means: &Means<'_>) -> Option<usize> {
    let mut counts: Vec<(usize, usize)> = Vec::new();
    for one in seen {
        let own =
            reading.sentences.get(one.index).is_some_and(|s| matches!(s.place, Place::Own | Place::Subject));
        if !own || one.mentions.is_empty() || is_head(reading, one, means) {
            continue;
        }
        let elsewhere = elsewhere(one, means);
        for (_, mention) in one
            .mentions
            .iter()
            .enumerate()
            .filter(|(index, mention)| mention.strength == Strength::Place && !elsewhere.contains(index))
        {
            match counts.iter_mut().find(|(org, _)| *org == mention.org) {
                Some((_, count)) => *count += 1,
                None => counts.push((mention.org, 1)),
            }
        }
    }
    let own = means.home.first();
    let of_own = counts.iter().find(|(org, _)| Some(org) == own).map_or(0, |(_, count)| *count);
    let (org, count) =
        counts.into_iter().filter(|(org, _)| Some(org) != own).max_by_key(|(_, count)| *count)?;
    (count > of_own && (count >= 2 || means.home.is_empty())).then_some(org)
}

fn resolve_towns(
    reading: &Reading<'_>,
    seen: &mut [Seen],
    means: &Means<'_>,
    Towns { said, residence, most }: Towns,
) {
    let Some(generic) = means.bodies.municipality else { return };
    let is_town = |org: usize| {
        org != generic && means.bodies.all.get(org).is_some_and(|body| body.kind == OrgKind::Municipality)
    };
    // The only municipality named in the whole text, for a subject that comes before it.
    let mut towns: Vec<usize> = Vec::new();
    for one in seen.iter() {
        let own = reading.sentences.get(one.index).is_some_and(|sentence| sentence.place == Place::Own);
        let names = |mention: &Mention| own && mention.strength == Strength::Name && is_town(mention.org);
        if !one.mentions.iter().any(names) {
            continue;
        }
        let compared = compared(one, means);
        for (index, mention) in one.mentions.iter().enumerate().filter(|(_, mention)| names(mention)) {
            if !compared.contains(&index) && !towns.contains(&mention.org) {
                towns.push(mention.org);
            }
        }
    }
    let only = if let [only] = towns.as_slice() { Some(*only) } else { None };
    let home = means.home.first().copied();
    let mut last: Option<(usize, usize)> = None;
    let mut place: Option<(usize, usize)> = None;
    for one in seen.iter_mut() {
        let addressing = is_head(reading, one, means);
        let elsewhere = elsewhere(one, means);
        let compared = compared(one, means);
        let Some(sentence) = reading.sentences.get(one.index) else { continue };
        let spoken = matches!(sentence.place, Place::Own | Place::Subject | Place::Attachment);
        for index in 0..one.mentions.len() {
            let Some(mention) = one.mentions.get(index).cloned() else { continue };
            if mention.strength == Strength::Place && elsewhere.contains(&index) {
                continue;
            }
            if mention.strength == Strength::Place && sentence.place == Place::Own && !addressing {
                place = Some((mention.org, one.index));
                continue;
            }
            if mention.org != generic {
                let named =
                    mention.strength == Strength::Name && !mention.meant && !compared.contains(&index);
                if is_town(mention.org) && named && spoken && !addressing {
                    last = Some((mention.org, one.index));
                }
                continue;
            }
            let recent =
                last.filter(|(_, at)| one.index.saturating_sub(*at) <= RECENT_SENTENCES).map(|(org, _)| org);
            let near =
                place.filter(|(_, at)| one.index.saturating_sub(*at) <= NEAR_SENTENCES).map(|(org, _)| org);
            let subject = if sentence.place == Place::Subject { only } else { None };
            let guesses = [said, near, residence, most, last.map(|(org, _)| org), only];
            // Who writes to the ombudsman of several towns mostly means one of them, unless another is named.
            let inside = guesses.iter().flatten().find(|org| means.home.contains(*org)).copied();
            // Who says to live elsewhere has another municipality.
            let inside = inside.filter(|_| said.is_none_or(|org| means.home.contains(&org)));
            let letterhead = residence.filter(|_| means.home.is_empty());
            let with_town = beside(one, sentence, &mention, &is_town);
            if let Some(town) = with_town.filter(|_| spoken && !addressing) {
                // "Het stadhuis in Zaandam": that is the municipality spoken of from here on.
                last = Some((town, one.index));
            }
            let meant = with_town
                .or(recent)
                .or(subject)
                .or(inside)
                .or(said)
                .or(near)
                .or(letterhead)
                .or(most)
                .or(last.map(|(org, _)| org))
                .or(only)
                .or(home);
            if let (Some(meant), Some(slot)) = (meant, one.mentions.get_mut(index)) {
                slot.org = meant;
                slot.meant = true;
            }
        }
    }
}

/// The town named with a general word: "het stadhuis in Zaandam", "in Delft op het stadhuis".
fn beside(
    one: &Seen,
    sentence: &Sentence<'_>,
    mention: &Mention,
    is_town: &dyn Fn(usize) -> bool,
) -> Option<usize> {
    let town = |other: &&Mention| {
        other.strength == Strength::Place || (other.strength == Strength::Name && is_town(other.org))
    };
    let after = one.mentions.iter().filter(town).find(|other| {
        let between = sentence.text.get(mention.range.end..other.range.start).unwrap_or_default();
        !between.is_empty()
            && between.len() <= NEAR_BYTES
            && ([", ", " "].contains(&between)
                || [" in ", " van ", " te ", " uit ", "(", " of "].iter().any(|link| between.ends_with(link)))
    });
    let before = one.mentions.iter().filter(town).rfind(|other| {
        let between = sentence.text.get(other.range.end..mention.range.start).unwrap_or_default();
        !between.is_empty() && between.len() <= 14 && !between.contains(['.', ';', '?', '!'])
    });
    after.or(before).map(|other| other.org)
}

/// "Het waterschap" is the one water board that the text names.
fn resolve_kinds(seen: &mut [Seen], means: &Means<'_>) {
    let bodies = means.bodies;
    let generic: Vec<usize> = seen
        .iter()
        .flat_map(|one| &one.mentions)
        .map(|mention| mention.org)
        .filter(|org| {
            Some(*org) != bodies.municipality && bodies.all.get(*org).is_some_and(|body| body.generic)
        })
        .collect();
    for org in generic {
        let Some(stem) = bodies.all.get(org).map(|body| format!("{}-", body.id)) else { continue };
        let meant = seen
            .iter()
            .flat_map(|one| &one.mentions)
            .find(|mention| bodies.all.get(mention.org).is_some_and(|body| body.id.starts_with(&stem)))
            .map(|mention| mention.org);
        let Some(meant) = meant else { continue };
        for mention in seen.iter_mut().flat_map(|one| &mut one.mentions).filter(|mention| mention.org == org)
        {
            mention.org = meant;
        }
    }
}
