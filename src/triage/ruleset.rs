//! A whole rule set: every file of the rules directory, read, checked and digested.

use super::judging::Weights;
use super::matching::Matcher;
use super::mentions;
use super::organisations::{Organisations, Strength};
use super::pattern::WordLists;
use super::queues::Queues;
use super::reading::{Reading, with_sentences};
use super::referrals::Referrals;
use super::rules::{Rule, RuleFault, RuleFaults, fault_at, read_rules, read_toml};
use super::side_by_side::{Work, side_by_side};
use super::weigh::Scale;
use crate::limits::CONFIG_BYTES_MAX;
use crate::record::{Channel, Extract, Office};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::cmp::Reverse;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::thread;

/// Files that are not lists of `[[rule]]`.
const OTHER_FILES: &[&str] = &[
    "words.toml",
    "organisations.toml",
    "municipalities.toml",
    "referrals.toml",
    "queues.toml",
    "judging.toml",
    "holidays.toml",
];

/// Files whose rules look at the marked text, in which each body is one mark.
const ROLE_FILES: &[&str] = &["roles.toml", "tone.toml", "residence.toml"];

/// All rules, compiled.
#[derive(Clone, Debug)]
pub struct Ruleset {
    digest: [u8; 32],
    /// The files as they were read, by name, in order of name.
    files: Arc<[(String, String)]>,
    /// Rules that look at the text as it is.
    pub matcher: Matcher,
    /// Rules that look at the text with each body as one mark.
    pub roles: Matcher,
    pub bodies: Organisations,
    pub referrals: Referrals,
    pub queues: Queues,
    pub weights: Weights,
    /// What evidence on roles weighs: rules and `[evidence]` by name.
    pub scale: Scale,
}

/// Rules that say it is not about a body weigh against it.
pub(super) fn scale(roles: &Matcher, weights: &Weights) -> Scale {
    let mut scale = weights.evidence.clone();
    for rule in roles.rules.iter().filter(|rule| rule.label == "role") {
        let sign = if rule.value.starts_with("complained") { 1.0 } else { -1.0 };
        scale.insert(rule.id.clone(), sign * rule.weight);
    }
    scale
}

/// One labelled example kept with a rule.
#[derive(Clone, Debug)]
pub struct Example {
    pub rule: String,
    pub text: String,
    /// Must the rule fire on it?
    pub fires: bool,
}

