//! Who may do what at the desk. Invariant: every route that is not open names one right, and a role that
//! lacks it gets a page that says so.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What an account is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// What a route asks of who comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Look at cases, letters and what was set aside.
    Read,
    /// Decide, assign, note, release or withhold an answer.
    Decide,
    /// Check the address of a letter, print letters and say so.
    Letters,
    /// Put changed rules into force.
    KeepRules,
    /// Have the citizen service numbers of a case uncovered; each time is written down.
    SeeBsn,
    /// See who looked at a case.
    SeeLooks,
}

impl Role {
    /// Every role, in the order in which they are listed.
    pub const ALL: [Role; 5] = [Role::PostRoom, Role::Reviewer, Role::RuleEditor, Role::Admin, Role::Auditor];

    /// Has this role the right?
    pub fn may(self, right: Right) -> bool {
        match right {
            Right::Read => true,
            Right::Letters => self != Role::Auditor,
            Right::KeepRules => matches!(self, Role::RuleEditor | Role::Admin),
            Right::SeeLooks => matches!(self, Role::Auditor | Role::Admin),
            Right::Decide | Right::SeeBsn => matches!(self, Role::Reviewer | Role::RuleEditor | Role::Admin),
        }
    }

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
    fn an_auditor_changes_nothing_and_the_post_room_only_letters() {
        for role in Role::ALL {
            assert!(role.may(Right::Read));
            assert_eq!(role.id().parse::<Role>().unwrap(), role);
        }
        assert!(!Role::Auditor.may(Right::Decide) && !Role::Auditor.may(Right::Letters));
        assert!(Role::PostRoom.may(Right::Letters) && !Role::PostRoom.may(Right::KeepRules));
        assert!(!Role::PostRoom.may(Right::Decide));
        assert!(Role::Reviewer.may(Right::SeeBsn) && !Role::Reviewer.may(Right::SeeLooks));
        assert!(!Role::PostRoom.may(Right::SeeBsn) && !Role::Auditor.may(Right::SeeBsn));
        assert!(Role::Auditor.may(Right::SeeLooks) && Role::Admin.may(Right::SeeLooks));
        assert!(Role::Reviewer.may(Right::Decide));
        assert!(Role::RuleEditor.may(Right::KeepRules) && !Role::Reviewer.may(Right::KeepRules));
        assert!("baas".parse::<Role>().is_err());
    }
}
