//! The training forward, and the co-state back.

use lobass_core::{Observer as _, ProgressUnit, StageProgress};
use lobass_influence::pds::{CoState, Descent, Landscape as _};

use super::settings::PdsSettings;
use super::states::States;
use crate::error::{Context as _, Result};
use crate::runtime::Runtime;

/// The training of a model and its co-state, in segments of the steps between two that are scored.
pub(super) struct Sweep<'a> {
    pub(super) settings: &'a PdsSettings,
    pub(super) descent: &'a Descent<'a>,
    pub(super) states: &'a States,
    pub(super) n_rows: usize,
    pub(super) runtime: &'a Runtime,
}

impl Sweep<'_> {
    /// Whether all weights and co-states are there that scores need.
    pub(super) fn is_done(&self) -> bool {
        // The co-state after the first step is written last.
        self.states.has_costate(0)
    }

    /// Takes all steps. The weights before each scored step are kept, and those after the last.
    pub(super) fn train(&self) -> Result<()> {
        let steps = self.settings.steps;
        let kept: Vec<usize> = self.settings.probed().chain([steps]).collect();
        let done = kept.iter().rev().copied().find(|&step| self.states.has_weights(step));
        let mut weights = match done {
            Some(step) => self.states.weights(step)?,
            None => {
                let start = self.descent.start();
                self.states.write_weights(0, &start)?;
                start
            }
        };
        let first = done.unwrap_or(0);
        let batches = self.settings.batches(self.n_rows);
        for (step, batch) in batches.iter().enumerate().skip(first) {
            self.tell("train", step, first);
            self.runtime.go_on()?;
            weights = self
                .descent
                .step(&weights, batch, self.settings.learning_rate)
                .with_context(|| format!("step {} of {steps}", step + 1))?;
            if kept.contains(&(step + 1)) {
                self.states.write_weights(step + 1, &weights)?;
            }
        }
        self.tell("train", steps, first);
        Ok(())
    }

    /// Goes back from the last step. The co-state after each scored step is kept.
    pub(super) fn go_back(&self) -> Result<()> {
        let (steps, batches) = (self.settings.steps, self.settings.batches(self.n_rows));
        // The earliest that is there says that all later ones are.
        let done = self.settings.probed().find(|&step| self.states.has_costate(step));
        let mut costate = match done {
            Some(step) => self.states.costate(step)?,
            None => CoState::at_end(self.descent, &self.states.weights(steps)?, steps)?,
        };
        let (end, before) = (costate.at, steps - costate.at);
        for first in self.settings.probed().rev().filter(|&first| first < end) {
            let weights = self.segment(first, costate.at, &batches)?;
            while costate.at > first {
                self.tell("co-state", steps - costate.at, before);
                self.runtime.go_on()?;
                let step = costate.at - 1;
                if step == first {
                    if !self.states.has_costate(step) {
                        costate = self.states.write_costate(step, &costate)?;
                    }
                    if step == 0 {
                        break; // the co-state before the first step is not asked for
                    }
                }
                let PdsSettings { learning_rate, curvature, .. } = *self.settings;
                costate
                    .back(self.descent, &weights[step - first], &batches[step], learning_rate, curvature)
                    .with_context(|| format!("the co-state of step {step}"))?;
            }
        }
        self.tell("co-state", steps, before);
        Ok(())
    }

    /// The weights before each step of a segment, from the kept ones.
    fn segment(&self, first: usize, end: usize, batches: &[Vec<usize>]) -> Result<Vec<Vec<f32>>> {
        let mut weights = vec![self.states.weights(first)?];
        for batch in &batches[first..end - 1] {
            self.runtime.go_on()?;
            let last = &weights[weights.len() - 1];
            weights.push(self.descent.step(last, batch, self.settings.learning_rate)?);
        }
        Ok(weights)
    }

    /// The loss of the target before the first step and after the last, in nats a token.
    pub(super) fn target_loss(&self) -> Result<[f64; 2]> {
        let of = |step| -> Result<f64> { Ok(self.descent.target_loss(&self.states.weights(step)?)) };
        Ok([of(0)?, of(self.settings.steps)?])
    }

    /// The estimate of the top curvature along the whole way.
    pub(super) fn largest_curvature(&self) -> Result<f64> {
        Ok(self.states.costate(0)?.growth.largest_curvature)
    }

    fn tell(&self, stage: &'static str, done: usize, before: usize) {
        self.runtime.progress(&StageProgress {
            stage,
            unit: ProgressUnit::Steps,
            done: done as u64,
            before: before as u64,
            all: self.settings.steps as u64,
            n_tokens: 0,
            facts: &[],
        });
    }
}
