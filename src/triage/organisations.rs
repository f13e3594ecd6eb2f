//! Who can be named: `organisations.toml` and `municipalities.toml`, read into one table with one index of
//! all their words.
//!
//! Invariant: nothing about a body stands in this code; an id that another file uses is known here.

use super::fold::fold_text;
use super::needs;
use super::pattern::{Pattern, WordLists};
use super::rules::{Lines, RuleFault, fault_at, read_toml};
use super::towns::Towns;
use super::words::WordIndex;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// What sort of body it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OrgKind {
    National,
    Municipality,
    Municipal,
    Law,
    Private,
}

/// One body or kind of body.
#[derive(Clone, Debug)]
pub struct Organisation {
    pub id: String,
    /// The id of the contract that it is printed as.
    pub label: String,
    /// As within a sentence: "het UWV".
    pub name: String,
    pub kind: OrgKind,
    /// Somebody of daily life (neighbours, school, employer): mostly only part of the story.
    pub background: bool,
    /// Acts for another (bailiff, joint tax office): the one it acts for is meant where the text names it.
    pub agent: bool,
    /// Stands for any body whose id begins with this id ("the water board").
    pub generic: bool,
    /// Where a complaint about it goes that does not belong here.
    pub refer: String,
    pub reason: String,
    pub fires: Vec<String>,
    pub not: Vec<String>,
    pub line: usize,
}

/// How surely words name a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// Not a name at all, though it looks like one.
    LookAlike,
    Weak,
    Hint,
    /// The municipality as a place, not yet as a body.
    Place,
    Name,
}

/// One phrase of the index.
#[derive(Clone, Debug)]
pub struct Phrase {
    pub text: String,
    pub org: usize,
    pub strength: Strength,
    /// May be followed by more letters.
    pub open: bool,
    /// Counts only as written with exactly these capitals.
    pub capitals: Option<String>,
    /// Counts only when written with a capital (a place that is short or also a word).
    pub capitalised: bool,
    /// Counts only where the body is at home.
    pub home: bool,
    /// Counts only at the body's own complaints desk: "jullie", "uw brief".
    pub addressed: bool,
    /// Begins where a word begins.
    pub starts: bool,
    /// The phrase only tells that this pattern is worth trying.
    pub pattern: Option<usize>,
}

/// A pattern of names, such as company names.
#[derive(Clone, Debug)]
pub struct NamePattern {
    pub org: usize,
    pub pattern: Pattern,
    /// Every word must be written with a capital.
    pub capitalised: bool,
}

/// All bodies and the index of their words.
#[derive(Clone, Debug, Default)]
pub struct Organisations {
    pub all: Vec<Organisation>,
    pub phrases: Vec<Phrase>,
    pub patterns: Vec<NamePattern>,
    pub index: WordIndex,
    /// The body that stands for "the municipality", whichever that is.
    pub municipality: Option<usize>,
    /// The names of all municipalities and their places.
    pub towns: Towns,
    by_id: BTreeMap<String, usize>,
}

