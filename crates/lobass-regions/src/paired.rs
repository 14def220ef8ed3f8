//! Two tables side by side: what a repair of the data, or another base, changed in each region.

use std::collections::BTreeMap;

use lobass_core::parallel::each;
use serde::Serialize;

use crate::{Error, LossDrop, Losses, Regions, Settings, Verdict};

/// One of two tables.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Its losses.
    pub losses: Losses<'a>,
    /// Its regions; those of one name belong together.
    pub regions: &'a Regions,
}

/// A row of the first table and the same row of the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowPair {
    /// Its place in the first table.
    pub before: u32,
    /// Its place in the second.
    pub after: u32,
}

/// What one table says of a region.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Found {
    /// Rows with losses.
    pub n_rows: u64,
    /// The drop per token, over all of them.
    pub per_token: Option<LossDrop>,
    /// What its interval says.
    pub verdict: Verdict,
}

/// A region in two tables.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The name.
    pub name: String,
    /// In the first table, if it has the region.
    pub before: Option<Found>,
    /// In the second.
    pub after: Option<Found>,
    /// Rows that are in both and have losses in both.
    pub n_paired: u64,
    /// The drop in the second table minus that in the first, per token, over the rows that are in both.
    pub difference: Option<LossDrop>,
    /// What the interval of the difference says: `learned` if the drop grew.
    pub verdict: Verdict,
    /// Whether the two tables have different verdicts.
    pub is_other_verdict: bool,
}

/// Compares the regions of two tables. All rows come first, then the regions in the order of their names.
///
/// Rows are drawn once for both tables, and the references of each on their own.
///
/// - `pairs`: by the name of a region, the rows that are in both tables
///
/// # Errors
/// If columns have different lengths, or a setting is out of range.
pub fn compare(
    before: &Side<'_>,
    after: &Side<'_>,
    pairs: &BTreeMap<String, Vec<RowPair>>,
    settings: &Settings,
) -> Result<Vec<Change>, Error> {
    settings.check()?;
    before.losses.check()?;
    after.losses.check()?;
    let mut sides: BTreeMap<&str, [Option<Found>; 2]> = BTreeMap::new();
    for (at, side) in [before, after].into_iter().enumerate() {
        for region in &side.regions.regions {
            let found = Found { n_rows: region.n_rows, per_token: region.per_token, verdict: region.verdict };
            sides.entry(&region.name).or_default()[at] = Some(found);
        }
    }
    let whole = [before, after].map(|side| {
        let all = &side.regions.all;
        Some(Found { n_rows: all.n_rows, per_token: all.per_token, verdict: all.verdict })
    });
    let every: Vec<RowPair> = pairs.values().flatten().copied().collect();
    let none = Vec::new();
    let mut jobs = vec![(before.regions.all.name.as_str(), whole, &every)];
    jobs.extend(sides.into_iter().map(|(name, found)| (name, found, pairs.get(name).unwrap_or(&none))));
    Ok(each(jobs.len(), settings.threads, |at| {
        let (name, [first, second], pairs) = &jobs[at];
        let (n_paired, difference) = difference(before, after, pairs, settings);
        Change {
            name: (*name).to_owned(),
            before: *first,
            after: *second,
            n_paired,
            difference,
            verdict: Verdict::of(difference.and_then(|drop| drop.interval), settings.margin),
            is_other_verdict: first.zip(*second).is_some_and(|(one, other)| one.verdict != other.verdict),
        }
    }))
}

/// The pairs that have losses, and the second drop minus the first.
fn difference(
    before: &Side<'_>,
    after: &Side<'_>,
    pairs: &[RowPair],
    settings: &Settings,
) -> (u64, Option<LossDrop>) {
    let mut pairs: Vec<RowPair> = pairs
        .iter()
        .copied()
        .filter(|pair| before.losses.has(pair.before) && after.losses.has(pair.after))
        .collect();
    pairs.sort_unstable_by_key(|pair| (before.losses.hashes[pair.before as usize], pair.before));
    let n_paired = pairs.len() as u64;
    if pairs.is_empty() {
        return (0, None);
    }
    let of = |side: &Side<'_>, place: fn(&RowPair) -> u32, arm: u64| {
        let rows: Vec<u32> = pairs.iter().map(place).collect();
        settings.bootstrap.draws(&side.losses.by_token(&rows), arm)
    };
    let draws = of(after, |pair| pair.after, 1).minus(&of(before, |pair| pair.before, 0));
    let interval = (pairs.len() >= settings.min_rows).then(|| {
        let found = settings.bootstrap.estimate(&draws);
        (found.low, found.high)
    });
    (n_paired, Some(LossDrop { value: draws.value, interval }))
}
