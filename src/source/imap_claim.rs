//! Who takes from a mailbox. Two programs with stores of their own would each register and answer every message, and
//! IMAP cannot give a message to one of them only: MOVE (RFC 6851) is not asked to fail for the second. So whoever takes
//! lays a small message in a folder beside the mailbox, and whoever finds that of another there takes nothing and says so.
//!
//! The order in which a server gave UIDs (RFC 3501 §2.3.1.1) decides between two that come at the same moment: the lowest
//! holds. Its first message stays while it holds; a second beside it is renewed every [`RENEW_TIME`]. What was not renewed
//! for [`CLAIM_TIME_MAX`] by the watch of who looks on is of a program that is gone, and is removed. No clocks are compared.
//! A program that was asleep for longer than that and wakes up between two looks may take one batch that is no longer its.
//!
//! A store has the same name on any machine, so one that is moved goes on at once.

use super::SourceError;
use super::imap_connection::Connection;
use crate::limits::{CLAIM_TIME_MAX, CLAIMS_MAX};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// The folder of the claims.
pub(super) const CLAIMS: &str = "bode-in-gebruik";

const RENEW_TIME: Duration = Duration::from_secs(CLAIM_TIME_MAX.as_secs() / 3);

/// What stands before the name of a store.
const MARK: &str = "Subject: bode in gebruik ";

/// The claim of one program on one mailbox.
#[derive(Debug)]
pub(super) struct Claim {
    /// Names the store.
    name: String,
    renew_at: Option<Instant>,
    /// The newest claim of another, and since when it is the newest.
    other: Option<(Seen, Instant)>,
}

/// UIDVALIDITY and UID.
type Seen = (u32, u32);

/// What lies in the folder.
struct Found {
    uid_validity: u32,
    ours: BTreeSet<u32>,
    /// UID and the name of the store.
    others: Vec<(u32, String)>,
}

impl Claim {
    pub(super) fn new(name: String) -> Self {
        Self { name, renew_at: None, other: None }
    }

    /// Makes sure that this mailbox is ours to take from: asks the server when the claim is to be renewed. Leaves another
    /// folder selected.
    ///
    /// # Errors
    /// [`SourceError::Claimed`] when another program takes from it, or what the connection tells.
    pub(super) async fn hold(
        &mut self,
        connection: &mut Connection,
        now: Instant,
    ) -> Result<(), SourceError> {
        if self.renew_at.is_some_and(|at| now < at) {
            return Ok(());
        }
        self.renew_at = None;
        let mut found = self.look(connection).await?;
        let stale: BTreeSet<u32> = self.gone(&found, now);
        if !stale.is_empty() {
            tracing::warn!(
                claims = stale.len(),
                "the claim of another bode on the mailbox was not renewed; taken over"
            );
            connection.remove(&stale).await?;
            found.others.retain(|(uid, _)| !stale.contains(uid));
        }
        if let Some(holder) = holder(&found) {
            return Err(holder);
        }
        connection
            .append(CLAIMS, &format!("{MARK}{}\r\n\r\nDit bericht hoort bij bode.\r\n", self.name))
            .await?;
        // Only now it is known who was first.
        let found = self.look(connection).await?;
        if let Some(holder) = holder(&found) {
            connection.remove(&found.ours).await?;
            return Err(holder);
        }
        let (first, last) = (found.ours.first().copied(), found.ours.last().copied());
        let between: BTreeSet<u32> =
            found.ours.into_iter().filter(|uid| Some(*uid) != first && Some(*uid) != last).collect();
        if !between.is_empty() {
            connection.remove(&between).await?;
        }
        self.other = None;
        self.renew_at = Some(now + RENEW_TIME);
        Ok(())
    }

    /// After a lost connection nothing is known of the claim.
    pub(super) fn doubt(&mut self) {
        self.renew_at = None;
    }

    async fn look(&self, connection: &mut Connection) -> Result<Found, SourceError> {
        let selected = match connection.select(CLAIMS).await {
            Err(SourceError::FolderMissing { .. }) => {
                connection.create(CLAIMS).await?;
                connection.select(CLAIMS).await?
            }
            other => other?,
        };
        let mut found =
            Found { uid_validity: selected.uid_validity, ours: BTreeSet::new(), others: Vec::new() };
        if selected.messages == 0 {
            return Ok(found);
        }
        let there: BTreeSet<u32> = connection.uids("UNDELETED").await?.into_iter().take(CLAIMS_MAX).collect();
        if there.is_empty() {
            return Ok(found);
        }
        let (bodies, ended) = connection.bodies(&there, 0).await;
        ended?;
        for (uid, body) in bodies {
            let text = String::from_utf8_lossy(&body).into_owned();
            match text.lines().find_map(|line| line.strip_prefix(MARK)) {
                Some(name) if name.trim() == self.name => drop(found.ours.insert(uid)),
                Some(name) => found.others.push((uid, name.trim().chars().take(40).collect())),
                // No claim: a message that a person laid there.
                None => {}
            }
        }
        found.others.sort();
        Ok(found)
    }

    /// The claims of others that nobody renews any more.
    fn gone(&mut self, found: &Found, now: Instant) -> BTreeSet<u32> {
        let Some((newest, _)) = found.others.last() else { return BTreeSet::new() };
        let seen = (found.uid_validity, *newest);
        match self.other {
            Some((before, since)) if before == seen => {
                if now.duration_since(since) < CLAIM_TIME_MAX {
                    return BTreeSet::new();
                }
                found.others.iter().map(|(uid, _)| *uid).collect()
            }
            _ => {
                self.other = Some((seen, now));
                BTreeSet::new()
            }
        }
    }
}

/// Another that was here before us.
fn holder(found: &Found) -> Option<SourceError> {
    let (uid, name) = found.others.first()?;
    let before_us = found.ours.first().is_none_or(|ours| uid < ours);
    before_us.then(|| SourceError::Claimed { folder: CLAIMS, name: name.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(ours: &[u32], others: &[u32]) -> Found {
        let others = others.iter().map(|uid| (*uid, "ander".to_owned())).collect();
        Found { uid_validity: 7, ours: ours.iter().copied().collect(), others }
    }

    #[test]
    fn the_lowest_uid_holds() {
        assert!(holder(&found(&[], &[])).is_none());
        assert!(holder(&found(&[3], &[])).is_none());
        assert!(holder(&found(&[], &[1])).is_some());
        assert!(holder(&found(&[3, 9], &[5])).is_none(), "who came later withdraws by itself");
        assert!(holder(&found(&[5], &[3, 9])).is_some());
    }

    #[test]
    fn a_claim_is_gone_when_it_was_not_renewed_for_long_enough() {
        let (mut claim, start) = (Claim::new("wij".to_owned()), Instant::now());
        assert!(claim.gone(&found(&[], &[4, 6]), start).is_empty());
        assert!(claim.gone(&found(&[], &[4, 6]), start + CLAIM_TIME_MAX / 2).is_empty());
        // Renewed: the time begins anew.
        let renewed = start + CLAIM_TIME_MAX;
        assert!(claim.gone(&found(&[], &[4, 8]), renewed).is_empty());
        assert!(
            claim.gone(&found(&[], &[4, 8]), renewed + CLAIM_TIME_MAX - Duration::from_secs(1)).is_empty()
        );
        let gone = claim.gone(&found(&[], &[4, 8]), renewed + CLAIM_TIME_MAX);
        assert_eq!(gone, BTreeSet::from([4, 8]));
    }
}
