//! What is to be set up, complete: every flag and answer read, every default in its place, every fault named by its part.

use super::lay::Owner;
use super::{SetupArgs, TlsKind};
use crate::clock;
use crate::config::Secret;
use crate::record::office_date;
use jiff::civil::Date;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Where a package lays the shipped data.
const SHIPPED: &str = "/usr/share/bode";

/// The parts that are asked for and tried one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Office,
    Store,
    Mailbox,
    Scans,
    Smtp,
    Desk,
    Admin,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Office => "office",
            Self::Store => "store",
            Self::Mailbox => "mailbox",
            Self::Scans => "scan folder",
            Self::Smtp => "SMTP",
            Self::Desk => "desk",
            Self::Admin => "first account",
        })
    }
}

pub struct Plan {
    pub out: PathBuf,
    pub store: PathBuf,
    /// Rules and templates as they were shipped, and where the office's own copies go.
    pub shipped: Shipped,
    pub own_copies: Option<PathBuf>,
    pub mailbox: Option<Server>,
    pub folder: String,
    pub done_folder: String,
    pub maildir: Option<PathBuf>,
    pub scans: Option<PathBuf>,
    pub smtp: Option<Server>,
    pub smtp_test_to: Option<String>,
    pub from_name: String,
    pub from_address: String,
    pub return_path: String,
    pub own_addresses: Vec<String>,
    pub answer_from: Date,
    pub listen: SocketAddr,
    pub https: bool,
    pub admin: Option<Admin>,
    pub live: bool,
    pub untested: bool,
    pub owner: Option<Owner>,
}

/// What was shipped for an office.
pub struct Shipped {
    /// The text of `config/ID.toml`.
    pub text: String,
    pub name: String,
    pub place: String,
    pub rules: PathBuf,
    pub templates: PathBuf,
}

/// A mail server and how we log in.
pub struct Server {
    pub host: String,
    pub port: Option<u16>,
    pub tls: TlsKind,
    pub ca_file: Option<PathBuf>,
    /// User and password; none for a server that asks for none.
    pub login: Option<(String, Zeroizing<String>)>,
}

pub struct Admin {
    pub name: String,
    /// `None`: one for once is made and shown.
    pub password: Option<Zeroizing<String>>,
}

pub type Faults = Vec<(Part, String)>;

