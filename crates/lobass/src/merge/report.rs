//! The report of a merge.

use std::fmt;
use std::path::PathBuf;

use lobass_core::readable::{Labelled, count};
use lobass_merge::{Method, Tally};
use serde::Serialize;

use super::record::MergeRecord;

/// The report of a merge of several models.
#[derive(Debug, Clone, Serialize)]
pub struct MergeModelsReport {
    /// The directory of the checkpoint.
    pub checkpoint: PathBuf,
    /// Which models were merged, how, and what it changed.
    #[serde(flatten)]
    pub record: MergeRecord,
}

impl fmt::Display for MergeModelsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = &self.record;
        let mut text = Labelled::default();
        text.line("checkpoint", self.checkpoint.display());
        text.line("method", method(&record.recipe.method));
        let outcome = record.outcome.clone().unwrap_or_default();
        text.line("weights", format!("{} tensors, as {}", count(outcome.n_tensors as u64), record.dtype));
        let total = outcome.total();
        for (at, (model, weight)) in record.models.iter().zip(&record.recipe.weights).enumerate() {
            let moved = total.unmoved_share(at).map(|share| format!(", {} unmoved", percent(share)));
            let norm =
                total.models.get(at).map(|model| format!(", change {:.4}", model.sum_of_squares.sqrt()));
            let (moved, norm) = (moved.unwrap_or_default(), norm.unwrap_or_default());
            text.line("model", format!("{}, weight {weight}{moved}{norm}", model.model));
        }
        if let Some(share) = total.changed_share() {
            text.line("changed", changed(share, &total));
        }
        text.fmt(f)
    }
}

fn changed(share: f64, total: &Tally) -> String {
    format!("{} of the parameters, change {:.4}", percent(share), total.sum_of_squares.sqrt())
}

fn method(method: &Method) -> String {
    let name = method.name();
    match method {
        Method::Linear { normalize: true } => format!("{name}: the weighted mean"),
        Method::Linear { normalize: false } => format!("{name}: the weighted sum"),
        Method::TaskArithmetic { normalize, lambda } => {
            let normalized = if *normalize { "mean" } else { "sum" };
            format!("{name}: the base and {lambda} times the weighted {normalized} of changes")
        }
        Method::ParameterSelection { resample, seed } => {
            let again = if *resample { ", with resampling" } else { "" };
            format!("{name}: each parameter from one model, seed {seed}{again}")
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}
