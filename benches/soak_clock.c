/* The clock of a program moved by another, put before the C library with LD_PRELOAD by benches/soak.py.
 *
 * SOAK_CLOCK is a page of two numbers, in nanoseconds: by how much every clock is ahead, and by how much the time of day is
 * ahead of that. When the first grows, what waits for a time is woken as if that time had passed: epoll_wait (all timers of tokio)
 * and a futex with an end look again at least forty times a second. Nothing runs faster: time that is not jumped over passes as it does.
 *
 * Children keep the clock of the machine: LD_PRELOAD is taken out of the environment here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define LOOK (SECOND / 40)

static volatile int64_t *ahead; /* all clocks, time of day */
static long (*real_syscall)(long, ...);

static long made(long number, long a, long b, long c, long d, long e, long f) {
    if (!real_syscall) real_syscall = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return real_syscall(number, a, b, c, d, e, f);
}

static int of_day(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI; }
static int moved(clockid_t clock) {
    return of_day(clock) || clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_MONOTONIC_COARSE
        || clock == CLOCK_BOOTTIME;
}
static int64_t whole(const struct timespec *time) { return time->tv_sec * SECOND + time->tv_nsec; }
static struct timespec divided(int64_t time) { return (struct timespec){ time / SECOND, time % SECOND }; }
static int64_t shift(clockid_t clock) { return !ahead || !moved(clock) ? 0 : ahead[0] + (of_day(clock) ? ahead[1] : 0); }

int clock_gettime(clockid_t clock, struct timespec *to) {
    long done = made(SYS_clock_gettime, clock, (long)to, 0, 0, 0, 0);
    if (!done) *to = divided(whole(to) + shift(clock));
    return done;
}

static int64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return whole(&time);
}

int gettimeofday(struct timeval *restrict to, void *restrict zone) {
    (void)zone;
    int64_t time = now(CLOCK_REALTIME);
    *to = (struct timeval){ time / SECOND, time % SECOND / 1000 };
    return 0;
}

time_t time(time_t *to) {
    time_t time = now(CLOCK_REALTIME) / SECOND;
    if (to) *to = time;
    return time;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *until, struct timespec *left) {
    struct timespec time = *until;
    if (flags & TIMER_ABSTIME) time = divided(whole(until) - shift(clock));
    return made(SYS_clock_nanosleep, clock, flags, (long)&time, (long)left, 0, 0) ? errno : 0;
}

int epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout, const sigset_t *mask) {
    if (timeout <= 0 || !ahead) return made(SYS_epoll_pwait, epoll, (long)events, count, timeout, (long)mask, 8);
    int64_t end = now(CLOCK_MONOTONIC) + timeout * (SECOND / 1000), left;
    while ((left = end - now(CLOCK_MONOTONIC)) > 0) {
        int found = made(SYS_epoll_pwait, epoll, (long)events, count, (left < LOOK ? left : LOOK) / 1000000 + 1, (long)mask, 8);
        if (found) return found;
    }
    return 0;
}
int epoll_wait(int epoll, struct epoll_event *events, int count, int timeout) {
    return epoll_pwait(epoll, events, count, timeout, NULL);
}

/* Rust's standard library waits on a futex until a time of CLOCK_MONOTONIC. */
long syscall(long number, ...) {
    long given[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++) given[i] = va_arg(list, long);
    va_end(list);
    int ends = number == SYS_futex && (given[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET && given[3] && ahead;
    if (!ends) return made(number, given[0], given[1], given[2], given[3], given[4], given[5]);
    clockid_t clock = given[1] & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    int64_t end = whole((struct timespec *)given[3]), left;
    while ((left = end - now(clock)) > 0) {
        struct timespec until = divided(now(clock) - shift(clock) + (left < LOOK ? left : LOOK));
        long done = made(number, given[0], given[1], given[2], (long)&until, given[4], given[5]);
        if (done != -1 || errno != ETIMEDOUT) return done;
    }
    errno = ETIMEDOUT;
    return -1;
}

__attribute__((constructor)) static void begin(void) {
    const char *page = getenv("SOAK_CLOCK");
    unsetenv("LD_PRELOAD");
    if (!page) return;
    int fd = made(SYS_openat, AT_FDCWD, (long)page, O_RDONLY | O_CLOEXEC, 0, 0, 0);
    void *shared = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0) close(fd);
    if (shared == MAP_FAILED) _exit(99);
    ahead = shared;
}
