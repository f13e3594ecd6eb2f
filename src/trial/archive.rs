//! The cases in the store as examples: what a person decided tells some of the labels, and so which rules were
//! right. The text stays in the record's folder: a purge takes the example with it.

use super::item::Item;
use super::labels::Gold;
use crate::record::{CaseNumber, CaseRow, Competence, Decision, Judgement, Scope, Verdict, correction_value};
use crate::store::{CaseFilter, CaseOrder, Store, StoreError};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A stored case, by the piece that opened it.
#[derive(Clone, Debug)]
pub struct Stored {
    pub row: CaseRow,
    /// The case as an example; its labels are those that the decision tells, if there is one.
    pub item: Item,
    /// What was concluded when it came in.
    pub judged: Option<Judgement>,
}

/// Visits every case whose first piece is still there, oldest first. Returns how many were passed over because
/// their text is gone.
///
/// # Errors
/// When the store cannot be read.
pub fn cases(store: &Store, office: &str, visit: &mut dyn FnMut(Stored)) -> Result<usize, StoreError> {
    let mut numbers: Vec<CaseNumber> = Vec::new();
    store.each_case(&mut |row| {
        numbers.push(row.number);
        true
    })?;
    let mut gone = 0;
    for number in numbers {
        let Some(row) = store.case(number)? else { continue };
        match stored(store, office, row)? {
            Some(stored) => visit(stored),
            None => gone += 1,
        }
    }
    Ok(gone)
}

/// As [`cases`], the newest first and no more than `max`; true: there are older ones.
///
/// # Errors
/// When the store cannot be read.
pub fn newest_cases(
    store: &Store,
    office: &str,
    max: usize,
    visit: &mut dyn FnMut(Stored),
) -> Result<bool, StoreError> {
    let newest = CaseFilter { order: CaseOrder::Newest, limit: max, ..CaseFilter::default() };
    let page = store.cases(&newest)?;
    let more = page.more || page.total > page.rows.len();
    for row in page.rows {
        stored(store, office, row)?.into_iter().for_each(&mut *visit);
    }
    Ok(more)
}

/// One case. `None`: there is no such case, or its first piece is gone.
///
/// # Errors
/// When the store cannot be read.
pub fn one_case(store: &Store, office: &str, number: CaseNumber) -> Result<Option<Stored>, StoreError> {
    match store.case(number)? {
        Some(row) => stored(store, office, row),
        None => Ok(None),
    }
}

/// `None`: its first piece is gone.
fn stored(store: &Store, office: &str, row: CaseRow) -> Result<Option<Stored>, StoreError> {
    let Some(first) = row.records.first().copied() else { return Ok(None) };
    let Some(extract) = store.extract(first)? else { return Ok(None) };
    let judged = store.judgement(first)?;
    let mut gold = match (&row.decision, &judged) {
        (Some(decision), Some(judged)) => gold_of(decision, judged),
        _ => Gold::new(),
    };
    // What a person said of a label goes before what a decision tells of it.
    for (label, value) in &row.labels {
        gold.insert(label.clone(), correction_value(label, value));
    }
    let item = Item {
        id: row.number.to_string(),
        office: office.to_owned(),
        channel: row.channel,
        received: row.received,
        extract,
        gold,
        open: None,
    };
    Ok(Some(Stored { row, item, judged }))
}

/// The labels that a decision tells. To take a case up says that it belongs here, to refer it that it does not;
/// to ask for more says nothing.
pub fn gold_of(decision: &Decision, judged: &Judgement) -> Gold {
    let mut gold = Gold::new();
    let mut set = |label: &str, value: Value| drop(gold.insert(label.to_owned(), value));
    // Of two complaints one may be taken up and the other referred: a mixed judgement is no mistake then.
    let mixed = judged.scope == Scope::Mixed;
    match decision.verdict {
        Verdict::TakeUp | Verdict::Settle => set("scope", json!(if mixed { "mixed" } else { "in" })),
        Verdict::Refer => {
            set("scope", json!(if mixed { "mixed" } else { "out" }));
            if let Some(to) = &decision.refer_to {
                set("refer_to", json!(to));
            }
        }
        Verdict::Signal => set("kind", json!("policy")),
        Verdict::NotAComplaint => set("scope", json!("none")),
        Verdict::AskForMore | Verdict::Reopen => {}
    }
    gold
}

/// How often staff kept or overruled what a rule concluded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleFate {
    pub kept: usize,
    pub overruled: usize,
}

/// Adds the findings of one decided case to the fate of their rules. A finding on a body counts as a conclusion
/// on whether the case belongs here. Returns whether the case as a whole was overruled.
pub fn rule_fates(
    stored: &Stored,
    competence: &Competence,
    fates: &mut BTreeMap<String, RuleFate>,
) -> Option<bool> {
    let judged = stored.judged.as_ref()?;
    let gold = &stored.item.gold;
    if gold.is_empty() {
        return None;
    }
    let mut seen: Vec<&str> = Vec::new();
    for finding in judged.findings.iter().filter(|finding| finding.weight > 0.0) {
        let Some((label, value)) = finding.concludes.split_once('=') else { continue };
        let named = gold.get("complained_about").and_then(Value::as_array);
        let right = match (label, gold.get("scope").and_then(Value::as_str)) {
            // A person said about whom it is.
            ("complained_about", _) if named.is_some() => {
                named.map(|ids| ids.iter().any(|id| id.as_str() == Some(value)))
            }
            ("complained_about", Some("in")) => Some(competence.covers(value)),
            ("complained_about", Some("out")) => Some(!competence.covers(value)),
            ("complained_about", Some("none")) => Some(false),
            _ => gold.get(label).map(|want| match want {
                Value::Bool(want) => want.to_string() == value,
                want => want.as_str() == Some(value),
            }),
        };
        let Some(right) = right else { continue };
        if seen.contains(&finding.rule.as_str()) {
            continue;
        }
        seen.push(&finding.rule);
        let fate = fates.entry(finding.rule.clone()).or_default();
        if right {
            fate.kept += 1;
        } else {
            fate.overruled += 1;
        }
    }
    Some(!super::labels::wrong(gold, judged).is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_tells_what_it_tells_and_no_more() {
        let decision = |verdict, refer_to: Option<&str>| Decision {
            verdict,
            refer_to: refer_to.map(str::to_owned),
            by: "j.jansen".into(),
            at: jiff::Timestamp::UNIX_EPOCH,
            reason: String::new(),
        };
        let judged = |scope: &str| -> Judgement {
            serde_json::from_value(json!({
                "writer": {"name": null, "address": null}, "language": "nl", "automatic": null, "scope": scope,
                "complained_about": [], "mentioned_only": [], "refer_to": null, "first_complained": "unknown",
                "older_than_year": "unknown", "kind": "conduct", "anonymous": false, "on_behalf": "no",
                "multiple": false, "urgent": false, "follow_up": false, "queue": "x", "confidence": 0.5,
                "may_tell_citizen": false, "findings": [], "rules_version": "x"
            }))
            .unwrap()
        };
        assert_eq!(gold_of(&decision(Verdict::TakeUp, None), &judged("out"))["scope"], "in");
        assert_eq!(gold_of(&decision(Verdict::TakeUp, None), &judged("mixed"))["scope"], "mixed");
        let referred = gold_of(&decision(Verdict::Refer, Some("nationale-ombudsman")), &judged("in"));
        assert_eq!(
            (&referred["scope"], &referred["refer_to"]),
            (&json!("out"), &json!("nationale-ombudsman"))
        );
        assert!(gold_of(&decision(Verdict::AskForMore, None), &judged("in")).is_empty());
    }
}
