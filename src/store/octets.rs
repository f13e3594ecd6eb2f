//! How the sorted files of the index and of the words of texts lay down numbers (LEB128) and notice damage (a sum behind each piece).

/// Octets of a sum.
pub(super) const SUM_BYTES: usize = 8;

/// A number in as few octets as it needs, the low ones first; the high bit says that more follow.
pub(super) fn put(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    into.push((number & 0x7f) as u8);
}

/// The number at `at`, which then stands behind it. `None`: there is none.
pub(super) fn take(from: &[u8], at: &mut usize) -> Option<u64> {
    let mut number = 0;
    for place in 0..10 {
        let octet = *from.get(*at)?;
        *at += 1;
        number |= u64::from(octet & 0x7f) << (7 * place);
        if octet & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// The same, as a length.
pub(super) fn take_length(from: &[u8], at: &mut usize) -> Option<usize> {
    usize::try_from(take(from, at)?).ok()
}

/// The eight octets at `at`, the low ones first; what is not there is the highest number.
pub(super) fn number_at(bytes: &[u8], at: usize) -> u64 {
    let octets = bytes.get(at..at + 8).and_then(|octets| octets.try_into().ok());
    octets.map_or(u64::MAX, u64::from_le_bytes)
}

/// Of what a disk or a cut-off write does to octets, not of what a person does: eight at a time (the multiplier is FNV's).
pub(super) fn sum(bytes: &[u8]) -> [u8; SUM_BYTES] {
    let step = |sum: u64, word: u64| (sum ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut all = words.iter().fold(0xcbf2_9ce4_8422_2325, |sum, word| step(sum, u64::from_le_bytes(*word)));
    all = rest.iter().fold(all, |sum, octet| step(sum, u64::from(*octet)));
    step(all, bytes.len() as u64).to_le_bytes()
}

/// The bytes with their sum behind them.
pub(super) fn with_sum(bytes: &[u8]) -> Vec<u8> {
    [bytes, &sum(bytes)].concat()
}

/// What stands before a sum, when that is its sum.
pub(super) fn summed(bytes: &[u8]) -> Option<&[u8]> {
    let (within, told) = bytes.split_at_checked(bytes.len().checked_sub(SUM_BYTES)?)?;
    (sum(within) == told).then_some(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_what_is_cut_off_is_none() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            let mut at = 0;
            assert_eq!(take(&bytes, &mut at), Some(number));
            assert_eq!(at, bytes.len());
            bytes.pop();
            assert_eq!(take(&bytes, &mut 0), None, "{number}");
        }
        assert_eq!(take(&[0x80; 12], &mut 0), None, "no end");
        assert_eq!(number_at(&7u64.to_le_bytes(), 0), 7);
        assert_eq!(number_at(&[0; 7], 0), u64::MAX);
    }

    #[test]
    fn each_octet_counts_in_a_sum() {
        let whole = with_sum(b"woorden van teksten");
        assert_eq!(summed(&whole), Some(&b"woorden van teksten"[..]));
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert_eq!(summed(&changed), None, "{at}");
        }
        assert_eq!(summed(&whole[..7]), None);
    }
}
