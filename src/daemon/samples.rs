//! The desk shows what the office answers, made by the rules in force.

use crate::intake::{Intake, Rulebook};
use crate::record::Channel;
use crate::review::{AnswerSample, Sampler};
use jiff::Timestamp;
use std::sync::Arc;

/// Answers by the rules of now, also after a reload.
pub(super) struct Samples(pub Arc<Intake>);

impl Sampler for Samples {
    fn situations(&self) -> Vec<(String, String)> {
        let samples = self.0.rulebook().samples();
        samples.into_iter().map(|sample| (sample.id().to_owned(), sample.title().to_owned())).collect()
    }

    fn languages(&self) -> Vec<String> {
        let mut languages = self.0.rulebook().templates.languages().to_vec();
        // Dutch is always there, and first.
        languages.sort_by_key(|language| (language != "nl", language.clone()));
        languages
    }

    fn sample(&self, id: &str, language: &str, now: Timestamp) -> Result<Option<AnswerSample>, String> {
        let rulebook: Arc<Rulebook> = self.0.rulebook();
        let Some(sample) = rulebook.samples().into_iter().find(|sample| sample.id() == id) else {
            return Ok(None);
        };
        let mail = rulebook.sample(sample, Channel::Email, language, now)?;
        let letter = rulebook.sample(sample, Channel::Letter, language, now)?;
        Ok(Some(AnswerSample {
            title: sample.title().to_owned(),
            subject: mail.subject.unwrap_or_default(),
            mail: mail.text,
            letter: letter.text,
            pdf: letter.bytes,
        }))
    }
}
