//! Counting a mailbox (RFC 3501): each folder is opened with EXAMINE, and of each message the UID, the size, the date of
//! receipt, the flags and the Message-ID field are fetched, a bounded range of UIDs at a time. No flag changes by it.
//!
//! On a connection of its own, so that the one that takes mail in is not kept from its work.

use super::imap_connection::Connection;
use super::imap_fetched::CountedHead;
use super::tally::{Looked, digest};
use super::{SourceError, imap_login};
use crate::config::Mailbox;
use crate::limits::{BATCH_BYTES_MAX, TALLY_PIECES_MAX};
use crate::oauth::SignIn;
use crate::record::{Counted, Mark, Place};
use std::collections::{BTreeSet, HashMap};

/// UIDs in one command, so that the line stays below what servers accept.
const UIDS_IN_COMMAND_MAX: usize = 500;

/// What waits is counted first: a message that is moved between the two looks is seen twice and never missed; the second
/// sight is taken out.
pub(super) async fn pieces(mailbox: &Mailbox, sign_in: Option<&SignIn>) -> Result<Vec<Counted>, SourceError> {
    let mut connection = imap_login::open(mailbox, sign_in).await?;
    let Some(waiting) = folder(&mut connection, mailbox, &mailbox.folder, Place::Waiting).await? else {
        // Told as the source itself tells it.
        connection.select(&mailbox.folder).await?;
        return Ok(Vec::new());
    };
    // Made with the first message that is moved there.
    let done = folder(&mut connection, mailbox, &mailbox.done_folder, Place::Done).await?.unwrap_or_default();
    let key = |piece: &Counted| (piece.msg_id, piece.bytes, piece.since);
    let moved: HashMap<_, usize> = done.iter().fold(HashMap::new(), |mut moved, piece| {
        *moved.entry(key(piece)).or_default() += 1;
        moved
    });
    // Only what is no longer where it was seen: copies of one message may stand in both folders.
    let both: BTreeSet<u32> =
        waiting.iter().filter(|piece| moved.contains_key(&key(piece))).filter_map(uid).collect();
    let still = match (both.is_empty(), connection.examine(&mailbox.folder).await?) {
        (false, Some(selected)) if selected.messages > 0 => connection.uids("ALL").await?,
        _ => BTreeSet::new(),
    };
    let stays = |piece: &Counted| uid(piece).is_none_or(|uid| !both.contains(&uid) || still.contains(&uid));
    Ok(waiting.into_iter().filter(stays).chain(done).collect())
}

fn uid(piece: &Counted) -> Option<u32> {
    piece.uid.map(|(_, uid)| uid)
}

/// Every message of a folder; `None`: there is no such folder.
async fn folder(
    connection: &mut Connection,
    mailbox: &Mailbox,
    name: &str,
    place: Place,
) -> Result<Option<Vec<Counted>>, SourceError> {
    let Some(selected) = connection.examine(name).await? else { return Ok(None) };
    let mut pieces = Vec::new();
    if selected.messages == 0 {
        return Ok(Some(pieces));
    }
    let uids: Vec<u32> = connection.uids("ALL").await?.into_iter().take(TALLY_PIECES_MAX).collect();
    for range in uids.chunks(UIDS_IN_COMMAND_MAX) {
        for CountedHead { head, msg_id, deleted } in
            connection.counted(&range.iter().copied().collect()).await?
        {
            let origin = Mark::of_uid(&mailbox.user, name, selected.uid_validity, head.uid);
            pieces.push(Counted {
                place: if deleted && place == Place::Waiting { Place::Deleted } else { place },
                reference: format!("{name} uid {}", head.uid),
                origin: Some(origin),
                msg_id,
                bytes: head.bytes,
                since: head.received_at,
                uid: Some((selected.uid_validity, head.uid)),
                left: None,
            });
        }
    }
    Ok(Some(pieces))
}

/// The digests of messages in the done folder, of the first `bounded`.
pub(super) async fn look(
    mailbox: &Mailbox,
    sign_in: Option<&SignIn>,
    wanted: &[Counted],
    bounded: usize,
) -> Result<Vec<Looked>, SourceError> {
    let mut looked = vec![Looked::Not; wanted.len()];
    let mut connection = imap_login::open(mailbox, sign_in).await?;
    let Some(selected) = connection.examine(&mailbox.done_folder).await? else {
        return Ok(vec![Looked::Gone; wanted.len()]);
    };
    let mut at = 0;
    while at < bounded {
        let (mut batch, mut bytes) = (HashMap::new(), 0);
        while at < bounded && (batch.is_empty() || bytes + wanted[at].bytes <= BATCH_BYTES_MAX) {
            match wanted[at].uid {
                Some((uid_validity, uid)) if uid_validity == selected.uid_validity => {
                    batch.insert(uid, at);
                    bytes += wanted[at].bytes;
                }
                _ => looked[at] = Looked::Gone,
            }
            at += 1;
        }
        if batch.is_empty() {
            continue;
        }
        let (bodies, ended) = connection.bodies(&batch.keys().copied().collect(), bytes).await;
        ended?;
        for (uid, index) in batch {
            looked[index] = bodies.get(&uid).map_or(Looked::Gone, |bytes| Looked::Digest(digest(bytes)));
        }
    }
    Ok(looked)
}
