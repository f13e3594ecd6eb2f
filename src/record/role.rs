//! What an account is for. Which rights a role has is the desk's (`review/rights`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What an account is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sees to scans, addresses and letters to print; reads cases, decides nothing.
    PostRoom,
    /// Judges and decides cases.
    #[default]
    Reviewer,
    /// As a reviewer, and keeps the rules.
    RuleEditor,
    /// Everything.
    Admin,
    /// Reads everything, changes nothing.
    Auditor,
}

impl Role {
    /// Every role, in the order in which they are listed.
    pub const ALL: [Role; 5] = [Role::PostRoom, Role::Reviewer, Role::RuleEditor, Role::Admin, Role::Auditor];

    /// The name on the command line and in the file.
    pub fn id(self) -> &'static str {
        match self {
            Role::PostRoom => "post-room",
            Role::Reviewer => "reviewer",
            Role::RuleEditor => "rule-editor",
            Role::Admin => "admin",
            Role::Auditor => "auditor",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// A text that is no role; holds the text.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no role; allowed are post-room, reviewer, rule-editor, admin and auditor")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Role::ALL.into_iter().find(|role| role.id() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_known_by_its_name() {
        for role in Role::ALL {
            assert_eq!(role.id().parse::<Role>().unwrap(), role);
        }
        assert!("baas".parse::<Role>().is_err());
    }
}
