//! When states are written.

use std::time::{Duration, Instant};

use crate::trainer::Trainer;
use crate::{Checkpoints, Error};

/// How often the states of a training are written. It decides what an interruption loses, never what is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Every {
    /// After so many steps, and at the end; 0 writes none, and only takes up what is there.
    Steps(usize),
    /// As often as this share of the time allows, such as 0.05: a training of a large model writes gigabytes.
    /// At the end too, if one is due.
    Share(f64),
}

impl Every {
    /// So many steps, or as often as 5 % of the time allows.
    pub fn steps_or_time(steps: Option<usize>) -> Self {
        steps.map_or(Self::Share(0.05), Self::Steps)
    }
}

/// Bytes a second that a disk is expected to take before a state was written.
const RATE: f64 = 256e6;

/// The states of one session.
pub(crate) struct Saves<'a> {
    checkpoints: &'a Checkpoints,
    /// When the latest was written, or the session began.
    last: Instant,
    /// How long that took.
    took: Option<Duration>,
}

impl<'a> Saves<'a> {
    pub(crate) fn new(checkpoints: &'a Checkpoints) -> Self {
        Self { checkpoints, last: Instant::now(), took: None }
    }

    /// Writes the state after a step, if one is due.
    pub(crate) fn after_step(&mut self, trainer: &Trainer<'_>) -> Result<(), Error> {
        let step = trainer.n_taken();
        let is_due = match self.checkpoints.every {
            Every::Steps(0) => false,
            Every::Steps(every) => step.is_multiple_of(every) || step == trainer.n_steps(),
            Every::Share(share) => {
                let took = self.took.unwrap_or_else(|| expected(trainer.state_bytes()));
                self.last.elapsed().as_secs_f64() * share >= took.as_secs_f64()
            }
        };
        if is_due { self.write(trainer) } else { Ok(()) }
    }

    /// Writes the state.
    pub(crate) fn write(&mut self, trainer: &Trainer<'_>) -> Result<(), Error> {
        let start = Instant::now();
        trainer.save(self.checkpoints)?;
        self.last = Instant::now();
        self.took = Some(self.last - start);
        Ok(())
    }
}

fn expected(bytes: u64) -> Duration {
    Duration::from_secs_f64(bytes as f64 / RATE)
}
