//! The words: `templates/<office>/<name>.<language>.txt`, or `templates/shared/…` where the office has none
//! of its own. Plain text with minijinja's `{{ }}` and `{% %}`; see `templates/README.md`.
//!
//! Invariant: every template was rendered for every situation, with and without the optional values, before
//! the first answer is written: a fault is found at start, with file, line and column.

use super::blocks::{self, Section};
use super::own_words::OwnWords;
use super::situation::{Added, Main, Situation};
use super::template_faults::{Files, TemplateFaults, describe, in_its_file};
use crate::calendar;
use crate::limits::{CONFIG_BYTES_MAX, OWN_WORDS_DOCUMENTS_MAX};
use crate::record::{CaseNumber, Channel, Deadline, Extract, Line, Office, Referral};
use jiff::civil::{Date, date};
use minijinja::{Environment, UndefinedBehavior, Value, context};
use std::fmt;
use std::path::Path;

/// The template that puts the others together.
const WHOLE: &str = "answer";
/// How a further language writes a date.
const DATE: &str = "date";
const DUTCH: &str = "nl";
/// Drafts of what a person sends with a decision, by name.
const DRAFTS: [&str; 4] = ["forward", "refer", "ask", "transfer"];
/// The second language where the writer's own has no templates.
const FALLBACK: &str = "en";

/// The templates of one office, checked.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    office: Office,
    languages: Vec<String>,
    own_words: OwnWords,
}

/// A template that failed although it was checked; should not happen.
#[derive(Debug, thiserror::Error)]
#[error("the words for case {case} could not be made from the templates: {source}")]
pub struct RenderError {
    pub case: CaseNumber,
    pub source: minijinja::Error,
}

/// What the words tell beside the situation.
#[derive(Clone, Copy, Debug)]
pub struct Particulars<'a> {
    pub channel: Channel,
    pub case: CaseNumber,
    pub received: Date,
    pub deadlines: &'a [Deadline],
    /// It goes out by itself. False: a person lets it go out, and nothing in it may say that a machine did.
    pub automatic: bool,
}

