//! The results of a comparison of pairs, as data and as files.

use lobass_evidence::pairs::{
    HeldOutPair, MIXED, PairArmReport, PairDifference, PairMatching, PairOutcome, PairReport, PairSeed,
    PairSubset, PairsMeasured, measure_pairs, pair_tables,
};
use lobass_evidence::{ModelRecord, SourceCount};

use super::super::results;
use super::opened::{Compared, PairsComparison};
use super::record::{PairTrial, TrainedOnPairs};
use super::selections::Selections;
use super::subsets;
use super::task::{BaseLosses, DoneArm};
use crate::error::Result;
use crate::settings::ObjectiveName;

impl PairsComparison {
    /// Joins all trials, which are done.
    pub(super) fn report(
        &self,
        base: &BaseLosses,
        selections: Option<&Selections>,
        done: &[DoneArm],
    ) -> Result<PairReport> {
        let (train, held_out) =
            (self.data.train.with_losses(&base.train), self.data.held_out.with_losses(&base.held_out));
        let right: f64 = train.iter().map(HeldOutPair::longer_is_right).sum();
        let rule_prefers_longer = 2.0 * right >= train.len() as f64;
        let (arms, differences) = self.arm_reports(&held_out, done)?;
        let budget = match &self.compared {
            Compared::Shares { .. } => None,
            Compared::Selections { budget, .. } => Some(budget.to_string()),
        };
        let has = |matching| self.matchings.contains(&matching);
        Ok(PairReport {
            version: 1,
            tool: concat!("lobass ", env!("CARGO_PKG_VERSION")).to_owned(),
            base: ModelRecord {
                weights_digest: self.base.key.weights_digest.to_string(),
                n_parameters: self.base.checkpoint.spec().n_parameters() as u64,
            },
            objective: match self.train.objective {
                ObjectiveName::Sft => "sft",
                ObjectiveName::Dpo => "dpo",
                ObjectiveName::DavirDpo => "davir-dpo",
            }
            .to_owned(),
            beta: self.dpo.beta,
            recipe: results::recipe_record(&self.train, &self.recipe),
            pool: self.data.train.records(&train, rule_prefers_longer),
            held_out: self.data.held_out.records(&held_out, rule_prefers_longer),
            n_same_prompt: self.data.n_same_prompt,
            n_near: self.data.n_near,
            eval_share: self.decided.eval_share,
            rule_prefers_longer,
            budget,
            matched_steps: has(PairMatching::Steps).then_some(self.decided.matched_steps),
            matched_tokens: has(PairMatching::Tokens).then_some(self.decided.matched_tokens),
            margins: selections.and_then(|selections| selections.margins.clone()),
            bootstrap: self.bootstrap,
            arms,
            differences,
        })
    }

    /// The base untrained and every arm, measured on the held-out pairs.
    fn arm_reports(
        &self,
        held_out: &[HeldOutPair],
        done: &[DoneArm],
    ) -> Result<(Vec<PairArmReport>, Vec<PairDifference>)> {
        let untrained = held_out.iter().map(|pair| self.outcome(pair, pair.base)).collect();
        let outcomes = |trial: &PairTrial| -> Vec<PairOutcome> {
            held_out.iter().zip(&trial.losses).map(|(pair, &losses)| self.outcome(pair, losses)).collect()
        };
        let of_arm = |arm: &DoneArm| arm.trials.iter().map(|(trial, _)| outcomes(trial)).collect();
        let arms: Vec<Vec<Vec<PairOutcome>>> =
            std::iter::once(vec![untrained]).chain(done.iter().map(of_arm)).collect();
        let compared = self.compared_with(done);
        // Places among the arms, of which the untrained base is the first.
        let places: Vec<(usize, usize)> = compared.iter().map(|(one, other)| (one + 1, other + 1)).collect();
        let found = measure_pairs(held_out, &self.data.held_out.sources, &arms, &places, &self.bootstrap)?;
        let PairsMeasured { results, trials, differences } = found;
        let mut reports: Vec<PairArmReport> =
            std::iter::once(untrained_report()).chain(done.iter().map(|arm| self.arm_report(arm))).collect();
        for (report, (results, trials)) in reports.iter_mut().zip(results.into_iter().zip(trials)) {
            report.results = results;
            let seed = |offset: u64| report.matching.map(|_| self.recipe.seed.wrapping_add(offset));
            report.seeds = trials
                .into_iter()
                .zip(0..)
                .map(|(sources, at)| PairSeed { seed: seed(at), sources })
                .collect();
        }
        let mut all = Vec::new();
        for ((one, other), of_sources) in compared.into_iter().zip(differences) {
            all.extend(of_sources.into_iter().map(|found| PairDifference {
                arm: done[one].subset.to_string(),
                baseline: done[other].subset.to_string(),
                matching: done[one].matching,
                source: found.source,
                accuracy: found.accuracy,
                loss: found.loss,
            }));
        }
        Ok((reports, all))
    }

