//! Rankings of rows, as `lobass select --index` writes them.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use fs_err as fs;
use serde_json::{Value, json};

/// The share of rows of which two rankings are compared.
const TOP: f64 = 0.06;

/// A row and its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranked {
    pub(super) row: u64,
    pub(super) score: f64,
}

/// The rows of an index, the best first.
pub(super) fn read(path: &Path) -> Result<Vec<Ranked>> {
    let text = fs::read_to_string(path)?;
    let line = |line: &str| -> Result<Ranked> {
        let value: Value = serde_json::from_str(line)?;
        let row = value["row"].as_u64().context("expected the number of a row")?;
        Ok(Ranked { row, score: value["score"].as_f64().context("expected a score")? })
    };
    text.lines().map(line).collect::<Result<_>>().with_context(|| format!("`{}`", path.display()))
}

/// The scores of the rows whose `condition` is not negative, as JSON lines.
pub(super) fn scores_where(scores: &[Ranked], condition: &[Ranked]) -> String {
    let condition: HashMap<u64, f64> = condition.iter().map(|one| (one.row, one.score)).collect();
    let is_kept = |one: &&Ranked| condition.get(&one.row).is_some_and(|&value| value >= 0.0);
    let line = |one: &Ranked| format!("{}\n", json!({"row": one.row, "score": one.score}));
    scores.iter().filter(is_kept).map(line).collect()
}

/// How much two rankings of the same rows agree: rank correlation, and common rows among the best.
pub(super) fn agreement(name: &str, one: &[Ranked], other: &[Ranked]) -> Value {
    let place: HashMap<u64, usize> = other.iter().enumerate().map(|(at, one)| (one.row, at)).collect();
    // Ranks among the rows that both have.
    let common: Vec<usize> = one.iter().filter_map(|one| place.get(&one.row).copied()).collect();
    let mut order: Vec<usize> = (0..common.len()).collect();
    order.sort_by_key(|&at| common[at]);
    let squares: f64 = order.iter().enumerate().map(|(at, &of)| (at as f64 - of as f64).powi(2)).sum();
    let n = common.len() as f64;
    let n_top = (TOP * n).round();
    let is_top = |at: &&usize| (**at as f64) < n_top;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
    let n_common = common.iter().take(n_top as usize).filter(is_top).count();
    json!({
        "table": name,
        "n_rows": common.len(),
        "n_top": n_top,
        "n_common": n_common,
        "spearman": 1.0 - 6.0 * squares / (n * (n * n - 1.0)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(rows: impl IntoIterator<Item = u64>) -> Vec<Ranked> {
        rows.into_iter().map(|row| Ranked { row, score: 1.0 - row as f64 }).collect()
    }

    #[test]
    fn rankings_agree_with_themselves_and_not_with_their_reverse() {
        let (forward, backward) = (ranked(0..50), ranked((0..50).rev()));
        let of = |value: &Value| (value["spearman"].as_f64().unwrap(), value["n_common"].as_u64().unwrap());
        assert_eq!(of(&agreement("same", &forward, &forward)), (1.0, 3));
        assert_eq!(of(&agreement("reverse", &forward, &backward)), (-1.0, 0));
        // By hand: squares 1 + 1 + 0, n = 3.
        let found = agreement("swapped", &ranked([0, 1, 2]), &ranked([1, 0, 2, 9]));
        assert_eq!((found["spearman"].as_f64().unwrap(), found["n_rows"].as_u64().unwrap()), (0.5, 3));
    }

    #[test]
    fn scores_are_kept_where_the_condition_holds() {
        let condition = [Ranked { row: 0, score: -0.5 }, Ranked { row: 1, score: 0.0 }];
        assert_eq!(scores_where(&ranked(0..3), &condition), "{\"row\":1,\"score\":0.0}\n");
    }
}
