//! A run of rows in chunks, for all heads at once.
//!
//! Within a chunk, what is written at a position depends on what was written before it in the same chunk. This is a
//! triangular system, whose inverse does not depend on the matrices before the chunk. So it is made for all chunks at
//! once.
//!
//! Source: Gated Delta Networks ([arXiv 2412.06464](https://arxiv.org/abs/2412.06464), section 3.3).

use std::ops::Range;

use burn::tensor::{DType, Device, Tensor};
use lobass_kernels::DeltaHeads;

use super::super::wide::wide;
use crate::ops::linear::DeltaInputs;

/// Positions of a chunk.
const SIZE: usize = 32;

/// All chunks of a run, `[heads, chunks, SIZE, ..]` each. The last one is filled up with positions that change nothing.
pub(super) struct Chunks {
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    rates: Tensor<4>,
    /// The logarithm of the decay from before the chunk to a position.
    decayed: Tensor<4>,
    /// The decay from one position to another one, zero for later ones, `[.., SIZE, SIZE]`.
    between: Tensor<4>,
    /// The products of keys.
    keys: Tensor<4>,
    /// From what each position would write alone to what it writes.
    inverse: Tensor<4>,
}

/// One chunk, `[heads, SIZE, ..]` each.
pub(super) struct Chunk {
    pub(super) q: Tensor<3>,
    pub(super) k: Tensor<3>,
    pub(super) v: Tensor<3>,
    pub(super) rates: Tensor<3>,
    /// The decay from before the chunk to each position, `[heads, SIZE, 1]`.
    pub(super) since: Tensor<3>,
    /// The decay from each position to the end, `[heads, SIZE, 1]`.
    pub(super) until: Tensor<3>,
    /// The decay over the whole chunk, `[heads, 1, 1]`.
    pub(super) over: Tensor<3>,
    pub(super) between: Tensor<3>,
    pub(super) keys: Tensor<3>,
    pub(super) inverse: Tensor<3>,
}

impl Chunks {
    pub(super) fn new(inputs: &DeltaInputs, heads: DeltaHeads, rows: &Range<usize>) -> Self {
        let of_keys = |x: &Tensor<2>| repeated(cut(x, rows, heads.keys), heads.values / heads.keys);
        let of_values = |x: &Tensor<2>| cut(x, rows, heads.values);
        let (q, k, v) = (of_keys(&inputs.queries), of_keys(&inputs.keys), of_values(&inputs.values));
        let rates = of_values(&inputs.rates);
        let decayed = of_values(&inputs.log_decays).cumsum(2);
        let not_later = not_later(&q.device()).unsqueeze::<4>();
        let between = decayed.clone() - decayed.clone().swap_dims(2, 3);
        let between = (between * not_later.clone()).exp() * not_later;
        let keys = k.clone().matmul(k.clone().swap_dims(2, 3));
        let system = earlier(keys.clone() * between.clone()) * rates.clone();
        Self { q, k, v, rates, decayed, between, keys, inverse: inverse(&system) }
    }

    pub(super) fn count(&self) -> usize {
        self.q.dims()[1]
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Chunk> + ExactSizeIterator + '_ {
        (0..self.count()).map(|at| self.chunk(at))
    }

    /// The matrices at the beginning of a sequence, `[heads, key_width, value_width]`.
    pub(super) fn no_state(&self) -> Tensor<3> {
        let [heads, _, _, width] = self.q.dims();
        Tensor::zeros([heads, width, self.v.dims()[3]], (&self.q.device(), DType::F32))
    }

    fn chunk(&self, at: usize) -> Chunk {
        let of = |x: &Tensor<4>| x.clone().narrow(1, at, 1).squeeze_dim::<3>(1);
        let decayed = of(&self.decayed);
        let last = decayed.clone().narrow(1, SIZE - 1, 1);
        Chunk {
            q: of(&self.q),
            k: of(&self.k),
            v: of(&self.v),
            rates: of(&self.rates),
            since: decayed.clone().exp(),
            until: (last.clone() - decayed).exp(),
            over: last.exp(),
            between: of(&self.between),
            keys: of(&self.keys),
            inverse: of(&self.inverse),
        }
    }
}

