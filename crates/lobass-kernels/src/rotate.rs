//! Rotary position embedding, its two halves apart.

use crate::lanes::vectorized;

/// The heads of a row, and how much of each is turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turned {
    /// Heads of a row.
    pub heads: usize,
    /// Values of a head.
    pub width: usize,
    /// How many of these are turned: the first ones.
    pub turned: usize,
}

/// Rotates in place: in every head, the pair `(a, b)` at `(i, i + turned / 2)` becomes `(a c - b s, b c + a s)`.
///
/// # Shapes
/// - `x`: `[rows, heads * width]`; `cos`, `sin`: `[rows, turned / 2]`
///
/// # Panics
/// If lengths do not fit, or `turned` is odd.
///
/// Source: `apply_rotary_pos_emb` of transformers, whose tables hold each half twice.
pub fn rotate(x: &mut [f32], cos: &[f32], sin: &[f32], heads: Turned) {
    turn(x, cos, sin, heads, 1.0);
}

/// The transpose of [`rotate`], which turns the gradient of its result into that of its input: `(a, b)` becomes
/// `(a c + b s, b c - a s)`.
///
/// # Shapes
/// The shapes of [`rotate`].
///
/// # Panics
/// If lengths do not fit, or `turned` is odd.
pub fn rotate_backward(dy: &mut [f32], cos: &[f32], sin: &[f32], heads: Turned) {
    turn(dy, cos, sin, heads, -1.0);
}

fn turn(x: &mut [f32], cos: &[f32], sin: &[f32], heads: Turned, sign: f32) {
    let Turned { heads, width, turned } = heads;
    let half = turned / 2;
    assert!(turned.is_multiple_of(2) && turned <= width, "{turned} turned values of {width} in a head");
    assert_eq!(cos.len(), sin.len(), "cosines and sines");
    assert_eq!(x.len() * half, cos.len() * heads * width, "values, and angles of heads of {width}");
    if x.is_empty() || half == 0 {
        return;
    }
    vectorized(
        #[inline(always)]
        || {
            let angles = cos.chunks_exact(half).zip(sin.chunks_exact(half));
            for (row, (cos, sin)) in x.chunks_exact_mut(heads * width).zip(angles) {
                for head in row.chunks_exact_mut(width) {
                    let (first, second) = head[..turned].split_at_mut(half);
                    for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
                        let sin = sign * sin;
                        (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
                    }
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::{assert_close, values, weighted, wide};
    use crate::plain;

    proptest! {
        #[test]
        fn is_the_plain_one(
            rows in 0usize..4, heads in 1usize..4, half in 1usize..40, rest in 0usize..9, seed: u64,
        ) {
            let how = Turned { heads, width: half * 2 + rest, turned: half * 2 };
            let x = values(seed, rows * heads * how.width);
            let (cos, sin) = (values(seed ^ 1, rows * half), values(seed ^ 2, rows * half));
            let (cos_wide, sin_wide) = (wide(&cos), wide(&sin));
            let (mut found, mut expected) = (x.clone(), wide(&x));
            rotate(&mut found, &cos, &sin, how);
            plain::rotate(&mut expected, &cos_wide, &sin_wide, how);
            assert_close(&found, &expected, 2e-6);

            // The transpose: <rotate(x), y> = <x, rotate_backward(y)>.
            let y = values(seed ^ 3, x.len());
            let (mut back, mut expected_back) = (y.clone(), wide(&y));
            rotate_backward(&mut back, &cos, &sin, how);
            plain::rotate_backward(&mut expected_back, &cos_wide, &sin_wide, how);
            assert_close(&back, &expected_back, 2e-6);
            let (one, other) = (weighted(&expected, &wide(&y)), weighted(&wide(&x), &expected_back));
            prop_assert!((one - other).abs() < 1e-9 * (1.0 + one.abs()));
        }
    }

    #[test]
    #[should_panic(expected = "angles")]
    fn angles_have_to_fit() {
        rotate(&mut [0.0; 8], &[1.0; 4], &[0.0; 4], Turned { heads: 2, width: 4, turned: 4 });
    }
}
