//! The report on a selection.

use std::fmt;
use std::path::PathBuf;

use lobass_core::readable::{Labelled, count, counted, percent};
use lobass_core::{Budget, RowStatus};
use lobass_select::{Chosen, LeftOut, SourceShare, StratumShare, Summary, Ties};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::samples::SampleFacts;
use crate::scoring::Reasons;

/// A selection, its summary, and where it was written.
#[derive(Debug)]
pub struct SelectionReport {
    /// The selection, and the scores that decided it.
    pub chosen: Chosen,
    /// What was kept, and what the score goes with.
    pub summary: Summary,
    /// The samples that the strategy read, if it reads any.
    pub samples: Option<SampleFacts>,
    pub(super) written: Vec<(PathBuf, u64)>,
    pub(super) reasons: Reasons,
    /// Whether a budget was asked for, rather than all that is good enough.
    pub(super) has_budget: bool,
}

/// So many parts or sources have a line each; the others are counted together.
const MAX_LINES: usize = 12;

impl SelectionReport {
    /// Whether less was kept than asked for: rows ran out, or not even the first of them fits.
    pub fn falls_short(&self) -> bool {
        let selection = &self.chosen.selection;
        let n_selected = selection.selected.len() as u64;
        let short = match selection.budget {
            Budget::Tokens(asked) => n_selected == selection.n_eligible && selection.n_tokens < asked,
            Budget::Fraction(_) | Budget::Rows(_) => {
                selection.budget.row_limit(selection.n_rows).is_some_and(|asked| asked > n_selected)
            }
        };
        self.has_budget && (short || n_selected == 0)
    }

    /// Why less was kept than asked for.
    fn shortfall(&self) -> String {
        let Chosen { selection, strata, .. } = &self.chosen;
        let n_selected = selection.selected.len() as u64;
        let with_share = || strata.iter().filter(|part| part.allotted > 0);
        let in_parts: u64 = with_share().map(|part| part.n_eligible).sum();
        let why = match selection.budget {
            _ if n_selected == selection.n_eligible => {
                format!("there are only {}", counted(selection.n_eligible, "candidate"))
            }
            _ if !strata.is_empty() && in_parts == n_selected => {
                let parts = counted(with_share().count() as u64, "part");
                format!("the {parts} with a share have only {}", counted(in_parts, "candidate"))
            }
            Budget::Tokens(_) if n_selected == 0 => {
                return format!("nothing: the first row by rank has more tokens than {}", selection.budget);
            }
            _ => "no other row differs enough, or has a missing length".to_owned(),
        };
        format!("fewer than {} asks for: {why}", selection.budget)
    }

    /// The rows of the pool by status.
    fn pool_text(&self, text: &mut Labelled) {
        let statuses = || self.summary.statuses.iter();
        let n_scored: u64 = statuses().filter(|(status, _)| status.is_scored()).map(|(_, n)| n).sum();
        let n_rows = counted(self.chosen.selection.n_rows, "row");
        text.line("pool", format!("{n_rows}, {} scored", count(n_scored)));
        for (status, n) in statuses().filter(|(status, _)| *status == RowStatus::HeldOut) {
            let why = self.reasons.get(status).map_or("", |(_, reason)| reason);
            text.line("held out", format!("{} {why}, which no strategy selects", counted(*n, "row")));
        }
        for (status, n) in statuses().filter(|(status, _)| !status.is_scored()) {
            let why = self.reasons.get(status);
            let why =
                why.map_or(String::new(), |(row, reason)| format!(", the first of them row {row}: {reason}"));
            text.line("not scored", format!("{} {status}{why}", count(*n)));
        }
    }

    /// The scores that were kept, and whether the seed chose among equal ones.
    fn score_text(&self, text: &mut Labelled) {
        let Some((best, worst)) = self.summary.kept_scores else { return };
        let n_selected = self.chosen.selection.selected.len() as u64;
        match self.summary.ties {
            Some(Ties { score, n_candidates, n_selected: n_drawn }) if n_drawn == n_selected => text.line(
                "score",
                format!(
                    "{score:.4} for every kept row; {} have this score, so the seed alone chose",
                    counted(n_candidates, "candidate")
                ),
            ),
            Some(Ties { n_candidates, n_selected: n_drawn, .. }) => text.line(
                "score",
                format!(
                    "{best:.4} (best) to {worst:.4} (worst), which {} have; the seed chose {} of them",
                    counted(n_candidates, "candidate"),
                    count(n_drawn)
                ),
            ),
            None => text.line("score", format!("{best:.4} (best) to {worst:.4} (worst)")),
        }
    }

