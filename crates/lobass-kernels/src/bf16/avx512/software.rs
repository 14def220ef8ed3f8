//! Vectors in software, to test on any processor what is done with them.

use half::bf16;

use super::{Kernel, Lanes, Pairs, Sums, Weights, multiply};

pub(in super::super) fn kernel() -> impl Kernel {
    Software
}

#[derive(Clone, Copy)]
struct Software;

impl Kernel for Software {
    fn multiply(&mut self, w: &Weights<'_>, x: &[Pairs], sums: &mut Sums, first: bool) {
        multiply(*self, w, x, sums, first);
    }
}

impl Lanes for Software {
    type Sums = [f32; 16];
    type Pairs = [u32; 16];

    fn load_sums(self, from: &[f32; 16]) -> Self::Sums {
        *from
    }

    fn store(self, sums: Self::Sums, to: &mut [f32; 16]) {
        *to = sums;
    }

    fn load_pairs(self, from: &[u32; 16]) -> Self::Pairs {
        *from
    }

    fn splat(self, weights: [bf16; 2]) -> Self::Pairs {
        let [first, second] = weights.map(|weight| u32::from(weight.to_bits()));
        [first | second << 16; 16]
    }

    /// As the manual has it: the second product is added first. A product of two bf16 is exact in `f32`.
    fn multiply_add(self, sums: Self::Sums, x: Self::Pairs, w: Self::Pairs) -> Self::Sums {
        let halves = |word: u32| [word << 16, word & 0xffff_0000].map(f32::from_bits);
        std::array::from_fn(|row| {
            let (x, w) = (halves(x[row]), halves(w[row]));
            sums[row] + x[1] * w[1] + x[0] * w[0]
        })
    }
}
