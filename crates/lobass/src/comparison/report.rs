//! The results of a comparison, as data and as files.

use lobass_evidence::{
    Arm, ArmReport, Cost, FULL, Matching, Measured, ModelRecord, Outcome, Report, SeedTotals, SourceCount,
    ZERO_SHOT, measure, tables,
};
use lobass_run::ScoreFile;
use lobass_select::Strategy as _;
use lobass_select::strategies::{Gap, GapSum, Longest, Random};

use super::opened::Comparison;
use super::results;
use super::subset::cost_of_selecting;
use super::trial::{Trial, TrialRecord};
use crate::error::{Context as _, Result};

/// The arms that every arm is compared with, if the comparison has them.
fn baselines() -> [&'static str; 6] {
    [Random.name(), FULL, ZERO_SHOT, Gap.name(), GapSum.name(), Longest.name()]
}

/// The trials of an arm, by seed.
struct Done {
    arm: String,
    matching: Option<Matching>,
    records: Vec<TrialRecord>,
}

impl Comparison {
    /// Joins all trials, which are done.
    pub(super) fn report(&self, scores: &ScoreFile) -> Result<Report> {
        let done = self.done()?;
        let arms: Vec<Arm> = done
            .iter()
            .map(|done| {
                let trials: Vec<Vec<Outcome>> = done.records.iter().map(TrialRecord::outcomes).collect();
                Arm { strategy: done.arm.clone(), matching: done.matching, trials }
            })
            .collect();
        let held_out = &self.held_out;
        let found = measure(&arms, &held_out.sources, &held_out.of_example, &baselines(), &self.bootstrap)?;
        let Measured { results, totals, differences } = found;
        let mut reports = Vec::new();
        for (done, (results, totals)) in done.iter().zip(results.into_iter().zip(totals)) {
            let seed = |offset: u64| done.matching.map(|_| self.recipe.seed.wrapping_add(offset));
            let seeds =
                totals.into_iter().zip(0..).map(|(sources, at)| SeedTotals { seed: seed(at), sources });
            let seeds = seeds.collect();
            reports.push(ArmReport { results, seeds, ..self.arm_report(scores, done)? });
        }
        let matched = self.matchings.contains(&Matching::Tokens).then_some(self.matched_tokens);
        Ok(Report {
            version: 1,
            tool: concat!("lobass ", env!("CARGO_PKG_VERSION")).to_owned(),
            base: ModelRecord {
                weights_digest: self.base.key.weights_digest.to_string(),
                n_parameters: self.base.checkpoint.spec().n_parameters() as u64,
            },
            pool: self.record.clone(),
            budget: self.select.budget()?.to_string(),
            recipe: results::recipe_record(&self.train, &self.recipe),
            matched_tokens: matched,
            bootstrap: self.bootstrap,
            held_out: held_out.record.clone(),
            arms: reports,
            differences,
        })
    }

    /// Every arm with its trials: the base first, then by matching.
    fn done(&self) -> Result<Vec<Done>> {
        let read = |trial: &Trial| {
            self.record(trial)?.with_context(|| format!("the trial `{}` is not done", trial.id()))
        };
        let mut done = Vec::new();
        if let Some(zero_shot) = self.zero_shot() {
            let records = vec![read(&zero_shot)?];
            done.push(Done { arm: zero_shot.arm, matching: None, records });
        }
        for &matching in &self.matchings {
            for arm in self.arms() {
                let trial = |offset| Trial { arm: arm.clone(), matching: Some(matching), offset };
                let records = (0..self.n_seeds).map(|offset| read(&trial(offset)));
                let records = records.collect::<Result<_>>()?;
                done.push(Done { arm, matching: Some(matching), records });
            }
        }
        Ok(done)
    }

    /// The costs and statistics of an arm, beside what was measured.
    fn arm_report(&self, scores: &ScoreFile, done: &Done) -> Result<ArmReport> {
        let mean = |value: fn(&TrialRecord) -> u64| {
            done.records.iter().map(|record| value(record) as f64).sum::<f64>() / done.records.len() as f64
        };
        let (trained, subset) = (mean(|record| record.n_tokens), mean(|record| record.subset_tokens));
        let nothing = Cost { references: Some(0.0), ..Cost::default() };
        let selecting = match done.arm.as_str() {
            FULL | ZERO_SHOT => nothing,
            name => {
                let strategy = self.select.strategy(name)?;
                cost_of_selecting(scores, strategy, &self.select, self.record.n_tokens)?
            }
        };
        let first = self.subsets.get(&(done.arm.clone(), 0));
        let sources: Vec<SourceCount> = match done.arm.as_str() {
            FULL => self.record.sources.clone(),
            _ => first.map(|subset| subset.sources.clone()).unwrap_or_default(),
        };
        Ok(ArmReport {
            strategy: done.arm.clone(),
            turned: first.and_then(|subset| subset.turned.clone()),
            shrinkage: first.and_then(|subset| subset.shrinkage),
            matching: done.matching,
            n_rows: mean(|record| record.n_rows),
            n_tokens: trained,
            n_steps: mean(|record| record.n_steps),
            passes: if subset > 0.0 { trained / subset } else { 0.0 },
            cost: Cost { training: Cost::of_training(trained, self.record.n_tokens), ..selecting },
            length_correlation: first.and_then(|subset| subset.length_correlation),
            mean_scored_tokens: match done.arm.as_str() {
                FULL => Some(self.mean_scored_tokens()),
                _ => first.map(|subset| subset.mean_scored_tokens),
            },
            sources,
            results: Vec::new(),
            seeds: Vec::new(),
        })
    }

    fn mean_scored_tokens(&self) -> f64 {
        let n_scored: usize = self.sequences_of.values().map(lobass_core::Sequence::n_scored).sum();
        n_scored as f64 / self.sequences_of.len() as f64
    }

    /// Writes `results.json`, and the same for people with its plots.
    pub(super) fn write(&self, report: &Report) -> Result<()> {
        results::write(
            &self.out,
            report,
            &format!("A comparison by {}", report.tool),
            tables(report, "results", ""),
        )
    }
}
