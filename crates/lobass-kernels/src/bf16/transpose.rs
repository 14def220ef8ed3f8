//! Squares of 16 rows, turned.

/// Swaps rows and columns.
///
/// The index of a value has 4 bits for the row and 4 for the column. They change places when it is rotated by a
/// bit four times, and to rotate it is to interleave halves of the square, which processors have instructions
/// for.
#[inline(always)]
pub(super) fn transposed<T: Copy + Default>(square: &[[T; 16]; 16]) -> [[T; 16]; 16] {
    interleaved(&interleaved(&interleaved(&interleaved(square))))
}

/// Puts the values of the high rows between those of the low ones.
#[inline(always)]
fn interleaved<T: Copy + Default>(square: &[[T; 16]; 16]) -> [[T; 16]; 16] {
    let mut to = [[T::default(); 16]; 16];
    let (low, high) = square.as_flattened().split_at(128);
    let (pairs, _) = to.as_flattened_mut().as_chunks_mut::<2>();
    for ((pair, low), high) in pairs.iter_mut().zip(low).zip(high) {
        *pair = [*low, *high];
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_columns() {
        let square: [[usize; 16]; 16] = std::array::from_fn(|row| std::array::from_fn(|col| 16 * row + col));
        let found = transposed(&square);
        for row in 0..16 {
            for col in 0..16 {
                assert_eq!(found[col][row], square[row][col]);
            }
        }
    }
}
