//! The fence around the worker: raised before the first byte from outside is read.
//!
//! Layers, each for itself: resource limits, no new privileges, no core dump, not traceable (always); landlock
//! (file access: the OCR data and nothing else; no TCP); seccomp (`calls`: the calls that reading needs and no
//! other). Processor time is renewed with each document and each page. Invariant: a layer that the kernel lacks
//! weakens the others in nothing, and what holds is told as data, which `doctor` shows. No `unsafe`: the crates
//! wrap the calls.

mod calls;

use crate::limits::WORKER_MEMORY_BYTES_MAX;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus, Scope, path_beneath_rules,
};
use rlimit::Resource;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// Does one layer of the fence hold?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "hold", content = "why")]
pub enum Hold {
    Full,
    /// The kernel knows an older form only.
    Partial,
    /// With the reason.
    None(String),
}

/// What holds around a worker; shown by `doctor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FenceReport {
    pub rlimits: Hold,
    pub landlock: Hold,
    pub seccomp: Hold,
}

impl FenceReport {
    /// What does not hold, in English and with the reason; empty when the whole fence stands. An older landlock
    /// counts: the oldest one guards files.
    pub fn lacks(&self) -> Vec<String> {
        [("rlimits", &self.rlimits), ("landlock", &self.landlock), ("seccomp", &self.seccomp)]
            .into_iter()
            .filter_map(|(layer, hold)| match hold {
                Hold::None(why) => Some(format!("{layer} does not hold ({why})")),
                Hold::Full | Hold::Partial => None,
            })
            .collect()
    }
}

/// The newest landlock that is asked for; older kernels give what they have. 6.7 brought TCP, 6.12 signals
/// and abstract sockets.
const LANDLOCK: ABI = ABI::V6;

/// Files that a worker may have open: its pipes and the OCR data.
const FILES_MAX: u64 = 32;

/// Raises the fence around this process, which must not have started a thread yet. `tessdata` stays
/// readable.
pub(super) fn raise(tessdata: Option<&Path>) -> FenceReport {
    let told = |result: Result<Hold, String>| result.unwrap_or_else(Hold::None);
    FenceReport {
        rlimits: told(limit_resources()),
        landlock: told(limit_files(tessdata)),
        seccomp: told(calls::limit()),
    }
}

fn limit_resources() -> Result<Hold, String> {
    let limits = [
        (Resource::AS, WORKER_MEMORY_BYTES_MAX),
        (Resource::FSIZE, 0),
        (Resource::NOFILE, FILES_MAX),
        (Resource::MEMLOCK, 0),
        (Resource::MSGQUEUE, 0),
    ];
    for (resource, bound) in limits {
        resource.set(bound, bound).map_err(|error| format!("{}: {error}", resource.as_name()))?;
    }
    keep_private()?;
    Ok(Hold::Full)
}

/// Makes this process unreadable to others of the same user (ptrace, `/proc`), and leaves no core file, not even to a
/// program that collects them: its memory holds citizens' letters.
///
/// # Errors
/// When the system refuses; in one line.
pub fn keep_private() -> Result<(), String> {
    Resource::CORE.set(0, 0).map_err(|error| format!("core: {error}"))?;
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .map_err(|error| format!("dumpable: {error}"))
}

fn limit_files(tessdata: Option<&Path>) -> Result<Hold, String> {
    let fault = |error: landlock::RulesetError| error.to_string();
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(LANDLOCK)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(LANDLOCK)))
        .and_then(Ruleset::create)
        .and_then(|ruleset| {
            ruleset.add_rules(path_beneath_rules(tessdata, AccessFs::ReadFile | AccessFs::ReadDir))
        })
        .and_then(|ruleset| ruleset.restrict_self())
        .map_err(fault)?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Hold::Full,
        RulesetStatus::PartiallyEnforced => Hold::Partial,
        RulesetStatus::NotEnforced => Hold::None("this kernel has no landlock".to_owned()),
    })
}

