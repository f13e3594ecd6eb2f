//! What this machine is to bring: disk, rights, memory, time, fonts.

use super::Found;
use crate::calendar::Calendar;
use crate::clock;
use crate::config::Config;
use crate::sheets;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Free space below which the disk is called full: the store refuses nothing before, people get a day to act.
const FREE_BYTES_MIN: u64 = 1024 * 1024 * 1024;
/// Files that must still fit: some ten thousand pieces.
const FREE_INODES_MIN: u64 = 100_000;
/// A durable write that takes longer makes people wait; one that takes ten times as long is a broken disk.
const SYNC_TIME_MAX: Duration = Duration::from_millis(200);
/// Memory that one reading process takes of a long scan.
const READER_BYTES: u64 = 400 * 1024 * 1024;
/// After so long without one.
const BACKUP_NOTE: SignedDuration = SignedDuration::from_hours(36);
const BACKUP_WRONG: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The folders beside the store in which bode writes: check, title, path.
pub(super) fn folders(config: &Config) -> Vec<(&'static str, &'static str, PathBuf)> {
    let mut folders = Vec::new();
    folders.extend(config.scan.as_ref().map(|scan| ("scan-folder", "scan folder", scan.dir.clone())));
    folders.extend(config.maildir.as_ref().map(|maildir| ("maildir", "maildir", maildir.dir.clone())));
    folders.extend(config.letters.print_dir.clone().map(|dir| ("print-folder", "print folder", dir)));
    folders
}

/// Can this account make a file there? The directory is made when it is missing.
pub(super) fn writable(dir: &Path) -> Found {
    let trial = || {
        std::fs::create_dir_all(dir)?;
        let path = dir.join(".bode-doctor");
        std::fs::write(&path, b"trial")?;
        std::fs::remove_file(&path)
    };
    match trial() {
        Ok(()) => Found::ok(dir.display().to_string()),
        Err(error) => Found::wrong(format!(
            "{} cannot be written: {error}; give the account that runs bode the right to it",
            dir.display()
        )),
    }
}

/// Does all that stands at the top of the store belong to who owns it, and to nobody else? A command that an admin ran as root
/// leaves what the daemon cannot write.
pub(super) fn owner(store: &Path) -> Found {
    let Ok(top) = std::fs::metadata(store) else { return Found::skip("there is no store yet") };
    let mut strange = Vec::new();
    for item in std::fs::read_dir(store).into_iter().flatten().flatten() {
        if item.metadata().is_ok_and(|meta| meta.uid() != top.uid()) {
            strange.push(item.file_name().to_string_lossy().into_owned());
        }
    }
    if !strange.is_empty() {
        strange.sort();
        return Found::wrong(format!(
            "{} belong to another account than the store: chown -R --reference={} them",
            strange.join(", "),
            store.display()
        ));
    }
    if top.mode() & 0o077 != 0 {
        return Found::note(format!(
            "others may look into {} (mode {:o}): chmod 700 it",
            store.display(),
            top.mode() & 0o777
        ));
    }
    Found::ok("its owner's alone")
}

/// Bytes and inodes.
pub(super) fn free(dir: &Path) -> Found {
    let stat = match rustix::fs::statvfs(dir) {
        Ok(stat) => stat,
        Err(error) => return Found::wrong(error.to_string()),
    };
    let bytes = stat.f_bavail.saturating_mul(stat.f_frsize);
    let told = format!("{} MiB free", bytes / 1024 / 1024);
    if bytes < FREE_BYTES_MIN {
        return Found::wrong(format!("only {told}; make room"));
    }
    match stat.f_files {
        // btrfs and the like make them as they go.
        0 => Found::ok(format!("{told}, files without bound")),
        _ if stat.f_favail < FREE_INODES_MIN => Found::wrong(format!(
            "{told}, but room for {} files only; move the store to a file system with more inodes",
            stat.f_favail
        )),
        _ => Found::ok(format!("{told}, room for {} files", stat.f_favail)),
    }
}

/// How long one durable write takes, in the middle of some.
pub(super) fn sync(dir: &Path) -> Found {
    let path = dir.join(".bode-doctor");
    let trial = || {
        let mut times = Vec::new();
        for _ in 0..5 {
            let mut file = File::create(&path)?;
            file.write_all(&[0; 4096])?;
            let began = Instant::now();
            file.sync_data()?;
            times.push(began.elapsed());
        }
        times.sort_unstable();
        std::fs::remove_file(&path)?;
        Ok::<_, std::io::Error>(times[times.len() / 2])
    };
    match trial() {
        Ok(time) if time > SYNC_TIME_MAX => Found::note(format!(
            "{} ms each: every piece waits for one; is the disk busy, or far away (NFS)?",
            time.as_millis()
        )),
        Ok(time) => Found::ok(format!("{}.{} ms each", time.as_millis(), time.as_micros() % 1000 / 100)),
        Err(error) => Found::wrong(format!("{} cannot be synced: {error}", dir.display())),
    }
}

/// Room for the daemon and its readers.
pub(super) fn memory(config: &Config) -> Found {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let Some(kib) = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()) else {
        return Found::skip("/proc/meminfo cannot be read here");
    };
    let workers = match config.reading.workers {
        0 => crate::daemon::cores(),
        workers => workers,
    } as u64;
    let (there, wanted) = (kib / 1024, workers * READER_BYTES / 1024 / 1024);
    if there < wanted {
        return Found::note(format!(
            "{there} MiB available; {workers} reading processes may want {wanted} MiB for long scans: set [reading] workers lower"
        ));
    }
    Found::ok(format!("{there} MiB available for {workers} reading processes"))
}

