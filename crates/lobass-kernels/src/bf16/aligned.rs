//! Room for values in bf16 that begins with a line of the cache.

use std::cell::RefCell;

use half::bf16;

/// Values in a line of the cache, which has 64 bytes.
pub(super) const LINE: usize = 32;

/// How many rooms a thread keeps for later.
const MOST: usize = 4;

thread_local! {
    /// Rooms that are free. New ones would have their pages cleared by the system each time.
    static FREE: RefCell<Vec<Vec<bf16>>> = const { RefCell::new(Vec::new()) };
}

/// Values whose first one begins a line. What crosses lines is read at about half the speed by instructions for tiles.
#[derive(Debug)]
pub(super) struct Aligned {
    values: Vec<bf16>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// Room for so many values, with whatever is in it.
    pub(super) fn new(len: usize) -> Self {
        let mut values = FREE.with_borrow_mut(Vec::pop).unwrap_or_default();
        values.resize(values.len().max(len + LINE), bf16::ZERO);
        let start = values.as_ptr().align_offset(LINE * size_of::<bf16>()).min(LINE);
        Self { values, start, len }
    }

    pub(super) fn values(&self) -> &[bf16] {
        &self.values[self.start..self.start + self.len]
    }

    pub(super) fn values_mut(&mut self) -> &mut [bf16] {
        &mut self.values[self.start..self.start + self.len]
    }
}

impl Clone for Aligned {
    fn clone(&self) -> Self {
        let mut copy = Self::new(self.len);
        copy.values_mut().copy_from_slice(self.values());
        copy
    }
}

impl Drop for Aligned {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        // A thread that ends keeps nothing.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < MOST {
                free.push(values);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_begins_with_a_line_and_is_used_again() {
        let first = Aligned::new(1000);
        let (at, copy) = (first.values().as_ptr(), first.clone());
        assert!(at.addr().is_multiple_of(64) && copy.values().as_ptr().addr().is_multiple_of(64));
        drop(first);
        let again = Aligned::new(900);
        assert_eq!((again.values().as_ptr(), again.values().len()), (at, 900));
    }
}
