//! The pool of a comparison in numbers, and the tokens of its trainings.

use std::collections::BTreeMap;

use lobass_core::{Budget, ScoreColumns, Sequence};
use lobass_evidence::{PoolRecord, SourceCount};
use lobass_run::{Plan, ScoreFile};
use lobass_train::TrainConfig;

use crate::error::{Result, bail};
use crate::settings::MatchedTokens;

/// The rows that can be trained on, in numbers.
pub(super) fn pool_record(
    table: &ScoreFile,
    plan: &Plan,
    columns: &ScoreColumns,
    sequences: &BTreeMap<u64, Sequence>,
) -> PoolRecord {
    let mut sources: BTreeMap<&str, u64> = BTreeMap::new();
    for row in sequences.keys() {
        let name = usize::try_from(*row).ok().and_then(|row| columns.source_name(row));
        *sources.entry(name.unwrap_or_default()).or_default() += 1;
    }
    let count = |(source, n_rows): (&str, u64)| SourceCount { source: source.to_owned(), n_rows };
    PoolRecord {
        plan: plan.id(),
        digest: table.manifest().digest.clone(),
        n_rows: table.manifest().n_rows,
        n_eligible: sequences.len() as u64,
        n_tokens: sequences.values().map(|sequence| sequence.n_tokens() as u64).sum(),
        sources: sources.into_iter().map(count).collect(),
    }
}

/// The tokens of every training at equal tokens; they do not depend on which strategies are compared.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of tokens")]
pub(super) fn matched_tokens(
    tokens: Option<MatchedTokens>,
    budget: Budget,
    recipe: &TrainConfig,
    pool: &PoolRecord,
) -> Result<u64> {
    let epochs = u64::from(recipe.epochs);
    let tokens = match (tokens, budget) {
        (Some(MatchedTokens::Count(tokens)), _) => tokens,
        (Some(MatchedTokens::Full), _) => epochs * pool.n_tokens,
        (None, Budget::Tokens(tokens)) => epochs * tokens.min(pool.n_tokens),
        (None, budget) => {
            let rows = budget.row_limit(pool.n_rows).unwrap_or(pool.n_rows).min(pool.n_eligible);
            let share = rows as f64 / pool.n_eligible.max(1) as f64;
            epochs * (share * pool.n_tokens as f64).round() as u64
        }
    };
    if pool.n_eligible == 0 {
        bail!(Comparison, "no row of the table can be selected");
    }
    Ok(tokens)
}
