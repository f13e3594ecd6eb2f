//! The questions on a terminal. What a flag said is not asked; what does not work when it is tried is asked again, with
//! the former answer as the default.

use super::plan::{Faults, Part, Plan, data_dir, is_address};
use super::{Failure, SetupArgs, TlsKind, try_out};
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use zeroize::Zeroizing;

/// A question is asked so often before setup gives up: input that is no person must not turn for ever.
const TRIES_MAX: usize = 20;

/// Who asks and who answers.
pub struct Ask<R, W> {
    input: R,
    output: W,
    /// Hides what is typed for a secret.
    terminal: bool,
}

impl<R: BufRead, W: Write> Ask<R, W> {
    pub fn new(input: R, output: W, terminal: bool) -> Self {
        Self { input, output, terminal }
    }

    fn say(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.output, "{text}").map_err(Failure::failed)
    }

    fn read(&mut self) -> Result<String, Failure> {
        let mut line = Zeroizing::new(String::new());
        if self.input.read_line(&mut line).map_err(Failure::failed)? == 0 {
            return Err(Failure::Failed("the answers ended; nothing was written".to_owned()));
        }
        Ok(line.trim().to_owned())
    }

    /// A line; an empty one is the default.
    fn line(&mut self, question: &str, default: &str) -> Result<String, Failure> {
        let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
        write!(self.output, "{question}{shown}: ")
            .and_then(|()| self.output.flush())
            .map_err(Failure::failed)?;
        let line = self.read()?;
        Ok(if line.is_empty() { default.to_owned() } else { line })
    }

    /// A line that fits; asked again until it does.
    fn until<T>(
        &mut self,
        question: &str,
        default: &str,
        fits: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        for _ in 0..TRIES_MAX {
            let line = self.line(question, default)?;
            match fits(&line) {
                Ok(value) => return Ok(value),
                Err(why) => self.say(&format!("  {why}"))?,
            }
        }
        Err(Failure::Failed(format!("{question}: no answer that fits; nothing was written")))
    }

    fn yes(&mut self, question: &str, default: bool) -> Result<bool, Failure> {
        self.until(&format!("{question} (yes or no)"), if default { "yes" } else { "no" }, |line| match line
            .to_ascii_lowercase()
            .as_str()
        {
            "y" | "yes" | "j" | "ja" => Ok(true),
            "n" | "no" | "nee" => Ok(false),
            _ => Err("yes or no".to_owned()),
        })
    }

    /// What is not shown while it is typed. Empty: none.
    fn secret(&mut self, question: &str) -> Result<Zeroizing<String>, Failure> {
        write!(self.output, "{question}: ").and_then(|()| self.output.flush()).map_err(Failure::failed)?;
        let hidden = self.terminal.then(Hidden::new);
        let line = self.read().map(Zeroizing::new);
        if hidden.is_some() {
            drop(hidden);
            self.say("")?;
        }
        line
    }
}

/// The terminal without its echo, until this is dropped.
struct Hidden;

impl Hidden {
    fn new() -> Self {
        stty("-echo");
        Self
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        stty("echo");
    }
}

fn stty(what: &str) {
    // Where it does not work the password shows; that is no reason to stop.
    let _ = Command::new("stty").arg(what).stdin(Stdio::inherit()).stderr(Stdio::null()).status();
}

/// Asks for everything, tries it, and asks again for what does not work.
pub fn conversation<R: BufRead, W: Write>(
    args: &mut SetupArgs,
    ask: &mut Ask<R, W>,
) -> Result<Plan, Failure> {
    ask.say(
        "bode setup: an empty answer takes what stands between [ ]. Nothing is written before the end.\n",
    )?;
    let parts = [Part::Office, Part::Store, Part::Mailbox, Part::Scans, Part::Smtp, Part::Desk, Part::Admin];
    for part in parts {
        if !is_answered(args, part) {
            asked(args, part, ask)?;
        }
    }
    if !args.live {
        ask.say("\nA rehearsal: everything runs, nothing leaves the house, and mail stays as it is. It is the way to begin.")?;
        args.live = !ask.yes("Begin with a rehearsal", true)?;
    }
    // What a person wants to keep though it does not work now.
    let mut kept: Vec<Part> = Vec::new();
    for _ in 0..TRIES_MAX {
        let (faults, plan) = match Plan::new(args) {
            Err(faults) => (faults, None),
            Ok(plan) => {
                ask.say("\nTrying it ...")?;
                let mut faults = try_out::all(&plan);
                faults.retain(|(part, _)| !kept.contains(part));
                (faults, Some(plan))
            }
        };
        if let Some(plan) = plan.filter(|_| faults.is_empty()) {
            ask.say("All of it works.")?;
            return if ask.yes(&format!("Write {}", plan.out.display()), true)? {
                Ok(plan)
            } else {
                Err(Failure::Failed("nothing was written".to_owned()))
            };
        }
        mend(args, &faults, &mut kept, ask)?;
    }
    Err(Failure::Failed("it does not work yet; nothing was written".to_owned()))
}

