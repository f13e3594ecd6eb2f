//! Faults that are no fault of the disk: the clock, the mailbox and who else is at it, the scan folder, two daemons, a
//! stop in the middle, and files of the store that were cut off, garbled or removed between two runs.

use crate::daemon::Daemon;
use crate::fake_imap::{FakeImap, Wrong};
use crate::fault::{Action, Fault};
use crate::journal::segments;
use crate::office::{Office, Way, is_running, no_panic};
use crate::servers::DEADLINE;
use crate::story::Story;
use crate::traffic::{Dice, complaint, delivered_again, letter};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Other {
    ClockForward,
    ClockBack,
    StopInTheMiddle,
    JournalTorn,
    IndexGarbled,
    IndexRemoved,
    TwoDaemonsOneStore,
    ImportBeside,
    ScanFolderGone,
    FileGrowsAndIsReplaced,
    OddNames,
    InTwoFolders,
    UidValidityChanged,
    MailboxTouched,
    LineCut,
    SlowLine,
    ServerOutOfForm,
    TwoDaemonsOneMailbox,
    /// After the content, before the server's word for it.
    SendingCut,
}

impl Other {
    const ANY: [Other; 12] = [
        Other::ClockForward,
        Other::ClockBack,
        Other::StopInTheMiddle,
        Other::JournalTorn,
        Other::IndexGarbled,
        Other::IndexRemoved,
        Other::TwoDaemonsOneStore,
        Other::ImportBeside,
        Other::ScanFolderGone,
        Other::FileGrowsAndIsReplaced,
        Other::OddNames,
        Other::SendingCut,
    ];
    const MAILBOX: [Other; 7] = [
        Other::InTwoFolders,
        Other::UidValidityChanged,
        Other::MailboxTouched,
        Other::LineCut,
        Other::SlowLine,
        Other::ServerOutOfForm,
        Other::TwoDaemonsOneMailbox,
    ];

    pub fn all() -> impl Iterator<Item = Other> {
        Self::ANY.into_iter().chain(Self::MAILBOX)
    }

    pub fn of(dice: &mut Dice, way: Way) -> Self {
        if way == Way::Mailbox && dice.one_in(2) {
            Self::MAILBOX[dice.below(Self::MAILBOX.len())]
        } else {
            Self::ANY[dice.below(Self::ANY.len())]
        }
    }

    /// Lets it happen. The post of the round lies there already; after this the office is healed and looked at.
    pub fn happen(self, office: &mut Office<'_>, seed: u64, dice: &mut Dice) -> Result<(), String> {
        match self {
            Self::ClockForward => clock(office, dice, true),
            Self::ClockBack => clock(office, dice, false),
            Self::StopInTheMiddle => stop_in_the_middle(office, dice),
            Self::JournalTorn => journal_torn(office, dice),
            Self::IndexGarbled => index_garbled(office, dice),
            Self::IndexRemoved => index_removed(office),
            Self::TwoDaemonsOneStore => two_daemons(office),
            Self::ImportBeside => import_beside(office, seed),
            Self::ScanFolderGone => scan_folder_gone(office, dice),
            Self::FileGrowsAndIsReplaced => file_grows(office, seed),
            Self::OddNames => odd_names(office, seed),
            Self::InTwoFolders => in_two_folders(office, seed),
            Self::UidValidityChanged => uid_validity_changed(office, dice),
            Self::MailboxTouched => mailbox_touched(office, seed, dice),
            Self::LineCut => line_cut(office, dice),
            Self::SlowLine => slow_line(office),
            Self::ServerOutOfForm => server_out_of_form(office, dice),
            Self::TwoDaemonsOneMailbox => one_mailbox(office, seed),
            Self::SendingCut => sending_cut(office),
        }
    }
}

