//! Rotary position embedding, its two halves apart.

use crate::lanes::vectorized;

/// Rotates in place: in every head, the pair `(a, b)` at `(i, i + dim / 2)` becomes `(a c - b s, b c + a s)`.
///
/// # Shapes
/// - `x`: `[rows, heads * dim]`; `cos`, `sin`: `[rows, dim / 2]`
///
/// # Panics
/// If lengths do not fit, or `dim` is odd.
///
/// Source: `apply_rotary_pos_emb` of transformers, whose tables hold each half twice.
pub fn rotate(x: &mut [f32], cos: &[f32], sin: &[f32], heads: usize, dim: usize) {
    turn(x, cos, sin, heads, dim, 1.0);
}

/// The transpose of [`rotate`], which turns the gradient of its result into that of its input: `(a, b)` becomes
/// `(a c + b s, b c - a s)`.
///
/// # Shapes
/// The shapes of [`rotate`].
///
/// # Panics
/// If lengths do not fit, or `dim` is odd.
pub fn rotate_backward(dy: &mut [f32], cos: &[f32], sin: &[f32], heads: usize, dim: usize) {
    turn(dy, cos, sin, heads, dim, -1.0);
}

fn turn(x: &mut [f32], cos: &[f32], sin: &[f32], heads: usize, dim: usize, sign: f32) {
    let half = dim / 2;
    assert!(dim.is_multiple_of(2), "an odd width, {dim}, of a head");
    assert_eq!(cos.len(), sin.len(), "cosines and sines");
    assert_eq!(x.len() * half, cos.len() * heads * dim, "values, and angles of heads of {dim}");
    if x.is_empty() {
        return;
    }
    vectorized(
        #[inline(always)]
        || {
            let angles = cos.chunks_exact(half).zip(sin.chunks_exact(half));
            for (row, (cos, sin)) in x.chunks_exact_mut(heads * dim).zip(angles) {
                for head in row.chunks_exact_mut(dim) {
                    let (first, second) = head.split_at_mut(half);
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
        fn is_the_plain_one(rows in 0usize..4, heads in 1usize..4, half in 1usize..40, seed: u64) {
            let x = values(seed, rows * heads * half * 2);
            let (cos, sin) = (values(seed ^ 1, rows * half), values(seed ^ 2, rows * half));
            let (cos_wide, sin_wide) = (wide(&cos), wide(&sin));
            let (mut found, mut expected) = (x.clone(), wide(&x));
            rotate(&mut found, &cos, &sin, heads, half * 2);
            plain::rotate(&mut expected, &cos_wide, &sin_wide, heads, half * 2);
            assert_close(&found, &expected, 2e-6);

            // The transpose: <rotate(x), y> = <x, rotate_backward(y)>.
            let y = values(seed ^ 3, x.len());
            let (mut back, mut expected_back) = (y.clone(), wide(&y));
            rotate_backward(&mut back, &cos, &sin, heads, half * 2);
            plain::rotate_backward(&mut expected_back, &cos_wide, &sin_wide, heads, half * 2);
            assert_close(&back, &expected_back, 2e-6);
            let (one, other) = (weighted(&expected, &wide(&y)), weighted(&wide(&x), &expected_back));
            prop_assert!((one - other).abs() < 1e-9 * (1.0 + one.abs()));
        }
    }

    #[test]
    #[should_panic(expected = "angles")]
    fn angles_have_to_fit() {
        rotate(&mut [0.0; 8], &[1.0; 4], &[0.0; 4], 2, 4);
    }
}