impl Templates {
    /// Reads and tries all templates of an office.
    ///
    /// # Errors
    /// Every fault found, with file, line and column.
    pub fn load(dir: &Path, office: &Office) -> Result<Self, TemplateFaults> {
        let mut faults = Vec::new();
        let mut files = Files::new();
        for folder in ["shared", office.id.as_str()] {
            if let Err(fault) = collect(&dir.join(folder), &mut files) {
                faults.push(fault);
            }
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        // A tag on a line of its own leaves no line; an included file ends its line.
        let mut syntax = environment.syntax().to_builder();
        match syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build() {
            Ok(syntax) => environment.set_syntax(syntax),
            Err(error) => faults.push(error.to_string()),
        }
        let mut languages = Vec::new();
        for (name, (path, source)) in &files {
            if let Err(error) = environment.add_template_owned(name.clone(), source.clone()) {
                faults.push(describe(path, source, &error, &files));
            } else if let Some(language) =
                name.strip_prefix(WHOLE).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".txt"))
            {
                languages.push(language.to_owned());
            }
        }
        let own_words = OwnWords::of(files.values().map(|(_, source)| source.as_str()));
        let templates = Self { environment, office: office.clone(), languages, own_words };
        for language in [DUTCH, FALLBACK] {
            if faults.is_empty() && !templates.has(language) {
                faults.push(format!("{}: ontbreekt", dir.join("shared").join(whole(language)).display()));
            }
        }
        for language in
            templates.languages.iter().filter(|language| ![DUTCH, FALLBACK].contains(&language.as_str()))
        {
            let name = dated(language);
            if !files.contains_key(&name) {
                let file = dir.join("shared").join(name);
                faults.push(format!("{}: ontbreekt: zo schrijft deze taal een datum", file.display()));
            }
        }
        if faults.is_empty() {
            faults = templates.try_all(&files);
        }
        if faults.is_empty() { Ok(templates) } else { Err(TemplateFaults { faults }) }
    }

    /// Id of the office whose words these are.
    pub fn office_id(&self) -> &str {
        &self.office.id
    }

    /// How many different sentences of these templates stand in the documents of a piece: the most in one of them.
    pub fn own_sentences(&self, extract: &Extract) -> usize {
        let counts = extract
            .documents
            .iter()
            .take(OWN_WORDS_DOCUMENTS_MAX)
            .map(|document| self.own_words.count(&document.text));
        counts.max().unwrap_or_default()
    }

    /// The languages there are words in: ISO 639-1.
    pub fn languages(&self) -> &[String] {
        &self.languages
    }

    fn has(&self, language: &str) -> bool {
        self.languages.iter().any(|known| known == language)
    }

    /// The words of one answer: Dutch, and a second language where the situation asks for one.
    ///
    /// # Errors
    /// When a template fails on these values after all.
    pub fn render(&self, situation: &Situation, about: &Particulars) -> Result<Vec<Section>, RenderError> {
        let second = situation
            .second_language()
            .map(|language| if self.has(language) { language } else { FALLBACK })
            .filter(|language| *language != DUTCH);
        [Some((DUTCH, second)), second.map(|language| (language, None))]
            .into_iter()
            .flatten()
            .map(|(language, second)| {
                let text = self
                    .render_one(language, second, situation, about)
                    .map_err(|source| RenderError { case: about.case, source })?;
                Ok(Section { language: language.to_owned(), blocks: blocks::parse(&text) })
            })
            .collect()
    }

    /// The same as text/plain: what a letter says, too.
    ///
    /// # Errors
    /// As [`render`](Self::render).
    pub fn words(&self, situation: &Situation, about: &Particulars) -> Result<String, RenderError> {
        Ok(blocks::text(&self.render(situation, about)?))
    }

    /// The languages in which there is a draft of this name.
    pub fn draft_languages(&self, name: &str) -> Vec<String> {
        let known = |language: &&String| self.environment.get_template(&drafted(name, language)).is_ok();
        self.languages.iter().filter(known).cloned().collect()
    }

    /// The draft of what a person sends with a decision (`decision-<name>.<language>.txt`), as it is typed. The heading that it begins
    /// with is the subject.
    ///
    /// # Errors
    /// As [`render`](Self::render).
    pub fn draft(
        &self,
        name: &str,
        situation: &Situation,
        about: &Particulars,
        language: &str,
    ) -> Result<(Option<String>, String), RenderError> {
        let text = self.render_draft(name, language, situation, about);
        let text = text.map_err(|source| RenderError { case: about.case, source })?;
        let mut blocks = blocks::parse(&text);
        let subject = match blocks.first() {
            Some(blocks::Block::Heading(subject)) => Some(subject.clone()),
            _ => None,
        };
        if subject.is_some() {
            blocks.remove(0);
        }
        Ok((subject, blocks::typed(&[Section { language: language.to_owned(), blocks }])))
    }

    fn render_draft(
        &self,
        name: &str,
        language: &str,
        situation: &Situation,
        about: &Particulars,
    ) -> Result<String, minijinja::Error> {
        let template = self.environment.get_template(&drafted(name, language))?;
        template.render(self.values(language, None, situation, about)?)
    }

    fn render_one(
        &self,
        language: &str,
        second: Option<&str>,
        situation: &Situation,
        about: &Particulars,
    ) -> Result<String, minijinja::Error> {
        let name = match situation.main {
            Main::FollowUp => format!("{}.{language}.txt", Main::FollowUp.id()),
            _ => whole(language),
        };
        self.environment.get_template(&name)?.render(self.values(language, second, situation, about)?)
    }

    /// Everything a template may name. Each name is always there; what is not known is `none`.
    fn values(
        &self,
        language: &str,
        second: Option<&str>,
        situation: &Situation,
        about: &Particulars,
    ) -> Result<Value, minijinja::Error> {
        let due = |name: &str| {
            let due = about.deadlines.iter().find(|deadline| deadline.name == name);
            due.map(|deadline| self.date(language, deadline.due)).transpose()
        };
        let office = &self.office;
        let contact = &office.contact;
        let municipal = office.competence.within.iter().all(|id| id.starts_with("gemeente-"));
        let added: Vec<&str> = situation.added.iter().map(|added| added.id()).collect();
        let organisations: Vec<String> =
            situation.organisations.iter().map(|name| named(language, &one_line(name))).collect();
        let unreadable: Vec<String> = situation.unreadable.iter().map(|name| one_line(name)).collect();
        Ok(context! {
            office => context! {
                id => &office.id,
                name => &office.name,
                short_name => &office.short_name,
                first_line => office.line == Line::First,
                name_needed => office.procedure.name_needed,
                body_weeks => office.procedure.body_weeks,
                texts => &office.texts,
            },
            contact => context! {
                phone => &contact.phone,
                phone_hours => &contact.phone_hours,
                email => &contact.email,
                post => &contact.post,
                web => &contact.web,
            },
            // Whom a complaint here is about: "de gemeente" or "de organisatie".
            body => match (language, municipal) {
                (DUTCH, true) => "gemeente",
                (DUTCH, false) => "organisatie",
                (_, true) => "municipality",
                (_, false) => "organisation",
            },
            municipal => municipal,
            letter => about.channel == Channel::Letter,
            automatic => about.automatic,
            // The language of the same words below these.
            second => second,
            case => about.case.to_string(),
            received => self.date(language, about.received)?,
            due => context! {
                contact => due("contact")?,
                decision => due("decision")?,
                decision_extended => due("decision-extended")?,
            },
            situation => situation.main.id(),
            added => added,
            organisations => enumerate(language, &organisations),
            organisation_names => organisations,
            referral => situation.referral.as_ref().map(|referral| context! {
                id => &referral.id,
                name => named(language, &one_line(&referral.name)),
                contact => referral.contact.iter().map(|line| one_line(line)).collect::<Vec<_>>(),
            }),
            waiting_until => situation.waiting_until.map(|day| self.date(language, day)).transpose()?,
            unreadable => unreadable,
        })
    }

    /// A date in words: by the template of the language, or as Dutch and English have it.
    fn date(&self, language: &str, day: Date) -> Result<String, minijinja::Error> {
        match self.environment.get_template(&dated(language)) {
            Ok(template) => {
                let words = template.render(context! {
                    weekday => day.weekday().to_monday_one_offset(),
                    day => day.day(),
                    month => day.month(),
                    year => day.year(),
                })?;
                Ok(one_line(&words))
            }
            Err(_) if language == DUTCH => Ok(calendar::in_words(day)),
            Err(_) => Ok(calendar::in_english(day)),
        }
    }

    /// Each language alone, and Dutch above each other.
    fn pairs(&self) -> Vec<(&str, Option<&str>)> {
        let languages = self.languages.iter().map(String::as_str);
        let others = languages.clone().filter(|language| *language != DUTCH);
        languages.map(|language| (language, None)).chain(others.map(|other| (DUTCH, Some(other)))).collect()
    }

    /// Renders everything there is with made-up values, full and bare.
    fn try_all(&self, files: &Files) -> Vec<String> {
        let mut faults = Vec::new();
        for (language, second) in self.pairs() {
            for main in Main::ALL.into_iter().chain([Main::FollowUp]) {
                for (full, automatic) in [(true, true), (true, false), (false, true), (false, false)] {
                    for channel in [Channel::Email, Channel::Letter] {
                        let (situation, deadlines) = sample(main, full);
                        let about = Particulars {
                            channel,
                            case: CaseNumber::new(2026, 42),
                            received: date(2026, 4, 7),
                            deadlines: &deadlines,
                            automatic,
                        };
                        let wanted =
                            |name: &&&str| language == DUTCH || files.contains_key(&drafted(name, language));
                        let drafts = DRAFTS.iter().filter(wanted);
                        let drafts = drafts.map(|name| self.render_draft(name, language, &situation, &about));
                        let answer = self.render_one(language, second, &situation, &about);
                        for error in drafts.chain([answer]).filter_map(Result::err) {
                            let fault = in_its_file(&error, files);
                            if !faults.contains(&fault) {
                                faults.push(fault);
                            }
                        }
                    }
                }
            }
        }
        faults
    }
}