impl Chunk {
    /// The differences of values from what the matrices before the chunk have for the keys.
    pub(super) fn differences(&self, state: &Tensor<3>) -> Tensor<3> {
        self.v.clone() - self.k.clone().matmul(state.clone()) * self.since.clone()
    }

    /// What each position writes, `[heads, SIZE, value_width]`.
    pub(super) fn written(&self, state: &Tensor<3>) -> Tensor<3> {
        self.inverse.clone().matmul(self.differences(state) * self.rates.clone())
    }

    /// The products of queries and keys, with the decay between them: `[heads, SIZE, SIZE]`.
    pub(super) fn weights(&self) -> Tensor<3> {
        self.q.clone().matmul(self.k.clone().transpose()) * self.between.clone()
    }

    /// What the queries read: `[heads, SIZE, value_width]`.
    pub(super) fn read(&self, state: &Tensor<3>, written: &Tensor<3>) -> Tensor<3> {
        let before = self.q.clone().matmul(state.clone()) * self.since.clone();
        before + self.weights().matmul(written.clone())
    }

    /// The matrices after the chunk.
    pub(super) fn after(&self, state: &Tensor<3>, written: &Tensor<3>) -> Tensor<3> {
        let keys = self.k.clone() * self.until.clone();
        state.clone() * self.over.clone() + keys.transpose().matmul(written.clone())
    }
}

/// The chunks of a matrix with numbers for each head of values, `[heads, SIZE, width]` each.
pub(super) fn of_values(x: &Tensor<2>, heads: DeltaHeads, rows: &Range<usize>) -> Vec<Tensor<3>> {
    let cut = cut(x, rows, heads.values);
    (0..cut.dims()[1]).map(|at| cut.clone().narrow(1, at, 1).squeeze_dim(1)).collect()
}

/// Rows of a matrix by heads and chunks: `[any, heads * width]` to `[heads, chunks, SIZE, width]`.
fn cut(x: &Tensor<2>, rows: &Range<usize>, heads: usize) -> Tensor<4> {
    let (length, width) = (rows.len(), x.dims()[1] / heads);
    let count = length.div_ceil(SIZE);
    let x = wide(x.clone().narrow(0, rows.start, length)).reshape([length, heads, width]).swap_dims(0, 1);
    let rest = count * SIZE - length;
    let x = match rest {
        0 => x,
        _ => {
            let zeros = Tensor::zeros([heads, rest, width], (&x.device(), DType::F32));
            Tensor::cat(vec![x, zeros], 1)
        }
    };
    x.reshape([heads, count, SIZE, width])
}

/// Each head as often as heads of values read it.
fn repeated(x: Tensor<4>, times: usize) -> Tensor<4> {
    let [heads, count, size, width] = x.dims();
    let x = x.unsqueeze_dim::<5>(1).expand([heads, times, count, size, width]);
    x.reshape([heads * times, count, size, width])
}

/// Chunks one after the other, back as rows: `[heads, SIZE, width]` each to `[length, heads * width]`.
pub(super) fn joined(chunks: Vec<Tensor<3>>, length: usize) -> Tensor<2> {
    let x = Tensor::cat(chunks, 1).narrow(1, 0, length);
    let [heads, _, width] = x.dims();
    x.swap_dims(0, 1).reshape([length, heads * width])
}

/// One where the second position is not later than the first, `[SIZE, SIZE]`.
pub(super) fn not_later(device: &Device) -> Tensor<2> {
    Tensor::ones([SIZE, SIZE], (device, DType::F32)).tril(0)
}

/// What is earlier than the position of a row, `[.., SIZE, SIZE]`.
pub(super) fn earlier<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.tril(-1)
}

/// The inverse of `1 + system`, row by row, where the system has nothing on and above its diagonal.
fn inverse(system: &Tensor<4>) -> Tensor<4> {
    let [heads, count, ..] = system.dims();
    let one = Tensor::<2>::eye(SIZE, &system.device()).unsqueeze::<4>();
    let unit = |row: usize| one.clone().narrow(2, row, 1).expand([heads, count, 1, SIZE]);
    let mut inverse = unit(0);
    for row in 1..SIZE {
        let before = system.clone().narrow(2, row, 1).narrow(3, 0, row);
        let next = unit(row) - before.matmul(inverse.clone());
        inverse = Tensor::cat(vec![inverse, next], 2);
    }
    inverse
}
