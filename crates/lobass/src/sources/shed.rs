//! The share of its loss that each source shed, from a score table.

use std::collections::BTreeMap;

use lobass_core::ColumnSet;

use crate::error::{Result, bail};
use crate::table_input::TableInput;

/// `sum(L_base - L_ref) / sum(L_base)` over the rows of each source that have both losses.
pub(super) fn loss_shed(table: &TableInput, threads: usize) -> Result<BTreeMap<String, f64>> {
    let wanted = ColumnSet { ties: false, ..ColumnSet::of_losses(["base", "reference"]) };
    let columns = table.open()?.columns(&wanted, 0, threads)?;
    let (base, reference) = (columns.losses("base"), columns.losses("reference"));
    let mut sums = BTreeMap::<String, (f64, f64)>::new();
    for row in 0..columns.len() {
        if let (Some(base), Some(reference), Some(source)) =
            (base.get(row), reference.get(row), columns.source_name(row))
        {
            let sums = sums.entry(source.to_owned()).or_default();
            (sums.0, sums.1) = (sums.0 + base - reference, sums.1 + base);
        }
    }
    if sums.is_empty() {
        bail!(
            Table,
            "`{}`: expected rows with a base and a reference loss, found none",
            table.path().display()
        );
    }
    Ok(sums.into_iter().map(|(source, (shed, all))| (source, shed / all)).collect())
}
