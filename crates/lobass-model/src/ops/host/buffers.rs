//! Large buffers, used again by the thread that had them.
//!
//! A layer makes and drops some megabytes of values at a time. Handing them to the allocator would have the system
//! clear their pages over and over, which costs as much as everything but the products.

use std::cell::RefCell;

/// Smaller ones are cheap to come by.
pub(super) const SMALLEST: usize = 1 << 13;
/// How many a thread keeps.
const MOST: usize = 12;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of a length, with whatever values.
pub(super) fn buffer(len: usize) -> Vec<f32> {
    let fit = |buffers: &mut Vec<Vec<f32>>| {
        let fits = buffers.iter().enumerate().filter(|(_, buffer)| buffer.capacity() >= len);
        let (at, _) = fits.min_by_key(|(_, buffer)| buffer.capacity())?;
        // One that is far too large is left to those who need it.
        (buffers[at].capacity() / 4 <= len).then(|| buffers.swap_remove(at))
    };
    let found = if len < SMALLEST { None } else { BUFFERS.with_borrow_mut(fit) };
    let Some(mut buffer) = found else { return vec![0.0; len] };
    buffer.resize(len, 0.0);
    buffer
}

/// Keeps a buffer that is not needed any more.
pub(super) fn keep(buffer: Vec<f32>) {
    if buffer.capacity() < SMALLEST {
        return;
    }
    BUFFERS.with_borrow_mut(|buffers| {
        buffers.push(buffer);
        if buffers.len() > MOST {
            let smallest = (0..buffers.len()).min_by_key(|&at| buffers[at].capacity());
            smallest.map(|at| buffers.swap_remove(at));
        }
    });
}

#[cfg(test)]
mod tests {
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
    fn no_more_than_a_few_are_kept() {
        (0..3 * MOST).for_each(|_| keep(vec![0.0; SMALLEST]));
        assert!(BUFFERS.with_borrow(Vec::len) <= MOST);
    }
}
