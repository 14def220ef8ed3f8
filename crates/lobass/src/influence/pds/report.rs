//! The report of PDS scores.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use lobass_core::RowStatus;
use lobass_run::ModelKey;
use serde::Serialize;
use serde_json::Value;

use super::cost::Cost;
use crate::influence::report::scored;
use crate::scoring::n_skipped;

/// A step at which the rows of the pool were scored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProbeRecord {
    /// The step, counted from 0: weights are those before it.
    pub step: usize,
    /// The factor of the co-state between the weights and each side.
    pub distance: f64,
    /// The norm of the co-state after the step.
    pub norm: f64,
    /// The cosine between the co-state and that without curvature.
    pub agreement: f64,
    /// What identifies the losses on both sides: plus, then minus.
    pub models: [ModelKey; 2],
}

/// The report of a file of PDS scores.
#[derive(Debug, Clone, Serialize)]
pub struct PdsReport {
    /// The file of the scores.
    pub scores: PathBuf,
    /// Rows with a score.
    pub n_scored: u64,
    /// Rows without a score, by status.
    pub missing: BTreeMap<RowStatus, u64>,
    /// Spearman's correlation of scores with scored tokens.
    pub length_correlation: Option<f64>,
    /// The loss of the target before the first step and after the last, in nats a token.
    pub target_loss: [f64; 2],
    /// The largest `|H lambda| / |lambda|`; 0 without curvature.
    pub largest_curvature: f64,
    /// The work of the run.
    pub cost: Cost,
    /// The scored steps, the first one first.
    #[serde(skip)]
    pub probes: Vec<ProbeRecord>,
    /// The name of each target task, and the number of its rows.
    #[serde(skip)]
    pub tasks: Vec<(String, usize)>,
    /// The manifest of the file: everything that the scores depend on.
    pub manifest: Value,
}

impl PdsReport {
    /// Whether there are rows that could not be scored.
    pub fn falls_short(&self) -> bool {
        n_skipped(&self.missing) > 0
    }
}

impl fmt::Display for PdsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = scored(&self.scores, self.n_scored, &self.missing, &self.tasks);
        let [before, after] = self.target_loss;
        text.line("target loss", format!("{before:.4} before the training, {after:.4} after it"));
        for probe in &self.probes {
            let norms = format!("step {}: norm {:.3e}", probe.step, probe.norm);
            text.line(
                "co-state",
                format!("{norms}, cosine {:.4} to that without curvature", probe.agreement),
            );
        }
        if self.largest_curvature > 0.0 {
            text.line("curvature", format!("about {:.3}", self.largest_curvature));
        }
        if let Some(found) = self.length_correlation {
            text.line("length", format!("Spearman {found:+.2} with scored tokens"));
        }
        text.fmt(f)
    }
}
