//! Reading a configuration file, and every fault that can be told before anything starts.

use super::faults::faults;
use super::layers::{Layers, Place};
use super::{ClamdAddress, Config, schema};
use crate::limits::{BASIS_CHARS_MAX, SEPARATOR_CHARS_MAX, SEPARATORS_MAX, SIGN_IN_NAME_CHARS_MAX};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// What is wrong with a configuration: one line for each fault, `file:line:column: key: what`.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    pub faults: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join("\n"))
    }
}

/// A configuration with what it was made of.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    pub layers: Layers,
}

/// Reads and checks one configuration file, with what the environment overrides.
///
/// # Errors
/// Every fault found, each with file, line, key and what is allowed.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    load_whole(path).map(|loaded| loaded.config)
}

/// The file alone: that of another office than the one that this environment is for.
///
/// # Errors
/// As [`load`].
pub fn load_file(path: &Path) -> Result<Config, ConfigError> {
    load_with(path, &mut std::iter::empty()).map(|loaded| loaded.config)
}

/// The same as [`load`], with where each value came from.
///
/// # Errors
/// As [`load`].
pub fn load_whole(path: &Path) -> Result<Loaded, ConfigError> {
    load_with(path, &mut std::env::vars_os())
}

/// The same with another environment than that of this process.
///
/// # Errors
/// As [`load`].
pub fn load_with(
    path: &Path,
    environment: &mut dyn Iterator<Item = (OsString, OsString)>,
) -> Result<Loaded, ConfigError> {
    let layers = Layers::read(path, environment).map_err(|faults| ConfigError { faults })?;
    let told = |(key, what): (String, String)| format!("{}: {key}: {what}", layers.place_of(&key));
    let schema = schema::schema();
    let found = faults(&toml::Value::Table(layers.table.clone()), schema);
    if !found.is_empty() {
        return Err(ConfigError { faults: found.into_iter().map(told).collect() });
    }
    let mut table = layers.table.clone();
    table.remove("office_file");
    let mut config: Config = table.try_into().map_err(|error: toml::de::Error| {
        let first = Place::File { path: path.to_owned(), line: 1, column: 1 };
        ConfigError { faults: vec![format!("{first}: {}", error.message())] }
    })?;
    let mut found = Vec::new();
    check(&config, &mut |key, what| found.push((key.to_owned(), what)));
    if !found.is_empty() {
        return Err(ConfigError { faults: found.into_iter().map(told).collect() });
    }
    rebase(&mut config, path.parent().unwrap_or(Path::new("")));
    // One word for all who ask whether anything may go out.
    config.answers.send &= !config.rehearsal.on;
    Ok(Loaded { config, layers })
}

