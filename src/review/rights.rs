//! Who may do what at the desk. Invariant: every route that is not open names one right, and a role that
//! lacks it gets a page that says so.

pub use crate::record::Role;

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
    /// Give out a case as a file, whole; each time is written down.
    Export,
    /// See who looked at a case.
    SeeLooks,
    /// One's own account: password, sessions, logging out.
    OwnAccount,
    /// See who has an account and what was changed in them.
    SeeAccounts,
    /// Add, change, block and remove accounts and tokens.
    KeepAccounts,
}

impl Role {
    /// Has this role the right?
    pub fn may(self, right: Right) -> bool {
        match right {
            Right::Read | Right::OwnAccount => true,
            Right::Letters => self != Role::Auditor,
            Right::Export => self != Role::PostRoom,
            Right::KeepRules => matches!(self, Role::RuleEditor | Role::Admin),
            Right::KeepAccounts => self == Role::Admin,
            Right::SeeLooks | Right::SeeAccounts => matches!(self, Role::Auditor | Role::Admin),
            Right::Decide | Right::SeeBsn => matches!(self, Role::Reviewer | Role::RuleEditor | Role::Admin),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_auditor_changes_nothing_and_the_post_room_only_letters() {
        for role in Role::ALL {
            assert!(role.may(Right::Read) && role.may(Right::OwnAccount));
        }
        assert!(!Role::Auditor.may(Right::Decide) && !Role::Auditor.may(Right::Letters));
        assert!(Role::PostRoom.may(Right::Letters) && !Role::PostRoom.may(Right::KeepRules));
        assert!(!Role::PostRoom.may(Right::Decide) && !Role::PostRoom.may(Right::Export));
        assert!(Role::Auditor.may(Right::Export) && Role::Reviewer.may(Right::Export));
        assert!(Role::Reviewer.may(Right::SeeBsn) && !Role::Reviewer.may(Right::SeeLooks));
        assert!(!Role::PostRoom.may(Right::SeeBsn) && !Role::Auditor.may(Right::SeeBsn));
        assert!(Role::Auditor.may(Right::SeeLooks) && Role::Admin.may(Right::SeeLooks));
        assert!(Role::Reviewer.may(Right::Decide));
        assert!(Role::RuleEditor.may(Right::KeepRules) && !Role::Reviewer.may(Right::KeepRules));
        assert!(Role::Auditor.may(Right::SeeAccounts) && !Role::Auditor.may(Right::KeepAccounts));
        assert!(Role::ALL.into_iter().filter(|role| role.may(Right::KeepAccounts)).eq([Role::Admin]));
    }
}