/// Tells what does not work, and asks for those parts again.
fn mend<R: BufRead, W: Write>(
    args: &mut SetupArgs,
    faults: &Faults,
    kept: &mut Vec<Part>,
    ask: &mut Ask<R, W>,
) -> Result<(), Failure> {
    let mut again: Vec<Part> = Vec::new();
    for (part, what) in faults {
        ask.say(&format!("\nWRONG {part}: {what}"))?;
        if !again.contains(part) {
            again.push(*part);
        }
    }
    for part in again {
        let what = ask.until(&format!("\n{part}: (a)gain, (k)eep as it is, or (q)uit"), "a", |line| {
            match line.chars().next().map(|c| c.to_ascii_lowercase()) {
                Some(c @ ('a' | 'k' | 'q')) => Ok(c),
                _ => Err("a, k or q".to_owned()),
            }
        })?;
        match what {
            'q' => return Err(Failure::Failed("nothing was written".to_owned())),
            'k' => kept.push(part),
            _ => asked(args, part, ask)?,
        }
    }
    Ok(())
}

/// Did flags say all that this part needs?
fn is_answered(args: &SetupArgs, part: Part) -> bool {
    match part {
        Part::Office => args.office.is_some(),
        Part::Store => args.out.is_some() && args.store.is_some(),
        Part::Mailbox => args.imap.imap_host.is_some() || args.maildir.is_some(),
        Part::Scans => args.scans.is_some(),
        Part::Smtp => args.smtp.smtp_host.is_some(),
        // Its default does nearly everywhere; it is asked again where it does not.
        Part::Desk => true,
        Part::Admin => args.admin.is_some(),
    }
}

fn asked<R: BufRead, W: Write>(args: &mut SetupArgs, part: Part, ask: &mut Ask<R, W>) -> Result<(), Failure> {
    match part {
        Part::Office => office(args, ask),
        Part::Store => places(args, ask),
        Part::Mailbox => mailbox(args, ask),
        Part::Scans => scans(args, ask),
        Part::Smtp => smtp(args, ask),
        Part::Desk => {
            let former = args.desk.to_string();
            let fits =
                |line: &str| line.parse().map_err(|_| "an address and a port: 127.0.0.1:8080".to_owned());
            args.desk = ask.until("Address and port of the desk", &former, fits)?;
            Ok(())
        }
        Part::Admin => admin(args, ask),
    }
}

fn office<R: BufRead, W: Write>(args: &mut SetupArgs, ask: &mut Ask<R, W>) -> Result<(), Failure> {
    if data_dir(args).is_err() {
        let dir = ask
            .line("Directory with config/, rules/ and templates/ as they were shipped", "/usr/share/bode")?;
        args.data = Some(PathBuf::from(dir));
    }
    let (_, ids) = data_dir(args).map_err(Failure::Usage)?;
    ask.say(&format!("Offices: {}", ids.join(", ")))?;
    let former = args.office.clone().unwrap_or_default();
    let fits = |line: &str| match ids.iter().find(|id| *id == line) {
        Some(id) => Ok(id.clone()),
        None => Err(format!("one of {}", ids.join(", "))),
    };
    args.office = Some(ask.until("Which one is this", &former, fits)?);
    Ok(())
}

fn places<R: BufRead, W: Write>(args: &mut SetupArgs, ask: &mut Ask<R, W>) -> Result<(), Failure> {
    let id = args.office.clone().unwrap_or_default();
    let shown = |given: &Option<PathBuf>, usual: String| {
        given.as_ref().map_or(usual, |path| path.display().to_string())
    };
    let out = shown(&args.out, format!("/etc/bode/{id}.toml"));
    args.out = Some(PathBuf::from(ask.line("Configuration to write", &out)?));
    let store = shown(&args.store, format!("/var/lib/bode/{id}/store"));
    args.store = Some(PathBuf::from(ask.line("Directory of the store", &store)?));
    Ok(())
}

