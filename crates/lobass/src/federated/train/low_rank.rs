//! The start of an adapter from what the sparse stage of SLoRA learned.

use std::collections::BTreeMap;
use std::ops::Range;

use lobass_federate::{ClientFactors, mean_product, truncated};
use lobass_model::{Decoder, LoraConfig};
use lobass_train::FlatParameters;

/// The names of the parts of an update.
pub(super) const A: &str = ".lora_A.weight";
const B: &str = ".lora_B.weight";

/// Updates whose products are the best approximations of their rank of what was learned.
pub(super) struct LowRankStart {
    /// The update of each module.
    updates: BTreeMap<String, Update>,
    rank: usize,
    /// The weights after the sparse stage, less the products of the updates.
    rest: Vec<f32>,
    /// The energy of what was learned: what the updates have, and all.
    energy: [f64; 2],
}

struct Update {
    a: Vec<f32>,
    b: Vec<f32>,
    n_rows: usize,
}

impl LowRankStart {
    /// Approximates the change of every matrix that may have an update, from the base to the weights after the stage.
    pub(super) fn of(base: &Decoder, after: Vec<f32>, lora: &LoraConfig) -> Self {
        let all = FlatParameters::of(base);
        let before = all.values(base);
        let mut start = Self { updates: BTreeMap::new(), rank: lora.rank, rest: after, energy: [0.0, 0.0] };
        for (name, shape, range) in all.iter() {
            let (Some(module), [n_rows, n_columns]) = (name.strip_suffix(".weight"), shape) else { continue };
            start.add(module, [*n_rows, *n_columns], range, &before, lora);
        }
        start
    }

    fn add(
        &mut self,
        module: &str,
        [n_rows, n_columns]: [usize; 2],
        range: Range<usize>,
        before: &[f32],
        lora: &LoraConfig,
    ) {
        let after = &mut self.rest[range.clone()];
        let change: Vec<f32> =
            after.iter().zip(&before[range]).map(|(after, before)| after - before).collect();
        if change.iter().all(|&value| value == 0.0) {
            return; // the stage does not train it, or has learned nothing there
        }
        let found = truncated(&change, n_rows, n_columns, lora.rank);
        let (a, b) = found.factors(lora.scale());
        let factors = ClientFactors { weight: 1.0, a: &a, b: &b };
        let product = mean_product(&[factors], n_rows, n_columns);
        for (after, product) in after.iter_mut().zip(product) {
            *after = narrow(f64::from(*after) - lora.scale() * product);
        }
        self.energy[0] += found.share() * found.energy;
        self.energy[1] += found.energy;
        self.updates.insert(module.to_owned(), Update { a, b, n_rows });
    }

    /// The share of the energy of what was learned that the updates have.
    pub(super) fn energy(&self) -> f64 {
        let [kept, all] = self.energy;
        if all > 0.0 { kept / all } else { 1.0 }
    }

    /// The base with what the updates leave out: together they are the weights after the sparse stage.
    pub(super) fn rest(&self, base: Decoder) -> Decoder {
        FlatParameters::of(&base).put(base, &self.rest)
    }

    /// Puts the updates into a new adapter. An update that has learned nothing stays as it is: its `B` is zero.
    pub(super) fn put(&self, adapted: Decoder) -> Decoder {
        let flat = FlatParameters::of(&adapted);
        let mut values = flat.values(&adapted);
        let places: BTreeMap<&str, Range<usize>> =
            flat.iter().map(|(name, _, range)| (name, range)).collect();
        for (module, update) in &self.updates {
            let [a, b] = [A, B].map(|part| places.get(format!("{module}{part}").as_str()).cloned());
            let (Some(a), Some(b)) = (a, b) else { continue };
            put(&mut values[a], &update.a);
            put(&mut values[b], &widened(&update.b, update.n_rows, self.rank));
        }
        flat.put(adapted, &values)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// Puts values first; the rank of a small matrix may be below that of the adapter, and the rest stays as it is.
fn put(to: &mut [f32], values: &[f32]) {
    to[..values.len()].copy_from_slice(values);
}

/// `B` with columns of zeros, if a matrix has fewer singular values than the adapter has ranks.
fn widened(values: &[f32], rows: usize, rank: usize) -> Vec<f32> {
    let own = values.len() / rows.max(1);
    let mut wide = vec![0.0; rows * rank];
    for (row, values) in values.chunks(own.max(1)).enumerate() {
        wide[row * rank..row * rank + own].copy_from_slice(values);
    }
    wide
}
