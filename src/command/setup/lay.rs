//! Laying down what was set up: secrets first, the account, the configuration last and whole.
//!
//! Invariant: a file that is there is never written over without `--force`, and a secret is never readable by others,
//! not even while it is written.

use super::plan::{Plan, Server};
use super::render;
use crate::clock;
use crate::config::Secret;
use crate::review::{AccountError, Accounts, Role};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// The account that Debian's package makes for the daemon.
const DAEMON_ACCOUNT: &str = "bode";

/// The account that the daemon runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

impl Owner {
    /// The account of this name; without a name that of the package, where root sets up and it is there.
    ///
    /// # Errors
    /// The account that was named is not there.
    pub fn of(name: Option<&str>) -> Result<Option<Self>, String> {
        let is_root = rustix::process::geteuid().is_root();
        let wanted = name.unwrap_or(DAEMON_ACCOUNT);
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let found = accounts.lines().find_map(|line| {
            let mut fields = line.split(':');
            let account = fields.next().filter(|account| *account == wanted)?;
            let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
            Some(Self { name: account.to_owned(), uid, gid })
        });
        match (name, found) {
            (Some(name), None) => Err(format!("there is no account {name:?} on this machine (--run-as)")),
            (None, found) => Ok(found.filter(|_| is_root)),
            (Some(_), found) => Ok(found),
        }
    }

    /// Makes a file or folder theirs.
    ///
    /// # Errors
    /// Only root may.
    pub fn give(&self, path: &Path) -> io::Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
    }

    fn give_all(&self, dir: &Path) -> io::Result<()> {
        self.give(dir)?;
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.give_all(&entry.path())?;
            } else {
                std::os::unix::fs::lchown(entry.path(), Some(self.uid), Some(self.gid))?;
            }
        }
        Ok(())
    }
}

/// A folder of our own beside the configuration, for the time of trying; gone when this is dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    /// # Errors
    /// The directory of the configuration cannot be written.
    pub fn beside(plan: &Plan) -> Result<Self, String> {
        let parent = plan.out.parent().unwrap_or(Path::new("."));
        let made = make_dir(parent, 0o750).and_then(|()| {
            let dir = parent.join(format!(".bode-setup-{}", std::process::id()));
            DirBuilder::new().mode(0o700).create(&dir)?;
            Ok(Self(dir))
        });
        made.map_err(|error| {
            format!(
                "{} cannot be written: {error}; run setup as root, or name another place: --out",
                parent.display()
            )
        })
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The password of a server in a file, as the daemon will read it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn secret(&self, name: &str, server: &Server) -> Result<Option<Secret>, String> {
        let Some((_, password)) = &server.login else { return Ok(None) };
        let path = self.file(name);
        write_new(&path, password.as_bytes(), 0o600)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Some(Secret::File(path)))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed lies in a folder that nobody else can open.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes everything. Gives the first account's password for once, where one was made.
///
/// # Errors
/// What could not be written. The configuration comes last, so that a failure leaves none.
pub fn lay(plan: &Plan, force: bool) -> Result<Option<String>, String> {
    let at = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| format!("{path}: {error}")
    };
    let give = |path: &Path| match &plan.owner {
        Some(owner) => owner.give(path).map_err(at(path)),
        None => Ok(()),
    };
    let parent = plan.out.parent().unwrap_or(Path::new("."));
    make_dir(parent, 0o750).map_err(at(parent))?;
    if let Some(beside) = &plan.own_copies {
        make_dir(beside, 0o750).map_err(at(beside))?;
        give(beside)?;
        for (from, name) in [(&plan.shipped.rules, "rules"), (&plan.shipped.templates, "templates")] {
            let to = beside.join(name);
            if !to.exists() {
                copy(from, &to).map_err(at(&to))?;
            }
            if let Some(owner) = &plan.owner {
                owner.give_all(&to).map_err(at(&to))?;
            }
        }
    }
    make_dir(&plan.store, 0o700).map_err(at(&plan.store))?;
    let once = account(plan)?;
    if let Some(owner) = &plan.owner {
        owner.give_all(&plan.store).map_err(at(&plan.store))?;
    }
    for (what, server) in [("imap", &plan.mailbox), ("smtp", &plan.smtp)] {
        let Some((_, password)) = server.as_ref().and_then(|server| server.login.as_ref()) else { continue };
        let path = plan.secret_path(what);
        replace(&path, format!("{}\n", password.as_str()).as_bytes(), 0o600, force)?;
        give(&path)?;
    }
    if force && plan.out.exists() {
        let old = plan.out.with_extension("toml.old");
        fs::copy(&plan.out, &old).map_err(at(&old))?;
    }
    replace(&plan.out, render::configuration(plan).as_bytes(), 0o640, force)?;
    if let Some(owner) = &plan.owner {
        // The daemon reads it and does not write it.
        chown(&plan.out, None, Some(owner.gid)).map_err(at(&plan.out))?;
        chown(parent, None, Some(owner.gid)).map_err(at(parent))?;
    }
    crate::config::load(&plan.out).map_err(|error| error.to_string())?;
    Ok(once)
}

/// The first account of the desk.
fn account(plan: &Plan) -> Result<Option<String>, String> {
    let Some(admin) = &plan.admin else { return Ok(None) };
    let accounts = Accounts::new(&plan.store);
    let keeper = accounts.keeper("setup", clock::now());
    let made = match &admin.password {
        Some(password) => keeper.add(&admin.name, password, Role::Admin).map(|()| None),
        None => keeper.add_once(&admin.name, Role::Admin).map(Some),
    };
    match made {
        // Setting up once more changes nobody's password.
        Err(AccountError::Exists(_)) => {
            eprintln!("bode: the account {} is there already; its password stays", admin.name);
            Ok(None)
        }
        made => made.map_err(|error| format!("first account: {error}")),
    }
}

/// A file with all of its bytes and its rights, or none.
fn replace(path: &Path, bytes: &[u8], mode: u32, force: bool) -> Result<(), String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let laid = write_new(&temporary, bytes, mode).and_then(|()| {
        if force {
            fs::rename(&temporary, path)
        } else {
            // Unlike a rename, a link never takes the place of what is there.
            fs::hard_link(&temporary, path).and_then(|()| fs::remove_file(&temporary))
        }?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    });
    laid.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        match error.kind() {
            io::ErrorKind::AlreadyExists => {
                format!("{} is there already: --force writes over it, --out names another", path.display())
            }
            _ => format!("{}: {error}", path.display()),
        }
    })
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    // Whatever the umask is.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()
}

/// Makes a folder and those above it; one that is there keeps its rights.
fn make_dir(dir: &Path, mode: u32) -> io::Result<()> {
    if dir.is_dir() { Ok(()) } else { DirBuilder::new().recursive(true).mode(mode).create(dir) }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    make_dir(to, 0o750)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            fs::set_permissions(&target, fs::Permissions::from_mode(0o640))?;
        }
    }
    Ok(())
}
