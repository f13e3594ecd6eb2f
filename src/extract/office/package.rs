//! The zip file that an office file is (ECMA-376 part 2, ISO/IEC 26300 part 2), opened within bounds.

use crate::extract::budget::{Budget, Spent, Unpacked};
use std::collections::HashMap;
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// Members looked at: a document has dozens, a hostile zip millions.
pub(super) const MEMBERS_MAX: usize = 10_000;

/// An open package.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// Name, with `/` between its parts and none before, → number.
    members: HashMap<String, usize>,
    budget: Budget,
    /// A member that was read broke off.
    pub damaged: bool,
}

/// Why a package is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unopened {
    Damaged,
    TooLarge,
}

impl From<Spent> for Unopened {
    fn from(Spent: Spent) -> Self {
        Unopened::TooLarge
    }
}

impl<'a> Package<'a> {
    pub fn open(bytes: &'a [u8], budget: &Budget) -> Result<Self, Unopened> {
        let archive = archive(bytes)?;
        let mut members = HashMap::new();
        for number in 0..archive.len() {
            if let Some(Ok(name)) = archive.name_for_index(number) {
                members.entry(name.replace('\\', "/").trim_start_matches('/').to_owned()).or_insert(number);
            }
        }
        Ok(Self { archive, members, budget: budget.clone(), damaged: false })
    }

    /// The names that start so, in the order that people count in: `image2` before `image10`.
    pub fn names(&self, start: &str) -> Vec<String> {
        let mut names: Vec<String> =
            self.members.keys().filter(|name| name.starts_with(start)).cloned().collect();
        names.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        names
    }

    pub fn holds(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// A member's bytes, up to where it is damaged; empty when there is none.
    pub fn bytes(&mut self, name: &str) -> Result<Vec<u8>, Spent> {
        let Some(&number) = self.members.get(name) else { return Ok(Vec::new()) };
        let Ok(file) = self.archive.by_index(number) else {
            self.damaged = true;
            return Ok(Vec::new());
        };
        let Unpacked { bytes, whole } = self.budget.unpack(file)?;
        self.damaged |= !whole;
        Ok(bytes)
    }

    /// Counts what all members unpack to, for a library that unpacks them itself. Returns the largest.
    pub fn measure(&mut self) -> Result<u64, Spent> {
        let mut largest = 0;
        for number in 0..self.archive.len() {
            let Ok(file) = self.archive.by_index(number) else { continue };
            largest = largest.max(self.budget.measure(file)?);
        }
        Ok(largest)
    }
}

/// The archive, unless it has too many members to be looked at.
pub(super) fn archive(bytes: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, Unopened> {
    // The library keeps a few hundred bytes for each member that the directory names.
    if super::format::members(bytes).take(MEMBERS_MAX + 1).count() > MEMBERS_MAX {
        return Err(Unopened::TooLarge);
    }
    ZipArchive::new(Cursor::new(bytes)).map_err(|_| Unopened::Damaged)
}

/// Reads a little of a stream that is small by its nature.
pub(super) fn start_of(mut stream: impl Read, bytes_max: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.by_ref().take(bytes_max as u64).read_to_end(&mut bytes);
    bytes
}
