//! What was found, as data.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lobass_core::readable::percent;
use lobass_regions::{Alike, Change, Region, Regions};
use lobass_report::{RegionRow, RegionsCut, RegionsPart};
use serde::Serialize;

use super::table::Tables;
use super::tokens::Parts;
use super::{KindFound, RegionsJob, Seen, Shared, ShownRow};
use crate::table_input::paths;

/// What fine-tuning taught, by one or several ways to cut the pool into regions.
#[derive(Debug, Clone, Serialize)]
pub struct RegionsReport {
    /// The score tables.
    pub scores: Vec<PathBuf>,
    /// Whether the references were trained on the rows.
    pub seen: Seen,
    /// Rows that are scored and do not count, since the references' training held them out, or they were set aside for it.
    pub n_held_out: u64,
    /// For every way, the regions.
    pub cuts: Vec<CutReport>,
    /// The kinds of format, over all rows that count; empty if they were not told apart.
    pub kinds: Vec<KindFound>,
    /// The tables beside the first ones.
    pub against: Vec<PathBuf>,
    /// Rows of both, if there is a second table.
    pub shared: Option<Shared>,
    /// The rows to look at, by their place in the pool.
    pub rows: BTreeMap<u64, ShownRow>,
}

/// The regions of one way to cut the pool.
#[derive(Debug, Clone, Serialize)]
pub struct CutReport {
    /// What they go by.
    pub by: String,
    /// The regions.
    #[serde(flatten)]
    pub found: Regions,
    /// For regions by clusters, the row in the middle of each.
    pub typical: BTreeMap<String, u64>,
    /// Beside a second table: all rows first, then each region.
    pub changes: Option<Vec<Change>>,
}

impl RegionsReport {
    pub(super) fn new(
        job: &RegionsJob<'_>,
        tables: &Tables,
        cuts: Vec<CutReport>,
        parts: Option<Parts>,
        shared: Option<Shared>,
        rows: BTreeMap<u64, ShownRow>,
    ) -> Self {
        Self {
            scores: paths(job.scores),
            seen: tables.seen,
            n_held_out: tables.n_held_out,
            cuts,
            kinds: parts.map(|parts| parts.kinds).unwrap_or_default(),
            against: paths(job.against),
            shared,
            rows,
        }
    }
}

impl RegionsReport {
    /// The part of a page about it.
    pub(crate) fn part(&self) -> RegionsPart {
        let cut = |cut: &CutReport| RegionsCut {
            by: cut.by.clone(),
            found: cut.found.clone(),
            warning: cut.warning(),
            changes: cut.changes.clone(),
            typical: cut.typical.clone(),
        };
        let row = |(row, text): (&u64, &ShownRow)| {
            let ShownRow { key, source, prompt, response } = text.clone();
            (*row, RegionRow { key, source, prompt, response })
        };
        RegionsPart {
            seen: self.seen.in_words().to_owned(),
            cuts: self.cuts.iter().map(cut).collect(),
            rows: self.rows.iter().map(row).collect(),
            shared: self.shared.as_ref().map(Shared::in_words),
        }
    }
}

impl CutReport {
    /// Every row that is named.
    pub(super) fn shown(&self) -> impl Iterator<Item = u64> + '_ {
        let ends = |region: &Region| {
            region.most.iter().chain(&region.least).map(|shown| shown.row).collect::<Vec<_>>()
        };
        self.found.regions.iter().flat_map(ends).chain(self.typical.values().copied())
    }

    /// The warning that verdicts do not tell regions apart.
    pub(super) fn warning(&self) -> Option<String> {
        let Alike { verdict, n_with, n_judged, beyond_chance, .. } =
            self.found.alike.filter(|alike| alike.nearly_all)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 1,000")]
        let share = |share: f64| percent((1000.0 * share).round() as u64, 1000);
        let differ = match beyond_chance {
            Some(beyond) if beyond >= 0.5 => format!(
                "their drops do differ, and chance does not explain {} of that: compare the drops, or set a margin",
                share(beyond)
            ),
            Some(beyond) => format!(
                "nor do their drops, of whose differences chance explains all but {}: other regions may tell more",
                share(beyond)
            ),
            None => "compare the drops".to_owned(),
        };
        Some(format!(
            "regions by {}: {n_with} of {n_judged} are {verdict}, so the verdict does not tell them apart; {differ}",
            self.by
        ))
    }
}
