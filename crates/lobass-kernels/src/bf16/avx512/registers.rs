//! The vectors of the processor.

use std::arch::x86_64::{
    __m512, __m512bh, __m512i, _mm512_dpbf16_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_set1_epi32,
    _mm512_storeu_ps,
};

use half::bf16;

use super::{Kernel, Lanes, Pairs, Sums, Weights, multiply};

/// Proof that this processor has AVX512-BF16; only [`Avx512::detected`] makes one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512(());

impl Avx512 {
    pub(super) fn detected() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")).then_some(Self(()))
    }
}

impl Kernel for Avx512 {
    #[expect(unsafe_code, reason = "the function is for processors that have its instructions")]
    fn multiply(&mut self, w: &Weights<'_>, x: &[Pairs], sums: &mut Sums, first: bool) {
        // SAFETY: `self` says that this one has them.
        unsafe { vectorized(*self, w, x, sums, first) }
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn vectorized(lanes: Avx512, w: &Weights<'_>, x: &[Pairs], sums: &mut Sums, first: bool) {
    multiply(lanes, w, x, sums, first);
}

#[expect(unsafe_code, reason = "the functions are for processors that have their instructions")]
impl Lanes for Avx512 {
    type Sums = __m512;
    type Pairs = __m512i;

    #[inline(always)]
    fn load_sums(self, from: &[f32; 16]) -> Self::Sums {
        // SAFETY: `self` proves that this processor has them; exactly 64 bytes are read.
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, sums: Self::Sums, to: &mut [f32; 16]) {
        // SAFETY: `self` proves that this processor has them; exactly 64 bytes are written.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), sums) }
    }

    #[inline(always)]
    fn load_pairs(self, from: &[u32; 16]) -> Self::Pairs {
        // SAFETY: `self` proves that this processor has them; exactly 64 bytes are read.
        unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
    }

    #[inline(always)]
    fn splat(self, weights: [bf16; 2]) -> Self::Pairs {
        let [first, second] = weights.map(|weight| u32::from(weight.to_bits()));
        // SAFETY: `self` says that this one has them.
        unsafe { _mm512_set1_epi32((first | second << 16).cast_signed()) }
    }

    #[inline(always)]
    fn multiply_add(self, sums: Self::Sums, x: Self::Pairs, w: Self::Pairs) -> Self::Sums {
        let pairs = |words: __m512i| -> __m512bh {
            // SAFETY: both are 64 bytes, and any bits are values of either.
            unsafe { std::mem::transmute(words) }
        };
        // SAFETY: `self` says that this one has them.
        unsafe { _mm512_dpbf16_ps(sums, pairs(x), pairs(w)) }
    }
}
