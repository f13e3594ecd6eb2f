//! Where a store is, and by which keys it is sealed.

use schemars::JsonSchema;
use serde::Deserialize;
use std::borrow::Cow;
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// The directory of a store, and the file with the keys that its files are sealed with. It stands for the directory
/// wherever a path is asked for, so that whoever opens the store cannot leave the key behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorePlace {
    pub dir: PathBuf,
    /// `None`: what it holds lies open.
    pub key_file: Option<PathBuf>,
}

impl Deref for StorePlace {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.dir
    }
}

impl AsRef<Path> for StorePlace {
    fn as_ref(&self) -> &Path {
        &self.dir
    }
}

impl JsonSchema for StorePlace {
    fn schema_name() -> Cow<'static, str> {
        "StorePlace".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

/// From the path of the directory; the key file has a section of its own.
impl<'de> Deserialize<'de> for StorePlace {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { dir: PathBuf::deserialize(deserializer)?, key_file: None })
    }
}

impl From<PathBuf> for StorePlace {
    fn from(dir: PathBuf) -> Self {
        Self { dir, key_file: None }
    }
}

impl From<&PathBuf> for StorePlace {
    fn from(dir: &PathBuf) -> Self {
        dir.as_path().into()
    }
}

impl From<&Path> for StorePlace {
    fn from(dir: &Path) -> Self {
        Self { dir: dir.to_path_buf(), key_file: None }
    }
}

impl From<&StorePlace> for StorePlace {
    fn from(place: &StorePlace) -> Self {
        place.clone()
    }
}