/// What the file may hold, as JSON Schema.
pub(super) fn schema() -> serde_json::Value {
    crate::record::schema_of::<WordsFile>("words.toml")
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WordsFile {
    #[serde(default)]
    #[allow(dead_code, reason = "a word for the reader of the file")]
    about: Option<String>,
    #[serde(default)]
    words: WordLists,
}

impl Ruleset {
    /// Reads and checks every file of a rules directory.
    ///
    /// # Errors
    /// Every fault found, in Dutch, with file, line and column.
    pub fn load(dir: &Path) -> Result<Self, RuleFaults> {
        Self::from_files(read_files(dir)?)
    }

    /// The same, and this set again while each file is as it was: then nothing is made anew, what was compiled stays, and
    /// no second set leaves holes in the heaps.
    ///
    /// # Errors
    /// As [`Ruleset::load`].
    pub fn again(self: &Arc<Self>, dir: &Path) -> Result<Arc<Self>, RuleFaults> {
        let files = read_files(dir)?;
        if files == *self.files { Ok(Arc::clone(self)) } else { Self::from_files(files).map(Arc::new) }
    }

    /// The same of files that were read already: name and text of each.
    ///
    /// # Errors
    /// Every fault found, in Dutch, with file, line and column.
    pub fn from_files(files: Vec<(String, String)>) -> Result<Self, RuleFaults> {
        let mut faults = Vec::new();
        let mut digest = Sha256::new();
        for (name, text) in &files {
            digest.update(name.as_bytes());
            digest.update([0]);
            digest.update(text.as_bytes());
            digest.update([0]);
        }
        let lists = match files.iter().find(|(name, _)| name == "words.toml") {
            Some((name, text)) => match read_toml::<WordsFile>(name, text) {
                Ok(file) => file.words,
                Err(fault) => return Err(RuleFaults(vec![fault])),
            },
            None => WordLists::new(),
        };
        let mut others = Vec::new();
        let mut text_of = |name: &str| match files.iter().find(|(file, _)| file == name) {
            Some((_, text)) => text.as_str(),
            None => {
                others.push(fault_at(name, "", 0, "Dit bestand ontbreekt."));
                ""
            }
        };
        let [referral_text, town_text, body_text, queue_text, weight_text] =
            ["referrals.toml", "municipalities.toml", "organisations.toml", "queues.toml", "judging.toml"]
                .map(&mut text_of);
        let referrals = Referrals::read("referrals.toml", referral_text, &mut others);
        let known = referrals.ids();
        let bodies = |faults: &mut Vec<RuleFault>| {
            let (bodies, towns) = (("organisations.toml", body_text), ("municipalities.toml", town_text));
            Organisations::read(bodies, towns, &known, &lists, faults)
        };
        let (rules, roles, bodies) = with_patterns(&files, &lists, bodies, &mut faults);
        let (matcher, roles) = thread::scope(|scope| {
            let roles = scope.spawn(|| Matcher::new(roles));
            (Matcher::new(rules), roles.join().unwrap_or_else(|panic| resume_unwind(panic)))
        });
        let mut whole = |made: Result<Matcher, String>| {
            made.unwrap_or_else(|message| {
                faults.push(RuleFault { file: "rules".to_owned(), line: 1, column: 1, message });
                Matcher::default()
            })
        };
        let (matcher, roles) = (whole(matcher), whole(roles));
        faults.append(&mut others);
        let queues = Queues::read("queues.toml", queue_text, &mut faults);
        let weights = match read_toml::<Weights>("judging.toml", weight_text) {
            Ok(weights) => Some(weights),
            Err(fault) => {
                faults.push(fault);
                None
            }
        };
        let Some(weights) = weights.filter(|_| faults.is_empty()) else { return Err(RuleFaults(faults)) };
        let digest = digest.finalize().into();
        let scale = scale(&roles, &weights);
        Ok(Self { digest, files: files.into(), matcher, roles, bodies, referrals, queues, weights, scale })
    }

    /// Digest of all rule files, 12 hexadecimal digits.
    pub fn version(&self) -> String {
        short(&self.digest)
    }

    /// Digest of all that a judgement rests on beside the piece: the rule files and the office's own data.
    pub fn version_for(&self, office: &Office) -> String {
        let mut digest = Sha256::new();
        digest.update(self.digest);
        // Plain data always have a form in JSON; without one the version would still tell the rules.
        digest.update(serde_json::to_vec(office).unwrap_or_default());
        short(&digest.finalize())
    }

    /// The files as they were read: name and text, in order of name.
    pub fn files(&self) -> &[(String, String)] {
        &self.files
    }

    /// Every rule.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.matcher.rules.iter().chain(&self.roles.rules)
    }

    /// The labelled examples kept with the rules.
    pub fn examples(&self) -> Vec<Example> {
        let example =
            |rule: &Rule, text: &String, fires| Example { rule: rule.id.clone(), text: text.clone(), fires };
        self.rules()
            .flat_map(|rule| {
                let fires = rule.fires.iter().map(|text| example(rule, text, true));
                let not = rule.not.iter().map(|text| example(rule, text, false));
                fires.chain(not).collect::<Vec<_>>()
            })
            .collect()
    }
}

impl Ruleset {
    /// The whole set in Dutch, as a Markdown page for an office.
    pub fn describe(&self, office: &Office) -> String {
        super::describe::describe(self, office)
    }

    /// The work that a text makes: bytes that something is looked for in, counted over all patterns. For tests and
    /// bounds, on any machine the same.
    pub fn work(&self, extract: &Extract, channel: Channel, received: Date) -> usize {
        let reading = Reading::new(extract, channel, received);
        let texts = reading.sentences.iter().map(|sentence| sentence.text.as_str());
        texts.map(|text| self.matcher.work(text) + self.roles.work(text)).sum()
    }

    /// How many labelled sentences are kept with rules and bodies.
    pub fn example_count(&self) -> usize {
        let of_bodies = self.bodies.all.iter().map(|body| body.fires.len() + body.not.len()).sum::<usize>();
        self.rules().map(|rule| rule.fires.len() + rule.not.len()).sum::<usize>() + of_bodies
    }

    /// Examples of bodies that turn out otherwise.
    fn failed_names(&self) -> Vec<String> {
        let mut failed = Vec::new();
        for (index, body) in self.bodies.all.iter().enumerate() {
            let home = [index];
            let named = |example: &str| {
                with_sentences(example, |sentence| {
                    mentions::find(&self.bodies, &home, false, sentence, &[])
                        .iter()
                        .any(|mention| mention.org == index && mention.strength == Strength::Name)
                })
                .contains(&true)
            };
            let wrong = |text: &&String, want: bool| named(text) != want;
            for text in body.fires.iter().filter(|text| wrong(text, true)) {
                failed.push(format!("organisations/{}: wordt niet genoemd in “{text}”", body.id));
            }
            for text in body.not.iter().filter(|text| wrong(text, false)) {
                failed.push(format!("organisations/{}: wordt ten onrechte genoemd in “{text}”", body.id));
            }
        }
        failed
    }

