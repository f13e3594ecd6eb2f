//! `judging.toml`: how heavily things weigh. Every number is explained in the file.

use super::organisations::Strength;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// All weights.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    #[serde(default)]
    #[allow(dead_code, reason = "a word for the reader of the file")]
    about: Option<String>,
    pub places: PlaceWeights,
    pub strength: StrengthWeights,
    pub tone: ToneWeights,
    /// What an amount of evidence weighs, by its name.
    pub evidence: BTreeMap<String, f64>,
    /// What says that nobody can tell whom it is about.
    pub nobody: BTreeMap<String, f64>,
    /// What says that it is no complaint at all.
    pub none: BTreeMap<String, f64>,
    /// What says that there are two complaints, about two bodies.
    pub two: TwoWeights,
    pub target: TargetWeights,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceWeights {
    pub own: f64,
    pub subject: f64,
    pub attachment: f64,
    pub forwarded: f64,
    pub quote: f64,
    pub little_own_sentences: usize,
    pub little_own_factor: f64,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StrengthWeights {
    pub name: f64,
    pub hint: f64,
    pub weak: f64,
    pub place: f64,
}

impl StrengthWeights {
    /// The share of one strength.
    pub fn of(&self, strength: Strength) -> f64 {
        match strength {
            Strength::Name => self.name,
            Strength::Hint => self.hint,
            Strength::Weak => self.weak,
            Strength::Place => self.place,
            Strength::LookAlike => 0.0,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToneWeights {
    pub negative_most: f64,
    pub positive_most: f64,
    pub carried: f64,
    pub carried_decay: f64,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetWeights {
    /// Chance of two complaints from which there are two.
    pub two_least: f64,
    /// Chance of no complaint at all from which it is none.
    pub none_least: f64,
    /// Chance of a body of this office up to which it may be for another.
    pub out_inside_most: f64,
    pub tell_least: f64,
    pub tell_inside_most: f64,
    pub ocr_confidence_least: f64,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TwoWeights {
    pub always: f64,
    pub several: f64,
    pub parts: f64,
    pub part_chance: f64,
    /// Parts beyond two: who counts up facts does not complain of as many bodies.
    pub more_parts: f64,
    pub second_chance: f64,
}
