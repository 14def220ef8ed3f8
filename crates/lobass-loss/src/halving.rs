//! Work that a device may refuse for want of memory: tried again in halves.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `job` on all of `items`, in pieces: one at first, and when a piece fails its two halves, down to single items.
///
/// Pieces that had to be halved are a lesson for the next: `splits` counts how often, and is where the next call
/// begins.
///
/// # Errors
/// The error of `job` on a single item that fails.
pub(crate) fn in_halves<T>(
    items: Range<usize>,
    splits: &mut u32,
    job: &mut impl FnMut(Range<usize>) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let size = (items.len() >> (*splits).min(usize::BITS - 1)).max(1);
    let mut waiting: Vec<Range<usize>> =
        items.clone().step_by(size).map(|start| start..items.end.min(start + size)).rev().collect();
    let mut done = Vec::with_capacity(waiting.len());
    while let Some(piece) = waiting.pop() {
        match job(piece.clone()) {
            Ok(result) => done.push(result),
            Err(error) if piece.len() == 1 => return Err(error),
            Err(_) => {
                let middle = piece.start + piece.len() / 2;
                waiting.push(middle..piece.end);
                waiting.push(piece.start..middle);
                *splits = (*splits).max((items.len() / piece.len()).ilog2() + 1);
            }
        }
    }
    Ok(done)
}

/// The result of `job`, or what it panicked with: back ends panic where a device fails.
pub(crate) fn without_panic<T>(job: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|panic| Err(message(&*panic)))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("the device failed").to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn everything_is_done_once_and_in_order(start in 0usize..9, len in 0usize..200, fits in 1usize..64) {
            let mut splits = 0;
            for round in 0..2 {
                let mut refused = 0;
                let done = in_halves(start..start + len, &mut splits, &mut |piece: Range<usize>| {
                    if piece.len() > fits {
                        refused += 1;
                        return Err("out of memory".to_owned());
                    }
                    Ok(piece.collect::<Vec<_>>())
                });
                let expected: Vec<usize> = (start..start + len).collect();
                prop_assert_eq!(done.unwrap().concat(), expected);
                // The learned size holds, up to the rounding of halves.
                prop_assert!(round == 0 || refused <= 1, "{refused} refused again");
            }
        }
    }

    #[test]
    fn an_item_that_cannot_be_done_is_an_error_with_its_reason() {
        let mut job = |piece: Range<usize>| match piece.contains(&5) {
            true => Err(format!("no room for {piece:?}")),
            false => Ok(piece.len()),
        };
        assert_eq!(in_halves(0..9, &mut 0, &mut job), Err("no room for 5..6".to_owned()));
    }

    #[test]
    fn a_panic_is_a_message() {
        let broken = || -> Result<(), String> { panic!("buffer of {} bytes", 7) };
        assert_eq!(without_panic(broken), Err("buffer of 7 bytes".to_owned()));
        assert_eq!(without_panic(|| Ok(1)), Ok(1));
    }
}
