//! The inschatting as staff corrected it, and the forms by which they correct it: labels with one key or one choice.
//!
//! Pure. Invariant: what a person said goes before what the rules concluded, and is told as theirs.

use super::state::Shown;
use super::words;
use crate::record::{CORRECTABLE, CaseRow, Judgement, Referral};
use serde::Serialize;
use serde_json::Value;

#[derive(Serialize)]
pub struct LabelsView {
    /// One press: scope, as buttons.
    pub scopes: Vec<ButtonView>,
    /// One press: yes or no.
    pub toggles: Vec<ButtonView>,
    /// One of a list.
    pub choices: Vec<ChoiceView>,
    /// Bodies that it is about now, to take off; and all, to put on.
    pub bodies: Vec<OptionView>,
    pub other_bodies: Vec<OptionView>,
    /// What a person corrected, with its words.
    pub corrected: Vec<CorrectedView>,
}

#[derive(Serialize)]
pub struct ButtonView {
    /// `label=value`
    pub set: String,
    pub name: String,
    pub key: &'static str,
    /// It says so already.
    pub now: bool,
}

#[derive(Serialize)]
pub struct ChoiceView {
    pub id: &'static str,
    pub name: String,
    pub options: Vec<OptionView>,
}

#[derive(Serialize)]
pub struct OptionView {
    pub id: String,
    pub name: String,
    pub chosen: bool,
}

#[derive(Serialize)]
pub struct CorrectedView {
    pub id: String,
    pub name: String,
    pub value: String,
}

/// The judgement with what staff made of it: corrected, or split.
pub fn corrected(judgement: &Judgement, row: &CaseRow, shown: &Shown) -> Judgement {
    let mut judgement = judgement.clone();
    // A case is a person's: what seemed made by a machine was taken back.
    judgement.automatic = None;
    judgement.scope = row.judgement.scope;
    judgement.kind = row.judgement.kind;
    judgement.urgent = row.judgement.urgent;
    judgement.complained_about.clone_from(&row.judgement.complained_about);
    judgement.mentioned_only.retain(|id| !row.judgement.complained_about.contains(id));
    let refer_to = row.judgement.refer_to.as_deref();
    if judgement.refer_to.as_ref().map(|referral| referral.id.as_str()) != refer_to {
        judgement.refer_to = refer_to.map(|id| Referral {
            id: id.to_owned(),
            name: shown.names.referral(id),
            contact: Vec::new(),
        });
    }
    let labels = |id: &str| row.labels.get(id).map(|value| Value::String(value.clone()));
    set(&mut judgement.first_complained, labels("first_complained"));
    set(&mut judgement.older_than_year, labels("older_than_year"));
    set(&mut judgement.on_behalf, labels("on_behalf"));
    let yes = |id: &str, now: bool| row.labels.get(id).map_or(now, |value| value == "true");
    judgement.anonymous = yes("anonymous", judgement.anonymous);
    judgement.multiple = yes("multiple", judgement.multiple) && row.split_into.is_empty();
    judgement
}

fn set<T: serde::de::DeserializeOwned>(to: &mut T, value: Option<Value>) {
    if let Some(value) = value.and_then(|value| serde_json::from_value(value).ok()) {
        *to = value;
    }
}

/// The forms; `judgement` is the corrected one.
pub fn labels_view(judgement: &Judgement, row: &CaseRow, shown: &Shown) -> LabelsView {
    let names = &shown.names;
    let id_of = |value: Result<Value, serde_json::Error>| match value {
        Ok(Value::String(id)) => id,
        _ => String::new(),
    };
    let scope = id_of(serde_json::to_value(judgement.scope));
    let scopes =
        [("in", "V"), ("out", "N"), ("mixed", "D"), ("unclear", "O"), ("none", "G")].map(|(id, key)| {
            let name = match id {
                "in" => "Voor ons",
                "out" => "Niet voor ons",
                "mixed" => "Deels",
                "unclear" => "Niet duidelijk",
                _ => "Geen klacht",
            };
            ButtonView { set: format!("scope={id}"), name: name.to_owned(), key, now: scope == id }
        });
    let toggle = |id: &str, name: &str, now: bool, key| ButtonView {
        set: format!("{id}={}", !now),
        name: if now { format!("Toch niet: {name}") } else { format!("Wel: {name}") },
        key,
        now,
    };
    let choice = |id: &'static str, now: String, values: &[&str]| ChoiceView {
        id,
        name: words::label(id),
        options: values
            .iter()
            .map(|value| OptionView {
                id: (*value).to_owned(),
                name: words::label_value(id, value, names),
                chosen: *value == now,
            })
            .collect(),
    };
    let mut choices = vec![
        choice(
            "kind",
            id_of(serde_json::to_value(judgement.kind)),
            &["conduct", "decision", "policy", "report", "question", "integrity", "other"],
        ),
        choice(
            "first_complained",
            id_of(serde_json::to_value(judgement.first_complained)),
            &["answered", "no-answer-6-weeks", "waiting", "no", "unknown", "not-applicable"],
        ),
        choice(
            "older_than_year",
            id_of(serde_json::to_value(judgement.older_than_year)),
            &["yes", "no", "unknown"],
        ),
        choice(
            "on_behalf",
            id_of(serde_json::to_value(judgement.on_behalf)),
            &["no", "with-authorisation", "without-authorisation"],
        ),
    ];
    let refer_to = judgement.refer_to.as_ref().map(|referral| referral.id.clone()).unwrap_or_default();
    let places = names.referrals().into_iter().filter(|(id, _)| *id != shown.office.id);
    choices.push(ChoiceView {
        id: "refer_to",
        name: words::label("refer_to"),
        options: places.map(|(id, name)| OptionView { chosen: id == refer_to, id, name }).collect(),
    });
    let listed =
        |id: &str| OptionView { id: id.to_owned(), name: names.organisation_listed(id), chosen: false };
    let about = &judgement.complained_about;
    let mut other_bodies: Vec<OptionView> =
        names.organisations.keys().filter(|id| !about.contains(id)).map(|id| listed(id)).collect();
    other_bodies.sort_by_key(|option| option.name.to_lowercase());
    LabelsView {
        scopes: scopes.into(),
        toggles: vec![
            toggle("urgent", "spoed", judgement.urgent, "S"),
            toggle("anonymous", "anoniem", judgement.anonymous, ""),
            toggle("multiple", "meer klachten in één bericht", judgement.multiple, ""),
        ],
        choices,
        bodies: about.iter().map(|id| listed(id)).collect(),
        other_bodies,
        corrected: CORRECTABLE
            .iter()
            .filter_map(|id| {
                let value = row.labels.get(*id)?;
                Some(CorrectedView {
                    id: (*id).to_owned(),
                    name: words::label(id),
                    value: words::label_value(id, value, names),
                })
            })
            .collect(),
    }
}
