/* Faults at a program's writes, put before the C library with LD_PRELOAD by tests/torture.rs.
 *
 * Each call that changes a file below one of the roots (TORTURE_ROOTS, `label=path` divided by `:`) has a name: where
 * it goes, with numbers and digests taken out, and what it does (`record/.card.json.tmp: write`). Each name is added to
 * TORTURE_LOG as it comes. TORTURE_CONTROL is a page shared with the test (`struct control`): at the n-th call of one
 * name, or of all, the chosen fault falls. The clock of the program is moved by it too.
 *
 * Rust's standard library and sled go through the C library. rustix does not: its syncfs and renameat2 are caught by a
 * seccomp filter that sends SIGSYS, and ours go past that filter by a mark in the sixth argument.
 *
 * Children get no LD_PRELOAD: it is taken out of the environment here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* Also in tests/torture/fault.rs. */
enum action { NONE, KILL_BEFORE, KILL_AFTER, TORN, FAIL_ONCE, FAIL_ON, POWER_CUT };
enum { MAKES = 1, WRITES = 2, NAMES = 4, SYNCS = 8, READS = 16, OPENS = 32 };

struct control {
    int64_t clock_seconds; /* added to the time of day */
    uint32_t action;
    uint32_t nth;   /* 1: the first */
    uint32_t error; /* what a call says that fails */
    uint32_t kinds; /* of which kinds FAIL_ON lets calls fail */
    uint32_t relief; /* set: no more faults */
    uint32_t seen;   /* calls of that name so far */
    uint32_t struck; /* faults that fell */
    uint32_t reads;  /* reads are counted too */
    char point[200]; /* the name; empty: every call counts */
    char where[200]; /* the name where the first fault fell */
};

#define MARK 0x6b6c6163UL
#define ROOTS_MAX 8
#define FILES_MAX 2048

static struct control *control;
static int log_fd = -1;
static struct {
    char label[32], path[PATH_MAX];
    size_t length;
} roots[ROOTS_MAX];
static int roots_count;

/* What is not on disk yet: for a power cut. */
static struct {
    char path[400];
    off_t synced;
} unsynced[FILES_MAX];
static int unsynced_count;
static volatile int lock_word, frozen;

static void lock(void) {
    while (__atomic_exchange_n(&lock_word, 1, __ATOMIC_ACQUIRE)) { }
}
static void unlock(void) { __atomic_store_n(&lock_word, 0, __ATOMIC_RELEASE); }

static int is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* Numbers and digests become `#`. */
static void plain(const char *from, char *to, size_t size) {
    size_t n = 0;
    while (*from && n + 2 < size) {
        size_t hex = 0, digits = 0;
        while (is_hex(from[hex])) hex++;
        while (is_digit(from[digits])) digits++;
        if (hex >= 12 || digits > 0) {
            to[n++] = '#';
            from += hex >= 12 ? hex : digits;
        } else {
            to[n++] = *from++;
        }
    }
    to[n] = 0;
}

static int begins(const char *text, const char *with, const char **rest) {
    size_t length = strlen(with);
    if (strncmp(text, with, length) || (text[length] && text[length] != '/')) return 0;
    *rest = text + length;
    return 1;
}