    /// A held-out pair under a model with these losses.
    fn outcome(&self, pair: &HeldOutPair, losses: [f64; 2]) -> PairOutcome {
        let found = self.dpo.loss_of(pair.base, losses);
        PairOutcome { losses, margin: found.margin / self.dpo.beta, loss: found.loss }
    }

    /// The places of arms that are compared, each with that of its baseline.
    fn compared_with(&self, done: &[DoneArm]) -> Vec<(usize, usize)> {
        let mut compared = Vec::new();
        for (at, arm) in done.iter().enumerate() {
            for baseline in self.baselines(&arm.subset) {
                let is_it = |other: &DoneArm| other.subset == baseline && other.matching == arm.matching;
                if let Some(other) = done.iter().position(is_it)
                    && other != at
                    && !compared.contains(&(at, other))
                {
                    compared.push((at, other));
                }
            }
        }
        compared
    }

    /// The subsets that one is compared with.
    fn baselines(&self, subset: &PairSubset) -> Vec<PairSubset> {
        match (&self.compared, subset) {
            (Compared::Shares { shares, .. }, PairSubset::Share { pool, share }) => {
                let largest = shares.last().copied().unwrap_or(1.0);
                let mixed = MIXED.to_owned();
                vec![
                    PairSubset::Share { pool: pool.clone(), share: largest },
                    PairSubset::Share { pool: mixed, share: *share },
                ]
            }
            (Compared::Selections { .. }, _) => {
                vec![
                    PairSubset::Selection { strategy: "random".to_owned(), end: None },
                    subsets::everything(),
                ]
            }
            _ => Vec::new(),
        }
    }

    /// An arm without what is measured.
    fn arm_report(&self, arm: &DoneArm) -> PairArmReport {
        let mean = |value: fn(&TrainedOnPairs) -> u64| {
            let trained = arm.trials.iter().filter_map(|(trial, _)| trial.trained.as_ref());
            trained.map(|trained| value(trained) as f64).sum::<f64>() / arm.trials.len() as f64
        };
        let (n_tokens, subset_tokens) =
            (mean(|trained| trained.n_tokens), mean(|trained| trained.subset_tokens));
        let first = arm.trials.first().map_or(&[][..], |(_, rows)| rows);
        let sources = self.data.train.sources.iter().enumerate().map(|(at, source)| SourceCount {
            source: source.clone(),
            n_rows: first.iter().filter(|&&row| self.data.train.rows[row].source == at).count() as u64,
        });
        PairArmReport {
            name: arm.subset.to_string(),
            subset: arm.subset.clone(),
            matching: Some(arm.matching),
            n_pairs: mean(|trained| trained.n_pairs),
            n_tokens,
            n_steps: mean(|trained| trained.n_steps),
            passes: n_tokens / subset_tokens,
            sources: sources.filter(|source| source.n_rows > 0).collect(),
            results: Vec::new(),
            seeds: Vec::new(),
        }
    }

    /// Writes `results.json`, and the same for people with its plots.
    pub(super) fn write(&self, report: &PairReport) -> Result<()> {
        results::write(
            &self.out,
            report,
            &format!("A comparison of pairs by {}", report.tool),
            pair_tables(report, "results", ""),
        )
    }
}

/// The base without a training, and without what is measured.
fn untrained_report() -> PairArmReport {
    PairArmReport {
        name: PairSubset::Untrained.to_string(),
        subset: PairSubset::Untrained,
        matching: None,
        n_pairs: 0.0,
        n_tokens: 0.0,
        n_steps: 0.0,
        passes: 0.0,
        sources: Vec::new(),
        results: Vec::new(),
        seeds: Vec::new(),
    }
}
