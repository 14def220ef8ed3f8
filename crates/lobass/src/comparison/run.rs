//! Running the trials of a comparison: training, and measuring on the held-out examples.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use lobass_core::readable::{counted, duration};
use lobass_core::{Detail, LossEngine as _, Nll, Observer as _, Sequence};
use lobass_evidence::{Matching, Report};
use lobass_loss::Engine;
use lobass_model::Decoder;
use lobass_run::ScoreFile;
use lobass_train::{
    Checkpoints, Event, Session, TrainData, TrainReport, batches_of_tokens, fine_tune, fine_tune_in_batches,
};

use super::opened::Comparison;
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
                Some(_) => self.remove_state(trial)?,
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
        let (state, lock_path) = self.state_paths(trial);
        fs_err::create_dir_all(self.out.join("state"))?;
        let lock = fs_err::File::create(&lock_path)?;
        lock.file().lock().with_context(|| format!("locking `{}`", lock_path.display()))?;
        let record = match self.record(trial)? {
            Some(record) => record,
            None => {
                let record = self.train_and_measure(trial, &state, runtime)?;
                fs_err::create_dir_all(self.out.join("trials"))?;
                lobass_files::write_whole(&self.result_path(trial), &serde_json::to_vec(&record)?)?;
                record
            }
        };
        self.remove_state(trial)?;
        Ok(record)
    }

    /// The folder of a training's states, and the file whose lock its process holds.
    fn state_paths(&self, trial: &Trial) -> (PathBuf, PathBuf) {
        let states = self.out.join("state");
        (states.join(trial.id()), states.join(format!("{}.lock", trial.id())))
    }

    /// Removes what a trial needs until its result is written. Another process may be doing the same.
    fn remove_state(&self, trial: &Trial) -> Result<()> {
        let (state, lock) = self.state_paths(trial);
        for removed in [fs_err::remove_dir_all(state), fs_err::remove_file(lock)] {
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    fn train_and_measure(&self, trial: &Trial, state: &Path, runtime: &Runtime) -> Result<TrialRecord> {
        let seed = self.recipe.seed.wrapping_add(trial.offset);
        let rows = self.rows(trial)?;
        let subset: Vec<Sequence> = rows.iter().map(|row| self.sequences_of[row].clone()).collect();
        let base = self.start(seed)?;
        let (model, report) = match trial.matching {
            None => (base, None),
            Some(matching) => {
                let (model, report) = self.train(base, &subset, matching, seed, state, runtime)?;
                (model, Some(report))
            }
        };
        let engine = Engine::new(model, self.threads);
        let found = engine.greedy_matches(&self.held_out.sequences)?;
        if let Some(at) = found.iter().position(|one| !one.nll.sum.is_finite()) {
            bail!(Comparison, "held-out example {at}: expected a finite loss, found {}", found[at].nll.sum);
        }
        let (wrong_nll, wrong_n_scored) = self.wrong_losses(&engine)?;
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
            wrong_nll,
            wrong_n_scored,
        })
    }

    /// The losses and scored tokens of the wrong responses, by held-out example; nothing if none has any.
    fn wrong_losses(&self, engine: &Engine) -> Result<(Vec<Vec<f64>>, Vec<Vec<u64>>)> {
        let wrong = &self.held_out.wrong;
        let all: Vec<Sequence> = wrong.iter().flatten().cloned().collect();
        if all.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let losses = engine.losses(&all, Detail::Sum)?;
        if let Some(bad) = losses.iter().find(|one| !one.nll.sum.is_finite()) {
            bail!(Comparison, "a wrong response: expected a finite loss, found {}", bad.nll.sum);
        }
        let mut losses = losses.into_iter().map(|one| one.nll);
        let of_example =
            |sequences: &Vec<Sequence>| losses.by_ref().take(sequences.len()).collect::<Vec<_>>();
        let by_example: Vec<Vec<Nll>> = wrong.iter().map(of_example).collect();
        let nll = |of: &Vec<Nll>| of.iter().map(|one| one.sum).collect();
        let n_scored = |of: &Vec<Nll>| of.iter().map(|one| one.n_scored).collect();
        Ok((by_example.iter().map(nll).collect(), by_example.iter().map(n_scored).collect()))
    }

    fn train(
        &self,
        model: Decoder,
        subset: &[Sequence],
        matching: Matching,
        seed: u64,
        state: &Path,
        runtime: &Runtime,
    ) -> Result<(Decoder, TrainReport)> {
        let recipe = self.recipe.with_seed(seed);
        let data = TrainData::sft(subset);
        let checkpoints = |n_steps: usize| {
            let every = self.save_every.unwrap_or_else(|| n_steps.div_ceil(10).max(20));
            Checkpoints { dir: state.to_owned(), every, keep: 1 }
        };
        let stop = AtomicBool::new(runtime.is_interrupted());
        let observe = &mut |_: Event<'_>| stop.store(runtime.is_interrupted(), Ordering::Relaxed);
        let trained = match matching {
            Matching::Epochs => {
                let checkpoints = checkpoints(recipe.n_steps(subset.len()));
                let session = Session {
                    threads: self.threads,
                    checkpoints: Some(&checkpoints),
                    stop: Some(&stop),
                    ..Session::default()
                };
                fine_tune(model, &data, &recipe, session, observe)
            }
            Matching::Tokens => {
                let lengths: Vec<usize> = subset.iter().map(Sequence::n_tokens).collect();
                let batches =
                    batches_of_tokens(&lengths, recipe.batch_size, self.matched_tokens, recipe.order_seed());
                let checkpoints = checkpoints(batches.len());
                let session = Session {
                    threads: self.threads,
                    checkpoints: Some(&checkpoints),
                    stop: Some(&stop),
                    ..Session::default()
                };
                fine_tune_in_batches(model, &data, batches, &recipe, session, observe)
            }
        };
        runtime.stopped(trained)
    }

    /// The model that training starts from, with the weights that are trained.
    fn start(&self, seed: u64) -> Result<Decoder> {
        match self.train.adapter() {
            None => self.base.load_for_training(),
            Some(lora) => Ok(lora.attach(&self.base.load_frozen()?, seed)?),
        }
    }
}

/// The number of tokens of some sequences.
fn n_tokens(sequences: &[Sequence]) -> u64 {
    sequences.iter().map(|sequence| sequence.n_tokens() as u64).sum()
}
