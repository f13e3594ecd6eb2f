//! Reading a configuration file, and every fault that can be told before anything starts.

use super::{ClamdAddress, Config};
use crate::limits::{
    BASIS_CHARS_MAX, CONFIG_BYTES_MAX, SEPARATOR_CHARS_MAX, SEPARATORS_MAX, SIGN_IN_NAME_CHARS_MAX,
};
use std::fmt;
use std::path::{Path, PathBuf};

/// What is wrong with a configuration file: one line for each fault, `file:line:column: what`.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    pub faults: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join("\n"))
    }
}

/// Reads and checks one configuration file.
///
/// # Errors
/// Every fault found, each with file, line and what is allowed.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let one = |fault: String| ConfigError { faults: vec![fault] };
    let text = read(path).map_err(one)?;
    let base = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let parsed = match office_file(&text) {
        None => toml::from_str(&text),
        Some(name) => {
            let office_path = base.join(name);
            let office_text = read(&office_path).map_err(one)?;
            with_office_of(&text, &office_text)
        }
    };
    let mut config: Config = parsed.map_err(|error| {
        let (line, column) = position(&text, fault_offset(&text, &error));
        one(format!("{}:{line}:{column}: {}", path.display(), error.message()))
    })?;
    let faults = check(&config, path, &text);
    if !faults.is_empty() {
        return Err(ConfigError { faults });
    }
    rebase(&mut config, &base);
    Ok(config)
}

