//! Adapters of clients, matrix by matrix.

use std::collections::BTreeMap;
use std::ops::Range;

use lobass_federate::{ClientFactors, factor_error, mean_product, truncated};
use lobass_train::FlatParameters;

/// Where the two factors of a matrix are among all weights of an adapter.
#[derive(Debug, Clone)]
struct Update {
    a: Range<usize>,
    b: Range<usize>,
    rows: usize,
    columns: usize,
    rank: usize,
}

/// The low-rank updates among the trained parameters of a model.
#[derive(Debug, Clone)]
pub(super) struct Updates(Vec<Update>);

impl Updates {
    pub(super) fn of(parameters: &FlatParameters) -> Self {
        let all: BTreeMap<&str, (&[usize], Range<usize>)> =
            parameters.iter().map(|(name, shape, places)| (name, (shape, places))).collect();
        let update = |(name, (shape, a)): (&&str, &(&[usize], Range<usize>))| {
            let module = name.strip_suffix(".lora_A.weight")?;
            let (of_b, b) = all.get(format!("{module}.lora_B.weight").as_str())?;
            let ([rank, columns], [rows, _]) = (shape, of_b) else { return None };
            Some(Update { a: a.clone(), b: b.clone(), rows: *rows, columns: *columns, rank: *rank })
        };
        Self(all.iter().filter_map(update).collect())
    }

    /// How far the product of the mean factors is from the mean product, as a share of its norm; nothing without
    /// updates, or if all are zero.
    pub(super) fn error(&self, clients: &[(f64, &[f32])], mean: &[f32]) -> Option<f64> {
        let (mut difference, mut norm) = (0.0, 0.0);
        for update in &self.0 {
            let parts = update.of_clients(clients);
            let [of_update, whole] =
                factor_error(&parts, update.factors(1.0, mean), update.rows, update.columns);
            difference += of_update;
            norm += whole;
        }
        (norm > 0.0).then(|| (difference / norm).sqrt())
    }

    /// Replaces the mean factors by those of the mean product, cut to the rank of the adapter.
    #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
    pub(super) fn put_products(&self, clients: &[(f64, &[f32])], mean: &mut [f32]) {
        for update in &self.0 {
            let exact = mean_product(&update.of_clients(clients), update.rows, update.columns);
            let matrix: Vec<f32> = exact.into_iter().map(|value| value as f32).collect();
            if matrix.iter().all(|&value| value == 0.0) {
                continue; // no direction to take: the mean factors stay
            }
            let found = truncated(&matrix, update.rows, update.columns, update.rank);
            if found.values.len() < update.rank {
                continue; // a matrix smaller than the rank has its mean factors
            }
            let (a, b) = found.factors_in_b();
            mean[update.a.clone()].copy_from_slice(&a);
            mean[update.b.clone()].copy_from_slice(&b);
        }
    }
}

impl Update {
    fn factors<'a>(&self, weight: f64, values: &'a [f32]) -> ClientFactors<'a> {
        ClientFactors { weight, a: &values[self.a.clone()], b: &values[self.b.clone()] }
    }

    fn of_clients<'a>(&self, clients: &[(f64, &'a [f32])]) -> Vec<ClientFactors<'a>> {
        clients.iter().map(|(weight, values)| self.factors(*weight, values)).collect()
    }
}
