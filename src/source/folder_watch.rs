//! Hears from the kernel that something came into a folder (inotify(7)), so that nobody waits for the next look.
//!
//! A help and no promise: a network file system does not tell what other machines lay down, and the kernel's watches
//! may be used up. Whoever waits here looks from time to time all the same.

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::path::Path;
use tokio::net::unix::pipe::Receiver;

/// Room for some calls at a time; what they say does not matter.
const CALLS_BYTES: usize = 4096;

/// Folders that the kernel watches for us, and where it calls (read as a pipe is); none where it does not.
#[derive(Debug, Default)]
pub(super) struct FolderWatch(Option<Receiver>);

impl FolderWatch {
    /// Watches a folder from now on. To be said again before each look: a folder that was put in the place of another
    /// is a new one, and one that is watched already stays so.
    pub(super) fn keep(&mut self, dir: &Path) {
        if self.0.is_none() {
            let made = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK);
            self.0 = made.ok().and_then(|made| Receiver::from_owned_fd_unchecked(made).ok());
        }
        if let Some(calls) = &self.0 {
            let wanted = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
            // What is wrong with a folder is told by the look at it.
            let _ = inotify::add_watch(calls.as_fd(), dir, wanted);
        }
    }

    /// Returns when something came since this returned last; never where nothing is watched.
    pub(super) async fn called(&self) {
        let Some(calls) = &self.0 else { return std::future::pending().await };
        let mut room = [0; CALLS_BYTES];
        let mut heard = false;
        while !heard {
            if calls.readable().await.is_err() {
                return std::future::pending().await;
            }
            loop {
                match calls.try_read(&mut room) {
                    Ok(1..) => heard = true,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    // Nothing more will be told.
                    Ok(0) | Err(_) => return std::future::pending().await,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    const SOON: Duration = Duration::from_secs(30);
    const A_MOMENT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn what_is_made_or_moved_in_is_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let (new, tmp) = (dir.path().join("new"), dir.path().join("tmp"));
        for sub in [&new, &tmp] {
            std::fs::create_dir(sub).unwrap();
        }
        let mut watch = FolderWatch::default();
        watch.keep(&new);
        assert!(timeout(A_MOMENT, watch.called()).await.is_err());
        std::fs::write(new.join("made"), "").unwrap();
        timeout(SOON, watch.called()).await.unwrap();
        assert!(timeout(A_MOMENT, watch.called()).await.is_err(), "told already");
        std::fs::write(tmp.join("moved"), "").unwrap();
        std::fs::rename(tmp.join("moved"), new.join("moved")).unwrap();
        timeout(SOON, watch.called()).await.unwrap();
    }

    #[tokio::test]
    async fn a_folder_in_the_place_of_another_is_watched_too() {
        let dir = tempfile::tempdir().unwrap();
        let (here, mut watch) = (dir.path().join("new"), FolderWatch::default());
        watch.keep(&here);
        std::fs::create_dir(&here).unwrap();
        watch.keep(&here);
        std::fs::rename(&here, dir.path().join("old")).unwrap();
        std::fs::create_dir(&here).unwrap();
        watch.keep(&here);
        std::fs::write(here.join("made"), "").unwrap();
        timeout(SOON, watch.called()).await.unwrap();
    }
}