/// What the two files may hold, as JSON Schema.
pub(super) fn schemas() -> [serde_json::Value; 2] {
    let (bodies, towns) = ("organisations.toml", "municipalities.toml");
    [
        crate::record::schema_of::<OrganisationsFile>(bodies),
        crate::record::schema_of::<MunicipalitiesFile>(towns),
    ]
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OrganisationsFile {
    #[serde(default)]
    #[allow(dead_code, reason = "a word for the reader of the file")]
    about: Option<String>,
    #[serde(default)]
    organisation: Vec<RawOrganisation>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawOrganisation {
    #[schemars(with = "String")]
    id: Spanned<String>,
    label: Option<String>,
    name: String,
    kind: OrgKind,
    #[schemars(with = "String")]
    refer: Spanned<String>,
    reason: String,
    #[serde(default)]
    background: bool,
    #[serde(default)]
    agent: bool,
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    names: Vec<Spanned<String>>,
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    capitals: Vec<Spanned<String>>,
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    home: Vec<Spanned<String>>,
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    addressed: Vec<Spanned<String>>,
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    hints: Vec<Spanned<String>>,
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    weak: Vec<Spanned<String>>,
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    look_alikes: Vec<Spanned<String>>,
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    patterns: Vec<Spanned<String>>,
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    companies: Vec<Spanned<String>>,
    #[serde(default)]
    fires: Vec<String>,
    #[serde(default)]
    not: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MunicipalitiesFile {
    #[serde(default)]
    #[allow(dead_code, reason = "a word for the reader of the file")]
    about: Option<String>,
    #[serde(default)]
    municipality: Vec<RawMunicipality>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawMunicipality {
    #[schemars(with = "String")]
    id: Spanned<String>,
    name: String,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    ombudsman: Option<Spanned<String>>,
    #[serde(default)]
    ambiguous: bool,
    #[serde(default)]
    places: Vec<String>,
}

/// The national ombudsman's id: the second line of every municipality that has no other.
pub const SECOND_LINE_DEFAULT: &str = "nationale-ombudsman";
/// The id of the body that stands for "the municipality", whichever that is.
pub const MUNICIPALITY: &str = "gemeente";
/// Places with fewer letters are also other words, unless written with a capital.
const PLACE_LETTERS_MIN: usize = 7;

impl Organisations {
    /// Reads both files. `referrals` are the known places to refer to.
    pub fn read(
        (org_file, org_text): (&str, &str),
        (town_file, town_text): (&str, &str),
        referrals: &[String],
        lists: &WordLists,
        faults: &mut Vec<RuleFault>,
    ) -> Self {
        let mut table = Self::default();
        let bodies: OrganisationsFile = match read_toml(org_file, org_text) {
            Ok(file) => file,
            Err(fault) => {
                faults.push(fault);
                return table;
            }
        };
        let towns: MunicipalitiesFile = match read_toml(town_file, town_text) {
            Ok(file) => file,
            Err(fault) => {
                faults.push(fault);
                return table;
            }
        };
        for town in towns.municipality {
            let refer = town.ombudsman.as_ref().map_or(SECOND_LINE_DEFAULT, |id| id.get_ref().as_str());
            if let Some(id) = town.ombudsman.as_ref().filter(|id| !referrals.contains(id.get_ref())) {
                faults.push(fault_at(
                    town_file,
                    town_text,
                    id.span().start,
                    unknown_referral(id.get_ref(), referrals),
                ));
            }
            table.add_town(&town, refer, town_file, town_text, faults);
        }
        let mut lines = Lines::of(org_text);
        for body in bodies.organisation {
            let at = |offset: usize| (org_file, org_text, offset);
            if !referrals.contains(body.refer.get_ref()) {
                let (file, text, offset) = at(body.refer.span().start);
                faults.push(fault_at(file, text, offset, unknown_referral(body.refer.get_ref(), referrals)));
            }
            table.add_body(body, (org_file, org_text, &mut lines), lists, faults);
        }
        for index in 0..table.all.len() {
            let Some(stem) = table.all.get(index).map(|body| format!("{}-", body.id)) else { continue };
            let generic =
                table.by_id.range(stem.clone()..).next().is_some_and(|(id, _)| id.starts_with(&stem));
            if let Some(body) = table.all.get_mut(index) {
                body.generic = generic;
            }
        }
        table.municipality = table.find(MUNICIPALITY);
        if table.municipality.is_none() {
            faults.push(fault_at(
                org_file,
                org_text,
                0,
                format!("Er is geen blok met id = \"{MUNICIPALITY}\"; dat is nodig voor \"de gemeente\"."),
            ));
        }
        let numbered = table.phrases.iter().enumerate();
        table.index = WordIndex::new(numbered.map(|(at, phrase)| {
            (phrase.text.as_str(), u32::try_from(at).unwrap_or(u32::MAX), phrase.starts)
        }));
        table
    }

    /// The place in the table of an id.
    pub fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    fn entry(&mut self, organisation: Organisation) -> Result<usize, String> {
        // A municipality of the list may be described further among the bodies.
        if let Some(&known) = self.by_id.get(&organisation.id) {
            let before = self.all.get(known).map(|known| known.kind);
            if before != Some(OrgKind::Municipality) || organisation.kind != OrgKind::Municipality {
                return Err(format!("De id {} staat er twee keer in.", organisation.id));
            }
            if let Some(slot) = self.all.get_mut(known) {
                *slot = organisation;
            }
            return Ok(known);
        }
        self.by_id.insert(organisation.id.clone(), self.all.len());
        self.all.push(organisation);
        Ok(self.all.len() - 1)
    }

    fn add_town(
        &mut self,
        town: &RawMunicipality,
        refer: &str,
        file: &str,
        text: &str,
        faults: &mut Vec<RuleFault>,
    ) {
        let organisation = Organisation {
            id: town.id.get_ref().clone(),
            label: town.id.get_ref().clone(),
            name: format!("de gemeente {}", town.name),
            kind: OrgKind::Municipality,
            background: false,
            agent: false,
            generic: false,
            refer: refer.to_owned(),
            reason: format!("De tekst noemt de gemeente {}.", town.name),
            fires: Vec::new(),
            not: Vec::new(),
            line: 0,
        };
        let org = match self.entry(organisation) {
            Ok(org) => org,
            Err(message) => {
                faults.push(fault_at(file, text, town.id.span().start, message));
                return;
            }
        };
        for (index, place) in std::iter::once(&town.name).chain(&town.places).enumerate() {
            let folded = fold_text(place);
            self.towns.add(&folded);
            self.add(&format!("gemeente {folded}"), org, Strength::Name);
            if index == 0 && town.ambiguous {
                continue;
            }
            let capitalised = folded.len() < PLACE_LETTERS_MIN;
            if index == 0 && !folded.contains(' ') {
                // "De Rotterdamse ambtenaren".
                self.add(&format!("{folded}se"), org, Strength::Place);
                if let Some(phrase) = self.phrases.last_mut() {
                    phrase.capitalised = true;
                }
            }
            self.add(&folded, org, Strength::Place);
            if let Some(phrase) = self.phrases.last_mut() {
                phrase.capitalised = capitalised;
            }
        }
    }

    fn add_body(
        &mut self,
        body: RawOrganisation,
        (file, text, lines): (&str, &str, &mut Lines<'_>),
        lists: &WordLists,
        faults: &mut Vec<RuleFault>,
    ) {
        let start = body.id.span().start;
        if body.reason.trim().is_empty() {
            faults.push(fault_at(
                file,
                text,
                start,
                format!("{} heeft geen reden (reason).", body.id.get_ref()),
            ));
        }
        if body.fires.is_empty() || body.not.is_empty() {
            faults.push(fault_at(
                file,
                text,
                start,
                format!(
                    "{} heeft een voorbeeld nodig dat de naam bevat (fires) en een dat er op lijkt (not).",
                    body.id.get_ref()
                ),
            ));
        }
        let organisation = Organisation {
            label: body.label.unwrap_or_else(|| body.id.get_ref().clone()),
            id: body.id.into_inner(),
            name: body.name,
            kind: body.kind,
            background: body.background,
            agent: body.agent,
            generic: false,
            refer: body.refer.into_inner(),
            reason: body.reason,
            fires: body.fires,
            not: body.not,
            line: lines.at(start),
        };
        let org = match self.entry(organisation) {
            Ok(org) => org,
            Err(message) => {
                faults.push(fault_at(file, text, start, message));
                return;
            }
        };
        let lists_of = [
            (body.names, Strength::Name, false),
            (body.home, Strength::Name, true),
            (body.hints, Strength::Hint, false),
            (body.weak, Strength::Weak, false),
            (body.look_alikes, Strength::LookAlike, false),
        ];
        for (words, strength, home) in lists_of {
            for word in words {
                if word.get_ref().trim().len() < 2 {
                    faults.push(fault_at(
                        file,
                        text,
                        word.span().start,
                        "Een naam heeft ten minste twee letters.",
                    ));
                    continue;
                }
                self.add(word.get_ref(), org, strength);
                if let Some(phrase) = self.phrases.last_mut() {
                    phrase.home = home;
                }
                // "ww-uitkering" is also written "ww uitkering".
                if word.get_ref().contains('-') {
                    self.add(&word.get_ref().replace('-', " "), org, strength);
                    if let Some(phrase) = self.phrases.last_mut() {
                        phrase.home = home;
                    }
                }
            }
        }
        for word in body.addressed {
            self.add(word.get_ref(), org, Strength::Hint);
            if let Some(phrase) = self.phrases.last_mut() {
                phrase.addressed = true;
            }
        }
        for word in body.capitals {
            self.add(word.get_ref(), org, Strength::Name);
            if let Some(phrase) = self.phrases.last_mut() {
                phrase.capitals = Some(word.get_ref().clone());
            }
        }
        for (patterns, capitalised) in [(body.patterns, false), (body.companies, true)] {
            for written in patterns {
                match Pattern::compile(written.get_ref(), lists) {
                    Ok(pattern) if pattern.needs.is_empty() => faults.push(fault_at(
                        file,
                        text,
                        written.span().start,
                        "Dit patroon heeft geen vast woord; zet er een in, anders wordt het lezen traag.",
                    )),
                    Ok(pattern) => {
                        for word in needs::rarest(&pattern.needs) {
                            self.add(&word.text, org, Strength::Name);
                            if let Some(phrase) = self.phrases.last_mut() {
                                phrase.text.clone_from(&word.text);
                                phrase.starts = word.starts;
                                phrase.pattern = Some(self.patterns.len());
                            }
                        }
                        self.patterns.push(NamePattern { org, pattern, capitalised });
                    }
                    Err(message) => faults.push(fault_at(file, text, written.span().start, message)),
                }
            }
        }
    }

    fn add(&mut self, written: &str, org: usize, strength: Strength) {
        let open = written.ends_with('*');
        let text = fold_text(written.trim_end_matches('*'));
        self.phrases.push(Phrase {
            text,
            org,
            strength,
            open,
            capitals: None,
            capitalised: false,
            home: false,
            addressed: false,
            starts: true,
            pattern: None,
        });
    }
}

fn unknown_referral(id: &str, known: &[String]) -> String {
    let meant = crate::record::nearest(id, known.iter().map(String::as_str));
    format!("“{id}” staat niet in referrals.toml.{meant}")
}
