//! Samples after the prompts of a pool, as far as strategies read them.

use std::fmt;
use std::path::Path;

use lobass_core::{Digest, ModelRole, Numbers, SampleEnd};
use lobass_run::{InputRecord, SampleFile, SampleManifest, SampleRow, ScoreFile};
use lobass_select::SampleGaps;
use serde::Serialize;

use crate::error::{Result, bail};

/// With fewer samples of a row, their mean says little.
const FEWEST: u32 = 4;

/// What a selection says of the samples that it read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SampleFacts {
    /// Samples of each row.
    pub per_row: u32,
    /// Whether their mean estimates an expectation under the model that drew them: at temperature 1, from all tokens.
    pub is_estimate: bool,
    /// Whether the reference drew them; otherwise the base did.
    pub by_reference: bool,
    /// Rows whose samples were all cut off, which have no score.
    pub n_cut: u64,
    /// The median over rows of the standard error of the mean, in nats.
    pub median_error: Option<f64>,
}

/// Gaps of samples, and facts of them.
pub(super) struct Sampled {
    pub(super) gaps: SampleGaps,
    pub(super) facts: SampleFacts,
}

/// Reads the samples of a table's rows.
///
/// # Errors
/// If they are of other data, are too few, or have no losses under the models of the table.
pub(super) fn read(path: &Path, table: &ScoreFile) -> Result<Sampled> {
    let file = SampleFile::open(path)?;
    let found = file.manifest();
    let name = path.display();
    let content = |inputs: &[InputRecord]| -> Vec<(String, u64)> {
        inputs.iter().map(|input| (input.sha256.clone(), input.n_rows)).collect()
    };
    if content(&found.inputs) != content(&table.manifest().inputs) {
        bail!(
            Selection,
            "samples `{name}`: expected samples of the rows of the score table, found those of other data"
        );
    }
    let per_row = found.drawn_by.sampling.samples;
    if per_row < FEWEST {
        bail!(
            Selection,
            "samples `{name}`: expected at least {FEWEST} of each row, found {per_row}; `--samples {FEWEST}` of `lobass generate` draws more"
        );
    }
    let losses = [ModelRole::Base, ModelRole::REFERENCE].map(|role| column(found, table, &role));
    let [Some(base), Some(reference)] = losses else {
        bail!(
            Selection,
            "samples `{name}`: expected losses under base and reference of the score table, found those of other models; \
             `lobass generate --base .. --model ..` computes both"
        );
    };
    let n_rows = usize::try_from(table.manifest().n_rows)?;
    let mut rows = Rows::new(n_rows);
    file.each(&mut |sample| {
        rows.add(&sample, base.of(&sample) - reference.of(&sample));
        Ok(())
    })?;
    let (gaps, n_cut, errors) = rows.finish();
    let sampling = &found.drawn_by.sampling;
    let facts = SampleFacts {
        per_row,
        is_estimate: sampling.is_plain(),
        by_reference: reference == Column::Drawn,
        n_cut,
        median_error: median(errors),
    };
    Ok(Sampled { gaps, facts })
}

/// Where the losses under a model are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    /// Under the model that drew the samples.
    Drawn,
    /// Under a further model.
    Further(usize),
}

impl Column {
    fn of(self, row: &SampleRow) -> f64 {
        match self {
            Self::Drawn => row.sample.nll.sum,
            Self::Further(at) => row.further[at],
        }
    }
}

/// The losses of samples under the model of a role in the table, by its weights.
fn column(found: &SampleManifest, table: &ScoreFile, role: &ModelRole) -> Option<Column> {
    let models = &table.manifest().models;
    let wanted: &Digest = &models.iter().find(|model| model.role() == role)?.key()?.weights_digest;
    if found.drawn_by.model.weights_digest == *wanted {
        return Some(Column::Drawn);
    }
    found.models.iter().position(|model| model.weights_digest == *wanted).map(Column::Further)
}

/// Gaps of the samples of each row.
struct Rows {
    sums: Vec<Vec<f64>>,
    means: Vec<Vec<f64>>,
    has_end: Vec<bool>,
}

impl Rows {
    fn new(n_rows: usize) -> Self {
        Self { sums: vec![Vec::new(); n_rows], means: vec![Vec::new(); n_rows], has_end: vec![false; n_rows] }
    }

    fn add(&mut self, row: &SampleRow, gap: f64) {
        let Ok(at) = usize::try_from(row.row) else { return };
        if at >= self.sums.len() || row.sample.end == SampleEnd::NotFinite || !gap.is_finite() {
            return;
        }
        self.sums[at].push(gap);
        self.means[at].push(gap / row.sample.ids.len() as f64);
        self.has_end[at] |= row.sample.is_finished();
    }

    /// Means over the samples of each row that has one that ended; the rows that have none; and standard errors.
    fn finish(self) -> (SampleGaps, u64, Vec<f64>) {
        let n_cut =
            self.sums.iter().zip(&self.has_end).filter(|(sums, end)| !sums.is_empty() && !**end).count();
        let mean = |(gaps, end): (&Vec<f64>, &bool)| {
            (*end && !gaps.is_empty()).then(|| gaps.iter().sum::<f64>() / gaps.len() as f64)
        };
        let means = |of: &[Vec<f64>]| -> Numbers { of.iter().zip(&self.has_end).map(mean).collect() };
        let gaps = SampleGaps { sums: means(&self.sums), means: means(&self.means) };
        let counted = self.sums.iter().zip(&self.has_end).filter(|(sums, end)| **end && sums.len() > 1);
        let errors = counted.map(|(sums, _)| standard_error(sums)).collect();
        (gaps, n_cut as u64, errors)
    }
}

/// The standard error of a mean of at least two numbers.
fn standard_error(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (variance / n).sqrt()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[half]),
        _ => Some(f64::midpoint(values[half - 1], values[half])),
    }
}

impl fmt::Display for SampleFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = if self.by_reference { "reference" } else { "base" };
        write!(f, "{} after each prompt, by the {by}", self.per_row)?;
        if let Some(error) = self.median_error {
            write!(f, "; the median standard error of their mean is {error:.3} nats")?;
        }
        if self.n_cut > 0 {
            write!(f, "; {} rows have no score, since all of their samples were cut off", self.n_cut)?;
        }
        if !self.is_estimate {
            f.write_str("; they were not drawn at temperature 1 from all tokens, so their mean estimates no divergence")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_medians_by_hand() {
        // Variance 1 + 1 over 2 - 1, over 2 samples.
        assert!((standard_error(&[1.0, 3.0]) - 1.0).abs() < 1e-12);
        assert_eq!(
            (median(vec![3.0, 1.0, 2.0]), median(vec![4.0, 1.0]), median(Vec::new())),
            (Some(2.0), Some(2.5), None)
        );
    }
}
