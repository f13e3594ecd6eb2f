//! What the rounds have found, each by its name: it stays mended.

use crate::daemon::Daemon;
use crate::fault::{Action, EACCES, EIO, ENOSPC, Fault, MAKES, SYNCS, WRITES, library};
use crate::office::{Office, Way, is_running, no_panic};
use crate::servers::{DEADLINE, MailServers};
use crate::traffic::{complaint, delivered_again, reply};
use std::time::{Duration, Instant};

/// An office that had one piece, with another one waiting, and a daemon in which this fault falls.
fn with_fault(number: usize, fault: &Fault, look: impl Fn(&mut Office<'_>, &mut Daemon)) {
    let (servers, library) = (MailServers::start(), library());
    let mut office = Office::new(number, Way::Maildir, false, &servers, &library);
    let first = complaint(&office.address, "eerste");
    office.lay(&first, "eerste");
    office.heal().unwrap();
    let second = complaint(&office.address, "tweede");
    office.lay(&second, "tweede");
    let mut daemon = office.run_with(fault);
    look(&mut office, &mut daemon);
    office.note_windows().unwrap();
    office.heal().unwrap();
    office.holds().unwrap();
}

fn ended_with(daemon: &mut Daemon, time_max: Duration) -> std::process::ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = daemon.ended() {
            return status;
        }
        assert!(begun.elapsed() < time_max, "it hangs:\n{}", daemon.log);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Everything that waits is taken.
fn idle(office: &Office<'_>, daemon: &mut Daemon) {
    let begun = Instant::now();
    while !(is_running(daemon) && office.is_idle()) {
        assert!(begun.elapsed() < DEADLINE, "{}", daemon.log);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The same, by the daemon in which the fault fell.
fn idle_after_the_fault(office: &Office<'_>, daemon: &mut Daemon) {
    idle(office, daemon);
    assert!(office.control.struck() > 0, "the fault did not fall:\n{}", daemon.log);
}

/// sled waits without end for a write that failed while it closes: the start hung, deaf to SIGTERM.
#[test]
fn a_start_on_a_full_disk_ends_and_says_why() {
    let fault = Fault {
        action: Action::FailOn,
        point: "journal: fsync".to_owned(),
        nth: 1,
        error: ENOSPC,
        kinds: MAKES | WRITES | SYNCS,
        ..Fault::none()
    };
    with_fault(9001, &fault, |_, daemon| {
        let status = ended_with(daemon, DEADLINE);
        let log = daemon.rest();
        assert_eq!(status.code(), Some(1), "{log}");
        assert!(log.contains("No space left on device"), "{log}");
    });
}

/// sled panics when its last sync fails; that ended the daemon with 101 in place of 0.
#[test]
fn a_sync_that_fails_while_the_index_closes_ends_nothing_badly() {
    let fault = Fault {
        action: Action::FailOn,
        point: "index/recent-#/db: fsync".to_owned(),
        error: EIO,
        kinds: SYNCS,
        ..Fault::none()
    };
    with_fault(9002, &fault, |office, daemon| {
        idle(office, daemon);
        office.control.fail_next();
        Office::terminate(daemon).unwrap();
        assert!(office.control.struck() > 0, "the sync that was to fail was never made");
        no_panic(&daemon.rest()).unwrap();
    });
}

/// A piece that could not be written for a moment lost its turn: the reply that came with it found no case and made one.
#[test]
fn a_reply_waits_for_a_piece_that_is_tried_again() {
    let fault = Fault {
        action: Action::FailOnce,
        point: "record/.judgement.json.tmp: create".to_owned(),
        nth: 1,
        error: EACCES,
        ..Fault::none()
    };
    let (servers, library) = (MailServers::start(), library());
    let mut office = Office::new(9003, Way::Maildir, false, &servers, &library);
    for (name, sent) in
        [("1", complaint(&office.address, "eerst")), ("2", reply(&office.address, "erna", "eerst"))]
    {
        office.lay(&sent, name);
    }
    let mut daemon = office.run_with(&fault);
    idle_after_the_fault(&office, &mut daemon);
    Office::terminate(&mut daemon).unwrap();
    office.holds().unwrap();
}

/// A message that could not be read for a moment was taken after the reply to it, and made a second case of the thread.
#[test]
fn a_message_that_its_reply_overtook_is_part_of_the_case() {
    let (servers, library) = (MailServers::start(), library());
    let mut office = Office::new(9005, Way::Maildir, false, &servers, &library);
    let first = complaint(&office.address, "eerst");
    let replies = ["erna", "nog-eens"].map(|mark| reply(&office.address, mark, "eerst"));
    for sent in [&replies[0], &replies[1], &first] {
        office.lay(sent, &sent.name);
        office.heal().unwrap();
    }
    // What is laid again is no other message.
    let again = delivered_again(&first, "later");
    office.lay(&again, &again.name);
    office.heal().unwrap();
    let counts = office.holds().unwrap();
    assert_eq!((counts.cases, counts.answers, counts.pieces), (1, 1, 4), "{counts:?}");
}

/// A message that could not be read for a moment was told, and left until the next start.
#[test]
fn a_message_that_could_not_be_read_is_tried_at_the_next_look() {
    let fault = Fault {
        action: Action::FailOnce,
        point: "post/new: read".to_owned(),
        nth: 1,
        error: EIO,
        reads: true,
        ..Fault::none()
    };
    with_fault(9004, &fault, |office, daemon| {
        idle_after_the_fault(office, daemon);
        Office::terminate(daemon).unwrap();
    });
}
