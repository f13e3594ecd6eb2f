//! The one signal that ends everything cleanly.

use tokio::sync::watch;

/// Asks every part to end; a clone is the same signal.
#[derive(Clone, Debug)]
pub struct Stop {
    sender: watch::Sender<bool>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { sender: watch::Sender::new(false) }
    }
}

impl Stop {
    /// Asks for the end. Asking twice changes nothing.
    pub fn ask(&self) {
        self.sender.send_replace(true);
    }

    pub fn is_asked(&self) -> bool {
        *self.sender.borrow()
    }

    /// Returns once the end was asked for. Cancel-safe.
    pub async fn asked(&self) {
        let mut receiver = self.sender.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let waited = receiver.wait_for(|asked| *asked).await;
        drop(waited);
    }

    /// Does the work until it is done or the end is asked for; then it is dropped where it waits.
    pub async fn ends(&self, work: impl Future<Output = ()>) {
        tokio::select! {
            () = work => {}
            () = self.asked() => {}
        }
    }
}
