//! Losses of pairs under a model, and under one that is trained first.

use std::path::Path;

use lobass_core::{Detail, LossEngine as _, Sequence};
use lobass_evidence::pairs::{PairMatching, PairSubset};
use lobass_loss::Engine;
use lobass_train::{Objective, Pair};

use super::super::training::{Amount, Training, start};
use super::opened::PairsComparison;
use super::record::{PairTrial, TrainedOnPairs};
use super::rows::PairRow;
use crate::error::{Result, bail};
use crate::runtime::Runtime;

/// The losses of all pairs under the base, chosen and rejected, in nats.
pub(super) struct BaseLosses {
    pub(super) train: Vec<[f64; 2]>,
    pub(super) held_out: Vec<[f64; 2]>,
}

/// One way to train, with its trials by seed.
pub(super) struct DoneArm {
    pub(super) subset: PairSubset,
    pub(super) matching: PairMatching,
    /// The trials, and the places of the pairs that each was trained on.
    pub(super) trials: Vec<(PairTrial, Vec<usize>)>,
}

/// A training on some pairs, and what is measured after it.
pub(super) struct OnPairs<'a> {
    /// Places among the pairs to train on.
    pub(super) rows: &'a [usize],
    /// The losses of all pairs to train on under the base.
    pub(super) base: &'a [[f64; 2]],
    pub(super) matching: PairMatching,
    pub(super) seed: u64,
    pub(super) measured: &'a [&'a PairRow],
}

/// The summed losses of both responses of some pairs, in nats.
pub(super) fn losses_of(engine: &Engine, pairs: &[&PairRow]) -> Result<Vec<[f64; 2]>> {
    let sides: Vec<Sequence> =
        pairs.iter().flat_map(|pair| [pair.chosen.clone(), pair.rejected.clone()]).collect();
    let losses = engine.losses(&sides, Detail::Sum)?;
    if let Some(at) = losses.iter().position(|loss| !loss.nll.sum.is_finite()) {
        let pair = pairs[at / 2];
        bail!(Comparison, "pair `{}`: expected finite losses, found {}", pair.key, losses[at].nll.sum);
    }
    Ok(losses.chunks(2).map(|sides| [sides[0].nll.sum, sides[1].nll.sum]).collect())
}

impl PairsComparison {
    /// Trains on some pairs, and measures others.
    pub(super) fn train_and_measure(
        &self,
        task: &OnPairs<'_>,
        state: &Path,
        runtime: &Runtime,
    ) -> Result<(TrainedOnPairs, Vec<[f64; 2]>)> {
        let rows: Vec<&PairRow> = task.rows.iter().map(|&at| &self.data.train.rows[at]).collect();
        let pair = |(pair, &at): (&&PairRow, &usize)| {
            let [reference_chosen, reference_rejected] = task.base[at];
            let (chosen, rejected) = (pair.chosen.clone(), pair.rejected.clone());
            Pair { chosen, rejected, reference_chosen, reference_rejected }
        };
        let pairs: Vec<Pair> = rows.iter().zip(task.rows).map(pair).collect();
        let (ones, lengths) =
            (vec![1; rows.len()], rows.iter().map(|pair| pair.n_tokens()).collect::<Vec<_>>());
        let batch_size = self.recipe.batch_size as u64;
        let training = Training {
            recipe: &self.recipe.with_seed(task.seed),
            amount: match task.matching {
                PairMatching::Epochs | PairMatching::Pairs => Amount::Epochs,
                PairMatching::Steps => Amount::Sizes(&ones, batch_size * self.decided.matched_steps),
                PairMatching::Tokens => Amount::Sizes(&lengths, self.decided.matched_tokens),
            },
            threads: self.threads,
            save_every: self.train.save_every,
            state,
            runtime,
        };
        let model = start(&self.base, &self.train, task.seed)?;
        let (model, report) = training.of(model, Objective::Preference(&pairs, self.dpo))?;
        let losses = losses_of(&Engine::new(model, self.threads), task.measured)?;
        let trained = TrainedOnPairs {
            n_pairs: rows.len() as u64,
            subset_tokens: lengths.iter().sum::<usize>() as u64,
            n_steps: report.losses.len() as u64,
            n_tokens: report.n_tokens,
            first_loss: report.losses.first().copied().unwrap_or_default(),
            last_loss: report.losses.last().copied().unwrap_or_default(),
        };
        Ok((trained, losses))
    }
}
