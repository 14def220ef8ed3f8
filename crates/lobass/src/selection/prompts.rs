//! Which rows of a pool have the same prompt.

use std::collections::HashMap;

use lobass_data::Pool;

use super::shape::check_rows;
use crate::error::{Context as _, Result};

/// The prompt of each row, as the number of the first row that has it; a row that is not an example gets its own number.
pub(super) fn of_pool(pool: &Pool, n_rows: usize) -> Result<Vec<u32>> {
    let mut known: HashMap<u128, u32> = HashMap::new();
    let mut prompts = Vec::with_capacity(n_rows);
    for row in pool.rows() {
        let (row, number) = (row?, u32::try_from(prompts.len()).context("at most 2^32 rows")?);
        prompts.push(
            row.example.map_or(number, |example| *known.entry(example.prompt_hash()).or_insert(number)),
        );
    }
    check_rows("prompts", prompts.len(), n_rows)?;
    Ok(prompts)
}
