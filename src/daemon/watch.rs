//! What a scrape of `/metrics` finds besides counters: disks, memory, certificates, the last backup, today.
//!
//! Invariants: it is read when somebody asks, so that a house that nobody watches does nothing for it; small files of `/proc`, a few
//! system calls, and of the store the entries since the last scrape only.

use crate::config::Config;
use crate::draft;
use crate::explain::with_causes;
use crate::intake::Intake;
use crate::metrics::{Metrics, family};
use crate::record::{News, NewsKind, Verdict, office_date};
use crate::review::Health;
use crate::store::{NewsReader, StoreError};
use crate::tls;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tracing::warn;

/// Entries of the journal that one scrape reads on.
const ENTRIES_MAX: usize = 2_000;

/// Clock ticks of `/proc/PID/stat` in a second: the same on every Linux that we run on.
const TICKS: f64 = 100.0;

/// Has the health of the house ask this before each scrape.
pub(super) fn start(config: &Config, intake: &Arc<Intake>, health: &Health, since: Timestamp) {
    let metrics = health.metrics();
    metrics.set(&family::BUILD, &[env!("CARGO_PKG_VERSION"), &config.office.id], 1.0);
    metrics.set(&family::PROCESS_START, &[], seconds(since));
    let store = config.store.to_path_buf();
    let mut disks: Vec<(&str, PathBuf)> = vec![("store", store.clone())];
    disks.extend(config.letters.print_dir.clone().map(|dir| ("letters", dir)));
    disks.extend(config.scan.as_ref().map(|scan| ("scans", scan.dir.clone())));
    disks.extend(config.maildir.as_ref().map(|maildir| ("maildir", maildir.dir.clone())));
    let workers = intake.reader().running();
    // What people decided before this start was counted by the one before; counters begin at 0.
    let decided = intake.store.last_entry().map(|last| Mutex::new(NewsReader::after(last)));
    let intake = Arc::downgrade(intake);
    health.sampled_by(move |metrics, now| {
        for (place, dir) in &disks {
            disk(metrics, place, dir);
        }
        process(metrics);
        readers(metrics, &workers.pids());
        for (server, end) in tls::certificates() {
            metrics.set(&family::CERTIFICATE, &[&server], seconds(end));
        }
        let backed_up = crate::store::backed_up_at(&store).map_or(0.0, seconds);
        metrics.set(&family::BACKUP_AT, &[], backed_up);
        if let Some(intake) = intake.upgrade() {
            let works = intake.rulebook().calendar.is_working_day(office_date(now));
            metrics.set(&family::WORKING_DAY, &[], if works { 1.0 } else { 0.0 });
            if let Ok(decided) = &decided
                && let Err(error) = fates(metrics, &intake, decided)
            {
                warn!(error = %with_causes(&error), "decisions could not be counted by rule");
            }
        }
    });
}

/// Counts what people decided since the last scrape by what the rules had concluded.
fn fates(metrics: &Metrics, intake: &Intake, decided: &Mutex<NewsReader>) -> Result<(), StoreError> {
    let mut reader = decided.lock().unwrap_or_else(PoisonError::into_inner);
    let news = intake.store.news(&mut reader, ENTRIES_MAX)?;
    let rulebook = intake.rulebook();
    // The rules were kept or overruled when the case was taken up, not again when it is settled.
    let tells = |one: &&News| one.kind == NewsKind::CaseDecided && one.verdict != Some(Verdict::Settle);
    for one in news.iter().filter(tells) {
        for (rule, kept) in draft::fates_of(&intake.store, &rulebook.office, one.case)? {
            let family = if kept { &family::RULE_KEPT } else { &family::RULE_OVERRULED };
            metrics.add(family, &[&rule], 1);
        }
    }
    Ok(())
}

/// Seconds since 1970.
fn seconds(at: Timestamp) -> f64 {
    at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64()
}

fn disk(metrics: &Metrics, place: &str, dir: &Path) {
    let Ok(stat) = rustix::fs::statvfs(dir) else { return };
    metrics.set_count(&family::DISK_FREE, &[place], stat.f_bavail.saturating_mul(stat.f_frsize));
    metrics.set_count(&family::DISK_SIZE, &[place], stat.f_blocks.saturating_mul(stat.f_frsize));
    metrics.set_count(&family::INODES_FREE, &[place], stat.f_favail);
}

/// This process, by the names that every Prometheus client has for it.
fn process(metrics: &Metrics) {
    metrics.set_count(&family::PROCESS_BYTES, &[], resident(Path::new("/proc/self/status")).unwrap_or(0));
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name may hold blanks; the fields after it are numbered from 3 (proc(5)).
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |number: usize| fields.get(number - 3).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    metrics.set(&family::PROCESS_CPU, &[], (ticks(14) + ticks(15)) / TICKS);
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        metrics.set_count(&family::PROCESS_FILES, &[], files.count() as u64);
    }
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    if let Some(most) = files.and_then(|line| line.split_whitespace().next()?.parse().ok()) {
        metrics.set_count(&family::PROCESS_FILES_MAX, &[], most);
    }
}

fn readers(metrics: &Metrics, pids: &[u32]) {
    let all: Vec<u64> =
        pids.iter().filter_map(|pid| resident(Path::new(&format!("/proc/{pid}/status")))).collect();
    metrics.set_count(&family::WORKERS, &[], all.len() as u64);
    metrics.set_count(&family::WORKER_BYTES, &[], all.iter().sum());
    metrics.set_count(&family::WORKER_BYTES_MAX, &[], all.iter().copied().max().unwrap_or(0));
}

/// Bytes that a process has resident, from its `status`.
fn resident(status: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}
