//! How long a worker's next word is waited for: a document has a time for itself, and each of its pages one more.
//!
//! Times are the worker's own: on a machine that is busy with other work they grow by what the worker wanted of a core
//! and did not get, up to the time of the whole piece. A worker that sleeps gets nothing extra.

use super::Times;
use std::fs::read_to_string;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// When a worker must have said its next word.
pub(super) struct Patience {
    times: Times,
    end: Instant,
    /// When what is running began, and what it was given as a page.
    since: Instant,
    page: Duration,
    /// Left of the document's own time.
    own: Duration,
    /// What was added for a busy machine since the last word.
    granted: Duration,
}

impl Patience {
    pub fn new(times: Times, end: Instant, now: Instant) -> Self {
        Self { times, end, since: now, page: Duration::ZERO, own: times.read, granted: Duration::ZERO }
    }

    pub fn deadline(&self) -> Instant {
        (self.since + self.page + self.own).min(self.end)
    }

    pub fn document_begins(&mut self, now: Instant) {
        *self = Self::new(self.times, self.end, now);
    }

    pub fn page_begins(&mut self, now: Instant) {
        self.own = self.own.saturating_sub((now - self.since).saturating_sub(self.page));
        self.since = now;
        self.page = self.times.page;
    }

    /// The worker waited for another one that read a page for it: that is not its own time, but time it is.
    pub fn was_helped(&mut self, time: Duration) {
        self.since += time;
    }

    /// The worker had to wait: that is not its own time.
    pub fn waited(&mut self, time: Duration) {
        self.since += time;
        self.end += time;
    }

    /// What the worker `id` says next, or that its time is over.
    pub async fn hear<T>(&mut self, id: Option<u32>, word: impl Future<Output = T>) -> Result<T, Elapsed> {
        let mut word = pin!(word);
        // Taken at the first wait: `since` may lie before the worker's last turn.
        let (began, at_first) = (Instant::now(), id.and_then(Load::of));
        loop {
            match timeout_at(self.deadline(), &mut word).await {
                Err(over) => {
                    let (Some(before), Some(now)) = (at_first, id.and_then(Load::of)) else {
                        return Err(over);
                    };
                    let missed = began.elapsed().saturating_sub(now.used.saturating_sub(before.used));
                    let granted = self.granted;
                    if !now.wants_more || missed < granted + STARVED_MIN || Instant::now() >= self.end {
                        return Err(over);
                    }
                    self.since += missed - granted;
                    self.granted = missed;
                }
                said => {
                    self.granted = Duration::ZERO;
                    return said;
                }
            }
        }
    }
}

/// Less than this is no reason to wait longer.
const STARVED_MIN: Duration = Duration::from_millis(500);

/// `USER_HZ`, in which Linux tells such times on all machines that this program is built for.
const TICKS_PER_SECOND: u64 = 100;

/// What a process has used of the cores, and whether it wants more.
#[derive(Clone, Copy, Debug)]
struct Load {
    used: Duration,
    wants_more: bool,
}

impl Load {
    /// From `/proc/ID/stat` (proc(5)); nothing where there is no such file.
    fn of(id: u32) -> Option<Self> {
        Self::parse(&read_to_string(format!("/proc/{id}/stat")).ok()?)
    }

    /// Behind the name, which may hold anything, stand the state and, 11 fields further, ticks in user and system mode.
    fn parse(stat: &str) -> Option<Self> {
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?;
        let mut ticks = fields.skip(10).take(2).map(|field| field.parse::<u64>().ok());
        let ticks = ticks.next()?? + ticks.next()??;
        let used = Duration::from_millis(1000 * ticks / TICKS_PER_SECOND);
        Some(Self { used, wants_more: matches!(state, "R" | "D") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_its_own_time_and_leaves_none_to_the_next() {
        let seconds = Duration::from_secs;
        let times = Times { start: seconds(1), read: seconds(60), page: seconds(20), piece: seconds(600) };
        let mut now = Instant::now();
        let mut patience = Patience::new(times, now + times.piece, now);
        now += seconds(10);
        assert_eq!(patience.deadline(), now + seconds(50));
        patience.page_begins(now);
        for _ in 0..3 {
            assert_eq!(patience.deadline(), now + seconds(70));
            now += seconds(1);
            patience.page_begins(now);
        }
        // A slow page takes from the document.
        now += seconds(40);
        patience.page_begins(now);
        assert_eq!(patience.deadline(), now + seconds(50));
        patience.document_begins(now);
        assert_eq!(patience.deadline(), now + seconds(60));
        patience.waited(seconds(30));
        now += seconds(30);
        assert_eq!(patience.deadline(), now + seconds(60));
        patience.end = now + seconds(5);
        assert_eq!(patience.deadline(), now + seconds(5));
    }

    #[test]
    fn the_load_of_a_process_is_read_whatever_its_name() {
        let stat = "7 (a) R (b) D 1 2 3 4 5 6 7 8 9 10 250 50 0 0";
        let load = Load::parse(stat).unwrap();
        assert_eq!(load.used, Duration::from_millis(300_000 / TICKS_PER_SECOND));
        assert!(load.wants_more);
        assert!(!Load::parse(&stat.replace(") D", ") S")).unwrap().wants_more);
        assert!(Load::of(std::process::id()).is_some());
    }

    #[tokio::test]
    async fn who_sleeps_gets_no_more_time() {
        let times = Times { read: Duration::from_millis(50), ..Times::default() };
        let now = Instant::now();
        let mut patience = Patience::new(times, now + Duration::from_secs(60), now);
        let sleeper = tokio::process::Command::new("sleep").arg("60").kill_on_drop(true).spawn().unwrap();
        assert!(patience.hear(sleeper.id(), std::future::pending::<()>()).await.is_err());
    }
}
