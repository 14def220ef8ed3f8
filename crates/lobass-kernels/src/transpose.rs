//! Squares of 16 rows, turned.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::__m512i;

#[cfg(target_arch = "x86_64")]
use pulp::Arch;
use pulp::bytemuck::Pod;
#[cfg(target_arch = "x86_64")]
use pulp::bytemuck::{Zeroable as _, cast};
#[cfg(target_arch = "x86_64")]
use pulp::x86::V4;

#[cfg(target_arch = "x86_64")]
use crate::lanes::arch;

/// 16 rows of 16 words.
type Square<T> = [[T; 16]; 16];

/// Swaps rows and columns of words of 32 bits.
///
/// It is fast where it is inlined into what is compiled for the processor's vectors.
#[inline(always)]
pub(crate) fn transposed<T: Pod + Default>(square: &Square<T>) -> Square<T> {
    #[cfg(target_arch = "x86_64")]
    if let Arch::V4(simd) = arch() {
        return by_shuffles(simd, square);
    }
    by_interleaving(square)
}

/// The index of a value has 4 bits for the row and 4 for the column. They change places when it is rotated by a
/// bit four times, and to rotate it is to interleave halves of the square, which processors have instructions
/// for.
#[inline(always)]
fn by_interleaving<T: Copy + Default>(square: &Square<T>) -> Square<T> {
    interleaved(&interleaved(&interleaved(&interleaved(square))))
}

/// Puts the values of the high rows between those of the low ones.
#[inline(always)]
fn interleaved<T: Copy + Default>(square: &Square<T>) -> Square<T> {
    let mut to = [[T::default(); 16]; 16];
    let (low, high) = square.as_flattened().split_at(128);
    let (pairs, _) = to.as_flattened_mut().as_chunks_mut::<2>();
    for ((pair, low), high) in pairs.iter_mut().zip(low).zip(high) {
        *pair = [*low, *high];
    }
    to
}

/// In registers, since compilers go through memory for the above. Words change places within quarters of a register,
/// then pairs of words do, and in the end quarters do between four registers.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn by_shuffles<T: Pod>(simd: V4, square: &Square<T>) -> Square<T> {
    const EVEN: i32 = 0b10_00_10_00;
    const ODD: i32 = 0b11_01_11_01;
    let avx = simd.avx512f;
    let [mut rows, mut words, mut pairs] = [[__m512i::zeroed(); 16]; 3];
    let mut columns = [[T::zeroed(); 16]; 16];
    for (row, values) in rows.iter_mut().zip(square) {
        *row = cast(*values);
    }
    for at in (0..16).step_by(2) {
        words[at] = avx._mm512_unpacklo_epi32(rows[at], rows[at + 1]);
        words[at + 1] = avx._mm512_unpackhi_epi32(rows[at], rows[at + 1]);
    }
    for at in (0..16).step_by(4) {
        for high in 0..2 {
            let (first, second) = (words[at + high], words[at + high + 2]);
            pairs[at + 2 * high] = avx._mm512_unpacklo_epi64(first, second);
            pairs[at + 2 * high + 1] = avx._mm512_unpackhi_epi64(first, second);
        }
    }
    // Now quarter `q` of register `4 r + c` has column `4 q + c` of the rows from `4 r` on.
    for at in 0..4 {
        let [first, second, third, fourth] = [pairs[at], pairs[at + 4], pairs[at + 8], pairs[at + 12]];
        let even = avx._mm512_shuffle_i32x4::<EVEN>(first, second);
        let odd = avx._mm512_shuffle_i32x4::<ODD>(first, second);
        let even_after = avx._mm512_shuffle_i32x4::<EVEN>(third, fourth);
        let odd_after = avx._mm512_shuffle_i32x4::<ODD>(third, fourth);
        columns[at] = cast(avx._mm512_shuffle_i32x4::<EVEN>(even, even_after));
        columns[at + 4] = cast(avx._mm512_shuffle_i32x4::<EVEN>(odd, odd_after));
        columns[at + 8] = cast(avx._mm512_shuffle_i32x4::<ODD>(even, even_after));
        columns[at + 12] = cast(avx._mm512_shuffle_i32x4::<ODD>(odd, odd_after));
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_columns() {
        let square: Square<u32> =
            std::array::from_fn(|row| std::array::from_fn(|col| u32::try_from(16 * row + col).unwrap()));
        for found in [transposed(&square), by_interleaving(&square)] {
            for row in 0..16 {
                for col in 0..16 {
                    assert_eq!(found[col][row], square[row][col]);
                }
            }
        }
    }
}
