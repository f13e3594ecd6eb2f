//! A secret is named in the configuration and read when it is needed; its value is in no log and no `Debug`.

use crate::limits::{SECRET_BYTES_MAX, SECRET_TIME_MAX};
use schemars::JsonSchema;
use serde::Deserialize;
use std::borrow::Cow;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use zeroize::Zeroizing;

/// Where systemd lays the credentials of a service.
const CREDENTIALS_DIR: &str = "CREDENTIALS_DIRECTORY";

/// `{ file = "…" }`, `{ credential = "…" }`, `{ env = "…" }` or `{ command = ["…", "…"] }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum Secret {
    File(PathBuf),
    /// A file that systemd lays down for this service alone (`LoadCredential=`, systemd.exec(5)).
    Credential(String),
    Env(String),
    /// A program and its arguments, run without a shell; it prints the secret, such as an access token.
    Command(Vec<String>),
}

/// A secret that is not where the configuration says.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the file {path} that should hold the secret cannot be read: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error(
        "the credential {0} cannot be had: bode runs as no service that systemd gave one (LoadCredential=)"
    )]
    Credential(String),
    #[error("the environment variable {0} that should hold the secret is not set")]
    Env(String),
    #[error("the command {program} that should print the secret failed: {source}")]
    Command { program: String, source: io::Error },
    #[error("the secret from {0} is empty")]
    Empty(String),
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "format": "secret",
            "description": "Where a secret is; its value never stands here.",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": false,
            "properties": {
                "file": { "type": "string", "description": "A file whose first line is the secret." },
                "credential": { "type": "string", "description": "What systemd lays down for this service (LoadCredential=)." },
                "env": { "type": "string", "description": "A variable of the environment." },
                "command": {
                    "type": "array", "items": { "type": "string" }, "minItems": 1,
                    "description": "A program with its arguments, run without a shell, that prints the secret."
                }
            }
        })
    }
}

impl TryFrom<toml::Value> for Secret {
    type Error = &'static str;

    /// By hand, so that a password typed into the file is not repeated in the message about it.
    fn try_from(value: toml::Value) -> Result<Self, Self::Error> {
        const ALLOWED: &str = "a secret never stands here: write { file = \"/path\" }, \
                               { credential = \"NAME\" }, { env = \"NAME\" } or { command = [\"/path\", \"argument\"] }";
        let toml::Value::Table(table) = value else { return Err(ALLOWED) };
        let mut entries = table.into_iter();
        match (entries.next(), entries.next()) {
            (Some((key, toml::Value::String(path))), None) if key == "file" => Ok(Secret::File(path.into())),
            (Some((key, toml::Value::String(name))), None)
                if key == "credential" && !name.contains('/') && !name.starts_with('.') =>
            {
                Ok(Secret::Credential(name))
            }
            (Some((key, toml::Value::String(name))), None) if key == "env" => Ok(Secret::Env(name)),
            (Some((key, toml::Value::Array(words))), None) if key == "command" && !words.is_empty() => words
                .into_iter()
                .map(|word| word.as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .map(Secret::Command)
                .ok_or(ALLOWED),
            _ => Err(ALLOWED),
        }
    }
}

impl Secret {
    /// The value: the first line of the file or of what the command prints, or the variable. Wiped from memory when it is
    /// dropped; what the libraries that log in copy of it is theirs. Blocks.
    ///
    /// # Errors
    /// When the file or variable is not there, the command fails or takes too long, or the value is empty.
    pub fn read(&self) -> Result<Zeroizing<String>, SecretError> {
        let first_line = |text: String| {
            let text = Zeroizing::new(text);
            Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())
        };
        let (value, from) = match self {
            Secret::File(path) => (
                std::fs::read_to_string(path)
                    .map(first_line)
                    .map_err(|source| SecretError::File { path: path.clone(), source })?,
                path.display().to_string(),
            ),
            Secret::Credential(name) => {
                let dir =
                    std::env::var_os(CREDENTIALS_DIR).ok_or_else(|| SecretError::Credential(name.clone()))?;
                let path = Path::new(&dir).join(name);
                (
                    std::fs::read_to_string(&path)
                        .map(first_line)
                        .map_err(|source| SecretError::File { path: path.clone(), source })?,
                    path.display().to_string(),
                )
            }
            Secret::Env(name) => {
                let value = std::env::var(name).map_err(|_| SecretError::Env(name.clone()))?;
                (Zeroizing::new(value), name.clone())
            }
            Secret::Command(words) => {
                let program = words.first().cloned().unwrap_or_default();
                let printed = printed(words).map(first_line);
                (
                    printed.map_err(|source| SecretError::Command { program: program.clone(), source })?,
                    program,
                )
            }
        };
        if value.is_empty() { Err(SecretError::Empty(from)) } else { Ok(value) }
    }

    pub(super) fn rebase(&mut self, base: &Path) {
        match self {
            Secret::File(path) => *path = base.join(&*path),
            // A bare name is looked up in PATH.
            Secret::Command(words) => {
                if let Some(program) = words.first_mut().filter(|program| program.contains('/')) {
                    *program = base.join(&*program).to_string_lossy().into_owned();
                }
            }
            Secret::Credential(_) | Secret::Env(_) => {}
        }
    }
}

/// What a program prints, within time and bytes.
fn printed(words: &[String]) -> io::Result<String> {
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (sender, receiver) = mpsc::channel();
    let pipe = child.stdout.take();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = pipe.map_or(Ok(0), |pipe| pipe.take(SECRET_BYTES_MAX).read_to_string(&mut text));
        // Nobody waits any more when it took too long.
        let _ = sender.send(read.map(|_| text));
    });
    let read = receiver.recv_timeout(SECRET_TIME_MAX);
    if read.is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    let text = read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    if status.success() { Ok(text) } else { Err(io::Error::other(status.to_string())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(toml: &str) -> Result<Secret, &'static str> {
        let table: toml::Table = toml.parse().unwrap();
        Secret::try_from(table["s"].clone())
    }

    #[test]
    fn a_command_prints_a_secret() {
        let read = |toml: &str| secret(toml).unwrap().read();
        assert_eq!(
            read(r#"s = { command = ["printf", "ya29.token\nmore"] }"#).unwrap().as_str(),
            "ya29.token"
        );
        assert!(matches!(read(r#"s = { command = ["true"] }"#), Err(SecretError::Empty(_))));
        for failing in [r#"s = { command = ["false"] }"#, r#"s = { command = ["/no/such/program"] }"#] {
            assert!(matches!(read(failing), Err(SecretError::Command { .. })), "{failing}");
        }
        for wrong in
            [r#"s = "geheim""#, r#"s = { command = "ls" }"#, "s = { command = [] }", "s = { command = [1] }"]
        {
            assert!(!secret(wrong).unwrap_err().contains("geheim"), "{wrong}");
        }
    }
}
