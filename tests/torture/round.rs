//! One round: traffic, a fault by its seed, a restart without one, and the questions.

use crate::fault::{Action, EACCES, EIO, ENOSPC, Fault, MAKES, NAMES, OPENS, SYNCS, WRITES};
use crate::office::{Counts, Office, Way, is_running, no_panic};
use crate::other::Other;
use crate::points::{POINTS, READS, RUN_POINTS, SEGMENT_POINTS, is_of_a_new_index, is_of_a_new_store};
use crate::prepared;
use crate::servers::DEADLINE;
use crate::traffic::{Becomes, Dice, Sent, complaint, delivered_again, letter, machine, reply};
use std::time::{Duration, Instant};

/// What happens in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    KilledBefore,
    KilledAfter,
    TornWrite,
    PowerCut,
    DiskFullOnce,
    DiskFullUntilRoom,
    SyncFails,
    ReadFails,
    DeniedOnce,
    DeniedUntilRestored,
    /// A fault where the journal goes on in another segment.
    SegmentChange,
    /// A fault while a stack of letters is divided.
    RunDivided,
    Other(Other),
}

/// How often each comes: every kind of death oftener than the faults that are only told.
const KINDS: [(Kind, usize); 12] = [
    (Kind::KilledBefore, 20),
    (Kind::KilledAfter, 20),
    (Kind::TornWrite, 10),
    (Kind::PowerCut, 16),
    (Kind::DiskFullOnce, 8),
    (Kind::DiskFullUntilRoom, 6),
    (Kind::SyncFails, 6),
    (Kind::ReadFails, 6),
    (Kind::DeniedOnce, 4),
    (Kind::DeniedUntilRestored, 4),
    (Kind::SegmentChange, 6),
    (Kind::RunDivided, 6),
];

impl Kind {
    /// Each of them.
    pub fn all() -> impl Iterator<Item = Kind> {
        KINDS.iter().map(|(kind, _)| *kind).chain(Other::all().map(Kind::Other))
    }

    /// By seed.
    pub fn of(dice: &mut Dice, way: Way) -> Self {
        if dice.one_in(4) {
            return Kind::Other(Other::of(dice, way));
        }
        let mut drawn = dice.below(KINDS.iter().map(|(_, share)| share).sum());
        for (kind, share) in KINDS {
            if drawn < share {
                return kind;
            }
            drawn -= share;
        }
        Kind::KilledBefore
    }

    /// Does a call fail that has a name?
    pub fn is_of_the_disk(self) -> bool {
        !matches!(self, Self::Other(_))
    }

    /// Does the daemon itself find its way out, without a new start?
    fn passes(self) -> bool {
        matches!(self, Self::DiskFullUntilRoom | Self::DeniedUntilRestored)
    }

    /// The fault of a round of this kind: at a call that this store can make.
    fn fault(self, dice: &mut Dice, stage: &Stage) -> Fault {
        let action = match self {
            Self::KilledBefore => Action::KillBefore,
            Self::KilledAfter => Action::KillAfter,
            Self::TornWrite => Action::Torn,
            Self::PowerCut => Action::PowerCut,
            Self::SegmentChange | Self::RunDivided => {
                [Action::KillBefore, Action::KillAfter, Action::PowerCut, Action::Torn, Action::FailOnce]
                    [dice.below(5)]
            }
            Self::Other(_) => Action::None,
            Self::DiskFullUntilRoom | Self::DeniedUntilRestored => Action::FailOn,
            _ => Action::FailOnce,
        };
        let mut fault = Fault { action, ..Fault::none() };
        let ends =
            |ends: &'static [&'static str]| move |name: &str| ends.iter().any(|end| name.ends_with(end));
        let (point, nth) = match self {
            Self::KilledBefore | Self::KilledAfter | Self::PowerCut => draw(dice, stage, POINTS, |_| true),
            Self::TornWrite => draw(dice, stage, POINTS, ends(&[": write"])),
            Self::DiskFullOnce => {
                fault.error = ENOSPC;
                draw(dice, stage, POINTS, ends(&[": write", ": create", ": mkdir", ": rename", ": fsync"]))
            }
            Self::SyncFails => {
                fault.error = EIO;
                draw(dice, stage, POINTS, ends(&["sync", "syncfs"]))
            }
            Self::ReadFails => {
                fault.error = EIO;
                fault.reads = true;
                draw(dice, stage, READS, |_| true)
            }
            Self::DeniedOnce => {
                fault.error = EACCES;
                draw(dice, stage, POINTS, ends(&[": create", ": mkdir", ": rename", ": unlink", ": bind"]))
            }
            Self::SegmentChange | Self::RunDivided => {
                let points = if self == Self::SegmentChange { SEGMENT_POINTS } else { RUN_POINTS };
                let (point, nth) =
                    among(dice, points, |name| action != Action::Torn || name.ends_with(": write"));
                fault.error = if point.ends_with("sync") { EIO } else { ENOSPC };
                // The first is that of the stack itself.
                let later = self == Self::RunDivided && !point.contains("card.json");
                (point, nth + u32::from(later))
            }
            Self::Other(_) => (String::new(), 0),
            Self::DiskFullUntilRoom => {
                fault.error = ENOSPC;
                fault.kinds = MAKES | WRITES | if dice.one_in(3) { SYNCS } else { 0 };
                (String::new(), 1 + dice.below(if stage.new_store { 140 } else { 50 }) as u32)
            }
            Self::DeniedUntilRestored => {
                fault.error = EACCES;
                fault.kinds = MAKES | NAMES | OPENS;
                (String::new(), 1 + dice.below(if stage.new_store { 140 } else { 50 }) as u32)
            }
        };
        fault.point = point;
        fault.nth = nth;
        fault
    }
}

