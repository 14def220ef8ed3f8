//! What is said of a selection.

use std::path::PathBuf;

use lobass_core::{Budget, RowStatus, Selection};
use lobass_select::{LeftOut, Strategy, StratumShare, Summary};
use serde::Serialize;
use serde_json::{Value, json};

use crate::stages::Reasons;
use crate::text::{Labelled, count, counted, percent};

/// A selection, what is to be said of it, and where it was written.
pub(crate) struct SelectionReport {
    pub(crate) strategy: Strategy,
    pub(crate) selection: Selection,
    /// Rows that were no candidates, and why.
    pub(super) left_out: Vec<LeftOut>,
    /// What each part of the pool got, if there is a quota.
    pub(super) strata: Vec<StratumShare>,
    pub(crate) summary: Summary,
    pub(super) written: Vec<(PathBuf, u64)>,
    pub(super) reasons: Reasons,
    /// What the score is, in a phrase.
    pub(super) score: &'static str,
    /// Whether a budget was asked for, rather than all that is good enough.
    pub(super) has_budget: bool,
}

impl SelectionReport {
    /// How many rows were kept.
    pub(crate) fn n_selected(&self) -> usize {
        self.selection.selected.len()
    }

    /// Whether less was kept than asked for: rows ran out, or not even the first of them fits.
    pub(crate) fn falls_short(&self) -> bool {
        let selection = &self.selection;
        let n_selected = selection.selected.len() as u64;
        let short = match selection.budget {
            Budget::Tokens(asked) => n_selected == selection.n_eligible && selection.n_tokens < asked,
            Budget::Fraction(_) | Budget::Rows(_) => {
                selection.budget.row_limit(selection.n_rows).is_some_and(|asked| asked > n_selected)
            }
        };
        self.has_budget && (short || n_selected == 0)
    }

    fn shortfall(&self) -> String {
        let selection = &self.selection;
        if selection.selected.is_empty() {
            return format!(
                "nothing: the first row by rank has more tokens than {} allows",
                selection.budget
            );
        }
        let eligible = count(selection.n_eligible);
        format!("fewer than {} asks for: only {eligible} rows have this score", selection.budget)
    }

    pub(crate) fn text(&self) -> String {
        let Self { selection, summary, .. } = self;
        let mut text = Labelled::default();
        let kept = selection.selected.len() as u64;
        text.line("strategy", format!("{}: {}, {}", selection.strategy, self.score, selection.direction));
        let n_scored: u64 =
            summary.statuses.iter().filter(|(status, _)| status.is_scored()).map(|(_, n)| n).sum();
        text.line("pool", format!("{}, {} scored", counted(selection.n_rows, "row"), count(n_scored)));
        for (status, n) in summary.statuses.iter().filter(|(status, _)| *status == RowStatus::HeldOut) {
            let why = self.reasons.get(status).map_or("", |(_, reason)| reason);
            text.line("held out", format!("{} {why}, which no strategy selects", counted(*n, "row")));
        }
        for (status, n) in summary.statuses.iter().filter(|(status, _)| !status.is_scored()) {
            let why = self.reasons.get(status);
            let why =
                why.map_or(String::new(), |(row, reason)| format!(", the first of them row {row}: {reason}"));
            text.line("not scored", format!("{} {status}{why}", count(*n)));
        }
        for LeftOut { why, n_rows } in &self.left_out {
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
        for StratumShare { name, n_eligible, n_selected, .. } in &self.strata {
            let part = percent(*n_selected, kept);
            text.line(
                "quota",
                format!("{name}: {} of {} ({part})", count(*n_selected), counted(*n_eligible, "candidate")),
            );
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
        let left_out: Vec<Value> =
            self.left_out.iter().map(|l| json!({"why": l.why, "n_rows": l.n_rows})).collect();
        let strata = self.strata.iter().map(|s| {
            json!({"name": s.name, "n_eligible": s.n_eligible, "allotted": s.allotted, "n_selected": s.n_selected})
        });
        let strata: Vec<Value> = strata.collect();
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
            "left_out": left_out,
            "quota": strata,
            "sources": sources,
            "length_correlation": summary.length_correlation,
            "mean_scored_tokens": {"pool": summary.mean_scored_tokens.0, "selected": summary.mean_scored_tokens.1},
            "written": written,
        })
    }
}
