//! The system calls that a worker may make (seccomp): a list of what reading needs; every other call does not exist.
//!
//! What is not on the list fails with ENOSYS rather than killing: libraries know that answer and go another way.
//! So `clone` fails as on a system without threads, and rayon, which the HEIC decoder brings, works on the one
//! thread that is there. Invariants: no socket, no program, no process and no thread can be started; a file can
//! be opened for reading only; no memory can be made executable; the fence cannot be changed from within.

use super::Hold;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{BackendError, BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule};
use std::collections::BTreeMap;

/// Calls with any arguments.
const ALLOWED: &[i64] = &[
    // The pipes, and the OCR data once it is open.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_ppoll,
    // Memory.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // One thread's own affairs.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_membarrier,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Time, chance, and who we are.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_times,
    libc::SYS_getrusage,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_uname,
    libc::SYS_sysinfo,
];

/// The older forms that only some processors have.
#[cfg(target_arch = "x86_64")]
const ALLOWED_OLD: &[i64] = &[
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_poll,
    libc::SYS_time,
    libc::SYS_arch_prctl,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_OLD: &[i64] = &[];

/// Raises this layer around the calling thread.
pub(super) fn limit() -> Result<Hold, String> {
    let architecture = std::env::consts::ARCH
        .try_into()
        .map_err(|_| "seccomp is not known for this processor".to_owned())?;
    let fault = |error: BackendError| error.to_string();
    // No match: the call does not exist. One of a call's rules must match whole.
    let filter: BpfProgram = SeccompFilter::new(
        rules().map_err(fault)?,
        SeccompAction::Errno(libc::ENOSYS as u32),
        SeccompAction::Allow,
        architecture,
    )
    .and_then(TryInto::try_into)
    .map_err(fault)?;
    seccompiler::apply_filter(&filter).map_err(|error| error.to_string())?;
    Ok(Hold::Full)
}

fn rules() -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().chain(ALLOWED_OLD).map(|&call| (call, Vec::new())).collect();
    // For reading only: no writing, no making, no emptying.
    let changing = (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC) as u64;
    let reading =
        |argument| SeccompCondition::new(argument, Dword, MaskedEq(changing), libc::O_RDONLY as u64);
    rules.insert(libc::SYS_openat, vec![SeccompRule::new(vec![reading(2)?])?]);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, vec![SeccompRule::new(vec![reading(1)?])?]);
    // No memory that can be run: a reader that was taken over must make do with the code that is there.
    let no_code = || SeccompCondition::new(2, Dword, MaskedEq(libc::PROT_EXEC as u64), 0);
    rules.insert(libc::SYS_mmap, vec![SeccompRule::new(vec![no_code()?])?]);
    rules.insert(libc::SYS_mprotect, vec![SeccompRule::new(vec![no_code()?])?]);
    // Is this a terminal? Nothing else.
    let terminal = SeccompCondition::new(1, Dword, Eq, libc::TCGETS)?;
    rules.insert(libc::SYS_ioctl, vec![SeccompRule::new(vec![terminal])?]);
    let flags = [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_DUPFD_CLOEXEC];
    let about = |command: i32| SeccompRule::new(vec![SeccompCondition::new(1, Dword, Eq, command as u64)?]);
    rules.insert(libc::SYS_fcntl, flags.into_iter().map(about).collect::<Result<_, _>>()?);
    // A signal to itself: how a process ends that has lost its way (`abort`).
    let own = SeccompCondition::new(0, Dword, Eq, u64::from(std::process::id()))?;
    rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![own])?]);
    // Its own limits may be read; set, only that of processor time, which each page renews.
    let own = || SeccompCondition::new(0, Dword, Eq, 0);
    let reads = SeccompCondition::new(2, Qword, Eq, 0)?;
    let time = SeccompCondition::new(1, Dword, Eq, u64::from(libc::RLIMIT_CPU))?;
    rules.insert(
        libc::SYS_prlimit64,
        vec![SeccompRule::new(vec![own()?, reads])?, SeccompRule::new(vec![own()?, time])?],
    );
    Ok(rules)
}
