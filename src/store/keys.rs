//! The keys of the index: one letter for the kind, then fixed-width big-endian numbers, so that the order of the
//! keys is the order of the lists.

use crate::record::{CaseNumber, CaseRow, CaseStatus, Figure, RegistrationNumber};
use jiff::Timestamp;
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

/// Version of the whole index; another one is built again.
pub(super) const FORMAT: &[u8] = b"m/format";
/// The last entry folded in: its number and digest.
pub(super) const APPLIED: &[u8] = b"m/applied";
/// The last day of which a digest was made, and what became of it.
pub(super) const DIGEST: &[u8] = b"m/digest";
/// The breaker while it is open, and when it was last closed.
pub(super) const BREAKER: &[u8] = b"m/breaker";
pub(super) const BREAKER_CLOSED: &[u8] = b"m/breaker-closed";
/// Who stopped the answers; not there while they go out.
pub(super) const SENDING_PAUSED: &[u8] = b"m/sending-paused";
/// Where numbers go on after a restore.
pub(super) const RESTORED: &[u8] = b"m/restored";
/// Counters.
pub(super) const PIECES: &[u8] = b"k/pieces";
pub(super) const DUPLICATES: &[u8] = b"k/duplicates";
/// Pieces that were destroyed.
pub(super) const PURGED: &[u8] = b"k/purged";
pub(super) const ASIDE_COUNT: &[u8] = b"k/aside";
/// Kinds that are walked.
pub(super) const WORK: &[u8] = b"w";
pub(super) const RECORDS: &[u8] = b"r";
pub(super) const CASES: &[u8] = b"c";
pub(super) const ASIDE: &[u8] = b"z";
pub(super) const RUNS: &[u8] = b"g";
pub(super) const DUE_ANSWERS: &[u8] = b"o";
pub(super) const COUNTS: &[u8] = b"n";
pub(super) const PROOFS: &[u8] = b"p";
pub(super) const UNDELIVERED: &[u8] = b"u";
/// Rule sets that people put into force.
pub(super) const PUBLISHED: &[u8] = b"R";
/// Counters by day.
pub(super) const FIGURES: &[u8] = b"F";
pub(super) const LIKENESS_BANDS: &[u8] = b"x";

/// Is this a kind of which keys are only walked, never asked for one by one?
pub(super) fn is_of_a_list(key: &[u8]) -> bool {
    key.first().is_some_and(|kind| b"abBefhjlopqstvz".contains(kind))
}

fn numbered(kind: u8, year: u16, serial: u32) -> Vec<u8> {
    let mut key = vec![kind];
    key.extend(year.to_be_bytes());
    key.extend(serial.to_be_bytes());
    key
}

pub(super) fn record(number: RegistrationNumber) -> Vec<u8> {
    numbered(b'r', number.year, number.serial)
}

/// A scan run that was divided.
pub(super) fn run(number: RegistrationNumber) -> Vec<u8> {
    numbered(b'g', number.year, number.serial)
}

/// Registered, not yet judged.
pub(super) fn work(number: RegistrationNumber) -> Vec<u8> {
    numbered(b'w', number.year, number.serial)
}

pub(super) fn aside(number: RegistrationNumber) -> Vec<u8> {
    numbered(b'z', number.year, number.serial)
}

pub(super) fn case(number: CaseNumber) -> Vec<u8> {
    numbered(b'c', number.year, number.serial)
}

/// The sketch of a piece's text.
pub(super) fn likeness(number: RegistrationNumber) -> Vec<u8> {
    numbered(b'y', number.year, number.serial)
}

/// The newest pieces whose sketches have this band in common.
pub(super) fn likeness_band(index: usize, band: u32) -> Vec<u8> {
    let mut key = vec![b'x', u8::try_from(index).unwrap_or(u8::MAX)];
    key.extend(band.to_be_bytes());
    key
}

