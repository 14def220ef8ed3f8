//! What was found about sources, as text and as data.

use std::fmt;

use lobass_core::readable::{Labelled, count, counted};
use lobass_mixture::{Examined, Interval, Status};
use serde::Serialize;

/// What was found about the sources of a training.
#[derive(Debug, Clone, Serialize)]
pub struct SourcesReport {
    /// Steps that the training had taken.
    pub n_taken: u64,
    /// Steps that it takes in all.
    pub n_steps: u64,
    /// Steps in which a source was in its first pass. Later ones have no part in any number.
    pub n_first_pass: usize,
    /// Steps at the start that laws leave out.
    pub n_ignored: usize,
    /// Whether losses are those of pairs, and not of scored tokens.
    pub of_pairs: bool,
    /// The points that a law takes at least.
    pub least_points: usize,
    /// The smallest loss that a curve may tend to.
    pub floor: Option<f64>,
    /// Each source, in the order of its first row.
    pub sources: Vec<SourceFound>,
}

/// What was found about a source.
#[derive(Debug, Clone, Serialize)]
pub struct SourceFound {
    /// Its name, as in the `source` column of a score table.
    pub source: String,
    /// Rows of its first pass.
    pub n_rows: u64,
    /// Their scored tokens, or pairs.
    pub n_scored: u64,
    /// Its share of the rows.
    pub share: f64,
    /// The status, the law, and its intervals.
    #[serde(flatten)]
    pub examined: Examined,
    /// The factor of the law in the form of the paper, for counts of scored tokens.
    pub beta: Option<f64>,
    /// The share that ADO would give it after the first pass.
    pub ado_share: f64,
    /// The share of its loss that it shed between base and reference, from a score table.
    pub loss_shed: Option<f64>,
}

impl SourcesReport {
    /// Whether no source has a law.
    pub fn has_no_law(&self) -> bool {
        self.sources.iter().all(|source| source.examined.law.is_none())
    }

    /// The lines of a table, the first with names of columns.
    fn table(&self) -> Vec<Vec<String>> {
        let has_shed = self.sources.iter().any(|source| source.loss_shed.is_some());
        let terms = if self.of_pairs { "pairs" } else { "tokens" };
        let mut header = vec![
            "source",
            "rows",
            terms,
            "share",
            "first",
            "last",
            "alpha",
            "eps",
            "potential",
            "90 %",
            "ado",
            "r2",
            "points",
            "status",
        ];
        header.extend(has_shed.then_some("shed"));
        let mut lines = vec![header.into_iter().map(str::to_owned).collect()];
        let ranks = ranks(&self.sources, |source| source.examined.potential);
        let shed = ranks_of_shed(&self.sources);
        for (at, source) in self.sources.iter().enumerate() {
            let mut line = source.line();
            line[8] = ranked(source.examined.potential, ranks[at], 4);
            if has_shed {
                line.push(ranked(source.loss_shed, shed[at], 3));
            }
            lines.push(line);
        }
        lines
    }
}

fn ranks_of_shed(sources: &[SourceFound]) -> Vec<usize> {
    ranks(sources, |source| source.loss_shed)
}

/// The place of each source by a number, the largest first, from 1.
fn ranks(sources: &[SourceFound], number: impl Fn(&SourceFound) -> Option<f64>) -> Vec<usize> {
    let above = |source: &SourceFound| {
        let mine = number(source);
        1 + sources.iter().filter(|other| number(other) > mine).count()
    };
    sources.iter().map(above).collect()
}

fn ranked(number: Option<f64>, rank: usize, digits: usize) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("{number:.digits$} ({rank})"))
}

fn shown(number: Option<f64>, digits: usize) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("{number:.digits$}"))
}

impl SourceFound {
    fn line(&self) -> Vec<String> {
        let Examined { status, n_points, losses, law, r2, intervals, .. } = &self.examined;
        let interval = |interval: Interval| format!("{:.4}..{:.4}", interval.low, interval.high);
        vec![
            self.source.clone(),
            count(self.n_rows),
            count(self.n_scored),
            format!("{:.3}", self.share),
            shown(losses.map(|losses| losses.0), 3),
            shown(losses.map(|losses| losses.1), 3),
            shown(law.map(|law| law.alpha), 3),
            shown(law.map(|law| law.eps), 3),
            String::new(),
            intervals.map_or_else(|| "-".to_owned(), |intervals| interval(intervals.potential)),
            format!("{:.3}", self.ado_share),
            shown(*r2, 2),
            n_points.to_string(),
            status.to_string(),
        ]
    }
}

/// Columns side by side: the first one to the left, the others to the right.
fn aligned(lines: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| {
        let widths = lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count());
        widths.max().unwrap_or_default()
    };
    let cell = |(column, cell): (usize, &String)| match column {
        0 => format!("{cell:<width$}", width = width(0)),
        _ => format!("{cell:>width$}", width = width(column)),
    };
    lines.iter().map(|line| line.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ")).collect()
}

impl fmt::Display for SourcesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Labelled::default();
        let (taken, all) = (count(self.n_taken), count(self.n_steps));
        text.line("steps", format!("{taken} of {all}, {} of them in the first pass", self.n_first_pass));
        let ignored = counted(self.n_ignored as u64, "step");
        text.line("laws", format!("L(n) = eps + beta n^-alpha, without the first {ignored}"));
        if let Some(floor) = self.floor {
            text.line("laws", format!("with an eps of at least {floor}"));
        }
        for line in aligned(&self.table()) {
            text.line("", line);
        }
        for source in &self.sources {
            let reason = match source.examined.status {
                Status::Ok => continue,
                Status::FewPoints => format!(
                    "in {} after the first {ignored}, expected at least {}; it counts as the mean of the others",
                    counted(source.examined.n_points as u64, "step"),
                    self.least_points
                ),
                Status::Flat => "its loss does not change".to_owned(),
                Status::Rising => "its loss rises".to_owned(),
            };
            text.line("no law", format!("{}: {reason}", source.source));
        }
        text.line("note", "compare potentials by their ratios: alpha and eps also follow the learning rate");
        text.fmt(f)
    }
}
