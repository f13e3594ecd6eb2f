//! Compressed RTF (MS-OXRTFCP), the form in which Outlook keeps the body of a message.
//!
//! Invariants: memory grows with what is written, never with what the header declares; what was written before
//! the damage is kept; checksums are not insisted on.

use crate::extract::budget::Budget;

/// What every reader has seen before the first byte (MS-OXRTFCP section 2.1.2.1).
const BEGINNING: &[u8] =
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \
\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \
\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

const WINDOW: usize = 4096;
const HEADER: usize = 16;

/// The RTF, as far as the budget goes; empty when the bytes are no compressed RTF.
pub(in crate::extract) fn unpack(bytes: &[u8], budget: &Budget) -> Vec<u8> {
    let (Some(header), Some(packed)) = (bytes.get(..HEADER), bytes.get(HEADER..)) else { return Vec::new() };
    match &header[8..12] {
        b"MELA" => packed.to_vec(),
        b"LZFu" => {
            let rtf = lzfu(packed, budget.left());
            // It was held to what is left; the last few bytes beyond it do not matter.
            let _ = budget.draw(rtf.len() as u64);
            rtf
        }
        _ => Vec::new(),
    }
}

fn lzfu(packed: &[u8], most: u64) -> Vec<u8> {
    let mut window = [0; WINDOW];
    window[..BEGINNING.len()].copy_from_slice(BEGINNING);
    let mut at = BEGINNING.len();
    let mut rtf = Vec::with_capacity(packed.len());
    let mut packed = packed.iter().copied();
    while let Some(kinds) = packed.next() {
        if rtf.len() as u64 >= most {
            break;
        }
        for bit in 0..8 {
            let Some(byte) = packed.next() else { return rtf };
            if kinds >> bit & 1 == 0 {
                window[at] = byte;
                at = (at + 1) % WINDOW;
                rtf.push(byte);
                continue;
            }
            let Some(low) = packed.next() else { return rtf };
            let reference = usize::from(u16::from_be_bytes([byte, low]));
            let (from, length) = (reference >> 4, (reference & 0xf) + 2);
            if from == at {
                return rtf;
            }
            for n in 0..length {
                let byte = window[(from + n) % WINDOW];
                window[at] = byte;
                at = (at + 1) % WINDOW;
                rtf.push(byte);
            }
        }
    }
    rtf
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::UNPACKED_BYTES_MAX;

    #[test]
    fn what_another_program_packed_comes_back() {
        assert_eq!(BEGINNING.len(), 207);
        let text = format!("{{\\rtf1\\ansi {} einde\\par}}", "steeds hetzelfde ".repeat(900));
        let packed = compressed_rtf::compress_rtf(&text).unwrap();
        assert!(packed.len() < text.len() / 4);
        assert_eq!(unpack(&packed, &Budget::new()), text.as_bytes());
        let half = unpack(&packed[..packed.len() / 2], &Budget::new());
        assert!(!half.is_empty() && text.as_bytes().starts_with(&half));
        let plain = [&packed[..8], b"MELA", &[0; 4], text.as_bytes()].concat();
        assert_eq!(unpack(&plain, &Budget::new()), text.as_bytes());
    }

    #[test]
    fn a_lying_header_costs_nothing() {
        let mut lie = [0xff; 40];
        lie[8..12].copy_from_slice(b"LZFu");
        let unpacked = |bytes: &[u8]| unpack(bytes, &Budget::new());
        assert!(unpacked(&lie).len() < 400);
        assert!(unpacked(b"").is_empty());
        assert!(unpacked(&[0; 64]).is_empty());
    }

    #[test]
    fn bombs_draw_on_the_budget_of_the_piece() {
        let budget = Budget::new();
        budget.draw(UNPACKED_BYTES_MAX - 1_000_000).unwrap();
        // Seventeen bytes for each two, always from somewhere else.
        let mut bomb = vec![0; HEADER];
        bomb[8..12].copy_from_slice(b"LZFu");
        let mut at = BEGINNING.len();
        for n in 0..80_000 {
            if n % 8 == 0 {
                bomb.push(0xff);
            }
            let reference = ((at + 100) % WINDOW) << 4 | 0xf;
            bomb.extend((reference as u16).to_be_bytes());
            at = (at + 17) % WINDOW;
        }
        let first = unpack(&bomb, &budget).len();
        assert!((1_000_000..1_000_200).contains(&first), "{first}");
        assert!(unpack(&bomb, &budget).is_empty());
    }
}
