//! Large buffers, used again by the thread that had them.
//!
//! A layer makes and drops some megabytes of values at a time, and a training keeps those of all layers until it goes
//! back. Handing them to the allocator would have the system clear their pages over and over, which costs as much as
//! everything but the products.

use std::cell::RefCell;

/// Smaller ones are cheap to come by.
pub(super) const SMALLEST: usize = 1 << 13;

thread_local! {
    static BUFFERS: RefCell<Buffers> = const { RefCell::new(Buffers::new()) };
}

/// A buffer of a length, with whatever values.
pub(super) fn buffer(len: usize) -> Vec<f32> {
    if len < SMALLEST {
        return vec![0.0; len];
    }
    let Some(mut buffer) = BUFFERS.with_borrow_mut(|buffers| buffers.take(len)) else {
        return vec![0.0; len];
    };
    buffer.resize(len, 0.0);
    buffer
}

/// Keeps a buffer that is not needed any more.
pub(super) fn keep(buffer: Vec<f32>) {
    if buffer.capacity() >= SMALLEST {
        BUFFERS.with_borrow_mut(|buffers| buffers.keep(buffer));
    }
}

/// The free buffers of a thread. With those in use, they hold no more values than were in use at one time.
struct Buffers {
    free: Vec<Vec<f32>>,
    /// Values that the free ones have room for.
    n_free: usize,
    /// Values in use. A buffer that is dropped elsewhere counts as one of them, and one that was made elsewhere does not.
    n_used: usize,
    /// The most that were in use at one time.
    most: usize,
}

impl Buffers {
    const fn new() -> Self {
        Self { free: Vec::new(), n_free: 0, n_used: 0, most: 0 }
    }

    /// The smallest free buffer for so many values. Without one, makes room for a new one.
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        let fits = self.free.iter().enumerate().filter(|(_, buffer)| buffer.capacity() >= len);
        let found = fits.min_by_key(|(_, buffer)| buffer.capacity()).map(|(at, _)| at);
        // One that is far too large is left to those who need it.
        let found = found.filter(|&at| self.free[at].capacity() / 4 <= len).map(|at| self.remove(at));
        self.n_used += found.as_ref().map_or(len, Vec::capacity);
        self.most = self.most.max(self.n_used);
        self.shrink();
        found
    }

    fn keep(&mut self, buffer: Vec<f32>) {
        self.n_used = self.n_used.saturating_sub(buffer.capacity());
        self.n_free += buffer.capacity();
        self.free.push(buffer);
        self.shrink();
    }

    /// Drops free buffers that are too many, the smallest first.
    fn shrink(&mut self) {
        while self.n_free + self.n_used > self.most {
            let smallest = (0..self.free.len()).min_by_key(|&at| self.free[at].capacity());
            let Some(smallest) = smallest else { return };
            drop(self.remove(smallest));
        }
    }

    fn remove(&mut self, at: usize) -> Vec<f32> {
        let buffer = self.free.swap_remove(at);
        self.n_free -= buffer.capacity();
        buffer
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_buffer_comes_back() {
        let large = buffer(SMALLEST * 2);
        let at = large.as_ptr();
        keep(large);
        let small = buffer(SMALLEST / 4);
        assert_ne!(small.as_ptr(), at, "small ones are new");
        let again = buffer(SMALLEST + 1);
        assert_eq!((again.as_ptr(), again.len()), (at, SMALLEST + 1));
    }

    #[test]
    fn as_many_are_kept_as_were_in_use() {
        let mut buffers = Buffers::new();
        let used: Vec<Vec<f32>> =
            (0..40).map(|_| buffers.take(100).unwrap_or_else(|| vec![0.0; 100])).collect();
        for buffer in used {
            buffers.keep(buffer);
        }
        assert_eq!((buffers.free.len(), buffers.n_used), (40, 0));
        // Those that nobody took push out what was there.
        (0..60).for_each(|_| buffers.keep(vec![0.0; 100]));
        assert_eq!(buffers.free.len(), 40);
    }

    proptest! {
        /// Takes and gives back at random; some buffers are dropped elsewhere.
        #[test]
        fn no_more_is_held_than_was_in_use(steps in proptest::collection::vec((1usize..500, 0usize..4), 1..200)) {
            let (mut buffers, mut used) = (Buffers::new(), Vec::new());
            let mut most = 0;
            for (len, what) in steps {
                match (what, used.pop()) {
                    (0, Some(buffer)) => drop(buffer),
                    (1, Some(buffer)) => buffers.keep(buffer),
                    (_, back) => {
                        used.extend(back);
                        used.push(buffers.take(len).unwrap_or_else(|| vec![0.0; len]));
                    }
                }
                most = most.max(buffers.n_used);
                prop_assert!(buffers.n_free + buffers.n_used <= most);
                prop_assert_eq!(buffers.n_free, buffers.free.iter().map(Vec::capacity).sum::<usize>());
                prop_assert!(used.iter().map(Vec::capacity).sum::<usize>() <= buffers.n_used);
            }
        }
    }
}
