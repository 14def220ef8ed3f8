//! The share of its loss that each source shed, from a score table.

use std::collections::BTreeMap;
use std::path::Path;

use lobass_core::{ColumnSet, ScoreColumns};
use lobass_mixture::Source;

use super::pool::{Compared, OfTable};
use crate::error::{Result, bail};
use crate::table_input::TableInput;

/// `sum(L_base - L_ref) / sum(L_base)` over the rows of each source that have both losses.
///
/// - `trained`: the sources of the training whose metrics these are; the table is of its pool
pub(super) fn loss_shed(
    table: &TableInput,
    metrics: &Path,
    trained: &[Source],
    threads: usize,
) -> Result<BTreeMap<String, f64>> {
    let wanted = ColumnSet { ties: false, ..ColumnSet::of_losses(["base", "reference"]) };
    let file = table.open()?;
    let found = by_source(&file.columns(&wanted, 0, threads)?);
    if found.values().all(|of| of.n_scored == 0) {
        bail!(
            Table,
            "`{}`: expected rows with a base and a reference loss, found none",
            table.path().display()
        );
    }
    Compared { metrics, trained, table: table.path(), manifest: file.manifest(), found: &found }.check()?;
    let scored = found.into_iter().filter(|(_, of)| of.n_scored > 0);
    Ok(scored.map(|(source, of)| (source, of.shed / of.base)).collect())
}

fn by_source(columns: &ScoreColumns) -> BTreeMap<String, OfTable> {
    let (base, reference) = (columns.losses("base"), columns.losses("reference"));
    let mut found = BTreeMap::<String, OfTable>::new();
    for row in 0..columns.len() {
        let Some(source) = columns.source_name(row) else { continue };
        let of = found.entry(source.to_owned()).or_default();
        of.n_rows += 1;
        if let (Some(base), Some(reference)) = (base.get(row), reference.get(row)) {
            of.n_scored += 1;
            (of.shed, of.base) = (of.shed + base - reference, of.base + base);
        }
    }
    found
}
