//! The words: `templates/<office>/<name>.<language>.txt`, or `templates/shared/…` where the office has none
//! of its own. Plain text with minijinja's `{{ }}` and `{% %}`; see `templates/README.md`.
//!
//! Invariant: every template was rendered for every situation, with and without the optional values, before
//! the first answer is written: a fault is found at start, with file, line and column.

use super::blocks::{self, Section};
use super::own_words::OwnWords;
use super::situation::{Added, Main, Situation};
use crate::calendar;
use crate::config::position;
use crate::limits::{CONFIG_BYTES_MAX, OWN_WORDS_DOCUMENTS_MAX};
use crate::record::{CaseNumber, Channel, Deadline, Extract, Line, Office, Referral};
use jiff::civil::{Date, date};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The template that puts the others together.
const WHOLE: &str = "answer";
const DUTCH: &str = "nl";
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

/// Every fault of the templates, one a line: `file:line:column: what`, in Dutch: staff edit them.
#[derive(Debug, thiserror::Error)]
pub struct TemplateFaults {
    pub faults: Vec<String>,
}

impl fmt::Display for TemplateFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join("\n"))
    }
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
        let mut files = BTreeMap::new();
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
                faults.push(describe(path, source, &error));
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
        [Some(DUTCH), second]
            .into_iter()
            .flatten()
            .map(|language| {
                let text = self
                    .render_one(language, situation, about)
                    .map_err(|source| RenderError { case: about.case, source })?;
                Ok(Section { language: language.to_owned(), blocks: blocks::parse(&text) })
            })
            .collect()
    }

    fn render_one(
        &self,
        language: &str,
        situation: &Situation,
        about: &Particulars,
    ) -> Result<String, minijinja::Error> {
        let name = match situation.main {
            Main::FollowUp => format!("{}.{language}.txt", Main::FollowUp.id()),
            _ => whole(language),
        };
        self.environment.get_template(&name)?.render(self.values(language, situation, about))
    }

    /// Everything a template may name. Each name is always there; what is not known is `none`.
    fn values(&self, language: &str, situation: &Situation, about: &Particulars) -> Value {
        let words = if language == DUTCH { calendar::in_words } else { calendar::in_english };
        let due = |name: &str| {
            about.deadlines.iter().find(|deadline| deadline.name == name).map(|deadline| words(deadline.due))
        };
        let office = &self.office;
        let contact = &office.contact;
        let municipal = office.competence.within.iter().all(|id| id.starts_with("gemeente-"));
        let added: Vec<&str> = situation.added.iter().map(|added| added.id()).collect();
        let organisations: Vec<String> = situation.organisations.iter().map(|name| one_line(name)).collect();
        let unreadable: Vec<String> = situation.unreadable.iter().map(|name| one_line(name)).collect();
        context! {
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
            letter => about.channel == Channel::Letter,
            automatic => about.automatic,
            case => about.case.to_string(),
            received => words(about.received),
            due => context! {
                contact => due("contact"),
                decision => due("decision"),
                decision_extended => due("decision-extended"),
            },
            situation => situation.main.id(),
            added => added,
            organisations => enumerate(language, &organisations),
            referral => situation.referral.as_ref().map(|referral| context! {
                id => &referral.id,
                name => one_line(&referral.name),
                contact => referral.contact.iter().map(|line| one_line(line)).collect::<Vec<_>>(),
            }),
            waiting_until => situation.waiting_until.map(words),
            unreadable => unreadable,
        }
    }

    /// Renders everything there is with made-up values, full and bare.
    fn try_all(&self, files: &BTreeMap<String, (PathBuf, String)>) -> Vec<String> {
        let mut faults = Vec::new();
        for language in &self.languages {
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
                        if let Err(error) = self.render_one(language, &situation, &about) {
                            let (inner, path, source) = innermost(&error, files);
                            let fault = describe(path, source, inner);
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

/// Reads the `.txt` files of one folder; a later folder replaces what an earlier one gave.
fn collect(folder: &Path, files: &mut BTreeMap<String, (PathBuf, String)>) -> Result<(), String> {
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

/// The error in the template that was included, where that is where it is.
fn innermost<'a>(
    error: &'a minijinja::Error,
    files: &'a BTreeMap<String, (PathBuf, String)>,
) -> (&'a minijinja::Error, &'a Path, &'a str) {
    let mut inner = error;
    while let Some(source) =
        std::error::Error::source(inner).and_then(|e| e.downcast_ref::<minijinja::Error>())
    {
        inner = source;
    }
    let name = inner.name().or(error.name()).unwrap_or(WHOLE);
    match files.get(name) {
        Some((path, source)) => (inner, path, source),
        None => (inner, Path::new(name), ""),
    }
}

/// `file:line:column: what`, in Dutch, with the place in the template where it is known.
fn describe(path: &Path, source: &str, error: &minijinja::Error) -> String {
    let (line, column) = match error.range() {
        Some(range) => position(source, range.start),
        None => (error.line().unwrap_or(1), 1),
    };
    let place = error.range().and_then(|range| source.get(range)).map(one_line).unwrap_or_default();
    let place = if place.is_empty() { String::new() } else { format!(" bij “{place}”") };
    let what = match error.kind() {
        ErrorKind::SyntaxError => "De schrijfwijze klopt niet",
        ErrorKind::UndefinedError => {
            "Deze waarde is er niet, of niet in elke situatie (gebruik dan {% if … %})"
        }
        ErrorKind::TemplateNotFound | ErrorKind::BadInclude => {
            "Het sjabloon dat hier wordt ingevoegd is er niet"
        }
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction => {
            "Deze bewerking bestaat niet"
        }
        _ => "Dit kan niet worden ingevuld",
    };
    let detail = error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
    format!("{}:{line}:{column}: {what}{place}{detail}.", path.display())
}

/// Values from outside are one line of visible characters, so that they cannot become a heading or a list.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// "a, b en c"; `None` for an empty list.
fn enumerate(language: &str, names: &[String]) -> Option<String> {
    let and = if language == DUTCH { "en" } else { "and" };
    match names {
        [] => None,
        [one] => Some(one.clone()),
        [most @ .., last] => Some(format!("{} {and} {last}", most.join(", "))),
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
