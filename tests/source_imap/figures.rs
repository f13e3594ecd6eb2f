//! Figures, not checks: `cargo test --test source_imap figures -- --ignored --nocapture`.

use super::servers::{DEADLINE, MailServers, OFFICE};
use super::{WRITER, deliver, durable, message, take_all};
use bode::config::Tls;
use bode::source::{Imap, Source};
use std::time::{Duration, Instant, SystemTime};
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "figures for the record"]
async fn figures() {
    let servers = MailServers::start();
    let mut mailbox = servers.mailbox(Tls::Implicit);
    mailbox.poll_seconds = 3600;
    let mut source = Imap::new(&mailbox, None);

    let mut waits: Vec<Duration> = Vec::new();
    for number in 1..=20 {
        assert!(source.poll().await.unwrap().is_empty());
        let start = Instant::now();
        let woken = async { timeout(DEADLINE, source.wait()).await.unwrap().unwrap() };
        let sent = async { servers.deliver(message(number).as_bytes(), WRITER, OFFICE) };
        tokio::join!(woken, sent);
        let pieces = source.poll().await.unwrap();
        waits.push(start.elapsed());
        source.settle(durable(&pieces)).await.unwrap();
    }
    waits.sort();
    println!("SMTP to poll over IDLE: median {:?}, worst {:?}", waits[10], waits[19]);

    let text = format!("{}{}", message(0), "Een regel van een gewone brief.\r\n".repeat(550));
    for number in 0..2_000 {
        servers.lay(&format!("{number:05}.figure"), text.as_bytes(), SystemTime::now());
    }
    let start = Instant::now();
    let count = take_all(&mut source).await.len();
    let rate = count as f64 / start.elapsed().as_secs_f64();
    println!("{count} messages of {} bytes fetched and moved: {rate:.0} a second", text.len());

    let before = peak();
    let large = format!("{}{}", message(0), "x".repeat(998 - 2).repeat(95_000));
    servers.lay("large", large.as_bytes(), SystemTime::now());
    let bytes = large.len();
    drop(large);
    let start = Instant::now();
    assert_eq!(source.poll().await.unwrap()[0].arrival.bytes.len(), bytes);
    println!("{bytes} bytes in {:?}; peak memory {before} kB before, {} kB after", start.elapsed(), peak());
    deliver(&servers, 1..=1);
}

/// VmHWM in kB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}
