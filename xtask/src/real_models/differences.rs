//! Losses of tokens by row, and how far two programs are apart.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// The losses of the scored tokens of each row that has some, in nats.
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

/// Losses that `losses.py` wrote.
pub(super) fn of_transformers(lines: &str) -> Result<Losses> {
    losses_of(lines, "nll")
}

/// Losses of the base in a score table of lobass, as JSON lines. Rows without a loss are left out.
pub(super) fn of_table(lines: &str) -> Result<Losses> {
    losses_of(lines, "base_token_nll")
}

fn losses_of(lines: &str, field: &str) -> Result<Losses> {
    let row = |line: &str| -> Result<Option<(u64, Vec<f64>)>> {
        let line: Value = serde_json::from_str(line)?;
        let Some(losses) = line[field].as_array() else { return Ok(None) };
        let losses = losses.iter().map(|loss| loss.as_f64().context("a loss is a number"));
        Ok(Some((line["row"].as_u64().context("a line has a row")?, losses.collect::<Result<_>>()?)))
    };
    lines.lines().filter_map(|line| row(line).transpose()).collect()
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
        let theirs =
            of_transformers("{\"row\": 0, \"nll\": [1.0, 2.0]}\n{\"row\": 2, \"nll\": [3.0]}\n").unwrap();
        let table = "{\"row\": 0, \"base_token_nll\": [1.5, 1.0]}\n{\"row\": 1, \"status\": \"overlong\"}\n\
            {\"row\": 2, \"base_token_nll\": [3.0]}\n";
        let found = difference(&of_table(table).unwrap(), &theirs).unwrap();
        assert_eq!((found.token, found.row, found.mean), (1.0, 0.25, 0.5));
        let fewer = of_table("{\"row\": 0, \"base_token_nll\": [1.5]}\n").unwrap();
        assert!(difference(&fewer, &theirs).is_err());
    }
}
