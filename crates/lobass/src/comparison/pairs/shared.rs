//! A comparison of pairs whose trials several worker processes train.

use std::io::{BufRead, Write};

use lobass_evidence::pairs::{PairMatching, PairReport, PairSubset};

use super::super::devices::{Devices, Shared, Task, serve};
use super::opened::PairsComparison;
use super::record::PairTrial;
use super::run::{in_words, note};
use super::selections::Selections;
use super::task::BaseLosses;
use crate::error::Result;
use crate::runtime::Runtime;

/// The trials of a comparison, when the losses under the base and the selections are known.
struct Trials<'a> {
    comparison: &'a PairsComparison,
    base: BaseLosses,
    selections: Option<Selections>,
}

/// A trial: a subset under a matching, and the distance of its seeds from the first ones.
struct Trial {
    subset: PairSubset,
    matching: PairMatching,
    offset: u64,
}

impl PairsComparison {
    /// Trains what is not trained on several devices, and writes the results. This process computes the losses under the
    /// base and trains the models that margins need, on its device. `None` if workers died and trials are left: the same
    /// call continues with them.
    ///
    /// # Errors
    /// If the remaining trials fail on every device, or a file cannot be written.
    pub fn run_on(&self, devices: &Devices<'_>, runtime: &Runtime) -> Result<Option<PairReport>> {
        match devices.hand_out(&self.shared(runtime)?)? {
            true => self.run(runtime).map(Some),
            false => Ok(None),
        }
    }

    /// Trains what is asked for, one trial a line, until the requests end. A line of JSON answers each.
    ///
    /// # Errors
    /// If a request cannot be read or an answer cannot be written.
    pub fn serve(&self, requests: impl BufRead, answers: impl Write, runtime: &Runtime) -> Result<()> {
        serve(&self.shared(runtime)?, requests, answers, runtime)
    }

    fn shared(&self, runtime: &Runtime) -> Result<Trials<'_>> {
        let base = self.base_losses(runtime)?;
        let selections = self.selections(&base, runtime)?;
        Ok(Trials { comparison: self, base, selections })
    }
}

impl Trials<'_> {
    /// Seed after seed, so that the first results cover all arms.
    fn all(&self) -> Vec<Trial> {
        let arms = self.comparison.arms();
        let of = |offset| {
            arms.iter().map(move |(subset, matching)| Trial {
                subset: subset.clone(),
                matching: *matching,
                offset,
            })
        };
        (0..self.comparison.n_seeds).flat_map(of).collect()
    }

    fn id(&self, Trial { subset, matching, offset }: &Trial) -> String {
        self.comparison.id_of(subset, *matching, *offset)
    }

    fn rows(&self, Trial { subset, matching, offset }: &Trial) -> Result<Vec<usize>> {
        self.comparison.rows_of(subset, *matching, *offset, self.selections.as_ref())
    }

    /// The record of a trial that is done.
    fn record(&self, trial: &Trial) -> Result<Option<PairTrial>> {
        let identity = self.comparison.identity_of(trial.matching, trial.offset, &self.rows(trial)?)?;
        self.comparison.files.read(&self.id(trial), &identity)
    }

    fn find(&self, id: &str) -> Option<Trial> {
        self.all().into_iter().find(|trial| self.id(trial) == id)
    }
}

impl Shared for Trials<'_> {
    fn undone(&self, _: &Runtime) -> Result<(Vec<Task>, usize)> {
        let (trials, mut undone) = (self.all(), Vec::new());
        for trial in &trials {
            let id = self.id(trial);
            match self.record(trial)? {
                Some(_) => self.comparison.files.remove_state(&id)?,
                None => {
                    let words = in_words(&trial.subset, trial.matching, trial.offset);
                    undone.push(Task { id, words });
                }
            }
        }
        Ok((undone, trials.len()))
    }

    fn say_done(&self, task: &Task, n_done: usize, took: &str, runtime: &Runtime) -> Result<()> {
        let trials = self.all();
        if let Some(trial) = trials.iter().find(|trial| self.id(trial) == task.id)
            && let Some(record) = self.record(trial)?
        {
            note(&format!("{n_done} of {}: {}", trials.len(), task.words), &record, took, runtime);
        }
        Ok(())
    }

    fn do_one(&self, id: &str, runtime: &Runtime) -> Result<bool> {
        let Some(trial) = self.find(id) else { return Ok(false) };
        let rows = self.rows(&trial)?;
        let Trial { subset, matching, offset } = &trial;
        self.comparison.trial(subset, *matching, *offset, (&rows, &self.base), id, runtime)?;
        Ok(true)
    }
}
