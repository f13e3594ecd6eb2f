//! `GET /answers`: what the office answers in each situation, and each as mail and as letter. Read only: the words
//! stand in templates, which change with the rules.

use super::case_page::letter;
use super::errors::Fault;
use super::guard::Visitor;
use super::pages::{self, Shell};
use super::state::ReviewState;
use axum::extract::{Extension, Path, Query, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Makes answers to look at; the daemon knows how.
pub trait Sampler: Send + Sync {
    /// Every situation: id, and name for staff.
    fn situations(&self) -> Vec<(String, String)>;

    /// The languages there are words in.
    fn languages(&self) -> Vec<String>;

    /// One answer; `None`: there is no such situation.
    ///
    /// # Errors
    /// Why it cannot be made, for the log.
    fn sample(&self, id: &str, language: &str, now: Timestamp) -> Result<Option<AnswerSample>, String>;
}

/// One answer in its forms.
#[derive(Clone, Debug)]
pub struct AnswerSample {
    pub title: String,
    pub subject: String,
    pub mail: String,
    pub letter: String,
    pub pdf: Vec<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct LanguageChoice {
    language: String,
}

impl Default for LanguageChoice {
    fn default() -> Self {
        Self { language: "nl".to_owned() }
    }
}

#[derive(Serialize)]
struct ListView {
    shell: Shell,
    situations: Vec<Link>,
}

#[derive(Serialize)]
struct Link {
    url: String,
    name: String,
    /// It is the one that is shown.
    here: bool,
}

#[derive(Serialize)]
struct View {
    shell: Shell,
    title: String,
    subject: String,
    mail: String,
    letter: String,
    pdf: String,
    languages: Vec<Link>,
}

fn sampler(state: &ReviewState) -> Result<Arc<dyn Sampler>, Fault> {
    state.sampler().ok_or_else(|| Fault::not_found("Deze werkplek kan geen antwoorden laten zien."))
}

/// `GET /answers`
pub async fn list(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Fault> {
    let situations = sampler(&state)?.situations();
    let link = |(id, name)| Link { url: format!("/answers/{id}"), name, here: false };
    let view = ListView {
        shell: Shell::new(&state, &visitor, "answers"),
        situations: situations.into_iter().map(link).collect(),
    };
    Ok(pages::draw("answers.html", &view)?.into_response())
}

/// `GET /answers/{situation}?language=en`
pub async fn one(
    State(state): State<ReviewState>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Query(choice): Query<LanguageChoice>,
) -> Result<Response, Fault> {
    let languages = sampler(&state)?.languages();
    let sample = made(&state, id.clone(), choice.language.clone()).await?;
    let address = |language: &str| pages::url(&format!("/answers/{id}"), &[("language", language)]);
    let view = View {
        shell: Shell::new(&state, &visitor, "answers"),
        title: sample.title,
        subject: sample.subject,
        mail: sample.mail,
        letter: sample.letter,
        pdf: pages::url(&format!("/answers/{id}/letter.pdf"), &[("language", &choice.language)]),
        languages: languages
            .into_iter()
            .map(|language| Link {
                url: address(&language),
                here: language == choice.language,
                name: if language == "nl" { language } else { format!("nl + {language}") },
            })
            .collect(),
    };
    Ok(pages::draw("answer.html", &view)?.into_response())
}

/// `GET /answers/{situation}/letter.pdf?language=en`
pub async fn pdf(
    State(state): State<ReviewState>,
    Path(id): Path<String>,
    Query(choice): Query<LanguageChoice>,
) -> Result<Response, Fault> {
    let sample = made(&state, id, choice.language).await?;
    Ok(letter("voorbeeld.pdf", sample.pdf))
}

async fn made(state: &ReviewState, id: String, language: String) -> Result<AnswerSample, Fault> {
    let sampler = sampler(state)?;
    let now = state.now();
    tokio::task::spawn_blocking(move || sampler.sample(&id, &language, now))
        .await
        .map_err(|error| Fault::internal(&error))?
        .map_err(|error| Fault::internal(&error))?
        .ok_or_else(|| Fault::not_found("Dit antwoord is er niet."))
}
