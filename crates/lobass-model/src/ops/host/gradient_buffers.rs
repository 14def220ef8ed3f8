//! Buffers of the gradients of weights, used again by any thread that needs one of the same length.
//!
//! Each micro-batch makes a gradient of every weight, which another thread adds to a sum and drops. With fresh memory
//! for each of them, the system spends a third of a step on clearing pages.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Free buffers by their lengths. They live as long as the operations that own them.
///
/// It never holds more buffers of a length than were in use at one time.
#[derive(Debug, Default)]
pub(super) struct GradientBuffers(Mutex<BTreeMap<usize, OfLength>>);

/// Buffers of one length.
#[derive(Debug, Default)]
struct OfLength {
    free: Vec<Vec<f32>>,
    in_use: usize,
}

impl GradientBuffers {
    /// A buffer of a length. Its values are arbitrary.
    pub(super) fn take(&self, len: usize) -> Vec<f32> {
        let mut lengths = self.lengths();
        let of_length = lengths.entry(len).or_default();
        of_length.in_use += 1;
        let found = of_length.free.pop();
        drop(lengths);
        found.unwrap_or_else(|| vec![0.0; len])
    }

    /// Keeps a buffer for the next one who takes one of its length, if one of them is in use.
    pub(super) fn give_back(&self, buffer: Vec<f32>) {
        let mut lengths = self.lengths();
        if let Some(of_length) = lengths.get_mut(&buffer.len()).filter(|found| found.in_use > 0) {
            of_length.in_use -= 1;
            of_length.free.push(buffer);
        }
    }

    fn lengths(&self) -> MutexGuard<'_, BTreeMap<usize, OfLength>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl GradientBuffers {
        fn n_free(&self) -> usize {
            self.lengths().values().map(|of_length| of_length.free.len()).sum()
        }
    }

    #[test]
    fn a_buffer_comes_back_for_its_length_only() {
        let buffers = GradientBuffers::default();
        let taken = buffers.take(7);
        let at = taken.as_ptr();
        buffers.give_back(taken);
        assert_eq!(buffers.take(8).len(), 8);
        let again = buffers.take(7);
        assert_eq!((again.as_ptr(), again.len()), (at, 7));
    }

    #[test]
    fn it_keeps_no_more_than_were_in_use() {
        let buffers = GradientBuffers::default();
        buffers.give_back(vec![0.0; 7]);
        assert_eq!(buffers.n_free(), 0, "nothing was in use");
        let two = [buffers.take(7), buffers.take(7)];
        for buffer in two {
            buffers.give_back(buffer);
        }
        (0..3).for_each(|_| buffers.give_back(vec![0.0; 7]));
        assert_eq!(buffers.n_free(), 2);
    }
}
