//! Locks of files (flock) that somebody holds for a moment: a program that this process is just starting shares them
//! until it runs, and a daemon that is ending holds them a little longer than it answers.

use std::time::Duration;

/// How often, and after what pause, a lock that somebody holds is asked for again: half a second in all.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Asks again while the error says that somebody holds it; the last error when that does not end.
pub(super) fn patiently<T, E>(
    is_held: impl Fn(&E) -> bool,
    mut attempt: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    for _ in 0..LOCK_TRIES {
        match attempt() {
            Err(error) if is_held(&error) => std::thread::sleep(LOCK_PAUSE),
            ended => return ended,
        }
    }
    attempt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_held_is_asked_for_again() {
        let (mut held, mut broken, mut ever) = (0, 0, 0);
        let taken = patiently(
            |error| *error == "held",
            || {
                held += 1;
                if held < 3 { Err("held") } else { Ok(held) }
            },
        );
        assert_eq!(taken, Ok(3));
        let refused: Result<(), _> = patiently(
            |error| *error == "held",
            || {
                broken += 1;
                Err("broken")
            },
        );
        assert_eq!((refused, broken), (Err("broken"), 1));
        let refused: Result<(), _> = patiently(
            |_| true,
            || {
                ever += 1;
                Err("held")
            },
        );
        assert_eq!((refused, ever), (Err("held"), LOCK_TRIES + 1));
    }
}
