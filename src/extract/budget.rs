//! What one piece may grow to when it is unpacked: every archive, and every archive within one, draws on it.
//!
//! Invariant: no declared size is believed; bytes are counted as they come out.

use crate::limits::UNPACKED_BYTES_MAX;
use std::cell::Cell;
use std::io::{ErrorKind, Read};
use std::rc::Rc;

/// Bytes that may still be unpacked. Clones draw on the same.
#[derive(Clone, Debug)]
pub(super) struct Budget(Rc<Cell<u64>>);

/// The piece has grown to its bound: nothing more is unpacked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spent;

/// What came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unpacked {
    pub bytes: Vec<u8>,
    /// False when it broke off: these are the bytes before the damage.
    pub whole: bool,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

impl Budget {
    pub fn new() -> Self {
        Self(Rc::new(Cell::new(UNPACKED_BYTES_MAX)))
    }

    /// The bytes of something packed.
    ///
    /// # Errors
    /// When there are more than the piece may still grow by.
    pub fn unpack(&self, packed: impl Read) -> Result<Unpacked, Spent> {
        let mut bytes = Vec::new();
        let whole = packed.take(self.0.get() + 1).read_to_end(&mut bytes).is_ok();
        self.draw(bytes.len() as u64)?;
        Ok(Unpacked { bytes, whole })
    }

    /// As [`Budget::unpack`], without keeping the bytes: how many there are.
    ///
    /// # Errors
    /// When there are more than the piece may still grow by.
    pub fn measure(&self, packed: impl Read) -> Result<u64, Spent> {
        let mut packed = packed.take(self.0.get() + 1);
        let mut chunk = [0; 16 * 1024];
        let mut length = 0;
        loop {
            match packed.read(&mut chunk) {
                Ok(n @ 1..) => length += n as u64,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => break,
            }
        }
        self.draw(length)?;
        Ok(length)
    }

    /// Bytes that may still come out.
    pub fn left(&self) -> u64 {
        self.0.get()
    }

    /// Counts bytes that came out by another way.
    ///
    /// # Errors
    /// When there are more than the piece may still grow by.
    pub fn draw(&self, bytes: u64) -> Result<(), Spent> {
        let left = self.0.get().checked_sub(bytes);
        self.0.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(Spent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_draw_on_one_budget() {
        let budget = Budget::new();
        let half = UNPACKED_BYTES_MAX / 2 + 1;
        assert_eq!(budget.measure(std::io::repeat(0).take(half)), Ok(half));
        let unpacked = Unpacked { bytes: b"hoi".to_vec(), whole: true };
        assert_eq!(budget.unpack(&b"hoi"[..]), Ok(unpacked));
        assert_eq!(budget.measure(std::io::repeat(0).take(half)), Err(Spent));
        assert_eq!(budget.unpack(&b"hoi"[..]), Err(Spent));
    }
}