/// Another program with a store of its own on the same mailbox: it takes nothing, and says so.
fn one_mailbox(office: &mut Office<'_>, seed: u64) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let dir = office.path(&format!("ander-{seed}"));
    for folder in ["post/new", "post/cur", "post/tmp", "scans"] {
        std::fs::create_dir_all(dir.join(folder)).map_err(text)?;
    }
    let config = dir.join("office.toml");
    std::fs::copy(&office.dir.config, &config).map_err(text)?;
    if office.sealed {
        std::fs::copy(office.path("sleutels"), dir.join("sleutels")).map_err(text)?;
    }
    let mut first = office.run_with(&Fault::none());
    until(&mut first, "its claim", |daemon| is_running(daemon) && daemon.log.contains("mailbox connected"))?;
    let mut second = Daemon::start(&config);
    let late = complaint(&office.address, &format!("{seed}-laat"));
    until(&mut second, "its refusal", |daemon| daemon.log.contains("another bode"))?;
    office.lay(&late, &format!("{seed}.laat"));
    until_idle(&mut first, office)?;
    stop(&mut second)?;
    stop(&mut first)?;
    match Story::of(&dir.join("store")).registered.len() {
        0 => Ok(()),
        many => Err(format!("the second daemon took {many} pieces too")),
    }
}