/// Line and column, from 1, of a byte offset.
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// Faults that the types cannot tell, each with its key.
fn check(config: &Config, fault: &mut dyn FnMut(&str, String)) {
    let procedure = &config.office.procedure;
    for (key, value) in [
        ("office.procedure.certainty_min", procedure.certainty_min),
        ("office.procedure.tell_citizen_min", procedure.tell_citizen_min),
    ] {
        if !(0.0..=1.0).contains(&value) {
            fault(key, format!("{value} is not between 0 and 1"));
        }
    }
    if config.office.competence.within.is_empty() {
        fault(
            "office.competence.within",
            "is empty: an office must be able to handle a complaint about somebody".into(),
        );
    }
    let languages = &config.reading.languages;
    let named = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !languages.split('+').all(named) {
        fault(
            "reading.languages",
            format!("{languages:?} must be Tesseract's names with a + between them: nld+eng"),
        );
    }
    if config.smtp.is_some() && !config.answers.from_address.contains('@') {
        fault("answers.from_address", "must be the e-mail address of the office when [smtp] is there".into());
    }
    let is_there = |one: [bool; 3]| one.into_iter().filter(|is| *is).count();
    if let Some(smtp) = &config.smtp {
        let logins = [smtp.password.is_some(), smtp.access_token.is_some(), smtp.oauth.is_some()];
        if is_there(logins) != usize::from(smtp.user.is_some()) {
            fault("smtp.user", "user goes with one of password, access_token and oauth".into());
        }
    }
    if let Some(mailbox) = &config.mailbox {
        let logins = [mailbox.password.is_some(), mailbox.access_token.is_some(), mailbox.oauth.is_some()];
        if is_there(logins) != 1 {
            fault("mailbox", "needs one of password, access_token and oauth".into());
        }
    }
    let used = [
        ("mailbox.oauth", config.mailbox.as_ref().and_then(|it| it.oauth.as_ref())),
        ("smtp.oauth", config.smtp.as_ref().and_then(|it| it.oauth.as_ref())),
    ];
    for (key, name) in used {
        if let Some(name) = name.filter(|name| !config.oauth.contains_key(*name)) {
            fault(key, format!("there is no [oauth.{name}]"));
        }
    }
    for (name, oauth) in &config.oauth {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > SIGN_IN_NAME_CHARS_MAX || !name.chars().all(fits) {
            fault(
                &format!("oauth.{name}"),
                format!(
                    "{name:?}: a name has small letters, digits and hyphens, at most {SIGN_IN_NAME_CHARS_MAX}"
                ),
            );
        }
        if let Some((key, what)) = oauth.fault() {
            fault(&format!("oauth.{name}.{key}"), what);
        }
    }
    let (answers, separator) = (&config.answers, &config.answers.return_path_separator);
    if !["", "+", "-", "=", "_"].contains(&separator.as_str()) {
        fault("answers.return_path_separator", format!("{separator:?} must be one of +, -, =, _ or empty"));
    }
    if !answers.return_path.is_empty() && answers.envelope_sender().is_none() {
        let what = "must be an e-mail address with at most 31 characters before the @, to which the number of a case \
                    and its mark are added (none where return_path_separator is empty)";
        fault("answers.return_path", what.to_owned());
    }
    if let Some(digest) = &config.digest {
        let same = |address: &String| address.trim().eq_ignore_ascii_case(digest.to.trim());
        if digest
            .to
            .trim()
            .rsplit_once('@')
            .is_none_or(|(local, domain)| local.is_empty() || domain.is_empty())
        {
            fault("digest.to", "must be one e-mail address".into());
        } else if same(&answers.from_address) || answers.own_addresses.iter().any(same) {
            fault("digest.to", "must be another address than those that citizens write to".into());
        } else if config.smtp.is_none() {
            fault("digest", "needs [smtp]".into());
        }
    }
    for (key, what) in config.desk.faults() {
        fault(key, what);
    }
    for (place, webhook) in config.webhooks.iter().enumerate() {
        if let Some((key, what)) = webhook.fault() {
            fault(&format!("webhooks[{place}].{key}"), what);
        }
        if config.webhooks.iter().take(place).any(|other| other.name == webhook.name) {
            fault(
                &format!("webhooks[{place}].name"),
                format!("{:?}: two [[webhooks]] have this name", webhook.name),
            );
        }
    }
    for (key, what) in config.zaaksysteem.iter().flat_map(|zaaksysteem| zaaksysteem.faults()) {
        fault(&key, what);
    }
    for (class, rule) in &config.retention {
        if rule.basis.trim().is_empty() || rule.basis.chars().count() > BASIS_CHARS_MAX {
            let what =
                format!("its basis must name the list and number, in 1 to {BASIS_CHARS_MAX} characters");
            let class = serde_json::to_string(class).unwrap_or_default().replace('"', "");
            fault(&format!("retention.{class}.basis"), what);
        }
    }
    if let Some(what) = config.letters.address_window().fault() {
        fault("letters.cover", what);
    }
    if config.mailbox.as_ref().is_some_and(|mailbox| mailbox.done_folder == mailbox.folder) {
        fault("mailbox.done_folder", "must be another folder than folder".into());
    }
    if let Some(scan) = &config.scan {
        let name = scan.one_sided_dir.as_str();
        if name.is_empty()
            || name.starts_with('.')
            || name.contains('/')
            || ["done", "failed"].contains(&name)
        {
            fault(
                "scan.one_sided_dir",
                "must be the name of a folder within dir, other than done and failed".into(),
            );
        }
        let long = |value: &String| value.trim().is_empty() || value.chars().count() > SEPARATOR_CHARS_MAX;
        if scan.separators.len() > SEPARATORS_MAX || scan.separators.iter().any(long) {
            let what =
                format!("at most {SEPARATORS_MAX} texts of 1 to {SEPARATOR_CHARS_MAX} characters each");
            fault("scan.separators", what);
        }
        if !(1..=240).contains(&scan.half_wait_hours) {
            fault("scan.half_wait_hours", format!("{} is not between 1 and 240", scan.half_wait_hours));
        }
    }
}

/// Relative paths are relative to the file.
fn rebase(config: &mut Config, base: &Path) {
    let join = |path: &mut PathBuf| *path = base.join(&*path);
    join(&mut config.rules);
    join(&mut config.templates);
    join(&mut config.store.dir);
    config.encryption.key_file.iter_mut().for_each(join);
    config.store.key_file.clone_from(&config.encryption.key_file);
    if let Some(mailbox) = &mut config.mailbox {
        mailbox.ca_file.iter_mut().for_each(join);
        for secret in [&mut mailbox.password, &mut mailbox.access_token].into_iter().flatten() {
            secret.rebase(base);
        }
    }
    if let Some(smtp) = &mut config.smtp {
        smtp.ca_file.iter_mut().for_each(join);
        for secret in [&mut smtp.password, &mut smtp.access_token].into_iter().flatten() {
            secret.rebase(base);
        }
    }
    config.oauth.values_mut().for_each(|oauth| oauth.rebase(base));
    if let Some(maildir) = &mut config.maildir {
        join(&mut maildir.dir);
    }
    if let Some(scan) = &mut config.scan {
        join(&mut scan.dir);
    }
    if let Some(ClamdAddress::Unix(path)) = &mut config.reading.clamd {
        join(path);
    }
    config.letters.print_dir.iter_mut().for_each(join);
    config.desk.rebase(base);
    if let Some(zaaksysteem) = &mut config.zaaksysteem {
        zaaksysteem.rebase(base);
    }
    for webhook in &mut config.webhooks {
        webhook.ca_file.iter_mut().for_each(join);
        webhook.secret.rebase(base);
    }
}
