//! `judging.toml`: how heavily things weigh. Every number is explained in the file.

use serde::Deserialize;

/// All weights.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    #[serde(default)]
    #[allow(dead_code, reason = "a word for the reader of the file")]
    about: Option<String>,
    pub places: PlaceWeights,
    pub naming: NamingWeights,
    pub strength: StrengthWeights,
    pub tone: ToneWeights,
    pub target: TargetWeights,
}

#[derive(Clone, Copy, Debug, Deserialize)]
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

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamingWeights {
    pub name: f64,
    pub hint: f64,
    pub weak: f64,
    pub place: f64,
    pub most: f64,
    pub subject_bonus: f64,
    pub opening_bonus: f64,
    pub addressed: f64,
    pub addressing: f64,
    pub background: f64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrengthWeights {
    pub name: f64,
    pub hint: f64,
    pub weak: f64,
    pub place: f64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToneWeights {
    pub negative_most: f64,
    pub positive_most: f64,
    pub positive_factor: f64,
    pub carried: f64,
    pub carried_decay: f64,
    pub carried_positive: f64,
    pub leader: f64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetWeights {
    pub least: f64,
    pub second_least: f64,
    pub second_ratio: f64,
    pub several_sure: f64,
    pub sure_least: f64,
    pub sure_ratio: f64,
    pub unnamed: f64,
    pub unnamed_once: f64,
    pub alone_least: f64,
    pub alone_ratio: f64,
    pub doubt: f64,
    pub complaint_least: f64,
    pub background_least: f64,
    pub rival_named: f64,
    pub out_extra: f64,
    pub tell_least: f64,
    pub tell_named_most: f64,
    pub ocr_confidence_least: f64,
}