    /// Each source's part, and that of each part with a quota.
    fn parts_text(&self, text: &mut Labelled) {
        let kept = self.chosen.selection.selected.len() as u64;
        let sources = &self.summary.sources;
        let (shown, rest) = sources.split_at(sources.len().min(MAX_LINES));
        for share in shown {
            let part = percent(share.n_selected, share.n_pool);
            let (n_kept, all) = (count(share.n_selected), count(share.n_pool));
            text.line("source", format!("{}: {n_kept} of {all} ({part})", share.source));
        }
        if !rest.is_empty() {
            let sum = |of: fn(&SourceShare) -> u64| count(rest.iter().map(of).sum());
            let (n_kept, all) = (sum(|share| share.n_selected), sum(|share| share.n_pool));
            text.line(
                "source",
                format!("{n_kept} of {all} in {}", counted(rest.len() as u64, "more source")),
            );
        }
        let mut strata: Vec<&StratumShare> = self.chosen.strata.iter().collect();
        if strata.len() > MAX_LINES {
            strata.sort_by_key(|part| std::cmp::Reverse((part.n_selected, part.n_eligible)));
        }
        let (shown, rest) = strata.split_at(strata.len().min(MAX_LINES));
        for StratumShare { name, n_eligible, n_selected, .. } in shown {
            let (part, candidates) = (percent(*n_selected, kept), counted(*n_eligible, "candidate"));
            let name = if name.is_empty() { "(empty)" } else { name.as_str() };
            text.line("quota", format!("{name}: {} of {candidates} ({part})", count(*n_selected)));
        }
        if !rest.is_empty() {
            let sum = |of: fn(&StratumShare) -> u64| rest.iter().map(|part| of(part)).sum::<u64>();
            let candidates = counted(sum(|part| part.n_eligible), "candidate");
            let (n_kept, parts) =
                (count(sum(|part| part.n_selected)), counted(rest.len() as u64, "smaller part"));
            text.line("quota", format!("{n_kept} of {candidates} in {parts}; `--format json` lists them"));
        }
    }

    fn json(&self) -> Value {
        let Self { chosen: Chosen { selection, left_out, strata, shrinkage, .. }, summary, .. } = self;
        let statuses: serde_json::Map<String, Value> =
            summary.statuses.iter().map(|(status, n)| (status.to_string(), json!(n))).collect();
        let sources: Vec<Value> = summary
            .sources
            .iter()
            .map(|s| json!({"source": s.source, "n_pool": s.n_pool, "n_selected": s.n_selected}))
            .collect();
        let written: Vec<Value> =
            self.written.iter().map(|(path, rows)| json!({"path": path, "n_rows": rows})).collect();
        let left_out: Vec<Value> =
            left_out.iter().map(|l| json!({"why": l.why, "n_rows": l.n_rows})).collect();
        let strata = strata.iter().map(|s| {
            json!({"name": s.name, "n_eligible": s.n_eligible, "allotted": s.allotted, "n_selected": s.n_selected})
        });
        let strata: Vec<Value> = strata.collect();
        let mut json = json!({
            "strategy": selection.strategy,
            "direction": selection.direction.to_string(),
            "budget": selection.budget.to_string(),
            "seed": selection.seed,
            "n_rows": selection.n_rows,
            "n_eligible": selection.n_eligible,
            "n_selected": selection.selected.len(),
            "n_tokens": selection.n_tokens,
            "statuses": statuses,
            "left_out": left_out,
            "quota": strata,
            "sources": sources,
            "shrinkage": shrinkage,
            "kept_scores": summary.kept_scores,
            "ties": summary.ties.map(|ties| {
                json!({"score": ties.score, "n_candidates": ties.n_candidates, "n_selected": ties.n_selected})
            }),
            "length_correlation": summary.length_correlation,
            "mean_scored_tokens": {"pool": summary.mean_scored_tokens.0, "selected": summary.mean_scored_tokens.1},
            "written": written,
        });
        if let Some(samples) = &self.samples {
            json["samples"] = json!(samples);
        }
        json
    }
}

/// The selection as lines for a person.
impl fmt::Display for SelectionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chosen: Chosen { selection, score, left_out, .. }, summary, .. } = self;
        let mut text = Labelled::default();
        let kept = selection.selected.len() as u64;
        text.line("strategy", format!("{}: {score}, {}", selection.strategy, selection.direction));
        if let Some(samples) = &self.samples {
            text.line("samples", samples);
        }
        self.pool_text(&mut text);
        for LeftOut { why, n_rows } in left_out {
            text.line("left out", format!("{}: {why}", counted(*n_rows, "row")));
        }
        let share = percent(kept, selection.n_rows);
        text.line(
            "kept",
            format!("{} ({share}), {}", counted(kept, "row"), counted(selection.n_tokens, "token")),
        );
        if self.falls_short() {
            text.line("kept", self.shortfall());
        }
        self.score_text(&mut text);
        let (pool_mean, kept_mean) = summary.mean_scored_tokens;
        let correlation = summary.length_correlation.map_or_else(
            || "not defined, since one of them is constant".to_owned(),
            |correlation| format!("{correlation:+.3} (Spearman)"),
        );
        text.line(
            "length",
            format!(
                "responses average {kept_mean:.0} tokens, {pool_mean:.0} in the pool; rank correlation of score and \
                 length: {correlation}"
            ),
        );
        self.parts_text(&mut text);
        for (path, rows) in &self.written {
            text.line("wrote", format!("{} ({})", path.display(), counted(*rows, "row")));
        }
        if self.written.is_empty() {
            text.line("wrote", "nothing; `--out` writes the kept rows, `--index` a list of them");
        }
        text.fmt(f)
    }
}

/// The selection as JSON, without its rows.
impl Serialize for SelectionReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}