/// What the store of a round is like.
struct Stage {
    new_store: bool,
    /// Its index was removed: it is built again.
    new_index: bool,
    way: Way,
    sealed: bool,
}

impl Stage {
    fn makes(&self, name: &str) -> bool {
        let first = is_of_a_new_store(name);
        let index = is_of_a_new_index(name);
        let snapshot =
            name.starts_with("index/recent-#/snap") || name.starts_with("index/recent-#/conf: read");
        // The first round of a store is for what comes once; so is one without an index.
        let fits = match (self.new_store, self.new_index) {
            (true, _) => first,
            (false, true) => index,
            (false, false) => !first,
        };
        let key = self.sealed || !name.starts_with("sealed");
        fits && key
            && !(self.new_store && snapshot)
            && !(self.way == Way::Mailbox && name.starts_with("post"))
    }
}

fn draw(
    dice: &mut Dice,
    stage: &Stage,
    points: &[(&str, u32)],
    fits: impl Fn(&str) -> bool,
) -> (String, u32) {
    let makes = |name: &str| fits(name) && stage.makes(name);
    if points.iter().any(|(name, _)| makes(name)) {
        among(dice, points, makes)
    } else {
        among(dice, points, fits)
    }
}

fn among(dice: &mut Dice, points: &[(&str, u32)], fits: impl Fn(&str) -> bool) -> (String, u32) {
    let fitting: Vec<_> = points.iter().filter(|(name, _)| fits(name)).collect();
    let (name, times) = fitting[dice.below(fitting.len())];
    ((*name).to_owned(), 1 + dice.below(*times as usize) as u32)
}

/// What a round came to.
pub struct Told {
    pub kind: Kind,
    /// Where the fault fell; `None`: that call did not come.
    pub place: Option<String>,
    pub calls: Vec<String>,
    pub counts: Counts,
}

/// Lays the post of a round: what the fault needs to be reached, and one to three pieces more, of them some that make no
/// case of their own.
fn lay_post(office: &mut Office<'_>, seed: u64, point: &str, dice: &mut Dice) {
    let address = office.address.clone();
    let letters = point.contains("pdf") || point.contains("print") || point.starts_with("scans");
    for number in 0..2 + dice.below(3) {
        let mark = format!("{seed}-{number}");
        let before: Vec<Sent> =
            office.sent.iter().filter(|sent| !sent.paper && sent.becomes == Becomes::Case).cloned().collect();
        let earlier = (!before.is_empty()).then(|| before[dice.below(before.len())].clone());
        let sent = match (number, dice.below(12), earlier) {
            (0, ..) if letters => letter(&mark),
            (0, ..) => complaint(&address, &mark),
            (_, 0, Some(earlier)) => {
                let to = earlier.name.trim_start_matches("klacht-").to_owned();
                reply(&address, &mark, &to)
            }
            // Byte for byte, and by another way.
            (_, 1, Some(earlier)) => earlier,
            (_, 2, Some(earlier)) => delivered_again(&earlier, &mark),
            (_, 3, _) => machine(&address, &mark),
            (_, 4..=6, _) => letter(&mark),
            _ => complaint(&address, &mark),
        };
        let name = if sent.paper { sent.name.clone() } else { format!("{seed}.{number}.{}", sent.name) };
        office.lay(&sent, &name);
    }
}