    /// The sentences of an example with each body as one mark, as role rules see them.
    fn marked(&self, example: &str) -> Vec<String> {
        with_sentences(example, |sentence| {
            let mentions = mentions::find(&self.bodies, &[], false, sentence, &[]);
            mentions::mark(&sentence.text, &mentions).text
        })
    }

    /// The examples that turn out otherwise than they say, each as a Dutch line.
    pub fn failed_examples(&self) -> Vec<String> {
        let mut failed = self.failed_names();
        for example in self.examples() {
            let Some(rule) = self.rules().find(|rule| rule.id == example.rule) else { continue };
            let fired = if self.roles.rules.iter().any(|role| role.id == rule.id) {
                self.marked(&example.text).iter().any(|text| rule.find(text).is_some())
            } else {
                rule.fires_on(&example.text)
            };
            if fired != example.fires {
                let what = if example.fires { "werkt niet op" } else { "werkt ten onrechte op" };
                failed.push(format!("{}: {what} “{}”", example.rule, example.text));
            }
        }
        failed
    }
}

/// The first 12 hexadecimal digits of a digest.
fn short(digest: &[u8]) -> String {
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// What one file gave that has patterns.
enum Patterned {
    Rules { on_roles: bool, rules: Vec<Rule> },
    Bodies(Box<Organisations>),
}

/// The rules of all files that hold rules, apart from them those on roles, and the bodies; the files are read side by side, since
/// checking a pattern is most of the work of loading.
fn with_patterns(
    files: &[(String, String)],
    lists: &WordLists,
    bodies: impl Fn(&mut Vec<RuleFault>) -> Organisations + Sync,
    faults: &mut Vec<RuleFault>,
) -> (Vec<Rule>, Vec<Rule>, Organisations) {
    let read = |name: &str, text: &str| {
        let mut own_faults = Vec::new();
        let made = if name == "organisations.toml" {
            Patterned::Bodies(Box::new(bodies(&mut own_faults)))
        } else {
            let rules = read_rules(name, name.trim_end_matches(".toml"), text, lists, &mut own_faults);
            Patterned::Rules { on_roles: ROLE_FILES.contains(&name), rules }
        };
        (made, own_faults)
    };
    let read = &read;
    let mut with: Vec<_> = files
        .iter()
        .filter(|(name, _)| name == "organisations.toml" || !OTHER_FILES.contains(&name.as_str()))
        .collect();
    with.sort_by_key(|(_, text)| Reverse(text.len()));
    let work = with.iter().map(|(name, text)| Box::new(move || read(name, text)) as Work<'_, _>);
    let mut made: Vec<_> = with.iter().map(|(name, _)| name).zip(side_by_side(work.collect())).collect();
    // Rules stand in the order of their files.
    made.sort_by_key(|(name, _)| *name);
    let (mut rules, mut roles, mut bodies) = (Vec::new(), Vec::new(), Organisations::default());
    for (_, (made, own_faults)) in made {
        match made {
            Patterned::Rules { on_roles: true, rules: mut own } => roles.append(&mut own),
            Patterned::Rules { on_roles: false, rules: mut own } => rules.append(&mut own),
            Patterned::Bodies(read) => bodies = *read,
        }
        faults.extend(own_faults);
    }
    (rules, roles, bodies)
}

/// The rule files by name, in order of name.
fn read_files(dir: &Path) -> Result<Vec<(String, String)>, RuleFaults> {
    let one =
        |file: String, message: String| RuleFaults(vec![RuleFault { file, line: 1, column: 1, message }]);
    let entries = std::fs::read_dir(dir)
        .map_err(|error| one(dir.display().to_string(), format!("Deze map kan ik niet lezen: {error}.")))?;
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".toml") && !name.starts_with('.'))
        .collect();
    names.sort();
    let mut files = Vec::with_capacity(names.len());
    let mut faults = Vec::new();
    for name in names {
        let path = dir.join(&name);
        match std::fs::metadata(&path).map(|meta| meta.len()) {
            Ok(size) if size > CONFIG_BYTES_MAX => {
                faults.push(fault_at(
                    &name,
                    "",
                    0,
                    format!("Dit bestand is groter dan {CONFIG_BYTES_MAX} bytes."),
                ));
                continue;
            }
            _ => {}
        }
        match std::fs::read_to_string(&path) {
            Ok(text) => files.push((name, text)),
            Err(error) => {
                faults.push(fault_at(&name, "", 0, format!("Dit bestand kan ik niet lezen: {error}.")))
            }
        }
    }
    if faults.is_empty() { Ok(files) } else { Err(RuleFaults(faults)) }
}