fn whole(language: &str) -> String {
    format!("{WHOLE}.{language}.txt")
}

fn drafted(name: &str, language: &str) -> String {
    format!("decision-{name}.{language}.txt")
}

fn dated(language: &str) -> String {
    format!("{DATE}.{language}.txt")
}

/// Reads the `.txt` files of one folder; a later folder replaces what an earlier one gave.
fn collect(folder: &Path, files: &mut Files) -> Result<(), String> {
    let told =
        |path: &Path, what: &dyn fmt::Display| format!("{}: kan niet worden gelezen: {what}", path.display());
    let entries = std::fs::read_dir(folder).map_err(|error| told(folder, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| told(folder, &error))?.path();
        let Some(name) =
            path.file_name().and_then(|name| name.to_str()).filter(|name| name.ends_with(".txt"))
        else {
            continue;
        };
        let size = std::fs::metadata(&path).map_err(|error| told(&path, &error))?.len();
        if size > CONFIG_BYTES_MAX {
            return Err(format!("{}: groter dan {CONFIG_BYTES_MAX} bytes", path.display()));
        }
        let source = std::fs::read_to_string(&path).map_err(|error| told(&path, &error))?;
        files.insert(name.to_owned(), (path, source));
    }
    Ok(())
}

/// Values from outside are one line of visible characters, so that they cannot become a heading or a list.
pub fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The name of a body in a sentence: with its Dutch article, an English one, or none.
fn named(language: &str, name: &str) -> String {
    match name.strip_prefix("de ").or_else(|| name.strip_prefix("het ")) {
        Some(_) if language == DUTCH => name.to_owned(),
        Some(bare) if language == FALLBACK => format!("the {bare}"),
        Some(bare) => bare.to_owned(),
        None => name.to_owned(),
    }
}