/// The first fault that is seen; the office's folder stays then.
pub fn run(office: &mut Office<'_>, seed: u64) -> Result<Told, String> {
    let mut dice = Dice::new(seed);
    let kind = Kind::of(&mut dice, office.way);
    let new_store = office.sent.is_empty();
    let stage =
        Stage { new_store, new_index: !new_store && dice.one_in(8), way: office.way, sealed: office.sealed };
    if stage.new_index {
        std::fs::remove_dir_all(office.dir.store().join("index")).map_err(|error| error.to_string())?;
    }
    let fault = kind.fault(&mut dice, &stage);
    let patient = dice.one_in(2);
    match kind {
        Kind::SegmentChange => {
            if new_store {
                // It begins with nothing but a journal.
                office.heal()?;
            }
            prepared::fill_segment(&office.dir.store(), dice.below(4_000));
            lay_post(office, seed, "", &mut dice);
        }
        Kind::RunDivided => {
            let stack = prepared::stack(&format!("{seed}-stapel"));
            let name = stack.name.clone();
            office.lay(&stack, &name);
        }
        _ => lay_post(office, seed, &fault.point, &mut dice),
    }
    let inside = || format!("{kind:?} {fault:?}");
    let happened = match kind {
        Kind::Other(other) => other.happen(office, seed, &mut dice).map(|()| Vec::new()),
        _ => struck(office, kind, &fault, patient),
    };
    let calls = happened.map_err(|told| format!("{}: {told}", inside()))?;
    let place = (office.control.struck() > 0 && kind.is_of_the_disk()).then(|| office.control.place());
    office.note_windows().and_then(|()| office.heal()).map_err(|told| format!("{}: {told}", inside()))?;
    let counts = office.holds().map_err(|told| format!("{}: {told}", inside()))?;
    Ok(Told { kind, place, calls, counts })
}

/// The run in which the fault falls, to its end.
fn struck(office: &mut Office<'_>, kind: Kind, fault: &Fault, patient: bool) -> Result<Vec<String>, String> {
    let mut daemon = office.run_with(fault);
    let (begun, mut since_struck) = (Instant::now(), None);
    let mut relieved = false;
    loop {
        let was_struck = office.control.struck() > 0;
        if let Some(status) = daemon.ended() {
            let log = daemon.rest();
            no_panic(&log)?;
            // Killed where it was to be, or it could not start and says why.
            let killed = fault.kills() && was_struck && status.code().is_none();
            let refused = !fault.kills() && was_struck && status.code() == Some(1) && log.contains("bode: ");
            return match killed || refused {
                true => Ok(office.control.calls()),
                false => Err(format!("it ended with {status} (struck: {was_struck}):\n{log}")),
            };
        }
        if was_struck && !fault.kills() {
            let since = *since_struck.get_or_insert_with(Instant::now);
            if kind.passes() && !relieved {
                // Told, or at least felt a few times.
                let told = ["WARN", "ERROR"].iter().any(|level| daemon.log.contains(level));
                if told && office.control.struck() > 2 || since.elapsed() > Duration::from_secs(3) {
                    office.note_windows()?;
                    office.control.relieve();
                    relieved = true;
                }
            }
            let enough = if kind.passes() && patient { DEADLINE } else { Duration::from_millis(1500) };
            if since.elapsed() > enough && is_running(&mut daemon) {
                if kind.passes() && patient {
                    // Its own pauses are half a minute at the most.
                    return Err(format!("it did not find its way out:\n{}", daemon.log));
                }
                break;
            }
        }
        if is_running(&mut daemon) && (!kind.passes() || relieved || !was_struck) && office.is_idle() {
            // All was done, with the fault or without it.
            break;
        }
        if begun.elapsed() > DEADLINE {
            daemon.signal(rustix::process::Signal::KILL);
            while daemon.ended().is_none() {}
            return Err(format!("neither idle nor struck:\n{}", daemon.rest()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let ended = Office::terminate(&mut daemon);
    let log = daemon.rest();
    no_panic(&log)?;
    if let (Err(told), false) = (ended, fault.kills() && office.control.struck() > 0) {
        // A store that is being opened anew may be at the point of failing for good.
        if !told.contains("exit status: 1") || office.control.struck() == 0 {
            return Err(format!("{told}:\n{log}"));
        }
    }
    Ok(office.control.calls())
}
