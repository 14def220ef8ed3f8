//! The start of an adapter from what the sparse stage of SLoRA learned.

use std::collections::BTreeMap;
use std::ops::Range;

use lobass_federate::{ClientFactors, mean_product, truncated};
use lobass_model::{Decoder, LoraConfig};
use lobass_train::FlatParameters;

/// The names of the parts of an update.
pub(super) const A: &str = ".lora_A.weight";
const B: &str = ".lora_B.weight";
/// What follows the name of a module in that of its matrix.
const WEIGHT: &str = ".weight";

/// Updates whose products are the best approximations of their rank of what was learned.
pub(super) struct LowRankStart<'a> {
    lora: &'a LoraConfig,
    /// All weights after the sparse stage.
    after: Vec<f32>,
    /// The update of each module whose matrix changed.
    updates: BTreeMap<String, Update>,
    /// The energy of what was learned: what the updates have, and all.
    energy: [f64; 2],
}

struct Update {
    a: Vec<f32>,
    b: Vec<f32>,
    n_rows: usize,
}

impl<'a> LowRankStart<'a> {
    /// Approximates the change of every matrix, from the base to the weights after the stage.
    pub(super) fn of(base: &Decoder, after: Vec<f32>, lora: &'a LoraConfig) -> Self {
        let flat = FlatParameters::of(base);
        let before = flat.values(base);
        let (mut updates, mut energy) = (BTreeMap::new(), [0.0, 0.0]);
        for (name, shape, range) in flat.iter() {
            let (Some(module), &[n_rows, n_columns]) = (name.strip_suffix(WEIGHT), shape) else { continue };
            let pairs = after[range.clone()].iter().zip(&before[range]);
            let change: Vec<f32> = pairs.map(|(after, before)| after - before).collect();
            if change.iter().all(|&value| value == 0.0) {
                continue; // the stage does not train it, or has learned nothing there
            }
            let found = truncated(&change, n_rows, n_columns, lora.rank);
            energy = [energy[0] + found.share() * found.energy, energy[1] + found.energy];
            let (a, b) = found.factors(lora.scale());
            updates.insert(module.to_owned(), Update { a, b, n_rows });
        }
        Self { lora, after, updates, energy }
    }

    /// The share of the energy of what was learned that the updates have.
    pub(super) fn energy(&self) -> f64 {
        let [kept, all] = self.energy;
        if all > 0.0 { kept / all } else { 1.0 }
    }

    /// The base with what the updates leave out: together they are the weights after the sparse stage.
    pub(super) fn rest(&self, base: Decoder) -> Decoder {
        let flat = FlatParameters::of(&base);
        let mut values = self.after.clone();
        for (name, _, range) in flat.iter() {
            let module = name.strip_suffix(WEIGHT);
            let Some(Update { a, b, n_rows }) = module.and_then(|module| self.updates.get(module)) else {
                continue;
            };
            let n_columns = range.len() / n_rows;
            let product = mean_product(&[ClientFactors { weight: 1.0, a, b }], *n_rows, n_columns);
            for (value, product) in values[range].iter_mut().zip(product) {
                *value = narrow(f64::from(*value) - self.lora.scale() * product);
            }
        }
        flat.put(base, &values)
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
            put(&mut values[b], &widened(&update.b, update.n_rows, self.lora.rank));
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
