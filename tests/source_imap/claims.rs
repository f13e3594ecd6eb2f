//! Two programs on one mailbox: each message is taken by one of them.

use super::servers::MailServers;
use super::{WRITER, durable, text};
use bode::config::Tls;
use bode::source::{Imap, Source, SourceError};
use std::collections::BTreeMap;
use std::time::SystemTime;

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_on_one_mailbox_take_each_message_once() {
    const MESSAGES: u32 = 12;
    let servers = MailServers::start();
    let mailbox = servers.mailbox(Tls::Implicit);
    for number in 1..=MESSAGES {
        let message = format!("From: {WRITER}\r\n\r\nNummer {number}.\r\n");
        servers.lay(&format!("{number:04}.test"), message.as_bytes(), SystemTime::now());
    }
    let mut both = [
        Imap::new(&mailbox, None).claimed_by("eerste".to_owned()),
        Imap::new(&mailbox, None).claimed_by("tweede".to_owned()),
    ];
    let mut taken: BTreeMap<String, u32> = BTreeMap::new();
    let mut refused = [0, 0];
    // At the same moment, again and again: when both withdraw, the next time one of them is first.
    while taken.len() < MESSAGES as usize || refused.iter().sum::<u32>() < 3 {
        let [one, other] = &mut both;
        let polled = tokio::join!(one.poll(), other.poll());
        for (index, polled) in [polled.0, polled.1].into_iter().enumerate() {
            match polled {
                Ok(pieces) => {
                    for piece in &pieces {
                        *taken.entry(text(piece)).or_default() += 1;
                    }
                    both[index].settle(durable(&pieces)).await.unwrap();
                }
                Err(SourceError::Claimed { .. }) => refused[index] += 1,
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(taken.values().all(|times| *times == 1), "{taken:?}");
    assert!(refused.contains(&0), "the one that holds keeps it: {refused:?}");
    // The same store on another connection, as after a crash, goes on at once.
    let holder = if refused[0] == 0 { "eerste" } else { "tweede" };
    drop(both);
    Imap::new(&mailbox, None).claimed_by(holder.to_owned()).poll().await.unwrap();
    let third = Imap::new(&mailbox, None).claimed_by("derde".to_owned()).poll().await.unwrap_err();
    let told = third.to_string();
    assert!(told.contains(holder) && told.contains("bode-in-gebruik") && third.is_passing(), "{told}");
}