/// "a, b en c"; `None` for an empty list. A further language gets commas; its templates may join the names themselves.
fn enumerate(language: &str, names: &[String]) -> Option<String> {
    let and = match language {
        DUTCH => " en ",
        FALLBACK => " and ",
        _ => ", ",
    };
    match names {
        [] => None,
        [one] => Some(one.clone()),
        [most @ .., last] => Some(format!("{}{and}{last}", most.join(", "))),
    }
}

/// A made-up situation for the trial at start: with all optional values, or with none.
fn sample(main: Main, full: bool) -> (Situation, Vec<Deadline>) {
    let situation = Situation {
        main,
        added: if full { Added::ALL.to_vec() } else { Vec::new() },
        language: DUTCH.to_owned(),
        organisations: if full { vec!["UWV".to_owned(), "DUO".to_owned()] } else { Vec::new() },
        referral: full.then(|| Referral {
            id: "nationale-ombudsman".to_owned(),
            name: "de Nationale ombudsman".to_owned(),
            contact: vec!["telefoon 0800 33 55 555".to_owned()],
        }),
        waiting_until: full.then(|| date(2026, 5, 19)),
        unreadable: if full { vec!["brief.pdf".to_owned()] } else { Vec::new() },
    };
    let deadlines = ["contact", "decision", "decision-extended"]
        .iter()
        .filter(|_| full)
        .map(|name| Deadline {
            name: (*name).to_owned(),
            due: date(2026, 4, 14),
            basis: String::new(),
            term: None,
        })
        .collect();
    (situation, deadlines)
}
