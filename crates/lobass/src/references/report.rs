//! How far references can be trusted: memorization, and agreement between seeds.

use lobass_core::readable::Labelled;
use lobass_core::{ColumnSet, Observer, RowStatus, ScoreColumns};
use lobass_run::{Manifest, ReferenceMode, losses_by_seed, seed_columns};
use lobass_select::{
    Agreement, Memorization, RankedAs, Stability, lobass_scores, memorization, memorization_columns,
    stability,
};
use serde_json::{Value, json};

/// Statistics of the references of a table.
#[derive(Debug)]
pub(crate) struct ReferenceReport {
    mode: ReferenceMode,
    /// Statistics of each row under references that saw it and references that did not, if references were
    /// cross-fitted.
    memorization: Option<Memorization>,
    /// The share of the loss that was shed, over all tokens of rows that references saw and of rows that they did not.
    drops: Option<Drops>,
    stability: Option<Stability>,
    k: usize,
}

#[derive(Debug, Clone, Copy)]
struct Drops {
    in_sample: f64,
    out_of_sample: f64,
}

/// Below this rank correlation, or this overlap of the selections, two rankings are not the same.
const LOW_CORRELATION: f64 = 0.9;
const LOW_OVERLAP: f64 = 0.7;
/// Above this share of the loss, what was memorized is more than noise.
const LARGE_GAP: f64 = 0.05;

impl ReferenceReport {
    /// The columns of a table that the report reads.
    pub(crate) fn columns(manifest: &Manifest) -> ColumnSet {
        let mut wanted = memorization_columns();
        wanted.extend(seed_columns(manifest));
        wanted
    }

    /// The statistics of a table. Rankings are compared as LoBaSS ranked the pool.
    pub(crate) fn new(manifest: &Manifest, columns: &ScoreColumns, ranked: &RankedAs<'_>) -> Self {
        let memorization = memorization(columns, ranked);
        let by_seed = losses_by_seed(manifest, columns);
        let by_seed: Vec<_> =
            by_seed.iter().map(|(_, losses)| lobass_scores(columns, losses, ranked)).collect();
        let mode = manifest.mode.unwrap_or_default();
        let drops = match &memorization {
            Some(found) => Some(Drops { in_sample: found.in_sample, out_of_sample: found.out_of_sample }),
            None => drops(columns, mode),
        };
        Self { mode, memorization, drops, stability: stability(columns, &by_seed, ranked), k: ranked.k }
    }

    /// The report as lines for people.
    pub(crate) fn text(&self) -> String {
        let mut text = Labelled::default();
        let trained = match self.mode {
            ReferenceMode::FullPool => "trained on the rows that they score",
            ReferenceMode::CrossFit => "each row is scored by those that were not trained on it",
            ReferenceMode::Holdout => "trained on rows that are not selected from",
        };
        text.line("references", format!("{}: {trained}", self.mode));
        if let Some(Drops { in_sample, out_of_sample }) = self.drops {
            text.line(
                "loss shed",
                format!(
                    "{:.1} % on rows that references were trained on, {:.1} % on others",
                    100.0 * in_sample,
                    100.0 * out_of_sample
                ),
            );
        }
        if let Some(found) = &self.memorization {
            text.line("rankings", format!("seen against unseen: {}", agreed(&found.agreement)));
        }
        if let Some(found) = &self.stability {
            let correlation = match (found.spearman_mean, found.spearman_min) {
                (Some(mean), Some(min)) => format!("Spearman {mean:.3} (lowest {min:.3}), "),
                _ => String::new(),
            };
            text.line(
                "seeds",
                format!(
                    "{correlation}{:.1} % of the first {} in common (lowest {:.1} %)",
                    100.0 * found.overlap_mean,
                    self.k,
                    100.0 * found.overlap_min
                ),
            );
        }
        text.to_string()
    }

    /// The report as JSON.
    pub(crate) fn json(&self) -> Value {
        let of = |found: &Agreement| json!({"n_rows": found.n_rows, "spearman": found.spearman, "overlap": found.overlap, "k": found.k});
        json!({
            "mode": self.mode,
            "in_sample_drop": self.drops.map(|drops| drops.in_sample),
            "out_of_sample_drop": self.drops.map(|drops| drops.out_of_sample),
            "seen_against_unseen": self.memorization.as_ref().map(|found| of(&found.agreement)),
            "seeds": self.stability.map(|found| json!({
                "n_pairs": found.n_pairs,
                "spearman_mean": found.spearman_mean,
                "spearman_min": found.spearman_min,
                "overlap_mean": found.overlap_mean,
                "overlap_min": found.overlap_min,
            })),
        })
    }

    /// Warns of memorization and of seeds that disagree.
    pub(crate) fn warn(&self, observer: &dyn Observer) {
        if let Some(found) = &self.memorization {
            let agreement = &found.agreement;
            if agreement.spearman.is_some_and(|found| found < LOW_CORRELATION)
                || agreement.overlap < LOW_OVERLAP
            {
                observer.warn(&format!(
                    "references that saw a row and references that did not rank the pool differently ({}): a \
                     reference of the whole pool would select much that it merely memorized",
                    agreed(agreement)
                ));
            }
        } else if let Some(Drops { in_sample, out_of_sample }) = self.drops
            && in_sample - out_of_sample > LARGE_GAP
            && self.mode == ReferenceMode::FullPool
        {
            observer.warn(&format!(
                "the reference shed {:.1} % of the loss of rows that it saw and {:.1} % of held-out ones: part of the \
                 ranking is memory (`--reference-mode cross-fit` scores each row by a reference that never saw it)",
                100.0 * in_sample,
                100.0 * out_of_sample
            ));
        }
        if let Some(found) = &self.stability
            && found.overlap_mean < LOW_OVERLAP
        {
            observer.warn(&format!(
                "references of other seeds agree on {:.1} % of the first {} rows only; more seeds, or a larger budget, \
                 would be steadier",
                100.0 * found.overlap_mean,
                self.k
            ));
        }
    }
}

fn agreed(found: &Agreement) -> String {
    let correlation = found.spearman.map_or(String::new(), |spearman| format!("Spearman {spearman:.3}, "));
    format!("{correlation}{:.1} % of the first {} in common", 100.0 * found.overlap, found.k)
}

/// The loss shed by rows that references saw, and by rows that they did not see.
fn drops(columns: &ScoreColumns, mode: ReferenceMode) -> Option<Drops> {
    let (of_base, of_reference) = (columns.losses("base"), columns.losses("reference"));
    let shed = |wanted: &dyn Fn(RowStatus) -> bool| {
        let (mut base, mut reference) = (0.0, 0.0);
        for row in (0..columns.len()).filter(|&row| wanted(columns.statuses[row])) {
            if let (Some(one), Some(other)) = (of_base.get(row), of_reference.get(row)) {
                base += one;
                reference += other;
            }
        }
        (base > 0.0).then(|| (base - reference) / base)
    };
    let eligible = shed(&RowStatus::is_eligible)?;
    let held_out = shed(&|status| status == RowStatus::HeldOut)?;
    let (in_sample, out_of_sample) = match mode {
        ReferenceMode::Holdout => (held_out, eligible),
        ReferenceMode::FullPool | ReferenceMode::CrossFit => (eligible, held_out),
    };
    Some(Drops { in_sample, out_of_sample })
}