fn read(path: &Path) -> Result<String, String> {
    let unreadable = |error| format!("{}: cannot be read: {error}", path.display());
    if std::fs::metadata(path).map_err(unreadable)?.len() > CONFIG_BYTES_MAX {
        return Err(format!("{}: larger than {CONFIG_BYTES_MAX} bytes", path.display()));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

/// The value of the key `office_file`: the file whose `[office]` this one uses.
fn office_file(text: &str) -> Option<String> {
    let table: toml::Table = text.parse().ok()?;
    table.get("office_file")?.as_str().map(str::to_owned)
}

/// The configuration of `text`, with the `[office]` of another file.
fn with_office_of(text: &str, office_text: &str) -> Result<Config, toml::de::Error> {
    let mut table: toml::Table = text.parse()?;
    let mut office: toml::Table = office_text.parse()?;
    table.remove("office_file");
    if let Some(office) = office.remove("office") {
        table.insert("office".to_owned(), office);
    }
    table.try_into()
}

/// Where a fault stands. A merged table has lost its places: the word that the message quotes is looked up.
fn fault_offset(text: &str, error: &toml::de::Error) -> usize {
    let quoted = || error.message().split('`').nth(1).and_then(|word| text.find(word));
    error.span().map(|span| span.start).or_else(quoted).unwrap_or(0)
}

/// Line and column, from 1, of a byte offset.
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// Faults that the types cannot tell.
fn check(config: &Config, path: &Path, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |key: &str, what: String| {
        let line =
            text.lines().position(|line| line.trim_start().starts_with(key)).map_or(1, |index| index + 1);
        faults.push(format!("{}:{line}: {key}: {what}", path.display()));
    };
    let procedure = &config.office.procedure;
    for (key, value) in
        [("certainty_min", procedure.certainty_min), ("tell_citizen_min", procedure.tell_citizen_min)]
    {
        if !(0.0..=1.0).contains(&value) {
            fault(key, format!("{value} is not between 0 and 1"));
        }
    }
    if config.office.competence.within.is_empty() {
        fault("within", "is empty: an office must be able to handle a complaint about somebody".into());
    }
    let languages = &config.reading.languages;
    let named = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !languages.split('+').all(named) {
        fault("languages", format!("{languages:?} must be Tesseract's names with a + between them: nld+eng"));
    }
    if config.smtp.is_some() && !config.answers.from_address.contains('@') {
        fault("from_address", "must be the e-mail address of the office when [smtp] is there".into());
    }
    let is_there = |one: [bool; 3]| one.into_iter().filter(|is| *is).count();
    if let Some(smtp) = &config.smtp {
        let logins = [smtp.password.is_some(), smtp.access_token.is_some(), smtp.oauth.is_some()];
        if is_there(logins) != usize::from(smtp.user.is_some()) {
            fault("user", "in [smtp], user goes with one of password, access_token and oauth".into());
        }
    }
    if let Some(mailbox) = &config.mailbox {
        let logins = [mailbox.password.is_some(), mailbox.access_token.is_some(), mailbox.oauth.is_some()];
        if is_there(logins) != 1 {
            fault("[mailbox]", "needs one of password, access_token and oauth".into());
        }
    }
    let used = [config.mailbox.as_ref().map(|it| &it.oauth), config.smtp.as_ref().map(|it| &it.oauth)];
    for name in used.into_iter().flatten().flatten() {
        if !config.oauth.contains_key(name) {
            fault("oauth", format!("there is no [oauth.{name}]"));
        }
    }
    for (name, oauth) in &config.oauth {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > SIGN_IN_NAME_CHARS_MAX || !name.chars().all(fits) {
            fault(
                "[oauth.",
                format!(
                    "{name:?}: a name has small letters, digits and hyphens, at most {SIGN_IN_NAME_CHARS_MAX}"
                ),
            );
        }
        if let Some((key, what)) = oauth.fault() {
            fault(key, format!("in [oauth.{name}], {what}"));
        }
    }
    let (answers, separator) = (&config.answers, &config.answers.return_path_separator);
    if !["", "+", "-", "=", "_"].contains(&separator.as_str()) {
        fault("return_path_separator", format!("{separator:?} must be one of +, -, =, _ or empty"));
    }
    if !answers.return_path.is_empty() && answers.envelope_sender().is_none() {
        let what = "must be an e-mail address with at most 31 characters before the @, to which the number of a case \
                    and its mark are added (none where return_path_separator is empty)";
        fault("return_path", what.to_owned());
    }
    if let Some(digest) = &config.digest {
        let same = |address: &String| address.trim().eq_ignore_ascii_case(digest.to.trim());
        if digest
            .to
            .trim()
            .rsplit_once('@')
            .is_none_or(|(local, domain)| local.is_empty() || domain.is_empty())
        {
            fault("to", "in [digest], must be one e-mail address".into());
        } else if same(&answers.from_address) || answers.own_addresses.iter().any(same) {
            fault("to", "in [digest], must be another address than those that citizens write to".into());
        } else if config.smtp.is_none() {
            fault("[digest]", "needs [smtp]".into());
        }
    }
    for (key, what) in config.desk.faults() {
        fault(key, what);
    }
    for (place, webhook) in config.webhooks.iter().enumerate() {
        if let Some((key, what)) = webhook.fault() {
            fault(key, what);
        }
        if config.webhooks.iter().take(place).any(|other| other.name == webhook.name) {
            fault("name", format!("{:?}: two [[webhooks]] have this name", webhook.name));
        }
    }
    for (class, rule) in &config.retention {
        if rule.basis.trim().is_empty() || rule.basis.chars().count() > BASIS_CHARS_MAX {
            let what =
                format!("its basis must name the list and number, in 1 to {BASIS_CHARS_MAX} characters");
            fault(&serde_json::to_string(class).unwrap_or_default().replace('"', ""), what);
        }
    }
    if let Some(what) = config.letters.address_window().fault() {
        fault("cover", what);
    }
    if config.mailbox.as_ref().is_some_and(|mailbox| mailbox.done_folder == mailbox.folder) {
        fault("done_folder", "must be another folder than folder".into());
    }
    if let Some(scan) = &config.scan {
        let name = scan.one_sided_dir.as_str();
        if name.is_empty()
            || name.starts_with('.')
            || name.contains('/')
            || ["done", "failed"].contains(&name)
        {
            fault(
                "one_sided_dir",
                "must be the name of a folder within dir, other than done and failed".into(),
            );
        }
        let long = |value: &String| value.trim().is_empty() || value.chars().count() > SEPARATOR_CHARS_MAX;
        if scan.separators.len() > SEPARATORS_MAX || scan.separators.iter().any(long) {
            let what =
                format!("at most {SEPARATORS_MAX} texts of 1 to {SEPARATOR_CHARS_MAX} characters each");
            fault("separators", what);
        }
        if !(1..=240).contains(&scan.half_wait_hours) {
            fault("half_wait_hours", format!("{} is not between 1 and 240", scan.half_wait_hours));
        }
    }
    faults
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
    for webhook in &mut config.webhooks {
        webhook.ca_file.iter_mut().for_each(join);
        webhook.secret.rebase(base);
    }
}
