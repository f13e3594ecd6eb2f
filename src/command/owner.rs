//! A command that root runs on a store of another account acts as that account: else it would leave files behind that the daemon
//! cannot read. The program is started once more, as the owner (setuid(2) before exec, which also gives up all other groups).

use super::{Failure, Global};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Returns when nothing has to change; else the program begins anew as the owner of the store.
///
/// # Errors
/// The program cannot be started as that account.
pub(super) fn act_as(global: &Global) -> Result<(), Failure> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    // A configuration with a fault is told by the command itself.
    let config = global.config.as_ref().and_then(|path| crate::config::load(path).ok());
    let Some((user, group)) = config.as_ref().and_then(|config| owner(&config.store)) else { return Ok(()) };
    if user == 0 {
        return Ok(());
    }
    let program = std::env::current_exe().map_err(Failure::failed)?;
    let error = Command::new(program).args(std::env::args_os().skip(1)).uid(user).gid(group).exec();
    Err(Failure::Failed(format!("cannot act as the owner of the store (user {user}): {error}")))
}

/// Account and group that the store belongs to, or, before there is one, the nearest directory that it will stand in.
fn owner(store: &Path) -> Option<(u32, u32)> {
    let there = store.ancestors().find_map(|place| std::fs::metadata(place).ok())?;
    Some((there.uid(), there.gid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_not_there_yet_belongs_to_whom_its_place_does() {
        let dir = tempfile::tempdir().unwrap();
        let here = std::fs::metadata(dir.path()).unwrap();
        assert_eq!(owner(&dir.path().join("office/store")), Some((here.uid(), here.gid())));
    }
}
