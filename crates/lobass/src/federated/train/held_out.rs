//! The rows that every round is measured on.

use std::collections::BTreeMap;

use lobass_core::{Detail, LossEngine as _, Nll, Sequence};
use lobass_loss::Engine;
use lobass_model::Decoder;

use super::clients::Labelled;
use crate::error::Result;

/// Rows that no client has.
#[derive(Debug)]
pub(super) struct HeldOutRows {
    /// Their positions in the pool.
    rows: Vec<u64>,
    sequences: Vec<Sequence>,
    labels: Vec<String>,
}

/// The mean losses of a model, in nats a token.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct HeldOutLosses {
    pub(super) all: Option<f64>,
    pub(super) by_label: BTreeMap<String, f64>,
}

impl HeldOutRows {
    pub(super) fn new(rows: Vec<Labelled>) -> Self {
        let positions = rows.iter().map(|row| row.row).collect();
        let (sequences, labels) = rows.into_iter().map(|row| (row.sequence, row.label)).unzip();
        Self { rows: positions, sequences, labels }
    }

    pub(super) fn len(&self) -> usize {
        self.sequences.len()
    }

    /// Their positions in the pool.
    pub(super) fn rows(&self) -> impl Iterator<Item = u64> {
        self.rows.iter().copied()
    }

    /// Measures a model.
    pub(super) fn measure(&self, model: &Decoder, threads: usize) -> Result<HeldOutLosses> {
        if self.sequences.is_empty() {
            return Ok(HeldOutLosses::default());
        }
        let losses = Engine::new(model.clone(), threads).losses(&self.sequences, Detail::Sum)?;
        let (mut all, mut by_label) = (Nll::default(), BTreeMap::<&str, Nll>::new());
        for (loss, label) in losses.iter().zip(&self.labels) {
            all += loss.nll;
            *by_label.entry(label).or_default() += loss.nll;
        }
        let mean = |(label, nll): (&str, Nll)| Some((label.to_owned(), nll.mean()?));
        Ok(HeldOutLosses { all: all.mean(), by_label: by_label.into_iter().filter_map(mean).collect() })
    }
}