/* The name of a path below a root; 0 when it is below none. */
static int place_of(const char *path, char *to, size_t size) {
    for (int i = 0; i < roots_count; i++) {
        if (strncmp(path, roots[i].path, roots[i].length)) continue;
        const char *inside = path + roots[i].length, *rest;
        if (*inside && *inside != '/') continue;
        if (*inside) inside++;
        if (strcmp(roots[i].label, "store")) {
            /* The names of others' files are nobody's business: only their folder counts, but for our letters. */
            char folder[PATH_MAX];
            snprintf(folder, sizeof folder, "%s", inside);
            if (strcmp(roots[i].label, "print")) {
                char *slash = strrchr(folder, '/');
                if (slash) *slash = 0; else *folder = 0;
            }
            char shown[200];
            plain(folder, shown, sizeof shown);
            snprintf(to, size, "%s%s%s", roots[i].label, *shown ? "/" : "", shown);
            return 1;
        }
        char shown[300];
        plain(inside, shown, sizeof shown);
        if (begins(shown, "originals/new/R#-#", &rest)) snprintf(to, size, "new%s", rest);
        else if (begins(shown, "originals/#/#", &rest)) snprintf(to, size, "record%s", rest);
        else if (begins(shown, "journal/#.log", &rest))
            snprintf(to, size, strcmp(inside, "journal/000000000001.log") ? "journal.next" : "journal");
        else if (begins(shown, "rules/.new-#", &rest)) snprintf(to, size, "rules.new%s", *rest ? "/file" : "");
        else snprintf(to, size, "%s", *shown ? shown : "store");
        return 1;
    }
    return 0;
}

static int path_of(int fd, char *to, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, to, size - 1);
    if (n <= 0 || to[0] != '/') return 0;
    to[n] = 0;
    return 1;
}

static int path_at(int dir, const char *path, char *to, size_t size) {
    if (path[0] == '/') {
        snprintf(to, size, "%s", path);
        return 1;
    }
    char base[PATH_MAX];
    if (dir == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) return 0;
    } else if (!path_of(dir, base, sizeof base)) {
        return 0;
    }
    snprintf(to, size, "%s/%s", base, path);
    return 1;
}

__attribute__((noreturn)) static void die(void) {
    frozen = 1;
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* What was never synced is gone: each file is cut back to what was. */
static void lose_unsynced(void) {
    frozen = 1;
    lock();
    for (int i = 0; i < unsynced_count; i++) syscall(SYS_truncate, unsynced[i].path, unsynced[i].synced);
    unlock();
}

static void writes_to(const char *path, off_t length) {
    lock();
    for (int i = 0; i < unsynced_count; i++) {
        if (!strcmp(unsynced[i].path, path)) {
            if (length < unsynced[i].synced) unsynced[i].synced = length;
            unlock();
            return;
        }
    }
    if (unsynced_count < FILES_MAX && strlen(path) < sizeof unsynced[0].path) {
        strcpy(unsynced[unsynced_count].path, path);
        unsynced[unsynced_count++].synced = length;
    }
    unlock();
}

static void is_synced(const char *path) {
    lock();
    for (int i = unsynced_count - 1; i >= 0; i--)
        if (!path || !strcmp(unsynced[i].path, path)) unsynced[i] = unsynced[--unsynced_count];
    unlock();
}

static void was_renamed(const char *from, const char *to) {
    size_t length = strlen(from);
    lock();
    for (int i = unsynced_count - 1; i >= 0; i--) {
        char *path = unsynced[i].path, moved[PATH_MAX];
        if (!strcmp(path, to)) {
            unsynced[i] = unsynced[--unsynced_count];
            continue;
        }
        if (!strncmp(path, from, length) && (path[length] == '/' || !path[length])) {
            snprintf(moved, sizeof moved, "%s%s", to, path + length);
            if (strlen(moved) < sizeof unsynced[0].path) strcpy(path, moved);
        }
    }
    unlock();
}

/* One call at a place. Gives an error to return instead of the call, or 0; *after is set when the process is to be
 * killed once the call was made, *half when only half of it is to be written before. */
static int call(const char *path, const char *what, unsigned kind, int *after, int *half) {
    char place[400], name[440];
    *after = *half = 0;
    if (!control || !place_of(path, place, sizeof place)) return 0;
    while (frozen) pause();
    snprintf(name, sizeof name, "%s: %s", place, what);
    int counted = kind != OPENS && (kind != READS || control->reads);
    if (counted && log_fd >= 0) {
        char line[460];
        int n = snprintf(line, sizeof line, "%s\n", name);
        if (syscall(SYS_write, log_fd, line, n) < 0) { }
    }
    if (control->action == NONE || control->relief) return 0;
    if (control->action == FAIL_ON && control->struck) {
        if (!(kind & control->kinds)) return 0;
        control->struck++;
        return control->error;
    }
    if (!counted || (control->point[0] && strcmp(control->point, name))) return 0;
    if (__atomic_add_fetch(&control->seen, 1, __ATOMIC_SEQ_CST) != control->nth) return 0;
    snprintf(control->where, sizeof control->where, "%s", name);
    control->struck++;
    switch (control->action) {
    case KILL_BEFORE:
        die();
    case KILL_AFTER:
        *after = 1;
        return 0;
    case TORN:
        *after = *half = 1;
        return 0;
    case POWER_CUT:
        lose_unsynced();
        die();
    default:
        return control->error;
    }
}

#define REFUSE(error) do { errno = (error); return -1; } while (0)

/* A call by path: name it, make it, and end there when that was chosen. */
#define BY_PATH(path, what, kind, real) do { \
    int after, half, error = call(path, what, kind, &after, &half); \
    if (error) REFUSE(error); \
    long made = (real); \
    int saved = errno; \
    if (after) die(); \
    errno = saved; \
    return made; } while (0)

