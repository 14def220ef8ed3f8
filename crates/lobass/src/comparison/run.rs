//! Running the trials of a comparison: training, and measuring on the held-out examples.

use std::iter;
use std::path::Path;
use std::time::Instant;

use lobass_core::readable::{counted, duration};
use lobass_core::{Nll, Observer as _, Sequence};
use lobass_evidence::{Matching, Report};
use lobass_loss::{Engine, GreedyMatch};
use lobass_run::ScoreFile;
use lobass_train::Objective;

use super::held_out::HeldOut;
use super::opened::Comparison;
use super::training::{Amount, Training, start};
use super::trial::{Trial, TrialRecord};
use crate::error::{Context as _, Result, bail};
use crate::runtime::Runtime;

impl Comparison {
    /// Trains what is not trained, on this process's device, and writes the results.
    ///
    /// # Errors
    /// If a training fails, or the observer asks to stop.
    pub fn run(&self, table: &ScoreFile, runtime: &Runtime) -> Result<Report> {
        self.run_here(runtime)?;
        self.end(table, runtime)
    }

    /// Joins all trials, which are done, and writes the results.
    ///
    /// # Errors
    /// If a trial is missing, or a file cannot be written.
    pub fn end(&self, table: &ScoreFile, runtime: &Runtime) -> Result<Report> {
        let report = self.report(table)?;
        self.write(&report)?;
        runtime.note(&format!("{:16} {}", "results", self.out.join("results.md").display()));
        Ok(report)
    }

    /// Does one after the other what is not done, on this process's device.
    fn run_here(&self, runtime: &Runtime) -> Result<()> {
        let trials = self.trials();
        let open = self.open_trials(runtime)?;
        for (at, trial) in open.iter().enumerate() {
            runtime.go_on()?;
            let started = Instant::now();
            let record = self.run_trial(trial, runtime).with_context(|| trial.say())?;
            self.say(
                trials.len() - open.len() + at + 1,
                trial,
                &record,
                &duration(started.elapsed()),
                runtime,
            );
        }
        Ok(())
    }

    /// Trials that are not done.
    pub(super) fn open_trials(&self, runtime: &Runtime) -> Result<Vec<Trial>> {
        let trials = self.trials();
        let mut open = Vec::new();
        for trial in &trials {
            match self.record(trial)? {
                None => open.push(trial.clone()),
                // A process that was killed after its result was written has left these.
                Some(_) => self.files.remove_state(&trial.id())?,
            }
        }
        if open.len() < trials.len() {
            runtime.note(&format!(
                "{:16} {} of {} done before",
                "trials",
                trials.len() - open.len(),
                trials.len()
            ));
        }
        Ok(open)
    }

    pub(super) fn say(
        &self,
        n_done: usize,
        trial: &Trial,
        record: &TrialRecord,
        took: &str,
        runtime: &Runtime,
    ) {
        let n_trials = self.trials().len();
        runtime.note(&format!(
            "{:16} {n_done} of {n_trials}: {}: {}, {}, held-out loss {:.4}, {took}",
            "trials",
            trial.say(),
            counted(record.n_steps, "step"),
            counted(record.n_tokens, "token"),
            record.mean_loss()
        ));
    }

    /// Does a trial unless it is done. The process that does it holds its lock; others wait for the lock.
    pub(super) fn run_trial(&self, trial: &Trial, runtime: &Runtime) -> Result<TrialRecord> {
        let identity = self.identity(trial)?;
        self.files.once(&trial.id(), &identity, |state| self.train_and_measure(trial, state, runtime))
    }

    fn train_and_measure(&self, trial: &Trial, state: &Path, runtime: &Runtime) -> Result<TrialRecord> {
        let seed = self.recipe.seed.wrapping_add(trial.offset);
        let rows = self.rows(trial)?;
        let subset: Vec<Sequence> = rows.iter().map(|row| self.sequences_of[row].clone()).collect();
        let base = start(&self.base, &self.train, seed)?;
        let (model, report) = match trial.matching {
            None => (base, None),
            Some(matching) => {
                let lengths: Vec<usize> = subset.iter().map(Sequence::n_tokens).collect();
                let training = Training {
                    recipe: &self.recipe.with_seed(seed),
                    amount: match matching {
                        Matching::Epochs => Amount::Epochs,
                        Matching::Tokens => Amount::Sizes(&lengths, self.matched_tokens),
                    },
                    threads: self.threads,
                    save_every: self.save_every,
                    state,
                    runtime,
                };
                let (model, report) = training.of(base, Objective::Sft(&subset))?;
                (model, Some(report))
            }
        };
        let engine = Engine::new(model, self.threads);
        let (found, wrong) = self.measured(&engine)?;
        let questions = self.questions.as_ref();
        let answers = questions.map(|ask| ask.answered(engine.model().clone(), self.threads)).transpose()?;
        let losses = report.as_ref().map(|report| &report.losses);
        Ok(TrialRecord {
            identity: self.identity(trial)?,
            n_rows: rows.len() as u64,
            subset_tokens: n_tokens(&subset),
            n_steps: losses.map_or(0, |losses| losses.len() as u64),
            n_tokens: report.as_ref().map_or(0, |report| report.n_tokens),
            first_loss: losses.and_then(|losses| losses.first().copied()),
            last_loss: losses.and_then(|losses| losses.last().copied()),
            nll: found.iter().map(|one| one.nll.sum).collect(),
            n_scored: found.iter().map(|one| one.nll.n_scored).collect(),
            n_matched: found.iter().map(|one| one.n_matched).collect(),
            wrong_nll: wrong.iter().map(|of| of.iter().map(|one| one.sum).collect()).collect(),
            answers: answers.unwrap_or_default(),
            wrong_n_scored: wrong.iter().map(|of| of.iter().map(|one| one.n_scored).collect()).collect(),
        })
    }

    /// How the model does on each held-out example, and its losses of the wrong responses to each; without wrong
    /// responses nothing of the latter.
    ///
    /// All go through the model together, so that prompts which responses share are run once.
    fn measured(&self, engine: &Engine) -> Result<(Vec<GreedyMatch>, Vec<Vec<Nll>>)> {
        let HeldOut { sequences, wrong, .. } = &self.held_out;
        let all: Vec<Sequence> = sequences.iter().chain(wrong.iter().flatten()).cloned().collect();
        let mut found = engine.greedy_matches(&all)?;
        let mut of_wrong = found.split_off(sequences.len()).into_iter().map(|one| one.nll);
        let of_example = |wrong: &Vec<Sequence>| of_wrong.by_ref().take(wrong.len()).collect::<Vec<_>>();
        let of_wrong: Vec<Vec<Nll>> = wrong.iter().map(of_example).collect();
        for (at, (right, wrong)) in found.iter().zip(&of_wrong).enumerate() {
            let mut losses = iter::once(&right.nll).chain(wrong);
            if let Some(bad) = losses.find(|nll| !nll.sum.is_finite()) {
                let what = "expected a finite loss of every response";
                bail!(Comparison, "held-out example {at}: {what}, found {}", bad.sum);
            }
        }
        let has_wrong = wrong.iter().any(|of| !of.is_empty());
        Ok((found, if has_wrong { of_wrong } else { Vec::new() }))
    }
}

/// The number of tokens of some sequences.
fn n_tokens(sequences: &[Sequence]) -> u64 {
    sequences.iter().map(|sequence| sequence.n_tokens() as u64).sum()
}
