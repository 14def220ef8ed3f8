//! Losses of tokens by row, and how far two programs are apart.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// The losses of the scored tokens of each row, in nats.
pub(super) type Losses = BTreeMap<u64, Vec<f64>>;

/// How far two programs are apart, in nats.
#[derive(Debug, Clone, Copy)]
pub(super) struct Difference {
    /// The worst token.
    pub(super) token: f64,
    /// The worst row, of its mean per token.
    pub(super) row: f64,
    /// The mean over tokens.
    pub(super) mean: f64,
}

impl Difference {
    pub(super) fn json(self) -> Value {
        let Self { token, row, mean } = self;
        json!({"worst_token": token, "worst_row": row, "mean_of_tokens": mean})
    }
}

/// Losses as `losses.py` and `table.py` write them, in JSON lines.
pub(super) fn losses_of(lines: &str) -> Result<Losses> {
    let row = |line: &str| -> Result<(u64, Vec<f64>)> {
        let line: Value = serde_json::from_str(line)?;
        let losses = line["nll"].as_array().context("a line has losses")?.iter();
        let losses = losses.map(|loss| loss.as_f64().context("a loss is a number")).collect::<Result<_>>()?;
        Ok((line["row"].as_u64().context("a line has a row")?, losses))
    };
    lines.lines().map(row).collect()
}

/// Compares the losses of two programs.
///
/// # Errors
/// If they are losses of other tokens, or of none.
pub(super) fn difference(ours: &Losses, theirs: &Losses) -> Result<Difference> {
    let lengths =
        |losses: &Losses| losses.iter().map(|(row, losses)| (*row, losses.len())).collect::<Vec<_>>();
    if lengths(ours) != lengths(theirs) || ours.is_empty() {
        bail!("expected losses of the same tokens, found {} and {} rows", ours.len(), theirs.len());
    }
    let (mut worst, mut of_row, mut sum, mut count) = (0.0_f64, 0.0_f64, 0.0, 0.0);
    for (ours, theirs) in ours.values().zip(theirs.values()) {
        let signed: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours - theirs).collect();
        worst = signed.iter().fold(worst, |worst, difference| worst.max(difference.abs()));
        of_row = of_row.max((signed.iter().sum::<f64>() / signed.len().max(1) as f64).abs());
        sum += signed.iter().map(|difference| difference.abs()).sum::<f64>();
        count += signed.len() as f64;
    }
    Ok(Difference { token: worst, row: of_row, mean: sum / count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_of_tokens_and_rows() {
        let of = |lines: &str| losses_of(lines).unwrap();
        let theirs = of("{\"row\": 0, \"nll\": [1.0, 2.0]}\n{\"row\": 2, \"nll\": [3.0]}\n");
        let ours = of("{\"row\": 0, \"nll\": [1.5, 1.0]}\n{\"row\": 2, \"nll\": [3.0]}\n");
        let found = difference(&ours, &theirs).unwrap();
        assert_eq!((found.token, found.row, found.mean), (1.0, 0.25, 0.5));
        let fewer = of("{\"row\": 0, \"nll\": [1.5]}\n");
        assert!(difference(&fewer, &theirs).is_err());
    }
}