fn mailbox<R: BufRead, W: Write>(args: &mut SetupArgs, ask: &mut Ask<R, W>) -> Result<(), Failure> {
    let imap = &mut args.imap;
    ask.say("\nThe mailbox that citizens write to (IMAP; with a sign-in in place of a password see docs/configuration.md)")?;
    let host = ask.line("Server (- for none)", imap.imap_host.as_deref().unwrap_or("-"))?;
    if host == "-" {
        imap.imap_host = None;
        return Ok(());
    }
    imap.imap_host = Some(host);
    (imap.imap_tls, imap.imap_port) = connection(imap.imap_tls, imap.imap_port, [993, 143], ask)?;
    let user = ask.until("User", imap.imap_user.as_deref().unwrap_or_default(), not_empty)?;
    imap.imap_user = Some(user);
    if imap.typed.is_some() || (imap.imap_password_file.is_none() && imap.imap_password_env.is_none()) {
        imap.typed = Some(ask.secret("Password")?);
    }
    imap.imap_folder = ask.line("Folder that mail arrives in", &imap.imap_folder)?;
    imap.imap_done_folder = ask.line("Folder for messages that are safe here", &imap.imap_done_folder)?;
    Ok(())
}

/// TLS and port; a port that is the usual one is left out.
fn connection<R: BufRead, W: Write>(
    tls: TlsKind,
    port: Option<u16>,
    usual: [u16; 2],
    ask: &mut Ask<R, W>,
) -> Result<(TlsKind, Option<u16>), Failure> {
    let tls = ask.until("TLS from the first byte (implicit) or starttls", tls.word(), |line| match line {
        "implicit" => Ok(TlsKind::Implicit),
        "starttls" => Ok(TlsKind::Starttls),
        _ => Err("implicit or starttls; there is no other".to_owned()),
    })?;
    let usual = if tls == TlsKind::Implicit { usual[0] } else { usual[1] };
    let fits = |line: &str| line.parse::<u16>().map_err(|_| "a port, such as 993".to_owned());
    let port = ask.until("Port", &port.unwrap_or(usual).to_string(), fits)?;
    Ok((tls, (port != usual).then_some(port)))
}

fn not_empty(line: &str) -> Result<String, String> {
    if line.is_empty() { Err("it is needed".to_owned()) } else { Ok(line.to_owned()) }
}

fn scans<R: BufRead, W: Write>(args: &mut SetupArgs, ask: &mut Ask<R, W>) -> Result<(), Failure> {
    let former = args.scans.as_ref().map_or_else(|| "-".to_owned(), |dir| dir.display().to_string());
    let dir = ask.line("\nFolder that the post room scans into (- for none)", &former)?;
    args.scans = (dir != "-").then(|| PathBuf::from(dir));
    Ok(())
}

fn smtp<R: BufRead, W: Write>(args: &mut SetupArgs, ask: &mut Ask<R, W>) -> Result<(), Failure> {
    ask.say("\nThe mail server that answers are handed to")?;
    let former = args.smtp.smtp_host.clone().or_else(|| {
        let imap = args.imap.imap_host.as_deref()?;
        Some(imap.strip_prefix("imap.").map_or_else(|| imap.to_owned(), |rest| format!("smtp.{rest}")))
    });
    let host = ask.line("Server (- for none)", former.as_deref().unwrap_or("-"))?;
    if host == "-" {
        args.smtp.smtp_host = None;
        return Ok(());
    }
    args.smtp.smtp_host = Some(host);
    (args.smtp.smtp_tls, args.smtp.smtp_port) =
        connection(args.smtp.smtp_tls, args.smtp.smtp_port, [465, 587], ask)?;
    let former = args.smtp.smtp_user.clone().or_else(|| args.imap.imap_user.clone());
    let user = ask.line("User (- for a server that asks for none)", former.as_deref().unwrap_or("-"))?;
    args.smtp.smtp_user = (user != "-").then_some(user);
    let given = args.smtp.smtp_password_file.is_some() || args.smtp.smtp_password_env.is_some();
    if args.smtp.smtp_user.is_none() {
        args.smtp.typed = None;
    } else if args.smtp.typed.is_some() || !given {
        let typed = ask.secret("Password (empty: that of the mailbox)")?;
        if typed.is_empty() {
            args.smtp.smtp_password_file.clone_from(&args.imap.imap_password_file);
            args.smtp.smtp_password_env.clone_from(&args.imap.imap_password_env);
            args.smtp.typed.clone_from(&args.imap.typed);
        } else {
            args.smtp.typed = Some(typed);
        }
    }
    let address = |line: &str| match is_address(line) {
        true => Ok(line.to_owned()),
        false => Err("an e-mail address".to_owned()),
    };
    let former =
        args.from_address.clone().or_else(|| args.imap.imap_user.clone().filter(|user| is_address(user)));
    args.from_address =
        Some(ask.until("Address that answers come from", &former.unwrap_or_default(), address)?);
    let or_none = |line: &str| if line == "-" { Ok(String::new()) } else { address(line) };
    let former = args.return_path.clone().filter(|path| !path.is_empty()).unwrap_or_else(|| "-".to_owned());
    let question =
        "Address for reports on answers that did not arrive, which never answers by itself (- for none)";
    args.return_path = Some(ask.until(question, &former, or_none)?);
    let former = args.smtp.smtp_test_to.clone().unwrap_or_else(|| "-".to_owned());
    let question = "An address of the office's own to send one message to (-: only log in)";
    let to = ask.until(question, &former, or_none)?;
    args.smtp.smtp_test_to = (!to.is_empty()).then_some(to);
    Ok(())
}

