//! Running the trials of a comparison of pairs.

use std::path::Path;
use std::time::Instant;

use lobass_core::Observer as _;
use lobass_core::readable::{counted, duration};
use lobass_evidence::pairs::{PairMatching, PairReport, PairSubset};
use lobass_loss::Engine;
use serde_json::json;

use super::opened::PairsComparison;
use super::record::PairTrial;
use super::rows::PairRow;
use super::selections::Selections;
use super::subsets;
use super::task::{BaseLosses, DoneArm, OnPairs, losses_of};
use crate::error::{Context as _, Result};
use crate::runtime::Runtime;

/// Pairs that the base scores at once. An interrupted comparison repeats at most these.
const PART: usize = 512;

impl PairsComparison {
    /// Trains what is not trained, on this process's device, and writes the results.
    ///
    /// # Errors
    /// If a training fails, a file cannot be written, or the observer asks to stop.
    pub fn run(&self, runtime: &Runtime) -> Result<PairReport> {
        let base = self.base_losses(runtime)?;
        let selections = self.selections(&base, runtime)?;
        let done = self.trials(&base, selections.as_ref(), runtime)?;
        let report = self.report(&base, selections.as_ref(), &done)?;
        self.write(&report)?;
        runtime.note(&format!("{:16} {}", "results", self.out.join("results.md").display()));
        Ok(report)
    }

    /// The losses of all pairs under the model that training starts from.
    pub(super) fn base_losses(&self, runtime: &Runtime) -> Result<BaseLosses> {
        let rows: Vec<&PairRow> = self.data.train.rows.iter().chain(&self.data.held_out.rows).collect();
        let mut engine: Option<Engine> = None;
        let mut losses = Vec::with_capacity(rows.len());
        for (at, part) in rows.chunks(PART).enumerate() {
            runtime.go_on()?;
            let id = format!("base-{at}");
            let identity = self.decided.identity(&json!({"base": at}), part.iter().map(|pair| pair.row))?;
            let record = match self.files.read(&id, &identity)? {
                Some(record) => record,
                None => {
                    let engine = match &mut engine {
                        Some(engine) => engine,
                        none => none.insert(self.base_engine()?),
                    };
                    let make = |_: &Path| {
                        let losses = losses_of(engine, part)?;
                        Ok(PairTrial { identity: identity.clone(), trained: None, losses })
                    };
                    self.files.once(&id, &identity, make).context("the losses of pairs under the base")?
                }
            };
            losses.extend(record.losses);
        }
        let held_out = losses.split_off(self.data.train.rows.len());
        Ok(BaseLosses { train: losses, held_out })
    }

    fn base_engine(&self) -> Result<Engine> {
        let model = match self.train.adapter() {
            None => self.base.load_for_training()?,
            Some(_) => self.base.load_frozen()?,
        };
        Ok(Engine::new(model, self.threads))
    }

    /// Does one after the other what is not done: seed after seed, so that the first results cover all arms.
    fn trials(
        &self,
        base: &BaseLosses,
        selections: Option<&Selections>,
        runtime: &Runtime,
    ) -> Result<Vec<DoneArm>> {
        let arms = self.arms().into_iter();
        let mut done: Vec<DoneArm> =
            arms.map(|(subset, matching)| DoneArm { subset, matching, trials: Vec::new() }).collect();
        let n_trials = done.len() * usize::try_from(self.n_seeds).unwrap_or(usize::MAX);
        let mut n_done = 0;
        for offset in 0..self.n_seeds {
            for arm in &mut done {
                runtime.go_on()?;
                n_done += 1;
                let rows = self.rows_of(&arm.subset, arm.matching, offset, selections)?;
                let say = format!("{n_done} of {n_trials}");
                let trial = self.trial(&arm.subset, arm.matching, offset, (&rows, base), &say, runtime)?;
                arm.trials.push((trial, rows));
            }
        }
        Ok(done)
    }