impl Plan {
    /// # Errors
    /// Everything that is wanting or cannot be read, by part.
    pub fn new(args: &SetupArgs) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        let shipped = shipped(args).map_err(|fault| faults.push((Part::Office, fault))).ok();
        let id = args.office.clone().unwrap_or_default();
        let owner = Owner::of(args.run_as.as_deref()).unwrap_or_else(|fault| {
            faults.push((Part::Store, fault));
            None
        });
        let mailbox = mailbox(args).unwrap_or_else(|fault| {
            faults.push((Part::Mailbox, fault));
            None
        });
        let smtp = smtp(args).unwrap_or_else(|fault| {
            faults.push((Part::Smtp, fault));
            None
        });
        if args.imap.imap_host.is_none() && args.maildir.is_none() && args.scans.is_none() {
            let what =
                "nothing would come in: name a mailbox (--imap-host), a --maildir or a scan folder (--scans)";
            faults.push((Part::Mailbox, what.to_owned()));
        }
        let user = mailbox.as_ref().and_then(|server| server.login.as_ref()).map(|(user, _)| user.clone());
        let from_address =
            args.from_address.clone().or(user.filter(|user| is_address(user))).unwrap_or_default();
        if args.smtp.smtp_host.is_some() && !is_address(&from_address) {
            faults.push((Part::Smtp, "name the address that answers come from: --from-address".to_owned()));
        }
        let return_path = args.return_path.clone().unwrap_or_default();
        if !return_path.is_empty() && !is_address(&return_path) {
            faults.push((Part::Smtp, format!("--return-path: {return_path:?} is no e-mail address")));
        }
        let mut own_addresses = args.own_addresses.clone();
        if !from_address.is_empty() && !own_addresses.contains(&from_address) {
            own_addresses.insert(0, from_address.clone());
        }
        if let Some(to) = &args.smtp.smtp_test_to
            && let Err(fault) = is_our_own(to, &own_addresses)
        {
            faults.push((Part::Smtp, fault));
        }
        let admin = admin(args).unwrap_or_else(|fault| {
            faults.push((Part::Admin, fault));
            None
        });
        let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("/etc/bode/{id}.toml")));
        let store = args.store.clone().unwrap_or_else(|| PathBuf::from(format!("/var/lib/bode/{id}/store")));
        let out = whole(&out).unwrap_or(out);
        if out.exists() && !args.force && !args.print {
            let what =
                format!("{} is there already: --force writes over it, --out names another", out.display());
            faults.push((Part::Store, what));
        }
        let store = whole(&store).unwrap_or(store);
        let Some(shipped) = shipped.filter(|_| faults.is_empty()) else { return Err(faults) };
        let beside = store.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(Self {
            out,
            own_copies: (!args.shipped_rules).then_some(beside),
            store,
            mailbox,
            folder: args.imap.imap_folder.clone(),
            done_folder: args.imap.imap_done_folder.clone(),
            maildir: args.maildir.as_ref().and_then(|dir| whole(dir)),
            scans: args.scans.as_ref().and_then(|dir| whole(dir)),
            smtp,
            smtp_test_to: args.smtp.smtp_test_to.clone(),
            from_name: args.from_name.clone().unwrap_or_else(|| shipped.name.clone()),
            shipped,
            from_address,
            return_path,
            own_addresses,
            answer_from: args.answer_from.unwrap_or_else(|| office_date(clock::now())),
            listen: args.desk,
            https: args.desk_https,
            admin,
            live: args.live,
            untested: args.untested,
            owner,
        })
    }

    /// Where a secret is laid: beside the configuration, named after it.
    pub fn secret_path(&self, what: &str) -> PathBuf {
        let stem = self.out.file_stem().unwrap_or_default().to_string_lossy();
        self.out.with_file_name(format!("{stem}.{what}-password"))
    }

    /// The directories of rules and templates that the office will use.
    pub fn rules_and_templates(&self) -> (PathBuf, PathBuf) {
        match &self.own_copies {
            Some(dir) => (dir.join("rules"), dir.join("templates")),
            None => (self.shipped.rules.clone(), self.shipped.templates.clone()),
        }
    }
}

/// The path from the root, so that the file means the same wherever it is read from.
fn whole(path: &Path) -> Option<PathBuf> {
    std::path::absolute(path).ok()
}

pub fn is_address(text: &str) -> bool {
    text.parse::<lettre::Address>().is_ok()
}

/// A message to try the server with goes to the office and to nobody else.
fn is_our_own(to: &str, own: &[String]) -> Result<(), String> {
    let domain = |address: &str| address.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
    if !is_address(to) {
        return Err(format!("--smtp-test-to: {to:?} is no e-mail address"));
    }
    if own.iter().any(|own| domain(own) == domain(to)) {
        return Ok(());
    }
    Err(format!(
        "--smtp-test-to: {to} is not of the office's own domain; nothing is sent to others to try a server"
    ))
}

/// The directory of the shipped data, and the offices in it.
///
/// # Errors
/// Where it was looked for.
pub fn data_dir(args: &SetupArgs) -> Result<(PathBuf, Vec<String>), String> {
    let mut looked = match &args.data {
        Some(dir) => vec![dir.clone()],
        None => vec![PathBuf::from(SHIPPED), PathBuf::from(".")],
    };
    if let Ok(program) = std::env::current_exe()
        && let Some(prefix) = program.parent().and_then(Path::parent)
        && args.data.is_none()
    {
        looked.push(prefix.join("share/bode"));
    }
    let has_all =
        |dir: &&PathBuf| ["config", "rules", "templates"].iter().all(|name| dir.join(name).is_dir());
    let Some(dir) = looked.iter().find(has_all) else {
        let looked: Vec<String> = looked.iter().map(|dir| dir.display().to_string()).collect();
        return Err(format!(
            "no config/, rules/ and templates/ in {}; name their directory: --data DIR",
            looked.join(", ")
        ));
    };
    let dir = whole(dir).unwrap_or_else(|| dir.clone());
    let entries =
        std::fs::read_dir(dir.join("config")).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut ids: Vec<String> = entries
        .filter_map(|entry| {
            entry.ok()?.file_name().into_string().ok()?.strip_suffix(".toml").map(str::to_owned)
        })
        .filter(|id| id != "demo")
        .collect();
    ids.sort();
    Ok((dir, ids))
}

