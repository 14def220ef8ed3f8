//! Groups of rows with nearly the same text.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use lobass_check::near_duplicates;
use lobass_core::readable::{Labelled, count, counted, duration, percent};
use lobass_core::{ExampleKey, Observer as _, RowStatus};
use lobass_data::Pool;
use lobass_text::{Bands, GroupOptions};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::error::Result;
use crate::outputs::{self, Lines};
use crate::runtime::Runtime;
use crate::scoring::n_skipped;
use crate::sequences::open_pool;
use crate::settings::DataSettings;

/// Groups in the text of a report.
const SHOWN: usize = 3;
/// Rows of a group in the text of a report.
const ROWS_SHOWN: usize = 4;

/// A pool whose near duplicates are to be found.
#[derive(Debug)]
pub struct NearDuplicatesJob<'a> {
    /// The data files and how they are read.
    pub data: &'a DataSettings,
    /// The similarity from which rows are alike, and the seed of the hashes.
    pub options: GroupOptions,
    /// A file for the groups, as JSON lines.
    pub out: Option<&'a Path>,
    /// Threads; at least 1.
    pub threads: usize,
}

/// The near duplicates of a pool.
#[derive(Debug)]
pub struct NearDuplicates {
    /// The rows of each group of several, the largest group first. The key of the first row names the group.
    pub groups: Vec<Vec<usize>>,
    /// Rows of the pool.
    pub n_rows: u64,
    /// Rows that cannot be read, by status.
    pub statuses: BTreeMap<RowStatus, u64>,
    options: GroupOptions,
    bands: Bands,
    /// Texts; those of the same words count once.
    n_distinct: u64,
    /// The key and the file of each row.
    keys: Vec<(ExampleKey, usize)>,
    out: Option<PathBuf>,
}

impl NearDuplicatesJob<'_> {
    /// Reads the pool once, and writes the groups.
    ///
    /// # Errors
    /// If the data cannot be read, the similarity is out of range, or `out` is a data file or cannot be written.
    pub fn run(self, runtime: &Runtime) -> Result<NearDuplicates> {
        let bands = Bands::choose(self.options.jaccard)?;
        let pool = open_pool(self.data, runtime)?;
        let out = self.out.map(Path::to_owned);
        outputs::check_for_pool(out.as_slice(), &pool)?;
        outputs::note_replaced(out.as_slice(), runtime);
        let started = Instant::now();
        let mut keys: Vec<(ExampleKey, usize)> = Vec::new();
        let mut statuses: BTreeMap<RowStatus, u64> = BTreeMap::new();
        let near = near_duplicates(&pool, &self.options, self.threads, |row| {
            keys.push((row.key.clone(), row.file));
            if let Err(fault) = &row.example {
                *statuses.entry(fault.status).or_default() += 1;
            }
        })?;
        let groups = several(&near.groups(self.threads), &keys);
        let (n_rows, n_distinct) = (keys.len() as u64, near.n_distinct() as u64);
        let took = duration(started.elapsed());
        runtime.note(&format!("{:16} {} in {took}", "near duplicates", counted(n_rows, "row")));
        let found =
            NearDuplicates { groups, n_rows, statuses, options: self.options, bands, n_distinct, keys, out };
        found.write(&pool)?;
        Ok(found)
    }
}

/// The groups of several rows, each in the order of its keys, so that the first names it; the largest groups first.
fn several(groups: &[u32], keys: &[(ExampleKey, usize)]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_unstable_by(|&a, &b| {
        groups[a].cmp(&groups[b]).then_with(|| keys[a].0.as_str().cmp(keys[b].0.as_str()))
    });
    let several = order.chunk_by(|&a, &b| groups[a] == groups[b]).filter(|group| group.len() > 1);
    let mut several: Vec<Vec<usize>> = several.map(<[usize]>::to_vec).collect();
    several.sort_by(|left, right| {
        let name = |group: &[usize]| keys[group[0]].0.as_str().to_owned();
        right.len().cmp(&left.len()).then_with(|| name(left).cmp(&name(right)))
    });
    several
}

