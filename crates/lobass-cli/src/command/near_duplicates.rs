//! `lobass near-duplicates`.

use std::collections::BTreeMap;
use std::time::Instant;

use lobass::outputs::{self, Lines};
use lobass::scoring::n_skipped;
use lobass::sequences::open_pool;
use lobass::settings::{DataSettings, available_threads};
use lobass_check::near_duplicates;
use lobass_core::readable::{Labelled, count, counted, duration, percent};
use lobass_core::{ExampleKey, RowStatus};
use lobass_text::{Bands, GroupOptions};
use serde_json::{Value, json};

use crate::args::NearDuplicatesArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

/// Groups that are shown.
const SHOWN: usize = 3;
/// Rows of a group that are shown.
const ROWS_SHOWN: usize = 4;

pub(crate) fn find(args: &NearDuplicatesArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut data = DataSettings::default();
    args.data.apply(&mut data);
    let options = GroupOptions { jaccard: args.jaccard, seed: args.seed };
    let bands = Bands::choose(args.jaccard)?;
    let pool = open_pool(&data, ui.runtime())?;
    let inputs: Vec<_> = pool.files().iter().map(|file| ("a data file", file.path())).collect();
    outputs::check(args.out.as_slice(), &inputs)?;
    outputs::note_replaced(args.out.as_slice(), ui.runtime());
    let threads = args.threads.map_or_else(available_threads, usize::from);
    let started = Instant::now();
    let mut keys: Vec<(ExampleKey, usize)> = Vec::new();
    let mut statuses: BTreeMap<RowStatus, u64> = BTreeMap::new();
    let near = near_duplicates(&pool, &options, threads, |row| {
        keys.push((row.key.clone(), row.file));
        if let Err(fault) = &row.example {
            *statuses.entry(fault.status).or_default() += 1;
        }
    })?;
    let groups = several(&near.groups(threads), &keys);
    ui.note(&format!(
        "{:16} {} in {}",
        "near duplicates",
        counted(keys.len() as u64, "row"),
        duration(started.elapsed())
    ));
    if let Some(out) = &args.out {
        let mut lines = Lines::create(out)?;
        let source = |row: usize| pool.files()[keys[row].1].source();
        for group in &groups {
            let rows: Vec<Value> = group
                .iter()
                .map(|&row| json!({"row": row, "key": keys[row].0, "source": source(row)}))
                .collect();
            lines.write(&json!({"group": keys[group[0]].0, "n_rows": rows.len(), "rows": rows}))?;
        }
        lines.finish()?;
    }
    let report = Report {
        args,
        bands,
        n_rows: keys.len() as u64,
        n_distinct: near.n_distinct() as u64,
        keys,
        groups,
        statuses,
    };
    ui.result(report.text(), &report.json())?;
    Ok(Outcome::incomplete_if(n_skipped(&report.statuses) > 0))
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

struct Report<'a> {
    args: &'a NearDuplicatesArgs,
    bands: Bands,
    n_rows: u64,
    /// Texts, those of the same words counted once.
    n_distinct: u64,
    keys: Vec<(ExampleKey, usize)>,
    groups: Vec<Vec<usize>>,
    /// Rows without a text.
    statuses: BTreeMap<RowStatus, u64>,
}

impl Report<'_> {
    /// Rows in groups of several, and those that would go if each group kept one.
    fn n_grouped(&self) -> (u64, u64) {
        let n: u64 = self.groups.iter().map(|group| group.len() as u64).sum();
        (n, n - self.groups.len() as u64)
    }

    /// Rows with the words of another row, without the first of each.
    fn n_same_words(&self) -> u64 {
        let n_alone: u64 = self.statuses.values().sum();
        self.n_rows - n_alone - self.n_distinct
    }

    fn text(&self) -> String {
        let mut text = Labelled::default();
        text.line("pool", counted(self.n_rows, "row"));
        for (status, n) in &self.statuses {
            text.line("not read", format!("{} {status}", count(*n)));
        }
        let Bands { bands, rows } = self.bands;
        let missed = 100.0 * (1.0 - self.bands.probability(self.args.jaccard));
        text.line(
            "alike",
            format!(
                "from a similarity of {}; {bands} bands of {rows} hashes miss {missed:.2} % of the pairs that are \
                 just so alike, and fewer of those that are more",
                self.args.jaccard
            ),
        );
        let (n_grouped, n_spare) = self.n_grouped();
        let share = percent(n_spare, self.n_rows);
        text.line(
            "groups",
            format!("{} of several rows, {} in all", count(self.groups.len() as u64), count(n_grouped)),
        );
        text.line(
            "spare",
            format!(
                "{} ({share}) if each group kept one; {} of them have the words of another row",
                counted(n_spare, "row"),
                count(self.n_same_words())
            ),
        );
        for group in self.groups.iter().take(SHOWN) {
            let rows: Vec<String> = group.iter().take(ROWS_SHOWN).map(ToString::to_string).collect();
            let more = if group.len() > ROWS_SHOWN { ", .." } else { "" };
            let name = &self.keys[group[0]].0;
            text.line(
                "largest",
                format!(
                    "{}: rows {}{more}; group {name}",
                    counted(group.len() as u64, "row"),
                    rows.join(", ")
                ),
            );
        }
        if let Some(out) = &self.args.out {
            text.line("wrote", format!("{} ({})", out.display(), counted(self.groups.len() as u64, "group")));
        }
        text.to_string()
    }

    fn json(&self) -> Value {
        let (n_grouped, n_spare) = self.n_grouped();
        let statuses: serde_json::Map<String, Value> =
            self.statuses.iter().map(|(status, n)| (status.to_string(), json!(n))).collect();
        json!({
            "n_rows": self.n_rows,
            "not_read": statuses,
            "jaccard": self.args.jaccard,
            "seed": self.args.seed,
            "bands": {"bands": self.bands.bands, "rows": self.bands.rows,
                "missed": 1.0 - self.bands.probability(self.args.jaccard)},
            "n_groups": self.groups.len(),
            "n_grouped": n_grouped,
            "n_spare": n_spare,
            "n_same_words": self.n_same_words(),
            "out": self.args.out,
        })
    }
}
