//! The effect of an adapter on some rows of a tensor, for what needs no whole model.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::AdapterCheckpoint;
use super::roles::Update;
use crate::checkpoint::{EMBEDDING, HEAD, widened};
use crate::names::Piece;
use crate::{DecoderSpec, Error};

/// The changes of an adapter to the tensors of a model, by their names in the model.
#[derive(Debug)]
pub struct AdapterRows {
    replaced: BTreeMap<String, Vec<f32>>,
    updates: BTreeMap<String, LowRank>,
}

/// `scale B A`.
#[derive(Debug)]
struct LowRank {
    /// `[rank, in]`, which projections share that are one module in files.
    a: Arc<[f32]>,
    /// `[out, rank]`.
    b: Vec<f32>,
    rank: usize,
    scale: f64,
}

impl AdapterCheckpoint {
    /// Reads the adapter for a base whose weights are read row by row.
    ///
    /// # Errors
    /// The errors of [`AdapterCheckpoint::apply`]; [`Error::Adapter`] if it gives a model that shares embedding and head
    /// two matrices, since the result then has other tensors than the base.
    pub fn rows_on(&self, base: &DecoderSpec) -> Result<AdapterRows, Error> {
        let roles = self.roles(base)?;
        let tensors = self.tensors()?;
        let values = |name: &str, piece: &Piece| -> Vec<f32> {
            let view = tensors.tensor(name).unwrap_or_else(|_| unreachable!("`{name}` has a role"));
            let dtype = crate::dtype::from_safetensors(view.dtype()).unwrap_or_default();
            widened(&piece.taken(view.data(), view.shape(), dtype.size()), dtype)
        };
        let mut rows = AdapterRows { replaced: BTreeMap::new(), updates: BTreeMap::new() };
        for (path, name) in &roles.wholes {
            for part in &roles.modules.wholes[path].parts {
                if let Some(replaced) = self.replaced(base, &part.path)? {
                    rows.replaced.insert(replaced, values(name, &part.piece));
                }
            }
        }
        for (path, Update { a, b, rank, scale }) in &roles.updates {
            let a: Arc<[f32]> = values(a, &Piece::default()).into();
            for part in &roles.modules.projections[path].parts {
                let update =
                    LowRank { a: Arc::clone(&a), b: values(b, &part.piece), rank: *rank, scale: *scale };
                rows.updates.insert(format!("{}.weight", part.path), update);
            }
        }
        Ok(rows)
    }

    /// The tensor of the model that a whole module of the adapter replaces. The second name of one matrix replaces none.
    fn replaced(&self, base: &DecoderSpec, path: &str) -> Result<Option<String>, Error> {
        let name = format!("{path}.weight");
        if !base.tied || (name != EMBEDDING && name != HEAD) {
            return Ok(Some(name));
        }
        if !self.shares_one_matrix(path) {
            return Err(Error::Adapter {
                path: self.dir().to_owned(),
                reason: format!(
                    "expected the one matrix that embedding and head of the base share, found a separate `{path}`; \
                     merge the adapter into its base by itself first"
                ),
            });
        }
        let is_second = name == HEAD && self.peft.ensure_weight_tying;
        Ok((!is_second).then(|| EMBEDDING.to_owned()))
    }
}

impl AdapterRows {
    /// Changes some rows of a tensor of the base into those of the model with the adapter. Each value is the sum of the
    /// weight and of `scale B A` in f64, rounded once, whichever rows are asked for.
    ///
    /// # Shapes
    /// - `values`: the rows of the tensor, one after the other
    ///
    /// # Panics
    /// If the values are not those of the rows.
    pub fn change(&self, name: &str, rows: Range<usize>, values: &mut [f32]) {
        let width = values.len() / rows.len().max(1);
        if let Some(replaced) = self.replaced.get(name) {
            values.copy_from_slice(&replaced[rows.start * width..rows.end * width]);
        } else if let Some(update) = self.updates.get(name) {
            let mut sums = vec![0.0; width];
            for (row, values) in rows.zip(values.chunks_exact_mut(width)) {
                update.add(row, values, &mut sums);
            }
        }
    }
}

impl LowRank {
    /// Adds the update to one row. `sums` has the width of the row.
    #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
    fn add(&self, row: usize, values: &mut [f32], sums: &mut [f64]) {
        sums.fill(0.0);
        let b = &self.b[row * self.rank..(row + 1) * self.rank];
        for (b, a) in b.iter().zip(self.a.chunks_exact(sums.len())) {
            let b = f64::from(*b);
            for (sum, a) in sums.iter_mut().zip(a) {
                *sum += b * f64::from(*a);
            }
        }
        for (value, sum) in values.iter_mut().zip(sums) {
            *value = (f64::from(*value) + self.scale * *sum) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Checkpoint, DeviceName, Dtype};

    fn fixture(name: &str) -> std::path::PathBuf {
        std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures")).join(name)
    }

    /// Plain and fused modules, patterns of ranks, and modules that are replaced.
    #[test]
    fn rows_are_those_of_the_merged_model() {
        for (base, adapter) in [
            ("models/llama-gqa", "lora/llama-gqa"),
            ("models/llama-gqa", "lora/llama-gqa-saved"),
            ("models/llama-mha", "lora/llama-patterns"),
            ("models/llama-tied", "lora/llama-tied-both"),
            ("families/phi3", "families/phi3/lora"),
        ] {
            let checkpoint = Checkpoint::open(fixture(base)).unwrap();
            let adapter_of = AdapterCheckpoint::open(fixture(adapter)).unwrap();
            let loaded = checkpoint.load(Dtype::F32, &DeviceName::Cpu.open()).unwrap();
            let merged = adapter_of.apply(&loaded).unwrap().merged();
            let rows = match adapter_of.rows_on(checkpoint.spec()) {
                Err(error) if !merged.spec().tied && checkpoint.spec().tied => {
                    assert!(error.to_string().contains("by itself first"), "{error}");
                    continue;
                }
                rows => rows.unwrap(),
            };
            let mut n_changed = 0;
            for spec in checkpoint.tensors() {
                let n_rows = spec.shape[0];
                let read = |range: Range<usize>| {
                    let mut values = checkpoint.rows(&spec.name).read(range.clone());
                    rows.change(&spec.name, range, &mut values);
                    values
                };
                let found = read(0..n_rows);
                assert_eq!([read(0..1), read(1..n_rows)].concat(), found);
                let expected = merged.weight(&spec.name).unwrap();
                for (found, expected) in found.iter().zip(expected.iter::<f32>()) {
                    assert!(
                        (found - expected).abs() <= 1e-6 * expected.abs().max(0.1),
                        "{adapter}: {}",
                        spec.name
                    );
                }
                let before: Vec<f32> = loaded.weight(&spec.name).unwrap().iter::<f32>().collect();
                n_changed += usize::from(found != before);
            }
            assert!(n_changed > 0, "{adapter} changes something");
        }
    }
}
