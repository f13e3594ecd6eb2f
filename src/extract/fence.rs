//! The fence around the worker: raised before the first byte from outside is read.
//!
//! Layers, each for itself: resource limits (always), no new privileges and no core dump (always), landlock
//! (file access: the OCR data and nothing else; no TCP), seccomp (no sockets, no new programs, no look at
//! other processes, no change of the fence). Invariant: a layer that the kernel lacks weakens the others in
//! nothing, and what holds is told as data, which `doctor` shows. No `unsafe`: the crates wrap the calls.

use crate::limits::WORKER_MEMORY_BYTES_MAX;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus, Scope, path_beneath_rules,
};
use rlimit::Resource;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

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
        seccomp: told(limit_calls()),
    }
}

fn limit_resources() -> Result<Hold, String> {
    let limits = [
        (Resource::AS, WORKER_MEMORY_BYTES_MAX),
        (Resource::CORE, 0),
        (Resource::FSIZE, 0),
        (Resource::NOFILE, FILES_MAX),
        (Resource::MEMLOCK, 0),
        (Resource::MSGQUEUE, 0),
    ];
    for (resource, bound) in limits {
        resource.set(bound, bound).map_err(|error| format!("{}: {error}", resource.as_name()))?;
    }
    // Not readable or traceable by other processes of the same user: it holds citizens' letters.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .map_err(|error| format!("dumpable: {error}"))?;
    Ok(Hold::Full)
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

/// Calls that reading never needs and that harm would. They fail with "not permitted" rather than kill:
/// a library that merely tries (a locale socket, for example) goes on without.
const REFUSED: &[i64] = &[
    // Network.
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    // Other programs and processes.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_setns,
    libc::SYS_unshare,
    // Files: nothing is made, moved, removed or mounted.
    libc::SYS_openat2,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_fchmodat,
    libc::SYS_fchownat,
    libc::SYS_truncate,
    libc::SYS_memfd_create,
    // The kernel itself.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
];

/// The older forms of file calls that only some processors have.
#[cfg(target_arch = "x86_64")]
const REFUSED_OLD: &[i64] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_mkdir,
    libc::SYS_mknod,
    libc::SYS_rmdir,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_link,
    libc::SYS_symlink,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_creat,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_OLD: &[i64] = &[];

fn limit_calls() -> Result<Hold, String> {
    let architecture = std::env::consts::ARCH
        .try_into()
        .map_err(|_| "seccomp is not known for this processor".to_owned())?;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().chain(REFUSED_OLD).map(|&call| (call, Vec::new())).collect();
    let fault = |error: seccompiler::BackendError| error.to_string();
    // A file may be opened for reading only.
    rules.insert(libc::SYS_openat, writing(2).map_err(fault)?);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, writing(1).map_err(fault)?);
    // Limits of this process may be read and lowered, those of others not.
    let other = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, 0)
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(fault)?;
    rules.insert(libc::SYS_prlimit64, vec![other]);
    let filter: BpfProgram = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM as u32),
        architecture,
    )
    .and_then(TryInto::try_into)
    .map_err(fault)?;
    seccompiler::apply_filter(&filter).map_err(|error| error.to_string())?;
    Ok(Hold::Full)
}

/// The rules that match an open for writing or making; the flags stand in `argument`.
fn writing(argument: u8) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    [(libc::O_ACCMODE, libc::O_WRONLY), (libc::O_ACCMODE, libc::O_RDWR), (libc::O_CREAT, libc::O_CREAT)]
        .into_iter()
        .map(|(mask, value)| {
            let masked = SeccompCmpOp::MaskedEq(mask as u64);
            SeccompRule::new(vec![SeccompCondition::new(
                argument,
                SeccompCmpArgLen::Dword,
                masked,
                value as u64,
            )?])
        })
        .collect()
}

/// Bounds the processor time of the next piece, so that a worker whose daemon has died does not go on for
/// ever: past it the kernel ends the process.
pub(super) fn limit_time(more: std::time::Duration) {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).tv_sec;
    let bound = u64::try_from(used).unwrap_or(0).saturating_add(more.as_secs()).saturating_add(1);
    // Without it the daemon's deadline still holds while the daemon lives.
    let _ = Resource::CPU.set(bound, rlimit::INFINITY);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind::PermissionDenied;

    /// Runs in a process of its own, started by the test below: the fence cannot be taken down again.
    #[test]
    fn inside() {
        if std::env::var_os("BODE_TEST_INSIDE_FENCE").is_none() {
            return;
        }
        let tessdata = crate::extract::paper::ocr::tessdata_dir().unwrap();
        let report = raise(Some(&tessdata));
        assert_eq!(report.rlimits, Hold::Full, "{report:?}");
        let data = std::fs::read_dir(&tessdata).unwrap().next().unwrap().unwrap().path();
        assert!(std::fs::File::open(data).is_ok());
        if report.seccomp == Hold::Full {
            let refused =
                |result: std::io::Result<()>| assert_eq!(result.unwrap_err().kind(), PermissionDenied);
            refused(std::net::UdpSocket::bind("127.0.0.1:0").map(drop));
            refused(std::os::unix::net::UnixStream::pair().map(drop));
            refused(std::fs::File::create(std::env::temp_dir().join("bode-fence")).map(drop));
            refused(std::process::Command::new("/bin/true").status().map(drop));
            refused(std::thread::Builder::new().spawn(|| {}).map(drop));
        }
        if matches!(report.landlock, Hold::Full | Hold::Partial) {
            assert_eq!(std::fs::File::open("/etc/passwd").unwrap_err().kind(), PermissionDenied);
        }
        println!("the fence held");
    }

    #[test]
    fn nothing_passes_the_fence() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "extract::fence::tests::inside", "--nocapture"])
            .env("BODE_TEST_INSIDE_FENCE", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("the fence held"), "{said}\n{complained}");
    }
}
