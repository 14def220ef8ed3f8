//! What fine-tuning taught, region by region: the part of a page about it.

use std::collections::BTreeMap;

use lobass_regions::{Change, Regions};
use serde::Serialize;

/// What fine-tuning taught, by one or several ways to cut the pool into regions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegionsPart {
    /// Whether the references were trained on the rows, in words.
    pub seen: String,
    /// For every way, the regions.
    pub cuts: Vec<RegionsCut>,
    /// The rows to look at, by their place in the pool.
    pub rows: BTreeMap<u64, RegionRow>,
    /// The rows that two tables have in common, in words, if there is a second one.
    pub shared: Option<String>,
}

/// The regions of one way to cut the pool.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegionsCut {
    /// What they go by.
    pub by: String,
    /// The regions.
    pub found: Regions,
    /// The warning that verdicts do not tell regions apart.
    pub warning: Option<String>,
    /// Beside a second table: all rows first, then each region.
    pub changes: Option<Vec<Change>>,
    /// The row in the middle of a region, by the name of the region, if there is such a thing.
    pub typical: BTreeMap<String, u64>,
}

/// A row to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegionRow {
    /// Its name.
    pub key: String,
    /// Its source.
    pub source: String,
    /// What comes before the last response.
    pub prompt: String,
    /// The responses that are scored.
    pub response: String,
}
