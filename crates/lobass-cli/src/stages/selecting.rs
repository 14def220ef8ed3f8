//! Choosing rows and writing them.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use lobass_core::{Direction, RowStatus, ScoreRecord, Selection};
use lobass_data::{DataFile, Pool, write_subset};
use lobass_run::ScoreTable;
use lobass_select::{Ratings, Request, Strategy, Summary, select, summarize};
use serde::Serialize;
use serde_json::{Value, json};

use crate::settings::SelectSettings;
use crate::text::{Labelled, count, counted, percent};

/// Where a selection goes.
#[derive(Debug, Clone, Default)]
pub(crate) struct SelectionTarget {
    /// A file, or a directory for several inputs.
    pub(crate) out: Option<PathBuf>,
    /// A list of the chosen rows.
    pub(crate) index: Option<PathBuf>,
}

/// A selection, what is to be said of it, and where it was written.
pub(crate) struct SelectionReport {
    pub(crate) selection: Selection,
    pub(crate) summary: Summary,
    written: Vec<(PathBuf, u64)>,
    reasons: HashMap<RowStatus, (u64, String)>,
    score: &'static str,
}

/// Chooses rows of a table by a strategy and writes them.
pub(crate) fn select_and_write(
    table: &ScoreTable,
    pool: &Pool,
    strategy: &str,
    settings: &SelectSettings,
    target: &SelectionTarget,
) -> anyhow::Result<SelectionReport> {
    let strategy = with_ratings(Strategy::from_name(strategy).map_err(anyhow::Error::msg)?, pool, settings)?;
    let request = Request {
        budget: settings.budget()?,
        seed: settings.seed,
        direction: settings.direction.map(Direction::from),
    };
    let selection = select(&table.records, &strategy, &request)?;
    let summary = summarize(&table.records, &strategy, &selection);
    let mut written = Vec::new();
    if let Some(out) = &target.out {
        written.extend(write_rows(pool, &selection, out)?);
    }
    if let Some(index) = &target.index {
        write_index(&table.records, &selection, index)?;
        written.push((index.clone(), selection.selected.len() as u64));
    }
    let reasons = reasons(&table.records);
    Ok(SelectionReport { selection, summary, written, reasons, score: strategy.info().score })
}

fn with_ratings(strategy: Strategy, pool: &Pool, settings: &SelectSettings) -> anyhow::Result<Strategy> {
    match (&strategy, &settings.rating) {
        (Strategy::Quality(_), Some(column)) => Ok(Strategy::Quality(Ratings {
            values: read_ratings(pool, column)?,
            at_least: settings.min_rating,
        })),
        (Strategy::Quality(_), None) => {
            bail!("the strategy quality needs ratings: name their column with `--rating`")
        }
        _ => Ok(strategy),
    }
}

/// The numbers of a column over all files; numbers written as text count too.
fn read_ratings(pool: &Pool, column: &str) -> anyhow::Result<Vec<Option<f64>>> {
    let mut ratings = Vec::new();
    for file in pool.files() {
        let number = |value: Option<Value>| match value? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let values = file.column(column)?;
        let before = ratings.len();
        ratings.extend(values.into_iter().map(number));
        if ratings[before..].iter().all(Option::is_none) {
            bail!(
                "data file `{}`: expected ratings in column `{column}`, found no number",
                file.path().display()
            );
        }
    }
    Ok(ratings)
}

/// Writes each file's chosen rows in its own container.
fn write_rows(pool: &Pool, selection: &Selection, out: &Path) -> anyhow::Result<Vec<(PathBuf, u64)>> {
    let n_rows = usize::try_from(selection.n_rows).context("rows of the pool")?;
    let mut chosen = vec![false; n_rows];
    for selected in &selection.selected {
        chosen[usize::try_from(selected.row).context("rows of the pool")?] = true;
    }
    let mut first_row = 0;
    let mut written = Vec::new();
    for (file, path) in pool.files().iter().zip(output_paths(pool, out)?) {
        let keep =
            |row: u64| usize::try_from(first_row + row).is_ok_and(|row| chosen.get(row) == Some(&true));
        let report = write_subset(file.path(), file.container(), &path, keep)?;
        first_row += report.n_read;
        written.push((path, report.n_written));
    }
    Ok(written)
}

fn output_paths(pool: &Pool, out: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let in_directory = |file: &DataFile| {
        let name = format!("{}{}", file.source(), file.container().suffix());
        out.join(name)
    };
    match pool.files() {
        [single] if !out.is_dir() && !names_directory(out) => {
            let same = |path: &Path| fs_err::canonicalize(path).ok();
            if out.exists() && same(out) == same(single.path()) {
                bail!("output `{}` is the input; give it another name", out.display());
            }
            Ok(vec![out.to_owned()])
        }
        [_, _, ..] if out.is_file() => {
            bail!("output `{}`: expected a directory for several data files, found a file", out.display())
        }
        files => Ok(files.iter().map(in_directory).collect()),
    }
}