/// A case whose answer did not arrive.
pub(super) fn undelivered(number: CaseNumber) -> Vec<u8> {
    numbered(b'u', number.year, number.serial)
}

/// The last six bytes of a key as a number's year and serial.
pub(super) fn number_at_end(key: &[u8]) -> Option<(u16, u32)> {
    let tail: [u8; 6] = key.get(key.len().checked_sub(6)?..)?.try_into().ok()?;
    let [a, b, c, d, e, f] = tail;
    Some((u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f])))
}

pub(super) fn digest(hex: &str) -> Vec<u8> {
    let mut key = vec![b'd'];
    key.extend(hex.as_bytes());
    key
}

fn hashed(text: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
    short
}

pub(super) fn msg_id(id: &str) -> Vec<u8> {
    let mut key = vec![b'i'];
    key.extend(hashed(id.trim()));
    key
}

/// The short digest of a Message-ID, in hexadecimal.
pub(super) fn msg_id_digest(id: &str) -> String {
    super::entry::hex(&hashed(id.trim()))
}

/// The key of a Message-ID by that digest.
pub(super) fn msg_id_of(digest: &str) -> Vec<u8> {
    let octet = |pair: &[u8]| {
        std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or_default()
    };
    std::iter::once(b'i').chain(digest.as_bytes().chunks(2).map(octet)).collect()
}

/// The cases after the first that had a Message-ID, in the order of the journal.
pub(super) fn later_msg_ids(digest: &str) -> Vec<u8> {
    let mut key = msg_id_of(digest);
    key[0] = b'j';
    key
}

/// A message that a piece of this author refers to and that was not there: its digest, and the key by that digest.
/// `author` is as [`super::sealed::Sealing::address_digest`] gives it.
pub(super) fn awaited_digest(id: &str, author: &str) -> String {
    super::entry::hex(&hashed(&format!("{}\n{author}", id.trim())))
}

pub(super) fn awaited(digest: &str) -> Vec<u8> {
    let mut key = msg_id_of(digest);
    key[0] = b'I';
    key
}