/// Bounds the processor time from here on: past it the kernel ends the process, even when the daemon that would
/// have ended it is gone.
pub(super) fn limit_time(more: Duration) {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).tv_sec;
    let bound = u64::try_from(used).unwrap_or(0).saturating_add(more.as_secs()).saturating_add(1);
    // Without it the daemon's deadline still holds while the daemon lives.
    let _ = Resource::CPU.set(bound, rlimit::INFINITY);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind::{PermissionDenied, Unsupported};
    use std::os::unix::process::ExitStatusExt;

    /// Each runs in a process of its own, started by `apart`: the fence cannot be taken down again.
    fn inside(case: &str) -> bool {
        std::env::var("BODE_TEST_INSIDE_FENCE").is_ok_and(|wanted| wanted == case)
    }

    /// Runs one test of this module in a process of its own, and tells how it ended and what it said.
    fn apart(case: &str) -> (std::process::ExitStatus, String) {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("extract::fence::tests::{case}"), "--nocapture"])
            .env("BODE_TEST_INSIDE_FENCE", case)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (output.status, said.concat())
    }

    #[test]
    fn nothing_passes() {
        if !inside("nothing_passes") {
            let (status, said) = apart("nothing_passes");
            assert!(status.success() && said.contains("the fence held"), "{said}");
            return;
        }
        let tessdata = crate::extract::paper::ocr::tessdata_dir().unwrap();
        let report = raise(Some(&tessdata));
        assert_eq!(report.rlimits, Hold::Full, "{report:?}");
        let data = std::fs::read_dir(&tessdata).unwrap().next().unwrap().unwrap().path();
        assert!(std::fs::File::open(&data).is_ok());
        if report.seccomp == Hold::Full {
            let refused = |result: std::io::Result<()>| assert_eq!(result.unwrap_err().kind(), Unsupported);
            refused(std::net::UdpSocket::bind("127.0.0.1:0").map(drop));
            refused(std::net::TcpStream::connect("127.0.0.1:1").map(drop));
            refused(std::os::unix::net::UnixStream::pair().map(drop));
            let file = std::env::temp_dir().join("bode-fence");
            refused(std::fs::File::create(&file).map(drop));
            refused(std::fs::create_dir(&file));
            refused(std::fs::remove_file(&data));
            refused(std::fs::rename(&data, &file));
            refused(std::fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o777)));
            refused(std::fs::File::open(&data).unwrap().set_modified(std::time::UNIX_EPOCH));
            refused(std::process::Command::new("/bin/true").status().map(drop));
            refused(std::thread::Builder::new().spawn(|| {}).map(drop));
            refused(Resource::AS.set(u64::MAX, u64::MAX));
            let parent = rustix::process::getppid().unwrap();
            refused(
                rustix::process::kill_process(parent, rustix::process::Signal::CHILD).map_err(Into::into),
            );
        }
        if matches!(report.landlock, Hold::Full | Hold::Partial) {
            for file in ["/etc/passwd", "/proc/self/environ", "/proc/self/mem"] {
                assert_eq!(std::fs::File::open(file).unwrap_err().kind(), PermissionDenied, "{file}");
            }
        }
        println!("the fence held");
    }

    #[test]
    fn processor_time_ends() {
        if !inside("processor_time_ends") {
            let (status, said) = apart("processor_time_ends");
            assert_eq!(status.signal(), Some(libc::SIGXCPU), "{said}");
            return;
        }
        limit_time(Duration::ZERO);
        loop {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn memory_ends() {
        if !inside("memory_ends") {
            let (status, said) = apart("memory_ends");
            assert_eq!(status.signal(), Some(libc::SIGABRT), "{said}");
            return;
        }
        assert_eq!(raise(None).rlimits, Hold::Full);
        let mut held = Vec::new();
        loop {
            held.push(vec![1_u8; 16 * 1024 * 1024]);
        }
    }
}