impl NearDuplicates {
    /// Whether there are rows that could not be read.
    pub fn falls_short(&self) -> bool {
        n_skipped(&self.statuses) > 0
    }

    /// Rows in groups of several.
    fn n_grouped(&self) -> u64 {
        self.groups.iter().map(|group| group.len() as u64).sum()
    }

    /// Rows that would go if each group kept one.
    fn n_spare(&self) -> u64 {
        self.n_grouped() - self.groups.len() as u64
    }

    /// Rows with the words of another row, without the first of each.
    fn n_same_words(&self) -> u64 {
        let n_alone: u64 = self.statuses.values().sum();
        self.n_rows - n_alone - self.n_distinct
    }

    /// Writes the groups, if there is a file for them.
    fn write(&self, pool: &Pool) -> Result<()> {
        let Some(out) = &self.out else { return Ok(()) };
        let mut lines = Lines::create(out)?;
        let as_json = |&row: &usize| {
            let (key, file) = &self.keys[row];
            json!({"row": row, "key": key, "source": pool.files()[*file].source()})
        };
        for group in &self.groups {
            let rows: Vec<Value> = group.iter().map(as_json).collect();
            lines.write(&json!({"group": self.keys[group[0]].0, "n_rows": rows.len(), "rows": rows}))?;
        }
        lines.finish()
    }

    fn json(&self) -> Value {
        let GroupOptions { jaccard, seed } = self.options;
        json!({
            "n_rows": self.n_rows,
            "not_read": self.statuses,
            "jaccard": jaccard,
            "seed": seed,
            "bands": {"bands": self.bands.bands, "rows": self.bands.rows,
                "missed": 1.0 - self.bands.probability(jaccard)},
            "n_groups": self.groups.len(),
            "n_grouped": self.n_grouped(),
            "n_spare": self.n_spare(),
            "n_same_words": self.n_same_words(),
            "out": self.out,
        })
    }
}

impl fmt::Display for NearDuplicates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Labelled::default();
        text.line("pool", counted(self.n_rows, "row"));
        for (status, n) in &self.statuses {
            text.line("not read", format!("{} {status}", count(*n)));
        }
        let (Bands { bands, rows }, jaccard) = (self.bands, self.options.jaccard);
        let missed = 100.0 * (1.0 - self.bands.probability(jaccard));
        text.line(
            "alike",
            format!(
                "from a similarity of {jaccard}; {bands} bands of {rows} hashes miss {missed:.2} % of the pairs that are \
                 just so alike, and fewer of those that are more"
            ),
        );
        let (n_grouped, n_groups) = (count(self.n_grouped()), count(self.groups.len() as u64));
        text.line("groups", format!("{n_groups} of several rows, {n_grouped} in all"));
        let (n_spare, share) = (counted(self.n_spare(), "row"), percent(self.n_spare(), self.n_rows));
        let n_same_words = count(self.n_same_words());
        text.line(
            "spare",
            format!(
                "{n_spare} ({share}) if each group kept one; {n_same_words} of them have the words of another row"
            ),
        );
        for group in self.groups.iter().take(SHOWN) {
            let rows: Vec<String> = group.iter().take(ROWS_SHOWN).map(ToString::to_string).collect();
            let more = if group.len() > ROWS_SHOWN { ", .." } else { "" };
            let (n_rows, name) = (counted(group.len() as u64, "row"), &self.keys[group[0]].0);
            text.line("largest", format!("{n_rows}: rows {}{more}; group {name}", rows.join(", ")));
        }
        if let Some(out) = &self.out {
            let n_groups = counted(self.groups.len() as u64, "group");
            text.line("wrote", format!("{} ({n_groups})", out.display()));
        }
        text.fmt(f)
    }
}

impl Serialize for NearDuplicates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}
