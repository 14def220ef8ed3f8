//! Columns and selections to what is shown of them.

mod axis;
mod edges;
mod histogram;
mod overlap;
mod picks;
mod plane;

use std::collections::BTreeMap;

use lobass_core::{Budget, Direction, Numbers, ScoreColumns, Selection};
use lobass_select::{Chosen, Inputs, Request, SelectError, Strategy, Summary, select, spearman, summarize};
use serde_json::Value;

pub use axis::{Axis, Scale};
pub use histogram::{Bin, Histogram};
pub use plane::{Cell, Marks, Plane, Point};

use crate::report::{Excluded, LeftOut, Overlap, Report, SourcePart, StatusCount, View};
use overlap::Kept;
use picks::Ranks;
use plane::{Wanted, loss_axes};

/// Looks at a score table, one strategy after the other.
#[derive(Debug)]
pub struct Measuring<'a> {
    columns: &'a ScoreColumns,
    n_examples: usize,
    budget: Option<Budget>,
    /// Base and reference loss per token of the rows that have both, if any does.
    loss_axes: Option<(Axis, Axis)>,
    length_axis: Axis,
    views: Vec<View>,
    left_out: Vec<LeftOut>,
    /// The kept rows of each view.
    kept: Vec<Kept>,
}

impl<'a> Measuring<'a> {
    /// Begins with a table. Examples are `n_examples` of the best and of the worst rows of every strategy, and as many
    /// around the border of the selection.
    pub fn new(columns: &'a ScoreColumns, n_examples: usize) -> Self {
        let losses: (Vec<f64>, Vec<f64>) =
            (0..columns.len()).filter_map(|row| losses_per_token(columns, row)).unzip();
        let loss_axes = (!losses.0.is_empty()).then(|| loss_axes(losses.0, losses.1));
        let lengths = (0..columns.len()).filter(|&row| columns.statuses[row].is_eligible());
        let lengths: Vec<f64> =
            lengths.map(|row| f64::from(columns.n_scored[row])).filter(|n| *n > 0.0).collect();
        let mut length_axis = Axis::of("response length (scored tokens)", lengths, true);
        if length_axis.scale == Scale::Linear {
            length_axis.min = length_axis.min.max(0.0);
        }
        Self {
            columns,
            n_examples,
            budget: None,
            loss_axes,
            length_axis,
            views: Vec::new(),
            left_out: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// Adds what a request selects from the table. It takes 8 bytes a row, and some 40 more meanwhile.
    ///
    /// # Errors
    /// The error of [`select`] if the strategy cannot be used on the table. The other strategies are not affected.
    pub fn add(&mut self, request: &Request<'_>) -> Result<(), SelectError> {
        let chosen = select(Inputs::new(self.columns), request)?;
        self.add_selected(request.strategy, &chosen);
        Ok(())
    }

    /// Adds a selection that a strategy made of the table, by the scores that it was ranked by.
    pub fn add_selected(&mut self, strategy: &dyn Strategy, chosen: &Chosen) {
        let columns = self.columns;
        let Chosen { selection, scores, .. } = chosen;
        let summary = summarize(columns, chosen, 1);
        let ranking = chosen.ranked(columns);
        self.budget.get_or_insert(selection.budget);
        let info = strategy.info();
        let mut selected = vec![false; columns.len()];
        for one in &selection.selected {
            selected[place(one.row)] = true;
        }
        let ranks = Ranks::of(columns.len(), &ranking, selection);
        let label = format!("{} score", info.name);
        let of_rows = scores.iter().zip(&selected);
        let least = info.shown_from.unwrap_or(f64::NEG_INFINITY);
        let histogram =
            Histogram::of(&label, least, of_rows.filter_map(|(score, &is_kept)| Some((score?, is_kept))));
        let excluded =
            |left: &lobass_select::LeftOut| Excluded { why: left.why.clone(), n_rows: left.n_rows };
        let mut view = View {
            strategy: info.name.to_owned(),
            score: chosen.score.clone(),
            shrinkage: chosen.shrinkage,
            origin: info.source.to_owned(),
            keeps_high: selection.direction == Direction::Descending,
            n_eligible: selection.n_eligible,
            excluded: chosen.left_out.iter().map(excluded).collect(),
            is_top: ranks.is_top,
            n_selected: selection.selected.len() as u64,
            n_tokens: selection.n_tokens,
            kept_scores: summary.kept_scores,
            length_correlation: summary.length_correlation,
            mean_scored_tokens: summary.mean_scored_tokens,
            sources: source_parts(&summary),
            losses: self.losses(&selected),
            line: None,
            lengths: self.lengths(&label, &histogram.axis, scores, &selected),
            histogram,
            picks: picks::pick(&ranking, selection, &ranks, &selected, self.n_examples, |a, b| {
                is_twin(columns, a, b)
            }),
        };
        // Shrinkage is added to sums, so its border is no line among means.
        if chosen.shrinkage.is_none_or(|nats| nats == 0.0) {
            view.line = view.border().and_then(|score| strategy.border(score));
        }
        self.views.push(view);
        self.kept.push(Kept { selected, scores: oriented(scores, selection) });
    }

    /// Says of a strategy that it is not shown, and why.
    pub fn leave_out(&mut self, strategy: &str, reason: impl Into<String>) {
        self.left_out.push(LeftOut { strategy: strategy.to_owned(), reason: reason.into() });
    }

    /// The measurements so far. Examples, the manifest, and commands are to be added.
    pub fn report(self, title: impl Into<String>) -> Report {
        let columns = self.columns;
        let scored = || (0..columns.len()).filter(|&row| columns.statuses[row].is_scored());
        Report {
            title: title.into(),
            tool: String::new(),
            n_rows: columns.len() as u64,
            n_scored_rows: scored().count() as u64,
            n_tokens: scored().map(|row| columns.n_tokens_read(row)).sum(),
            n_scored_tokens: scored().map(|row| u64::from(columns.n_scored[row])).sum(),
            budget: self.budget.map_or_else(String::new, |budget| budget.to_string()),
            seed: columns.seed,
            statuses: statuses(columns),
            overlaps: self.overlaps(),
            views: self.views,
            left_out: self.left_out,
            examples: BTreeMap::new(),
            without_heat: None,
            regions: None,
            manifest: Value::Null,
            commands: Vec::new(),
        }
    }

    fn losses(&self, selected: &[bool]) -> Option<Plane> {
        let (x, y) = self.loss_axes.clone()?;
        let wanted = Wanted { x, y, whole: false, medians: false };
        let points = (0..self.columns.len()).filter_map(|row| {
            let (x, y) = losses_per_token(self.columns, row)?;
            Some(Point { row: row as u64, x, y, selected: selected[row] })
        });
        Some(Plane::of(wanted, points))
    }

    fn lengths(&self, label: &str, axis: &Axis, scores: &Numbers, selected: &[bool]) -> Plane {
        let columns = self.columns;
        let y = Axis { label: label.to_owned(), ..axis.clone() };
        let wanted = Wanted { x: self.length_axis.clone(), y, whole: true, medians: true };
        let points = (0..columns.len()).filter_map(|row| {
            let (x, y) = (f64::from(columns.n_scored[row]), scores.get(row)?);
            Some(Point { row: row as u64, x, y, selected: selected[row] })
        });
        Plane::of(wanted, points)
    }

    fn overlaps(&self) -> Vec<Overlap> {
        let pairs =
            (0..self.kept.len()).flat_map(|left| (left + 1..self.kept.len()).map(move |right| (left, right)));
        let found = pairs.filter_map(|(left, right)| {
            let agreed = self.kept[left].agreement(&self.kept[right])?;
            Some(Overlap {
                left,
                right,
                shared: agreed.shared,
                by_chance: agreed.by_chance,
                k: agreed.k,
                spearman: spearman(&self.kept[left].scores, &self.kept[right].scores),
            })
        });
        found.collect()
    }
}

fn place(row: u64) -> usize {
    usize::try_from(row).expect("a row of the table")
}

/// Whether two rows have the same losses of as many tokens, to the bit: then they have the same text.
fn is_twin(columns: &ScoreColumns, one: u64, other: u64) -> bool {
    let (one, other) = (place(one), place(other));
    let numbers = |row: usize| {
        let loss = |name: &str| columns.losses(name).get(row).map(f64::to_bits);
        Some((columns.n_tokens[row], columns.n_scored[row], loss("base")?, loss("reference")))
    };
    numbers(one).is_some_and(|found| numbers(other) == Some(found))
}

/// Base and reference loss of an eligible row, in nats per scored token.
fn losses_per_token(columns: &ScoreColumns, row: usize) -> Option<(f64, f64)> {
    let n_scored = f64::from(columns.n_scored[row]);
    if n_scored == 0.0 || !columns.statuses[row].is_eligible() {
        return None;
    }
    let mean = |name: &str| columns.losses(name).get(row).map(|sum| sum / n_scored);
    Some((mean("base")?, mean("reference")?))
        .filter(|(base, reference)| base.is_finite() && reference.is_finite())
}

/// Scores of which the high ones are kept.
fn oriented(scores: &Numbers, selection: &Selection) -> Numbers {
    match selection.direction {
        Direction::Descending => scores.clone(),
        Direction::Ascending => scores.iter().map(|score| score.map(|score| -score)).collect(),
    }
}

fn source_parts(summary: &Summary) -> Vec<SourcePart> {
    let part = |share: &lobass_select::SourceShare| SourcePart {
        source: share.source.clone(),
        n_pool: share.n_pool,
        n_selected: share.n_selected,
    };
    summary.sources.iter().map(part).collect()
}

fn statuses(columns: &ScoreColumns) -> Vec<StatusCount> {
    let mut counts = BTreeMap::new();
    for status in &columns.statuses {
        *counts.entry(*status).or_insert(0u64) += 1;
    }
    let counted = counts.into_iter().map(|(status, n_rows)| StatusCount {
        status: status.to_string(),
        is_scored: status.is_scored(),
        is_eligible: status.is_eligible(),
        n_rows,
        first_reason: columns.reasons.get(&status).cloned(),
    });
    counted.collect()
}
