//! What was measured, as text and as data.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use lobass_core::readable::{Labelled, count, counted};
use lobass_evidence::Estimate;
use lobass_information::{Bits, Information};
use lobass_run::Unseen;
use serde::Serialize;

/// The usable information of score tables, in bits.
#[derive(Debug, Clone, Serialize)]
pub struct InformationReport {
    /// The tables.
    pub scores: Vec<PathBuf>,
    /// Whether only rows were measured that no model was trained on. Otherwise the information is too large.
    pub out_of_sample: bool,
    /// How it is known which rows no model was trained on.
    pub unseen: Unseen,
    /// The transform of prompts, if there was one.
    pub transform: Option<String>,
    /// Rows with losses that were not measured.
    pub n_left_out: usize,
    /// All rows.
    pub all: Information,
    /// The rows of each source, if that was asked for.
    pub sources: BTreeMap<String, Information>,
    /// What a transform of prompts cost, if there are tables of it.
    pub lost: Option<LostReport>,
    /// Rows with information below zero.
    pub n_below_zero: usize,
    /// The first of them, the lowest first.
    pub below_zero: Vec<RowToRead>,
    /// The file with all of them.
    pub list: Option<PathBuf>,
}

/// The information that a transform of prompts costs, in bits.
#[derive(Debug, Clone, Serialize)]
pub struct LostReport {
    /// The tables after the transform.
    pub scores: Vec<PathBuf>,
    /// The transform; without one, the other tables have it.
    pub transform: Option<String>,
    /// Rows that are not compared, since their scored tokens are others, or they have no losses.
    pub n_left_out: usize,
    /// The compared rows, before.
    pub before: Information,
    /// The compared rows, after.
    pub after: Information,
    /// The usable information before minus that after.
    pub lost: Bits,
    /// The same for the rows of each source, if that was asked for.
    pub sources: BTreeMap<String, Bits>,
}

/// A row whose prompt misleads the model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowToRead {
    /// The position in the pool.
    pub row: u64,
    /// The key.
    pub key: String,
    /// The source.
    pub source: String,
    /// Scored tokens.
    pub n_scored: u32,
    /// The pointwise information of the prompt, in bits.
    pub pvi: f64,
    /// The loss without the prompt under the null model, in bits.
    pub null_bits: f64,
    /// The loss with the prompt under the reference, in bits.
    pub reference_bits: f64,
}

impl fmt::Display for InformationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Labelled::default();
        let Information { n_rows, n_scored, n_trials, .. } = self.all;
        let seeds = if n_trials > 1 { format!(", {n_trials} trainings") } else { String::new() };
        let transform = self.transform.as_ref().map(|name| format!(", prompts changed by {name}"));
        text.line(
            "measured",
            format!(
                "{}, {} scored tokens{seeds}{}",
                counted(n_rows as u64, "row"),
                count(n_scored),
                transform.unwrap_or_default()
            ),
        );
        text.line(
            "rows",
            match self.out_of_sample {
                true => format!("out of sample: {}", self.unseen),
                false => "IN SAMPLE: models may have memorized these rows, and the information is too large"
                    .to_owned(),
            },
        );
        if self.n_left_out > 0 {
            text.line("rows", format!("{} not measured", counted(self.n_left_out as u64, "scored row")));
        }
        lines(&mut text, &self.all);
        for (name, found) in &self.sources {
            text.line("source", format!("{name}: {}", counted(found.n_rows as u64, "row")));
            lines(&mut text, found);
        }
        if let Some(lost) = &self.lost {
            lost.lines(&mut text);
        }
        for row in &self.below_zero {
            text.line("read", format!("row {} of {}: {:.1} bits", row.row, row.source, row.pvi));
        }
        if self.n_below_zero > self.below_zero.len() {
            text.line("read", format!("{} with PVI < 0 in all", counted(self.n_below_zero as u64, "row")));
        }
        if let Some(list) = &self.list {
            text.line("list", list.display());
        }
        text.fmt(f)
    }
}

fn lines(text: &mut Labelled, found: &Information) {
    text.line("H(Y)", bits(&found.entropy));
    text.line("H(Y|X)", bits(&found.conditional));
    text.line("I_V", bits(&found.usable));
    let Estimate { value, low, high } = found.below_zero;
    let [value, low, high] = [value, low, high].map(|share| 100.0 * share);
    let interval = if low.is_nan() { NO_INTERVAL.to_owned() } else { format!(" [{low:.1}, {high:.1}]") };
    text.line("PVI < 0", format!("{value:.1} % of the rows{interval}"));
}

/// What stands in place of an interval.
const NO_INTERVAL: &str = ", too few rows for an interval";

fn bits(bits: &Bits) -> String {
    let shown = |found: Estimate| format!("[{:.3}, {:.3}]", found.low, found.high);
    let Bits { per_row, per_token } = *bits;
    if per_row.low.is_nan() {
        return format!("{:.3} bits a row, {:.3} a token{NO_INTERVAL}", per_row.value, per_token.value);
    }
    format!(
        "{:.3} bits a row {}, {:.3} a token {}",
        per_row.value,
        shown(per_row),
        per_token.value,
        shown(per_token)
    )
}

impl LostReport {
    fn lines(&self, text: &mut Labelled) {
        let transform = self.transform.as_deref().unwrap_or("no transform");
        let left_out = match self.n_left_out {
            0 => String::new(),
            n => format!("; {} with other scored tokens not compared", counted(n as u64, "row")),
        };
        let n_rows = counted(self.before.n_rows as u64, "row");
        text.line("changed", format!("prompts by {transform}, {n_rows}{left_out}"));
        text.line("before", bits(&self.before.usable));
        text.line("after", bits(&self.after.usable));
        text.line("lost", bits(&self.lost));
        for (name, lost) in &self.sources {
            text.line("lost", format!("{name}: {}", bits(lost)));
        }
    }
}
