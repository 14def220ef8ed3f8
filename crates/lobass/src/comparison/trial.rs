//! One training of a comparison: its name, its record, and the training.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use lobass_core::{Observer as _, Sequence};
use lobass_evidence::{Matching, Outcome};
use lobass_loss::Engine;
use lobass_model::Decoder;
use lobass_train::{
    Checkpoints, Event, Objective, Session, TrainConfig, TrainData, TrainReport, batches_of_tokens,
    fine_tune, fine_tune_in_batches,
};
use serde::{Deserialize, Serialize};

use super::Comparison;
use crate::error::{Context as _, Result, bail};
use crate::runtime::Runtime;

/// One training and its measurement, or the measurement of the base without training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trial {
    pub(super) arm: String,
    /// `None` for the base without training.
    pub(super) matching: Option<Matching>,
    /// The distance of its seeds from the first ones.
    pub(super) offset: u64,
}

impl Trial {
    /// The name, which is also the name of its files.
    pub(super) fn id(&self) -> String {
        match self.matching {
            Some(matching) => format!("{}-{matching}-seed{}", self.arm, self.offset),
            None => self.arm.clone(),
        }
    }

    /// The trial in words.
    pub(super) fn say(&self) -> String {
        match self.matching {
            Some(matching) => format!("{}, equal {matching}, seed {}", self.arm, self.offset),
            None => self.arm.clone(),
        }
    }
}

/// The record of a trial that is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct TrialRecord {
    /// SHA-256 of everything that decides the trial.
    pub(super) identity: String,
    pub(super) n_rows: u64,
    /// Tokens of the selection, counted once.
    pub(super) subset_tokens: u64,
    pub(super) n_steps: u64,
    /// Tokens that were trained on, over all epochs.
    pub(super) n_tokens: u64,
    pub(super) first_loss: Option<f64>,
    pub(super) last_loss: Option<f64>,
    /// The summed loss of each held-out example, in nats.
    nll: Vec<f64>,
    /// The scored tokens of each held-out example.
    n_scored: Vec<u64>,
    /// The scored tokens of each held-out example that greedy decoding gives.
    n_matched: Vec<u64>,
}

impl TrialRecord {
    /// Reads the record of a trial, if it is done.
    pub(super) fn read(path: &Path, identity: &str) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let record: Self = serde_json::from_slice(&fs_err::read(path)?)
            .with_context(|| format!("`{}` is not the result of a training", path.display()))?;
        if record.identity != identity {
            bail!(
                Comparison,
                "`{}` belongs to other rows or settings than this comparison; remove it, or use another directory",
                path.display()
            );
        }
        Ok(Some(record))
    }

    pub(super) fn outcomes(&self) -> Vec<Outcome> {
        let numbers = self.nll.iter().zip(&self.n_scored).zip(&self.n_matched);
        numbers.map(|((&nll, &n_scored), &n_matched)| Outcome { nll, n_scored, n_matched }).collect()
    }

    /// The loss over all held-out examples, in nats per token.
    pub(super) fn mean_loss(&self) -> f64 {
        self.nll.iter().sum::<f64>() / self.n_scored.iter().sum::<u64>() as f64
    }
}

impl Comparison {
    pub(super) fn result_path(&self, trial: &Trial) -> PathBuf {
        self.out.join("trials").join(format!("{}.json", trial.id()))
    }

    /// The record of a trial, if it is done.
    pub(super) fn record(&self, trial: &Trial) -> Result<Option<TrialRecord>> {
        TrialRecord::read(&self.result_path(trial), &self.identity(trial)?)
    }

    /// Does a trial unless it is done. The process that does it holds its lock; others wait for the lock.
    pub(super) fn run_trial(&self, trial: &Trial, runtime: &Runtime) -> Result<TrialRecord> {
        let states = self.out.join("state");
        fs_err::create_dir_all(&states)?;
        let lock_path = states.join(format!("{}.lock", trial.id()));
        let lock = fs_err::File::create(&lock_path)?;
        lock.file().lock().with_context(|| format!("locking `{}`", lock_path.display()))?;
        if let Some(record) = self.record(trial)? {
            return Ok(record);
        }
        let state = states.join(trial.id());
        let record = self.train_and_measure(trial, &state, runtime)?;
        let path = self.result_path(trial);
        fs_err::create_dir_all(self.out.join("trials"))?;
        lobass_files::write_whole(&path, &serde_json::to_vec(&record)?)?;
        if state.exists() {
            fs_err::remove_dir_all(&state)?;
        }
        fs_err::remove_file(&lock_path)?;
        Ok(record)
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
        let found = Engine::new(model, self.threads).greedy_matches(&self.held_out.sequences)?;
        if let Some(at) = found.iter().position(|one| !one.nll.sum.is_finite()) {
            bail!(Comparison, "held-out example {at}: expected a finite loss, found {}", found[at].nll.sum);
        }
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
        })
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
        let recipe = TrainConfig { seed, ..self.recipe.clone() };
        let data = TrainData { train: Objective::Sft(subset), held_out: Objective::Sft(&[]), eval_every: 0 };
        let checkpoints = |n_steps: usize| {
            let every = self.save_every.unwrap_or_else(|| n_steps.div_ceil(10).max(20));
            Checkpoints { dir: state.to_owned(), every, keep: 1 }
        };
        let stop = AtomicBool::new(runtime.is_interrupted());
        let observe = &mut |_: Event<'_>| stop.store(runtime.is_interrupted(), Ordering::Relaxed);
        let trained = match matching {
            Matching::Epochs => {
                let checkpoints = checkpoints(recipe.n_steps(subset.len()));
                let session =
                    Session { threads: self.threads, checkpoints: Some(&checkpoints), stop: Some(&stop) };
                fine_tune(model, &data, &recipe, session, observe)
            }
            Matching::Tokens => {
                let lengths: Vec<usize> = subset.iter().map(Sequence::n_tokens).collect();
                let batches = batches_of_tokens(&lengths, recipe.batch_size, self.matched_tokens, seed);
                let checkpoints = checkpoints(batches.len());
                let session =
                    Session { threads: self.threads, checkpoints: Some(&checkpoints), stop: Some(&stop) };
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
