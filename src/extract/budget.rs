//! What one piece may grow to when it is unpacked: every archive, and every archive within one, draws on it.
//!
//! Invariant: no declared size is believed; bytes are counted as they come out.

use crate::limits::UNPACKED_BYTES_MAX;
use std::cell::Cell;
use std::io::Read;
use std::rc::Rc;

/// Bytes that may still be unpacked. Clones draw on the same.
#[derive(Clone, Debug)]
pub(super) struct Budget(Rc<Cell<u64>>);

impl Budget {
    pub fn new() -> Self {
        Self(Rc::new(Cell::new(UNPACKED_BYTES_MAX)))
    }

    /// The bytes of something packed. What came before damage is kept. `None` past the bound: then nothing
    /// more is unpacked of this piece.
    pub fn unpack(&self, packed: impl Read) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let _ = packed.take(self.0.get() + 1).read_to_end(&mut bytes);
        self.draw(bytes.len() as u64).then_some(bytes)
    }

    #[allow(dead_code, reason = "for spreadsheets, which come next")]
    /// As [`Budget::unpack`], without keeping the bytes: how many there are.
    pub fn measure(&self, packed: impl Read) -> Option<u64> {
        let mut packed = packed.take(self.0.get() + 1);
        let mut chunk = [0; 16 * 1024];
        let mut length = 0;
        while let Ok(n @ 1..) = packed.read(&mut chunk) {
            length += n as u64;
        }
        self.draw(length).then_some(length)
    }

    fn draw(&self, bytes: u64) -> bool {
        let left = self.0.get().checked_sub(bytes);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_draw_on_one_budget() {
        let budget = Budget::new();
        let half = UNPACKED_BYTES_MAX / 2 + 1;
        assert_eq!(budget.measure(std::io::repeat(0).take(half)), Some(half));
        assert_eq!(budget.clone().unpack(&b"hoi"[..]).as_deref(), Some(&b"hoi"[..]));
        assert_eq!(budget.measure(std::io::repeat(0).take(half)), None);
        assert!(budget.unpack(&b"hoi"[..]).is_none());
    }
}