/// Milliseconds, in the order of time also before 1970.
fn instant(at: Timestamp) -> [u8; 8] {
    (at.as_millisecond().cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

pub(super) fn due_answer(next: Timestamp, number: CaseNumber) -> Vec<u8> {
    let mut key = DUE_ANSWERS.to_vec();
    key.extend(instant(next));
    key.extend(&case(number)[1..]);
    key
}

/// The first key after every answer that is due at `now`.
pub(super) fn due_answers_after(now: Timestamp) -> Vec<u8> {
    let mut key = DUE_ANSWERS.to_vec();
    key.extend(instant(now));
    key.extend([u8::MAX; 6]);
    key
}

/// The short digest under which answers to an address are counted.
pub(super) fn address_digest(address: &str) -> String {
    super::entry::hex(&hashed(&address.trim().to_lowercase()))
}

/// Answers given to the outbox, over all or to one address (by its digest). A walk may begin at [`since`].
pub(super) fn answered(address_digest: Option<&str>) -> Vec<u8> {
    match address_digest {
        None => vec![b't'],
        Some(digest) => [b"a", digest.as_bytes()].concat(),
    }
}

/// How many answers were given to the outbox in one minute, or in one second of it, over all.
pub(super) fn answered_in(unit: i64) -> Vec<u8> {
    vec![b'T', u8::from(unit == MINUTE)]
}

pub(super) const MINUTE: i64 = 60_000;
pub(super) const SECOND: i64 = 1_000;

/// The counter of the minute or second that an instant lies in, in the order of time.
pub(super) fn answered_count(unit: i64, at: Timestamp) -> Vec<u8> {
    let begin = at.as_millisecond().div_euclid(unit) * unit;
    [answered_in(unit), (begin.cast_unsigned() ^ (1 << 63)).to_be_bytes().to_vec()].concat()
}

pub(super) fn since(prefix: &[u8], at: Timestamp) -> Vec<u8> {
    [prefix, &instant(at)].concat()
}

pub(super) fn answered_at(prefix: &[u8], at: Timestamp, number: CaseNumber) -> Vec<u8> {
    [prefix, &instant(at), &case(number)[1..]].concat()
}

pub(super) fn status_byte(status: CaseStatus) -> u8 {
    match status {
        CaseStatus::Open => 0,
        CaseStatus::TakenUp => 1,
        CaseStatus::AskedForMore => 2,
        CaseStatus::Closed => 3,
    }
}

pub(super) const STATUSES: [CaseStatus; 4] =
    [CaseStatus::Open, CaseStatus::TakenUp, CaseStatus::AskedForMore, CaseStatus::Closed];

/// Cases of one status in the order of the list.
pub(super) fn listed(status: CaseStatus) -> Vec<u8> {
    vec![b's', status_byte(status)]
}

/// The same, of one queue. Queue ids hold no zero byte.
pub(super) fn queued(queue: &str, status: CaseStatus) -> Vec<u8> {
    [b"q", queue.as_bytes(), &[0, status_byte(status)]].concat()
}

pub(super) fn count(queue: &str, status: CaseStatus) -> Vec<u8> {
    [b"n", queue.as_bytes(), &[0, status_byte(status)]].concat()
}

/// By what a list is narrowed beside queue and status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Assignee,
    Body,
}

/// Cases of one status that have something in common, in the order of the list.
pub(super) fn marked(mark: Mark, value: &str, status: CaseStatus) -> Vec<u8> {
    let mut key = vec![b'v', u8::from(mark == Mark::Body)];
    key.extend(&hashed(value)[..8]);
    key.push(status_byte(status));
    key
}

/// How many they are.
pub(super) fn marked_count(prefix: &[u8]) -> Vec<u8> {
    [b"V", prefix].concat()
}

/// Cases of one status, of all queues or of one, by number.
pub(super) fn numbered_in(queue: Option<&str>, status: CaseStatus) -> Vec<u8> {
    match queue {
        None => vec![b'b', status_byte(status)],
        Some(queue) => [b"B", queue.as_bytes(), &[0, status_byte(status)]].concat(),
    }
}

/// Cases in whose writer or subject a word stands that begins so, by word and then newest first. `word` is as
/// [`super::sealed::Sealing::word`] gives it.
pub(super) fn words_from(word: &[u8]) -> Vec<u8> {
    [b"f", word].concat()
}

pub(super) fn word(word: &[u8], number: CaseNumber) -> Vec<u8> {
    let mut key = words_from(word);
    key.push(0);
    key.extend(case(number)[1..].iter().map(|byte| !byte));
    key
}

/// The case at the end of a key of a word.
pub(super) fn number_of_word(key: &[u8]) -> Option<CaseNumber> {
    let plain: Vec<u8> = key.get(key.len().checked_sub(6)?..)?.iter().map(|byte| !byte).collect();
    number_at_end(&plain).map(|(year, serial)| CaseNumber::new(year, serial))
}

pub(super) fn day(date: Date) -> [u8; 4] {
    let days = i32::from(date.year()) * 512 + i32::from(date.month()) * 32 + i32::from(date.day());
    (days.cast_unsigned() ^ (1 << 31)).to_be_bytes()
}

/// The day that [`day`] packed.
fn unpacked(bytes: [u8; 4]) -> Option<Date> {
    let days = (u32::from_be_bytes(bytes) ^ (1 << 31)).cast_signed();
    let part = |value: i32| i8::try_from(value).ok();
    Date::new(i16::try_from(days >> 9).ok()?, part((days >> 5) & 15)?, part(days & 31)?).ok()
}

/// The last proof of a day.
pub(super) fn proof(on: Date) -> Vec<u8> {
    [PROOFS, &day(on)].concat()
}

/// How many, on a day, of one label.
pub(super) fn figure(on: Date, figure: Figure, label: &str) -> Vec<u8> {
    let mut key = figures_of(on);
    key.extend(Figure::ALL.iter().position(|one| *one == figure).and_then(|place| u8::try_from(place).ok()));
    key.extend(label.as_bytes());
    key
}

/// Where the counters of a day begin.
pub(super) fn figures_of(on: Date) -> Vec<u8> {
    [FIGURES, &day(on)].concat()
}

/// What [`figure`] packed.
pub(super) fn read_figure(key: &[u8]) -> Option<(Date, Figure, String)> {
    let on = unpacked(key.get(1..5)?.try_into().ok()?)?;
    let figure = *Figure::ALL.get(usize::from(*key.get(5)?))?;
    Some((on, figure, std::str::from_utf8(key.get(6..)?).ok()?.to_owned()))
}

/// The scans that were judged on a day.
pub(super) fn post_of(on: Date) -> Vec<u8> {
    [&b"P"[..], &day(on)].concat()
}

pub(super) fn post(on: Date, number: RegistrationNumber) -> Vec<u8> {
    [&post_of(on), &record(number)[1..]].concat()
}

/// Letters whose address a person must check.
pub(super) fn letters_to_check() -> Vec<u8> {
    vec![b'l', 0]
}

pub(super) fn letter_to_check(number: CaseNumber) -> Vec<u8> {
    [&letters_to_check(), &case(number)[1..]].concat()
}

/// Letters that lie ready, printed or not, by day.
pub(super) fn letters(printed: bool) -> Vec<u8> {
    vec![b'l', 1 + u8::from(printed)]
}

pub(super) fn letters_on(printed: bool, on: Date) -> Vec<u8> {
    [letters(printed), day(on).to_vec()].concat()
}

pub(super) fn letter(printed: bool, on: Date, number: CaseNumber) -> Vec<u8> {
    [&letters_on(printed, on), &case(number)[1..]].concat()
}

pub(super) fn letter_day(key: &[u8]) -> Option<Date> {
    unpacked(key.get(2..6)?.try_into().ok()?)
}

/// Urgent first, then what is due first, then by number; closed cases newest first.
pub(super) fn order(row: &CaseRow) -> Vec<u8> {
    let number = case(row.number);
    if row.status == CaseStatus::Closed {
        return number[1..].iter().map(|byte| !byte).collect();
    }
    let mut key = vec![u8::from(!row.judgement.urgent)];
    key.extend(row.due.map_or([u8::MAX; 4], day));
    key.extend(&number[1..]);
    key
}

pub(super) fn case_history(number: CaseNumber) -> Vec<u8> {
    numbered(b'h', number.year, number.serial)
}

pub(super) fn record_history(number: RegistrationNumber) -> Vec<u8> {
    numbered(b'e', number.year, number.serial)
}

pub(super) fn at_seq(mut prefix: Vec<u8>, seq: u64) -> Vec<u8> {
    prefix.extend(seq.to_be_bytes());
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_is_the_order_of_time() {
        let times = [
            "-000044-03-15T12:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00Z",
            "2026-03-02T09:00:00Z",
        ];
        let keys: Vec<_> = times.iter().map(|t| instant(t.parse().unwrap())).collect();
        assert!(keys.is_sorted());
        let days = ["1999-12-31", "2026-01-31", "2026-02-01", "2027-01-01"].map(|d| day(d.parse().unwrap()));
        assert!(days.is_sorted());
        let date = "2026-12-31".parse().unwrap();
        assert_eq!(letter_day(&letter(true, date, CaseNumber::new(2026, 7))), Some(date));
    }

    #[test]
    fn a_queue_is_no_prefix_of_another() {
        assert!(!queued("nieuw-2", CaseStatus::Open).starts_with(&queued("nieuw", CaseStatus::Open)));
        assert_eq!(
            number_at_end(&due_answer(Timestamp::UNIX_EPOCH, CaseNumber::new(2026, 7))),
            Some((2026, 7))
        );
    }
}