fn admin<R: BufRead, W: Write>(args: &mut SetupArgs, ask: &mut Ask<R, W>) -> Result<(), Failure> {
    ask.say("\nThe first account of the desk, with all rights")?;
    let name = ask.line("Name (- for none)", args.admin.as_deref().unwrap_or("beheer"))?;
    args.admin = (name != "-").then_some(name);
    if args.admin.is_some() {
        let typed =
            ask.secret("Password of 12 characters or more (empty: one for once is made and shown)")?;
        args.admin_password.typed = (!typed.is_empty()).then_some(typed);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::io::Cursor;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: SetupArgs,
    }

    /// A conversation with these flags and these answers: the plan, and what was said.
    fn talk(flags: &[&str], answers: &str) -> (Result<Plan, Failure>, String) {
        let mut args = Line::parse_from([&["setup", "--data", ".", "--untested"][..], flags].concat()).args;
        let mut ask = Ask::new(Cursor::new(answers.to_owned()), Vec::new(), false);
        let plan = conversation(&mut args, &mut ask);
        (plan, String::from_utf8(ask.output).unwrap())
    }

    #[test]
    fn what_no_flag_says_is_asked() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        let answers = format!(
            "utrecht\nhaarlem\n{}\n{}\nimap.example.nl\n\n\nklacht@example.nl\nwachtwoord\n\n\n{}\n\n\n\n\n\n\n\n-\n-\n\n\nyes\n",
            at("haarlem.toml"),
            at("lib/store"),
            dir.path().display(),
        );
        let (plan, said) = talk(&["--desk", "127.0.0.1:0"], &answers);
        let plan = plan.unwrap_or_else(|fault| panic!("{fault:?}\n{said}"));
        assert!(said.contains("one of amsterdam"), "an office that is not there is asked again: {said}");
        let smtp = plan.smtp.unwrap();
        assert_eq!((smtp.host.as_str(), smtp.login.unwrap().1.as_str()), ("smtp.example.nl", "wachtwoord"));
        assert_eq!((plan.from_address.as_str(), plan.live), ("klacht@example.nl", false));
        assert!(!said.contains("wachtwoord\n"), "{said}");
        assert!(!plan.out.exists(), "nothing is written by asking");
    }

    #[test]
    fn what_does_not_work_is_asked_again_or_kept_and_the_end_of_the_answers_ends_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        let (out, store) = (at("d.toml"), at("lib/store"));
        let flags = [
            "--office",
            "deventer",
            "--out",
            &out,
            "--store",
            &store,
            "--maildir",
            "/nowhere/at/all",
            "--scans",
            &at("scans"),
            "--smtp-host",
            "localhost",
            "--from-address",
            "a@example.nl",
            "--admin",
            "beheer",
            "--live",
        ];
        let (plan, said) = talk(&flags, "k\ny\n");
        assert!(said.contains("WRONG mailbox: /nowhere/at/all cannot be written"), "{said}");
        assert!(plan.is_ok_and(|plan| plan.live && plan.admin.is_some()));
        let (plan, said) = talk(&flags, "a\n");
        assert!(matches!(plan, Err(Failure::Failed(what)) if what.contains("nothing was written")), "{said}");
    }
}
