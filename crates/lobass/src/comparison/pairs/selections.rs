//! Selections of pairs by margins, lengths, and chance.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use lobass_core::readable::{counted, duration};
use lobass_core::{Budget, Nll, Observer as _, RejectedRecord, RowStatus, ScoreColumns, ScoreRecord};
use lobass_evidence::pairs::{MarginRecord, PairMatching, ScoreEnd, SourceMargins, folds_of_prompts};
use lobass_evidence::quantile;
use lobass_select::{MiddleOf, Request, Strategy, select};
use serde_json::json;

use super::opened::{Compared, PairsComparison};
use super::record::PairTrial;
use super::rows::PairRow;
use super::task::{BaseLosses, OnPairs};
use super::wanted::Wanted;
use crate::error::{Context as _, Result};
use crate::runtime::Runtime;

/// What strategies selected, and the margins that they read.
pub(super) struct Selections {
    /// By the name of the selection and the offset of the seed: places among the pairs to train on, in their order.
    pub(super) rows: BTreeMap<(String, u64), Vec<usize>>,
    pub(super) margins: Option<MarginRecord>,
}

impl PairsComparison {
    /// Selects by every strategy with every seed; `None` if no strategies are compared.
    pub(super) fn selections(&self, base: &BaseLosses, runtime: &Runtime) -> Result<Option<Selections>> {
        let Compared::Selections { wanted, budget, folds } = &self.compared else { return Ok(None) };
        let tuned = match wanted.iter().any(Wanted::needs_margins) {
            true => Some(self.tuned_losses(*folds, base, runtime)?),
            false => None,
        };
        let mut rows = BTreeMap::new();
        for offset in 0..self.n_seeds {
            let seed = self.decided.seed.wrapping_add(offset);
            let records = self.records(base, tuned.as_deref());
            let columns = ScoreColumns::of(&records, seed);
            for one in wanted {
                let chosen = chosen(&columns, one, *budget).with_context(|| one.subset().to_string())?;
                rows.insert((one.subset().to_string(), offset), chosen);
            }
        }
        let margins = tuned.map(|tuned| MarginRecord { folds: *folds, sources: self.margins(base, &tuned) });
        Ok(Some(Selections { rows, margins }))
    }

    /// The losses of all pairs to train on under models that were trained on pairs: on all of them, or with folds on
    /// those of the other folds.
    fn tuned_losses(
        &self,
        folds: Option<u32>,
        base: &BaseLosses,
        runtime: &Runtime,
    ) -> Result<Vec<[f64; 2]>> {
        let pairs = &self.data.train.rows;
        let Some(n_folds) = folds else {
            let all: Vec<usize> = (0..pairs.len()).collect();
            return self.tuned_on("margins", &all, &all, base, runtime);
        };
        let prompts: Vec<u128> = pairs.iter().map(|pair| pair.prompt).collect();
        let fold_of = folds_of_prompts(&prompts, n_folds as usize, self.decided.seed);
        let mut losses = vec![[0.0; 2]; pairs.len()];
        for fold in 0..n_folds as usize {
            let (own, others): (Vec<usize>, Vec<usize>) =
                (0..pairs.len()).partition(|&at| fold_of[at] == fold);
            if own.is_empty() {
                continue;
            }
            let found = self.tuned_on(&format!("margins-fold{fold}"), &others, &own, base, runtime)?;
            for (at, found) in own.into_iter().zip(found) {
                losses[at] = found;
            }
        }
        Ok(losses)
    }