/* --- files that are opened --- */

static int opened(int dir, const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    if (control && path_at(dir, path, full, sizeof full)) {
        struct stat status;
        int creates = (flags & (O_CREAT | O_TMPFILE)) && stat(full, &status);
        int after, half, error;
        if (creates) {
            error = call(full, "create", MAKES, &after, &half);
        } else if ((flags & O_TRUNC) && (flags & O_ACCMODE) != O_RDONLY) {
            error = call(full, "truncate", WRITES, &after, &half);
        } else {
            error = call(full, "open", OPENS, &after, &half);
        }
        if (error) REFUSE(error);
        int fd = syscall(SYS_openat, dir, path, flags, mode);
        char place[400];
        int saved = errno;
        if (fd >= 0 && (creates || (flags & O_TRUNC)) && place_of(full, place, sizeof place)) writes_to(full, 0);
        if (after) die();
        errno = saved;
        return fd;
    }
    return syscall(SYS_openat, dir, path, flags, mode);
}

#define MODE(flags) mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); }

int open(const char *path, int flags, ...) { MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE(flags) return opened(dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { MODE(flags) return opened(dir, path, flags, mode); }

/* --- what is written and read --- */

static ssize_t wrote(int fd, const void *bytes, size_t count, off_t at) {
    char path[PATH_MAX], place[400];
    int after = 0, half = 0;
    int ours = control && path_of(fd, path, sizeof path) && place_of(path, place, sizeof place);
    if (ours) {
        struct stat status;
        if (!fstat(fd, &status)) writes_to(path, at < 0 || at > status.st_size ? status.st_size : at);
        int error = call(path, "write", WRITES, &after, &half);
        if (error) REFUSE(error);
    }
    size_t part = half ? count / 2 : count;
    ssize_t done = at < 0 ? syscall(SYS_write, fd, bytes, part) : syscall(SYS_pwrite64, fd, bytes, part, at);
    int saved = errno;
    if (after) die();
    errno = saved;
    return done;
}

ssize_t write(int fd, const void *bytes, size_t count) { return wrote(fd, bytes, count, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return wrote(fd, bytes, count, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) { return wrote(fd, bytes, count, at); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
    char path[PATH_MAX], place[400];
    if (control && path_of(fd, path, sizeof path) && place_of(path, place, sizeof place)) {
        /* The first part only: a short write is no fault, and the caller goes on. */
        for (int i = 0; i < count; i++)
            if (parts[i].iov_len) return wrote(fd, parts[i].iov_base, parts[i].iov_len, -1);
    }
    return syscall(SYS_writev, fd, parts, count);
}

static ssize_t has_read(int fd, void *bytes, size_t count, off_t at) {
    char path[PATH_MAX];
    if (control && (control->reads || (control->kinds & READS)) && path_of(fd, path, sizeof path)) {
        int after, half, error = call(path, "read", READS, &after, &half);
        if (error) REFUSE(error);
    }
    return at < 0 ? syscall(SYS_read, fd, bytes, count) : syscall(SYS_pread64, fd, bytes, count, at);
}

ssize_t read(int fd, void *bytes, size_t count) { return has_read(fd, bytes, count, -1); }
ssize_t pread(int fd, void *bytes, size_t count, off_t at) { return has_read(fd, bytes, count, at); }
ssize_t pread64(int fd, void *bytes, size_t count, off_t at) { return has_read(fd, bytes, count, at); }

int ftruncate(int fd, off_t length) {
    char path[PATH_MAX];
    if (!path_of(fd, path, sizeof path)) return syscall(SYS_ftruncate, fd, length);
    BY_PATH(path, "truncate", WRITES, syscall(SYS_ftruncate, fd, length));
}
int ftruncate64(int fd, off_t length) { return ftruncate(fd, length); }

int fallocate(int fd, int mode, off_t from, off_t length) {
    char path[PATH_MAX];
    if (!path_of(fd, path, sizeof path)) return syscall(SYS_fallocate, fd, mode, from, length);
    BY_PATH(path, "allocate", WRITES, syscall(SYS_fallocate, fd, mode, from, length));
}
int fallocate64(int fd, int mode, off_t from, off_t length) { return fallocate(fd, mode, from, length); }

/* --- what is synced --- */

static int synced(int fd, const char *what, long number) {
    char path[PATH_MAX] = "";
    int after = 0, half;
    if (control && path_of(fd, path, sizeof path)) {
        int error = call(path, what, SYNCS, &after, &half);
        if (error) REFUSE(error);
    }
    int done = syscall(number, fd, 0, 0, 0, 0, MARK);
    int saved = errno;
    if (!done && control) is_synced(number == SYS_syncfs ? NULL : path);
    if (after) die();
    errno = saved;
    return done;
}

int fsync(int fd) { return synced(fd, "fsync", SYS_fsync); }
int fdatasync(int fd) { return synced(fd, "fdatasync", SYS_fdatasync); }
int syncfs(int fd) { return synced(fd, "syncfs", SYS_syncfs); }

/* --- names --- */

int mkdirat(int dir, const char *path, mode_t mode) {
    char full[PATH_MAX];
    struct stat status;
    /* One that is there is no change. */
    if (!path_at(dir, path, full, sizeof full) || !stat(full, &status)) return syscall(SYS_mkdirat, dir, path, mode);
    BY_PATH(full, "mkdir", MAKES, syscall(SYS_mkdirat, dir, path, mode));
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int unlinkat(int dir, const char *path, int flags) {
    char full[PATH_MAX];
    struct stat status;
    if (!path_at(dir, path, full, sizeof full) || lstat(full, &status)) return syscall(SYS_unlinkat, dir, path, flags);
    BY_PATH(full, flags & AT_REMOVEDIR ? "rmdir" : "unlink", NAMES, syscall(SYS_unlinkat, dir, path, flags));
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

static int renamed(int old_dir, const char *old, int new_dir, const char *new, unsigned flags) {
    char from[PATH_MAX], to[PATH_MAX];
    int after = 0, half;
    int known = control && path_at(old_dir, old, from, sizeof from) && path_at(new_dir, new, to, sizeof to);
    if (known) {
        int error = call(to, "rename", NAMES, &after, &half);
        if (error) REFUSE(error);
    }
    int done = syscall(SYS_renameat2, old_dir, old, new_dir, new, flags, MARK);
    int saved = errno;
    if (known && !done) was_renamed(from, to);
    if (after) die();
    errno = saved;
    return done;
}
int rename(const char *old, const char *new) { return renamed(AT_FDCWD, old, AT_FDCWD, new, 0); }
int renameat(int old_dir, const char *old, int new_dir, const char *new) { return renamed(old_dir, old, new_dir, new, 0); }
int renameat2(int old_dir, const char *old, int new_dir, const char *new, unsigned flags) {
    return renamed(old_dir, old, new_dir, new, flags);
}

int chmod(const char *path, mode_t mode) {
    char full[PATH_MAX];
    if (!path_at(AT_FDCWD, path, full, sizeof full)) return syscall(SYS_fchmodat, AT_FDCWD, path, mode);
    BY_PATH(full, "chmod", NAMES, syscall(SYS_fchmodat, AT_FDCWD, path, mode));
}

int bind(int fd, const struct sockaddr *address, socklen_t length) {
    const struct sockaddr_un *local = (const struct sockaddr_un *)address;
    if (address->sa_family != AF_UNIX || !local->sun_path[0]) return syscall(SYS_bind, fd, address, length);
    BY_PATH(local->sun_path, "bind", MAKES, syscall(SYS_bind, fd, address, length));
}

/* --- the clock --- */

int clock_gettime(clockid_t clock, struct timespec *to) {
    int done = syscall(SYS_clock_gettime, clock, to);
    if (!done && control && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) to->tv_sec += control->clock_seconds;
    return done;
}
int gettimeofday(struct timeval *restrict to, void *restrict zone) {
    (void)zone;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    to->tv_sec = now.tv_sec;
    to->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *to) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to) *to = now.tv_sec;
    return now.tv_sec;
}

/* --- calls past the C library --- */

static void caught(int number, siginfo_t *info, void *context) {
    (void)number;
    int saved = errno;
    long result;
    ucontext_t *before = context;
#if defined(__x86_64__)
    greg_t *r = before->uc_mcontext.gregs;
    long a = r[REG_RDI], b = r[REG_RSI], c = r[REG_RDX], d = r[REG_R10], e = r[REG_R8];
#elif defined(__aarch64__)
    unsigned long long *r = before->uc_mcontext.regs;
    long a = r[0], b = r[1], c = r[2], d = r[3], e = r[4];
#else
#error "the registers of this machine are not known here"
#endif
    if (info->si_syscall == SYS_syncfs) result = syncfs(a);
    else result = renamed(a, (const char *)b, c, (const char *)d, e);
    if (result < 0) result = -errno;
#if defined(__x86_64__)
    r[REG_RAX] = result;
#else
    r[0] = result;
#endif
    errno = saved;
}

static void catch(void) {
    struct sigaction action = { .sa_flags = SA_SIGINFO | SA_NODEFER };
    action.sa_sigaction = caught;
    sigaction(SIGSYS, &action, NULL);
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_syncfs, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MARK, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
    };
    struct sock_fprog program = { sizeof filter / sizeof filter[0], filter };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        dprintf(2, "faults.c: no seccomp here\n");
        _exit(97);
    }
}

__attribute__((constructor)) static void begin(void) {
    const char *page = getenv("TORTURE_CONTROL"), *names = getenv("TORTURE_ROOTS"), *log = getenv("TORTURE_LOG");
    unsetenv("LD_PRELOAD");
    if (!page || !names || !log) return;
    for (const char *at = names; *at && roots_count < ROOTS_MAX;) {
        const char *end = strchrnul(at, ':'), *equals = memchr(at, '=', end - at);
        if (equals) {
            snprintf(roots[roots_count].label, sizeof roots[0].label, "%.*s", (int)(equals - at), at);
            snprintf(roots[roots_count].path, sizeof roots[0].path, "%.*s", (int)(end - equals - 1), equals + 1);
            roots[roots_count].length = strlen(roots[roots_count].path);
            roots_count++;
        }
        at = *end ? end + 1 : end;
    }
    log_fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int fd = syscall(SYS_openat, AT_FDCWD, page, O_RDWR | O_CLOEXEC);
    void *shared = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (log_fd < 0 || shared == MAP_FAILED) {
        dprintf(2, "faults.c: TORTURE_CONTROL or TORTURE_LOG cannot be used\n");
        _exit(98);
    }
    catch();
    control = shared;
}