fn names_directory(path: &Path) -> bool {
    path.as_os_str().to_string_lossy().ends_with(['/', '\\'])
}

fn write_index(records: &[ScoreRecord], selection: &Selection, path: &Path) -> anyhow::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs_err::create_dir_all(parent)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    let partial = PathBuf::from(name);
    let mut writer = std::io::BufWriter::new(fs_err::File::create(&partial)?);
    for selected in &selection.selected {
        let source =
            usize::try_from(selected.row).ok().and_then(|row| records.get(row)).map(|r| r.source.as_str());
        let line = json!({
            "row": selected.row, "key": selected.key, "source": source, "score": selected.score.value(),
            "rank": selected.rank,
        });
        writeln!(writer, "{line}")?;
    }
    writer.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    Ok(fs_err::rename(&partial, path)?)
}

/// The first row of each status that is not scored, and why it is not.
fn reasons(records: &[ScoreRecord]) -> HashMap<RowStatus, (u64, String)> {
    let mut reasons = HashMap::new();
    for record in records.iter().filter(|record| !record.status.is_scored()) {
        let reason = record.reason.clone().unwrap_or_default();
        reasons.entry(record.status).or_insert((record.row, reason));
    }
    reasons
}

impl SelectionReport {
    /// Whether fewer rows were kept than asked for.
    pub(crate) fn falls_short(&self) -> bool {
        let asked = self.selection.budget.row_limit(self.selection.n_rows);
        asked.is_some_and(|asked| asked > self.selection.selected.len() as u64)
    }

    pub(crate) fn text(&self) -> String {
        let Self { selection, summary, .. } = self;
        let mut text = Labelled::default();
        let kept = selection.selected.len() as u64;
        text.line("strategy", format!("{}: {}, {}", selection.strategy, self.score, selection.direction));
        let n_scored: u64 =
            summary.statuses.iter().filter(|(status, _)| status.is_scored()).map(|(_, n)| n).sum();
        text.line("pool", format!("{}, {} scored", counted(selection.n_rows, "row"), count(n_scored)));
        for (status, n) in summary.statuses.iter().filter(|(status, _)| !status.is_scored()) {
            let (row, reason) = &self.reasons[status];
            text.line("not scored", format!("{} {status}, the first of them row {row}: {reason}", count(*n)));
        }
        let share = percent(kept, selection.n_rows);
        text.line(
            "kept",
            format!("{} ({share}), {}", counted(kept, "row"), counted(selection.n_tokens, "token")),
        );
        if self.falls_short() {
            let eligible = count(selection.n_eligible);
            text.line(
                "kept",
                format!("fewer than {} asks for: only {eligible} rows have this score", selection.budget),
            );
        }
        if let (Some(best), Some(last)) = (selection.selected.first(), selection.selected.last()) {
            text.line(
                "score",
                format!("{:.4} down the ranks to {:.4}", best.score.value(), last.score.value()),
            );
        }
        let (pool_mean, kept_mean) = summary.mean_scored_tokens;
        let correlation =
            summary.length_correlation.map_or("no".to_owned(), |correlation| format!("{correlation:+.3}"));
        text.line(
            "length",
            format!(
                "{correlation} Spearman correlation with the response's length; responses average {kept_mean:.0} \
                 tokens, {pool_mean:.0} in the pool"
            ),
        );
        for share in &summary.sources {
            let part = percent(share.n_selected, share.n_pool);
            let (kept, all) = (count(share.n_selected), count(share.n_pool));
            text.line("source", format!("{}: {kept} of {all} ({part})", share.source));
        }
        for (path, rows) in &self.written {
            text.line("wrote", format!("{} ({})", path.display(), counted(*rows, "row")));
        }
        text.to_string()
    }

    pub(crate) fn json(&self) -> impl Serialize {
        let Self { selection, summary, .. } = self;
        let statuses: serde_json::Map<String, Value> =
            summary.statuses.iter().map(|(status, n)| (status.to_string(), json!(n))).collect();
        let sources: Vec<Value> = summary
            .sources
            .iter()
            .map(|s| json!({"source": s.source, "n_pool": s.n_pool, "n_selected": s.n_selected}))
            .collect();
        let written: Vec<Value> =
            self.written.iter().map(|(path, rows)| json!({"path": path, "n_rows": rows})).collect();
        json!({
            "strategy": selection.strategy,
            "direction": selection.direction.to_string(),
            "budget": selection.budget.to_string(),
            "seed": selection.seed,
            "n_rows": selection.n_rows,
            "n_eligible": selection.n_eligible,
            "n_selected": selection.selected.len(),
            "n_tokens": selection.n_tokens,
            "statuses": statuses,
            "sources": sources,
            "length_correlation": summary.length_correlation,
            "mean_scored_tokens": {"pool": summary.mean_scored_tokens.0, "selected": summary.mean_scored_tokens.1},
            "written": written,
        })
    }
}