/// Waits, and fails with the log when it does not come or the daemon ends.
fn until(daemon: &mut Daemon, what: &str, mut is_so: impl FnMut(&mut Daemon) -> bool) -> Result<(), String> {
    let begun = Instant::now();
    while !is_so(daemon) {
        if let Some(status) = daemon.ended() {
            return Err(format!("waiting for {what}, it ended with {status}:\n{}", daemon.rest()));
        }
        if begun.elapsed() > DEADLINE {
            daemon.signal(rustix::process::Signal::KILL);
            return Err(format!("waited in vain for {what}:\n{}", daemon.rest()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn until_idle(daemon: &mut Daemon, office: &Office<'_>) -> Result<(), String> {
    until(daemon, "idle", |daemon| is_running(daemon) && office.is_idle())
}

/// What began well goes on until all is done, and stops well.
fn to_its_end(mut daemon: Daemon, office: &Office<'_>) -> Result<(), String> {
    until_idle(&mut daemon, office)?;
    stop(&mut daemon)
}

fn stop(daemon: &mut Daemon) -> Result<(), String> {
    Office::terminate(daemon).map_err(|told| format!("{told}:\n{}", daemon.log))?;
    no_panic(&daemon.rest())
}

/// The time of day jumps while the daemon runs, and is right again at the next start.
fn clock(office: &mut Office<'_>, dice: &mut Dice, forward: bool) -> Result<(), String> {
    let (hours, days) = (1 + dice.below(30) as i64, 1 + dice.below(20) as i64);
    let jump = if forward { hours * 3600 } else { -days * 86_400 };
    let (before, after) = if dice.one_in(2) { (0, jump) } else { (jump, 0) };
    let mut daemon = office.run_with(&Fault { clock: before, ..Fault::none() });
    let calls = 20 + dice.below(60);
    // With a clock that is wrong no certificate may hold: what cannot be fetched or sent now waits for the next start, and
    // no further calls come until then.
    let mut running = None;
    until(&mut daemon, "its first calls", |daemon| {
        let since = is_running(daemon).then(|| *running.get_or_insert_with(Instant::now));
        let long = since.is_some_and(|since| since.elapsed() > Duration::from_secs(3));
        long || office.control.calls().len() > calls || office.is_idle()
    })?;
    office.control.set_clock(after);
    let jumped = Instant::now();
    until(&mut daemon, "its start", |daemon| {
        is_running(daemon) && (office.is_idle() || jumped.elapsed() > Duration::from_secs(3))
    })?;
    stop(&mut daemon)
}

fn stop_in_the_middle(office: &mut Office<'_>, dice: &mut Dice) -> Result<(), String> {
    let mut daemon = office.run_with(&Fault::none());
    until(&mut daemon, "its start", is_running)?;
    let calls = office.control.calls().len() + dice.below(60);
    until(&mut daemon, "the middle", |_| office.control.calls().len() >= calls || office.is_idle())?;
    stop(&mut daemon)
}

/// Killed while it works; then half a line stands at the end of the journal, as after a torn write.
fn journal_torn(office: &mut Office<'_>, dice: &mut Dice) -> Result<(), String> {
    killed(office, dice)?;
    let Some(last) = segments(&office.dir.store()).pop() else { return Ok(()) };
    let text = std::fs::read(&last).map_err(|error| error.to_string())?;
    let Some(line) = text.split(|byte| *byte == b'\n').find(|line| !line.is_empty()) else { return Ok(()) };
    let torn = [&text[..], &line[..1 + dice.below(line.len() - 1)]].concat();
    std::fs::write(last, torn).map_err(|error| error.to_string())
}

/// Killed after some call of its own.
fn killed(office: &mut Office<'_>, dice: &mut Dice) -> Result<(), String> {
    let nth = 1 + dice.below(80) as u32;
    let mut daemon = office.run_with(&Fault { action: Action::KillAfter, nth, ..Fault::none() });
    let begun = Instant::now();
    while daemon.ended().is_none() {
        if is_running(&mut daemon) && office.is_idle() {
            let stopped = stop(&mut daemon);
            // That call may have come on the way out.
            return if office.control.struck() > 0 { Ok(()) } else { stopped };
        }
        if begun.elapsed() > DEADLINE {
            return Err(format!("neither killed nor idle:\n{}", daemon.log));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    no_panic(&daemon.rest())
}

fn index_garbled(office: &mut Office<'_>, dice: &mut Dice) -> Result<(), String> {
    killed(office, dice)?;
    let index = office.dir.store().join("index");
    let below = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let layers: Vec<_> = below(&index).collect();
    let mut files: Vec<_> = layers.iter().flat_map(|layer| below(layer)).chain(layers.clone()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    if files.is_empty() {
        return Ok(());
    }
    let file = &files[dice.below(files.len())];
    let mut bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    match dice.below(3) {
        0 => bytes.truncate(dice.below(bytes.len())),
        1 => bytes.clear(),
        _ => {
            for _ in 0..1 + dice.below(200) {
                let at = dice.below(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 + dice.below(255) as u8;
                }
            }
        }
    }
    std::fs::write(file, bytes).map_err(|error| error.to_string())
}

fn index_removed(office: &mut Office<'_>) -> Result<(), String> {
    match std::fs::remove_dir_all(office.dir.store().join("index")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// The second refuses, and says why; the first goes on.
fn two_daemons(office: &mut Office<'_>) -> Result<(), String> {
    let mut first = office.run_with(&Fault::none());
    until(&mut first, "its start", is_running)?;
    let mut second = office.dir.run();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = second.ended() {
            break status;
        }
        if begun.elapsed() > DEADLINE {
            return Err("the second daemon runs on the same store".to_owned());
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let said = second.rest();
    let pid = first.pid().as_raw_nonzero().to_string();
    if status.code() != Some(1) || !said.contains("in use") || !said.contains(&pid) {
        return Err(format!("the second daemon ended with {status} and said: {said}"));
    }
    to_its_end(first, office)
}

/// `bode import` beside the daemon: refused, and the piece is taken when the daemon is down.
fn import_beside(office: &mut Office<'_>, seed: u64) -> Result<(), String> {
    let mut daemon = office.run_with(&Fault::none());
    until(&mut daemon, "its start", is_running)?;
    let sent = complaint(&office.address, &format!("{seed}-import"));
    let file = office.path("stuk.eml");
    std::fs::write(&file, &sent.bytes).map_err(|error| error.to_string())?;
    let path = file.to_str().ok_or("no name")?.to_owned();
    let beside = office.dir.bode(&["import", &path]);
    let said = String::from_utf8_lossy(&beside.stderr).into_owned();
    if beside.status.success() || !said.contains("in use") {
        return Err(format!("import beside the daemon: {}, {said}", beside.status));
    }
    until_idle(&mut daemon, office)?;
    stop(&mut daemon)?;
    let alone = office.dir.bode(&["import", &path]);
    if !alone.status.success() {
        return Err(format!("import: {}, {}", alone.status, String::from_utf8_lossy(&alone.stderr)));
    }
    office.expect(&sent);
    Ok(())
}

/// Where the scans were mounted nothing is any more, or an empty folder.
fn scan_folder_gone(office: &mut Office<'_>, dice: &mut Dice) -> Result<(), String> {
    let (scans, away) = (office.path("scans"), office.path("scans-elders"));
    std::fs::rename(&scans, &away).map_err(|error| error.to_string())?;
    let empty = dice.one_in(2);
    if empty {
        std::fs::create_dir(&scans).map_err(|error| error.to_string())?;
    }
    let mut daemon = office.run_with(&Fault::none());
    until(&mut daemon, "its start", is_running)?;
    if !empty {
        // Told, and not made: a folder under the mount point would hide what comes later.
        until(&mut daemon, "word of it", |daemon| daemon.log.contains("cannot be read now"))?;
        if scans.exists() {
            return Err("the scan folder was made".to_owned());
        }
    } else {
        std::fs::remove_dir_all(&scans).map_err(|error| error.to_string())?;
    }
    std::fs::rename(&away, &scans).map_err(|error| error.to_string())?;
    to_its_end(daemon, office)
}

/// A letter that is still being written, and one that another is laid over: only what was whole is taken, and the one
/// that was taken is put away.
fn file_grows(office: &mut Office<'_>, seed: u64) -> Result<(), String> {
    let config = std::fs::read_to_string(&office.dir.config).map_err(|error| error.to_string())?;
    let patient = config.replace("still_seconds = 0", "still_seconds = 3");
    std::fs::write(&office.dir.config, patient).map_err(|error| error.to_string())?;
    let mut daemon = office.run_with(&Fault::none());
    until(&mut daemon, "its start", is_running)?;
    let (slow, first, second) = (
        letter(&format!("{seed}-groeit")),
        letter(&format!("{seed}-eerst")),
        letter(&format!("{seed}-over")),
    );
    let (growing, over) = (office.path("scans/groeit.pdf"), office.path("scans/over.pdf"));
    std::fs::write(&over, &first.bytes).map_err(|error| error.to_string())?;
    // Longer than the time that a file must be still, in steps shorter than that.
    for step in 1..=16 {
        std::fs::write(&growing, &slow.bytes[..slow.bytes.len() * step / 16])
            .map_err(|error| error.to_string())?;
        if step == 2 {
            let hidden = office.path("scans/.over");
            std::fs::write(&hidden, &second.bytes).map_err(|error| error.to_string())?;
            std::fs::rename(&hidden, &over).map_err(|error| error.to_string())?;
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    office.expect(&slow);
    office.expect(&second);
    // Laid over before it was still for long enough, or on a busy machine after it was taken.
    office.may_come(&first);
    until_idle(&mut daemon, office)?;
    std::fs::write(&office.dir.config, config).map_err(|error| error.to_string())?;
    stop(&mut daemon)
}

/// Links, pipes, folders and names that nobody gives to a letter: nothing is followed, nothing hangs, and what is a
/// letter all the same is taken.
fn odd_names(office: &mut Office<'_>, seed: u64) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let secret = office.path("geheim.pdf");
    std::fs::write(&secret, letter(&format!("{seed}-geheim")).bytes).map_err(text)?;
    let folders = [office.path("scans"), office.path("post/new")];
    let mut made = Vec::new();
    for folder in &folders {
        let link = folder.join(format!("link-{seed}.pdf"));
        std::os::unix::fs::symlink(&secret, &link).map_err(text)?;
        let upwards = folder.join(format!("omhoog-{seed}.pdf"));
        std::os::unix::fs::symlink("../../../../../../etc/passwd", &upwards).map_err(text)?;
        let pipe = folder.join(format!("pijp-{seed}.pdf"));
        if !Command::new("mkfifo").arg(&pipe).status().map_err(text)?.success() {
            return Err("mkfifo".to_owned());
        }
        let inner = folder.join(format!("map-{seed}.pdf"));
        std::fs::create_dir(&inner).map_err(text)?;
        std::fs::write(inner.join("..."), "x").map_err(text)?;
        made.extend([link, upwards, pipe]);
        let socket = folder.join(format!("bus-{seed}.pdf"));
        drop(std::os::unix::net::UnixListener::bind(&socket).map_err(text)?);
        made.push(socket);
    }
    // Letters all the same.
    let names: [&[u8]; 4] =
        [b"regel\neen.pdf", b"\xff\xfe niet-utf8.pdf", b"..pdf.pdf", b"-rf *; $(reboot).pdf"];
    for (number, name) in names.iter().enumerate() {
        let sent = letter(&format!("{seed}-vreemd-{number}"));
        std::fs::write(folders[0].join(std::ffi::OsStr::from_bytes(name)), &sent.bytes).map_err(text)?;
        // A name that begins with a dot is one of a file that is not finished.
        if !name.starts_with(b".") {
            office.expect(&sent);
        }
    }
    let mut daemon = office.run_with(&Fault::none());
    let links = made.len();
    until(&mut daemon, "the letters among them", |daemon| {
        is_running(daemon) && office.story().is_done_with(office.digests())
    })?;
    until(&mut daemon, "word of the others", |daemon| daemon.log.contains("stays in the scan folder"))?;
    stop(&mut daemon)?;
    if made.iter().any(|path| std::fs::symlink_metadata(path).is_err()) {
        return Err(format!("one of {links} links and pipes is gone"));
    }
    for path in made {
        std::fs::remove_file(path).map_err(text)?;
    }
    for folder in &folders {
        std::fs::remove_dir_all(folder.join(format!("map-{seed}.pdf"))).map_err(text)?;
    }
    std::fs::remove_file(folders[0].join("..pdf.pdf")).map_err(text)?;
    Ok(())
}

/// The same message by two ways: one case.
fn in_two_folders(office: &mut Office<'_>, seed: u64) -> Result<(), String> {
    let sent = complaint(&office.address, &format!("{seed}-twee"));
    office.lay(&sent, &format!("{seed}.twee"));
    let other = delivered_again(&sent, &format!("{seed}"));
    let whole = office.path(&format!("post/tmp/{seed}.twee"));
    std::fs::write(&whole, &other.bytes).map_err(|error| error.to_string())?;
    std::fs::rename(whole, office.path(&format!("post/new/{seed}.twee")))
        .map_err(|error| error.to_string())?;
    office.expect(&other);
    to_its_end(office.run_with(&Fault::none()), office)
}

/// Dovecot has lost its list of UIDs, as after a mailbox was restored: what was taken and not yet moved comes again
/// under other numbers.
fn uid_validity_changed(office: &mut Office<'_>, dice: &mut Dice) -> Result<(), String> {
    killed(office, dice)?;
    let maildir = office.servers.maildir(&office.address);
    // Its clock has seconds, and a UIDVALIDITY is one: the new one is another than the old.
    let list = maildir.join("dovecot-uidlist");
    let Ok(text) = std::fs::read_to_string(&list) else { return Ok(()) };
    let old: u64 = text.split(" V").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or(0);
    for entry in std::fs::read_dir(&maildir).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("dovecot.index") {
            std::fs::remove_file(entry.path()).map_err(|error| error.to_string())?;
        }
    }
    std::fs::write(&list, text.replace(&format!(" V{old} "), &format!(" V{} ", old + 1000)))
        .map_err(|error| error.to_string())
}

/// Somebody else moves and removes messages while we look at them.
fn mailbox_touched(office: &mut Office<'_>, seed: u64, dice: &mut Dice) -> Result<(), String> {
    let maildir = office.servers.maildir(&office.address);
    let mut theirs = Vec::new();
    for number in 0..6 {
        let sent = complaint(&office.address, &format!("{seed}-hun-{number}"));
        let name = format!("{seed}.hun.{number}");
        office.servers.lay_for(&office.address, &name, &sent.bytes, SystemTime::now());
        office.may_come(&sent.on_the_wire());
        theirs.push(name);
    }
    let mut daemon = office.run_with(&Fault::none());
    let calls = dice.below(80);
    until(&mut daemon, "a moment", |_| office.control.calls().len() >= calls || office.is_idle())?;
    for name in &theirs {
        for folder in ["new", "cur"] {
            for entry in std::fs::read_dir(maildir.join(folder)).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().starts_with(name.as_str()) && !dice.one_in(3) {
                    // Gone already is as good.
                    let _ = std::fs::remove_file(entry.path());
                }
            }
        }
    }
    to_its_end(daemon, office)
}

/// The line to the mailbox is cut again and again, in the middle of anything.
fn line_cut(office: &mut Office<'_>, dice: &mut Dice) -> Result<(), String> {
    office.line.cut_after.store(1 + dice.below(14) as isize, Ordering::SeqCst);
    let mut daemon = office.run_with(&Fault::none());
    until(&mut daemon, "a cut", |_| office.line.cut_after.load(Ordering::SeqCst) <= 0 || office.is_idle())?;
    office.line.cut_after.store(1 + dice.below(14) as isize, Ordering::SeqCst);
    until(&mut daemon, "the next", |_| {
        office.line.cut_after.load(Ordering::SeqCst) <= 0 || office.is_idle()
    })?;
    office.line.cut_after.store(isize::MAX, Ordering::SeqCst);
    to_its_end(daemon, office)
}

fn slow_line(office: &mut Office<'_>) -> Result<(), String> {
    office.line.pause_ms.store(40, Ordering::SeqCst);
    let mut daemon = office.run_with(&Fault::none());
    let idle = until_idle(&mut daemon, office);
    office.line.pause_ms.store(0, Ordering::SeqCst);
    idle?;
    stop(&mut daemon)
}

/// The server has taken an answer, and the line is cut when it says so: nobody knows, so it is sent once more, later.
fn sending_cut(office: &mut Office<'_>) -> Result<(), String> {
    let cuts = office.sending_cuts();
    office.cut_before_reply(true);
    let mut daemon = office.run_with(&Fault::none());
    until(&mut daemon, "the cut", |daemon| {
        (office.sending_cuts() > cuts && daemon.log.contains("answer deferred")) || office.is_idle()
    })?;
    office.cut_before_reply(false);
    office.note_cut();
    stop(&mut daemon)?;
    // Its pause is a minute: over at once, by the clock.
    to_its_end(office.run_with(&Fault { clock: 120, ..Fault::none() }), office)
}

/// Memory that a daemon may ever take in such a round, in kB.
const MEMORY_KB_MAX: u64 = 300 * 1024;

fn server_out_of_form(office: &mut Office<'_>, dice: &mut Dice) -> Result<(), String> {
    let wrong = [Wrong::Garbage, Wrong::HugeLiteral, Wrong::HugeSize, Wrong::CutInFetch, Wrong::Silent]
        [dice.below(5)];
    let fake = FakeImap::start(office.servers, wrong);
    office.line.relay.redirect(fake.port);
    let mut daemon = office.run_with(&Fault::none());
    let felt = until(&mut daemon, &format!("{wrong:?}"), |daemon| {
        let told = match wrong {
            Wrong::HugeSize => daemon.log.contains("stays in the mailbox"),
            Wrong::Silent => true,
            _ => daemon.log.contains("cannot be read now") || daemon.log.contains("cut off"),
        };
        told && fake.done.load(Ordering::SeqCst) > 0
    });
    office.line.relay.redirect(office.servers.ports.imaps);
    felt.map_err(|told| format!("{wrong:?}: {told}"))?;
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid().as_raw_nonzero()))
        .unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: u64 = peak.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0);
    if peak > MEMORY_KB_MAX {
        return Err(format!("{wrong:?}: it took {peak} kB"));
    }
    // A server that is silent is waited for as long as its time limit; a stop is not.
    stop(&mut daemon).map_err(|told| format!("{wrong:?}: {told}"))
}