    /// The places of the pairs that a trial trains on.
    pub(super) fn rows_of(
        &self,
        subset: &PairSubset,
        matching: PairMatching,
        offset: u64,
        selections: Option<&Selections>,
    ) -> Result<Vec<usize>> {
        match subset {
            PairSubset::Share { pool, share } => {
                let seed = self.decided.seed.wrapping_add(offset);
                Ok(subsets::of_share(&self.data.train, pool, *share, matching, seed))
            }
            other => {
                let rows =
                    selections.and_then(|selections| selections.rows.get(&(other.to_string(), offset)));
                Ok(rows.with_context(|| format!("expected a selection by `{other}`"))?.clone())
            }
        }
    }

    /// A trained arm with one seed.
    pub(super) fn trial(
        &self,
        subset: &PairSubset,
        matching: PairMatching,
        offset: u64,
        (rows, base): (&[usize], &BaseLosses),
        say: &str,
        runtime: &Runtime,
    ) -> Result<PairTrial> {
        let identity = self.identity_of(matching, offset, rows)?;
        let id = self.id_of(subset, matching, offset);
        if let Some(record) = self.files.read(&id, &identity)? {
            self.files.remove_state(&id)?;
            return Ok(record);
        }
        let started = Instant::now();
        let what = in_words(subset, matching, offset);
        let make = |state: &Path| {
            let held_out: Vec<&PairRow> = self.data.held_out.rows.iter().collect();
            let seed = self.recipe.seed.wrapping_add(offset);
            let task = OnPairs { rows, base: &base.train, matching, seed, measured: &held_out };
            let (trained, losses) = self.train_and_measure(&task, state, runtime)?;
            Ok(PairTrial { identity: identity.clone(), trained: Some(trained), losses })
        };
        let record = self.files.once(&id, &identity, make).with_context(|| what.clone())?;
        note(&format!("{say}: {what}"), &record, &duration(started.elapsed()), runtime);
        Ok(record)
    }

    /// What decides a trial.
    pub(super) fn identity_of(&self, matching: PairMatching, offset: u64, rows: &[usize]) -> Result<String> {
        let amount = match matching {
            PairMatching::Steps => Some(self.decided.matched_steps),
            PairMatching::Tokens => Some(self.decided.matched_tokens),
            // Equal passes over what is given, whatever it is a share of.
            PairMatching::Epochs | PairMatching::Pairs => None,
        };
        let matched = amount.map(|_| matching);
        let special = json!({"matching": matched, "amount": amount, "seed": offset});
        let pool_rows = rows.iter().map(|&at| self.data.train.rows[at].row);
        self.decided.identity(&special, pool_rows)
    }

    /// The name of a trial and of its files.
    pub(super) fn id_of(&self, subset: &PairSubset, matching: PairMatching, offset: u64) -> String {
        format!("{}-{matching}-seed{offset}", self.file_name(subset))
    }

    /// The name of the files of a subset's trials. Sources are numbered, since their names can have any letters.
    fn file_name(&self, subset: &PairSubset) -> String {
        match subset {
            PairSubset::Share { pool, share } => {
                let source = self.data.train.sources.iter().position(|source| source == pool);
                let pool = source.map_or_else(|| pool.clone(), |at| format!("source{at}"));
                format!("{pool}-{}", (share * 1e6).round() / 1e4)
            }
            other => other.to_string().replace(':', "-"),
        }
    }
}

/// A trial in words.
pub(super) fn in_words(subset: &PairSubset, matching: PairMatching, offset: u64) -> String {
    format!("{subset}, equal {matching}, seed {offset}")
}

/// Notes a trial that was trained.
pub(super) fn note(what: &str, record: &PairTrial, took: &str, runtime: &Runtime) {
    if let Some(trained) = &record.trained {
        let (steps, tokens) = (counted(trained.n_steps, "step"), counted(trained.n_tokens, "token"));
        let (first, last) = (trained.first_loss, trained.last_loss);
        runtime.note(&format!(
            "{:16} {what}: {steps}, {tokens}, loss {first:.4} at the first, {last:.4} at the last, {took}",
            "trials"
        ));
    }
}
