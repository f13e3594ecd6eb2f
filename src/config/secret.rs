//! A secret is named in the configuration and read when it is needed; its value is in no log and no `Debug`.

use serde::Deserialize;
use std::path::{Path, PathBuf};

/// `{ file = "…" }` or `{ env = "…" }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum Secret {
    File(PathBuf),
    Env(String),
}

/// A secret that is not where the configuration says.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the file {path} that should hold the password cannot be read: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("the environment variable {0} that should hold the password is not set")]
    Env(String),
    #[error("the password from {0} is empty")]
    Empty(String),
}

impl TryFrom<toml::Value> for Secret {
    type Error = &'static str;

    /// By hand, so that a password typed into the file is not repeated in the message about it.
    fn try_from(value: toml::Value) -> Result<Self, Self::Error> {
        const ALLOWED: &str =
            "a password never stands here: write { file = \"/path\" } or { env = \"NAME\" }";
        let toml::Value::Table(table) = value else { return Err(ALLOWED) };
        let mut entries = table.into_iter();
        match (entries.next(), entries.next()) {
            (Some((key, toml::Value::String(path))), None) if key == "file" => Ok(Secret::File(path.into())),
            (Some((key, toml::Value::String(name))), None) if key == "env" => Ok(Secret::Env(name)),
            _ => Err(ALLOWED),
        }
    }
}

impl Secret {
    /// The value: the file's first line, or the variable.
    ///
    /// # Errors
    /// When the file or variable is not there, or empty.
    pub fn read(&self) -> Result<String, SecretError> {
        let (value, from) = match self {
            Secret::File(path) => (
                std::fs::read_to_string(path)
                    .map_err(|source| SecretError::File { path: path.clone(), source })?
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
                path.display().to_string(),
            ),
            Secret::Env(name) => {
                (std::env::var(name).map_err(|_| SecretError::Env(name.clone()))?, name.clone())
            }
        };
        if value.is_empty() { Err(SecretError::Empty(from)) } else { Ok(value) }
    }

    pub(super) fn rebase(&mut self, base: &Path) {
        if let Secret::File(path) = self {
            *path = base.join(&*path);
        }
    }
}