    /// Trains on some pairs, and gives the losses of others, all by their places.
    fn tuned_on(
        &self,
        id: &str,
        rows: &[usize],
        measured: &[usize],
        base: &BaseLosses,
        runtime: &Runtime,
    ) -> Result<Vec<[f64; 2]>> {
        runtime.go_on()?;
        let pairs = &self.data.train.rows;
        let special = json!({"margins": id, "folds": self.decided.folds, "measured": measured.len()});
        let identity = self.decided.identity(&special, rows.iter().map(|&at| pairs[at].row))?;
        if let Some(record) = self.files.read::<PairTrial>(id, &identity)? {
            self.files.remove_state(id)?;
            return Ok(record.losses);
        }
        let started = Instant::now();
        let make = |state: &Path| {
            let measured: Vec<&PairRow> = measured.iter().map(|&at| &pairs[at]).collect();
            let (matching, seed) = (PairMatching::Epochs, self.recipe.seed);
            let task = OnPairs { rows, base: &base.train, matching, seed, measured: &measured };
            let (trained, losses) = self.train_and_measure(&task, state, runtime)?;
            Ok(PairTrial { identity: identity.clone(), trained: Some(trained), losses })
        };
        let record = self.files.once(id, &identity, make).with_context(|| id.to_owned())?;
        runtime.note(&format!(
            "{:16} trained on {}, scored {}, {}",
            id,
            counted(rows.len() as u64, "pair"),
            counted(measured.len() as u64, "pair"),
            duration(started.elapsed())
        ));
        Ok(record.losses)
    }

    /// The pairs as rows of a score table.
    fn records(&self, base: &BaseLosses, tuned: Option<&[[f64; 2]]>) -> Vec<ScoreRecord> {
        let length = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let record = |(at, pair): (usize, &PairRow)| {
            let [n_chosen, n_rejected] = [&pair.chosen, &pair.rejected].map(|side| length(side.n_scored()));
            let nll = |sum: f64, n_scored: u32| Nll { sum, n_scored: n_scored.into() };
            let [chosen, rejected] = base.train[at];
            let tuned = tuned.map(|tuned| tuned[at]);
            ScoreRecord {
                key: pair.key.clone(),
                status: RowStatus::Ok,
                source: self.data.train.sources[pair.source].clone(),
                n_tokens: length(pair.chosen.n_tokens()),
                base: Some(nll(chosen, n_chosen)),
                reference: tuned.map(|[chosen, _]| nll(chosen, n_chosen)),
                rejected: Some(RejectedRecord {
                    n_tokens: length(pair.rejected.n_tokens()),
                    n_scored: n_rejected,
                    base: Some(nll(rejected, n_rejected)),
                    reference: tuned.map(|[_, rejected]| nll(rejected, n_rejected)),
                }),
                ..ScoreRecord::scored(at as u64, n_chosen, 0.0, 0.0)
            }
        };
        self.data.train.rows.iter().enumerate().map(record).collect()
    }

    /// The margins of each source, in nats.
    fn margins(&self, base: &BaseLosses, tuned: &[[f64; 2]]) -> Vec<SourceMargins> {
        let of_source = |(at, source): (usize, &String)| {
            let pairs = self.data.train.rows.iter().zip(base.train.iter().zip(tuned));
            let of_source = pairs.filter(|(pair, _)| pair.source == at);
            let margin = |(_, (base, tuned)): (&PairRow, (&[f64; 2], &[f64; 2]))| {
                (base[0] - tuned[0]) - (base[1] - tuned[1])
            };
            let mut margins: Vec<f64> = of_source.map(margin).collect();
            margins.sort_by(f64::total_cmp);
            let n_pairs = margins.len();
            let above = |margin: &f64| if *margin == 0.0 { 0.5 } else { f64::from(u8::from(*margin > 0.0)) };
            (n_pairs > 0).then(|| SourceMargins {
                source: source.clone(),
                n_pairs: n_pairs as u64,
                mean: margins.iter().sum::<f64>() / n_pairs as f64,
                quartiles: [0.25, 0.5, 0.75].map(|share| quantile(&margins, share)),
                above_zero: margins.iter().map(above).sum::<f64>() / n_pairs as f64,
            })
        };
        self.data.train.sources.iter().enumerate().filter_map(of_source).collect()
    }
}

/// The places that a strategy keeps, in the order of the pool.
fn chosen(columns: &ScoreColumns, wanted: &Wanted, budget: Budget) -> Result<Vec<usize>> {
    let middle = MiddleOf(wanted.strategy);
    let strategy: &dyn Strategy = match wanted.end {
        Some(ScoreEnd::Middle) => &middle,
        _ => wanted.strategy,
    };
    let request = Request { direction: wanted.direction(), ..Request::new(strategy, budget) };
    let chosen = select(columns, &request)?;
    let mut rows: Vec<usize> =
        chosen.selection.selected.iter().filter_map(|row| usize::try_from(row.row).ok()).collect();
    rows.sort_unstable();
    Ok(rows)
}