/// Age of the last backup that the store knows of.
pub(super) fn backup(store: &Path, now: Timestamp) -> Found {
    let Some(at) = crate::store::backed_up_at(store) else {
        return Found::note("none that this store knows of: bode backup DIR, on another disk, every night");
    };
    let age = now.duration_since(at);
    let told = format!("{} hours old", age.as_hours());
    if age > BACKUP_WRONG {
        Found::wrong(format!("the last one is {told}; see why the timer or cron job does not run"))
    } else if age > BACKUP_NOTE {
        Found::note(format!("the last one is {told}"))
    } else {
        Found::ok(told)
    }
}

/// A clock before the day this program was written is wrong, and would date every receipt wrongly.
pub(super) fn clock_is_sane() -> Found {
    let told = match clock::now().in_tz(crate::record::OFFICE_TIME_ZONE) {
        Ok(told) => told,
        Err(error) => return Found::wrong(error.to_string()),
    };
    if told.year() < 2026 {
        return Found::wrong(format!("it says {told}; set the clock (timedatectl)"));
    }
    Found::ok(told.strftime("%Y-%m-%d %H:%M:%S %Z").to_string())
}

/// Dates are the office's, whatever the zone of the machine; an admin who compares logs should know that one.
pub(super) fn time_zone() -> Found {
    let office = crate::record::OFFICE_TIME_ZONE;
    if let Err(error) = jiff::tz::TimeZone::get(office) {
        return Found::wrong(format!("{office} is not known: {error}"));
    }
    let machine = jiff::tz::TimeZone::system();
    let machine = machine.iana_name().unwrap_or("one without a name");
    Found::ok(format!("dates are those of {office}; this machine has {machine}, the log UTC"))
}

/// Are the days on a par with holidays known for the year to come? `rules`: the directory; a file that cannot be read is told
/// with the rules.
pub(super) fn holidays(rules: &Path, today: Date) -> Found {
    let path = rules.join("holidays.toml");
    let calendar = match Calendar::load(&path) {
        Ok(calendar) => calendar,
        Err(error) => return Found::skip(error.to_string()),
    };
    let next = today.year().saturating_add(1);
    if calendar.knows_year(next) {
        return Found::ok(format!("days on a par are known to {next} at least"));
    }
    Found::note(format!(
        "on_a_par in {} has no day in {next}: a term that ends on such a day is told too short; the royal decree stands in the \
         Staatscourant",
        path.display()
    ))
}

/// Draws a sheet: the fonts are in the program.
pub(super) fn fonts() -> Found {
    let drawn = sheets::series().and_then(|series| sheets::sheets(&series, 1, None));
    match drawn {
        Ok(pdf) if pdf.starts_with(b"%PDF") => Found::ok("Liberation Sans, in the program"),
        Ok(_) => Found::wrong("a page is drawn as something else than PDF; install bode again"),
        Err(error) => Found::wrong(format!("no page can be drawn: {error}; install bode again")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_backup_that_is_too_old_is_wrong() {
        let store = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-03-10T02:00:00Z".parse().unwrap();
        assert_eq!(backup(store.path(), now).state, State::Note);
        for (at, state) in [
            ("2026-03-09T20:00:00Z", State::Ok),
            ("2026-03-08T02:00:00Z", State::Note),
            ("2026-03-01T02:00:00Z", State::Wrong),
        ] {
            crate::store::note_backup(store.path(), at.parse().unwrap()).unwrap();
            assert_eq!(backup(store.path(), now).state, state, "{at}");
        }
    }

    #[test]
    fn a_year_to_come_without_days_on_a_par_is_told() {
        let rules = tempfile::tempdir().unwrap();
        let at = |day: &str| holidays(rules.path(), day.parse().unwrap());
        assert_eq!(at("2026-03-10").state, State::Skip);
        std::fs::write(rules.path().join("holidays.toml"), "on_a_par = [2026-05-15, 2027-05-07]").unwrap();
        assert_eq!(at("2026-12-31").state, State::Ok);
        let found = at("2027-01-01");
        assert!(found.state == State::Note && found.told.contains("no day in 2028"), "{}", found.told);
    }

    #[test]
    fn a_store_that_others_may_read_is_told() {
        use std::os::unix::fs::PermissionsExt;
        let store = tempfile::tempdir().unwrap();
        let mode = |mode| std::fs::set_permissions(store.path(), PermissionsExt::from_mode(mode)).unwrap();
        mode(0o755);
        assert!(owner(store.path()).told.contains("chmod 700"));
        mode(0o700);
        assert_eq!(owner(store.path()).state, State::Ok);
        assert_eq!(owner(Path::new("/nonexistent/store")).state, State::Skip);
    }

    #[test]
    fn this_machine_can_hold_a_store() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(sync(dir.path()).state, State::Ok | State::Note));
        assert_eq!(fonts().state, State::Ok);
        assert_eq!(time_zone().state, State::Ok);
        assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none(), "the trial file is removed");
        assert_eq!(writable(Path::new("/proc/nothing")).state, State::Wrong);
    }
}
