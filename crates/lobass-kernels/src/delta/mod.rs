//! The gated delta rule: attention with a memory of fixed size.
//!
//! A head has a matrix that turns keys into values. Each position lets the matrix decay, reads what it has for the
//! position's key, and writes the difference from the position's value. The columns of the matrix do not see each other,
//! so some of them at a time go through all positions, and stay in the cache.
//!
//! A position is a function of the matrix before it, to the bit. So a sequence may be cut anywhere.

mod backward;
mod decays;
mod forward;

pub use backward::delta_rule_backward;
pub use decays::{log_decays, log_decays_backward};
pub use forward::delta_rule;

/// Columns that go through the positions together. Never a function of the processor, so that no sum is.
const COLUMNS: usize = 32;

/// Some columns of a row of the matrix.
type Lanes = [f32; COLUMNS];

/// The shape of a layer with the gated delta rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeltaHeads {
    /// Heads of queries and keys.
    pub keys: usize,
    /// Heads of values, each with a matrix; head `h` reads head `h / (values / keys)` of queries and keys.
    pub values: usize,
    /// Numbers per head of queries and keys.
    pub key_width: usize,
    /// Numbers per head of values, and so of the result.
    pub value_width: usize,
}

impl DeltaHeads {
    /// Numbers of the matrices of all heads.
    pub fn state_len(self) -> usize {
        self.values * self.key_width * self.value_width
    }

    /// The number of positions.
    ///
    /// # Panics
    /// If lengths do not fit, or if the heads themselves make no sense.
    fn positions(self, q: usize, k: usize, v: usize, log_decays: usize, rates: usize) -> usize {
        let Self { keys, values, key_width, value_width } = self;
        assert!(
            keys > 0 && values > 0 && values.is_multiple_of(keys) && key_width > 0 && value_width > 0,
            "{self:?} do not group"
        );
        let t = q / (keys * key_width);
        let expected =
            (t * keys * key_width, t * keys * key_width, t * values * value_width, t * values, t * values);
        assert_eq!(
            (q, k, v, log_decays, rates),
            expected,
            "values of q, k, v, decays, and rates at {t} positions"
        );
        t
    }

    /// The place of a position's query or key, for a head of values.
    fn key(self, position: usize, head: usize) -> std::ops::Range<usize> {
        let start = (position * self.keys + head / (self.values / self.keys)) * self.key_width;
        start..start + self.key_width
    }

    /// The place of some columns of a position's value.
    fn value(self, position: usize, head: usize, first: usize) -> std::ops::Range<usize> {
        let start = (position * self.values + head) * self.value_width;
        start + first..start + self.value_width.min(first + COLUMNS)
    }
}

/// Some columns of a head's matrix, filled up with zeros: `[key_width, COLUMNS]`.
fn columns(heads: DeltaHeads, state: &[f32], head: usize, first: usize) -> Vec<Lanes> {
    let row = |row: usize| {
        let start = (head * heads.key_width + row) * heads.value_width;
        lanes(&state[start + first..start + heads.value_width.min(first + COLUMNS)])
    };
    (0..heads.key_width).map(row).collect()
}

/// A few values, filled up with zeros.
#[inline(always)]
fn lanes(values: &[f32]) -> Lanes {
    let mut lanes = [0.0; COLUMNS];
    lanes[..values.len()].copy_from_slice(values);
    lanes
}

/// `x + a * y`.
#[inline(always)]
fn add_scaled(x: &mut Lanes, a: f32, y: &Lanes) {
    for (x, y) in x.iter_mut().zip(y) {
        *x = a.mul_add(*y, *x);
    }
}

#[cfg(test)]
mod tests;