fn shipped(args: &SetupArgs) -> Result<Shipped, String> {
    let (dir, ids) = data_dir(args)?;
    let Some(id) = args.office.clone() else {
        return Err(format!("name the office: --office {}", ids.join("|")));
    };
    if !ids.contains(&id) {
        return Err(format!(
            "there is no {id:?} in {}; there are {}",
            dir.join("config").display(),
            ids.join(", ")
        ));
    }
    let path = dir.join(format!("config/{id}.toml"));
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let config = crate::config::load_file(&path).map_err(|error| error.to_string())?;
    Ok(Shipped {
        name: config.office.name,
        place: config.letters.place,
        rules: dir.join("rules"),
        templates: dir.join("templates"),
        text,
    })
}

/// A secret from where a flag says, or as it was typed.
fn secret(
    typed: Option<&Zeroizing<String>>,
    file: Option<&PathBuf>,
    env: Option<&String>,
) -> Option<Result<Zeroizing<String>, String>> {
    if let Some(typed) = typed {
        return Some(Ok(typed.clone()));
    }
    let named = file.map(|path| Secret::File(path.clone())).or(env.map(|name| Secret::Env(name.clone())));
    named.map(|secret| secret.read().map_err(|error| error.to_string()))
}

fn mailbox(args: &SetupArgs) -> Result<Option<Server>, String> {
    let imap = &args.imap;
    let Some(host) = imap.imap_host.clone() else { return Ok(None) };
    let user = imap.imap_user.clone().ok_or("name the user of the mailbox: --imap-user")?;
    let password =
        secret(imap.typed.as_ref(), imap.imap_password_file.as_ref(), imap.imap_password_env.as_ref())
            .ok_or(
                "say where the password of the mailbox is: --imap-password-file or --imap-password-env",
            )??;
    if imap.imap_folder == imap.imap_done_folder {
        return Err("--imap-done-folder must be another folder than --imap-folder".to_owned());
    }
    let ca_file = imap.ca_file.as_ref().and_then(|path| whole(path));
    Ok(Some(Server {
        host,
        port: imap.imap_port,
        tls: imap.imap_tls,
        ca_file,
        login: Some((user, password)),
    }))
}

fn smtp(args: &SetupArgs) -> Result<Option<Server>, String> {
    let smtp = &args.smtp;
    let Some(host) = smtp.smtp_host.clone() else { return Ok(None) };
    let password =
        secret(smtp.typed.as_ref(), smtp.smtp_password_file.as_ref(), smtp.smtp_password_env.as_ref());
    let login = match (smtp.smtp_user.clone(), password) {
        (Some(user), Some(password)) => Some((user, password?)),
        (None, None) => None,
        (Some(_), None) => {
            return Err(
                "say where the password for SMTP is: --smtp-password-file or --smtp-password-env".to_owned()
            );
        }
        (None, Some(_)) => return Err("a password goes with a user: --smtp-user".to_owned()),
    };
    let ca_file = args.imap.ca_file.as_ref().and_then(|path| whole(path));
    Ok(Some(Server { host, port: smtp.smtp_port, tls: smtp.smtp_tls, ca_file, login }))
}

fn admin(args: &SetupArgs) -> Result<Option<Admin>, String> {
    let Some(name) = args.admin.clone() else { return Ok(None) };
    let given = &args.admin_password;
    let password =
        secret(given.typed.as_ref(), given.admin_password_file.as_ref(), given.admin_password_env.as_ref());
    Ok(Some(Admin { name, password: password.transpose()? }))
}
