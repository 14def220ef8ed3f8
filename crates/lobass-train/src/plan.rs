//! The batches of a training: given from the start, or drawn by a mixture.

use lobass_mixture::{Length, Mixer, MixerState, Seen};

use crate::batches::batches;
use crate::{Error, MixedReport, Objective, SourceLoss, Sources, TrainConfig};

/// The batches of a training.
pub(crate) enum Plan {
    /// Known before the first step.
    Given(Vec<Vec<usize>>),
    /// Each is drawn when it is needed.
    Mixed(Box<Mixed>),
}

/// A mixture under way.
pub(crate) struct Mixed {
    mixer: Mixer,
    /// The pass of each source in the last batch, from 1.
    passes: Vec<u32>,
}

/// A batch, and how it came about.
pub(crate) struct Batch {
    pub(crate) examples: Vec<usize>,
    /// The shares of the sources that it was drawn by; empty if it was given.
    pub(crate) shares: Vec<f64>,
}

impl Plan {
    /// The batches of epochs, or of the mixture of a recipe.
    pub(crate) fn new(
        objective: Objective<'_>,
        sources: Sources<'_>,
        config: &TrainConfig,
    ) -> Result<Self, Error> {
        let seed = config.order_seed();
        let Some(mixing) = &config.mixing else {
            return Ok(Self::Given(batches(objective.len(), config.batch_size, config.epochs, seed)));
        };
        if sources.names.is_empty() {
            let expected = "left out where examples have no sources";
            return Err(Error::Recipe { field: "mixing", expected, found: mixing.policy.to_string() });
        }
        let length = Length { epochs: config.epochs, batch_size: config.batch_size, seed };
        let mixer = Mixer::new(mixing, &sources.sizes(objective), sources.train, length)?;
        Ok(Self::Mixed(Box::new(Mixed { mixer, passes: vec![0; sources.names.len()] })))
    }

    pub(crate) fn n_steps(&self) -> usize {
        match self {
            Self::Given(batches) => batches.len(),
            Self::Mixed(mixed) => mixed.mixer.n_steps(),
        }
    }

    /// The batch of a step, counted from 0. A mixture draws the batch after its last one.
    pub(crate) fn batch(&mut self, at: usize) -> Batch {
        match self {
            Self::Given(batches) => Batch { examples: batches[at].clone(), shares: Vec::new() },
            Self::Mixed(mixed) => {
                let Mixed { mixer, passes } = &mut **mixed;
                let shares = mixer.shares().to_vec();
                let drawn = mixer.batch();
                for drawn in &drawn {
                    passes[drawn.source] = drawn.pass;
                }
                Batch { examples: drawn.iter().map(|drawn| drawn.row).collect(), shares }
            }
        }
    }

    /// The pass of a source in the last batch, if batches are mixed.
    pub(crate) fn pass(&self, source: usize) -> Option<u32> {
        match self {
            Self::Given(_) => None,
            Self::Mixed(mixed) => Some(mixed.passes[source]),
        }
    }

    /// Takes the losses of the last batch.
    pub(crate) fn learn(&mut self, losses: &[SourceLoss]) {
        if let Self::Mixed(mixed) = self {
            let mut seen = vec![Seen::default(); mixed.passes.len()];
            for &SourceLoss { source, nll, n_rows, pass } in losses {
                let is_repeated = pass > 1;
                seen[source] = Seen { n_rows, n_scored: nll.n_scored, nll: nll.sum, is_repeated };
            }
            mixed.mixer.learn(&seen);
        }
    }

    /// What the mixture drew, if there is one.
    pub(crate) fn outcome(&self) -> Option<MixedReport> {
        match self {
            Self::Given(_) => None,
            Self::Mixed(mixed) => {
                let shares = mixed.mixer.shares().to_vec();
                Some(MixedReport { n_drawn: mixed.mixer.n_drawn(), shares })
            }
        }
    }

    /// The state of the mixture, if there is one.
    pub(crate) fn state(&self) -> Option<MixerState> {
        match self {
            Self::Given(_) => None,
            Self::Mixed(mixed) => Some(mixed.mixer.state()),
        }
    }

    /// Takes a mixture up.
    pub(crate) fn resume(&mut self, state: Option<MixerState>) -> Result<(), Error> {
        match (self, state) {
            (Self::Mixed(mixed), Some(state)) => Ok(mixed.mixer.resume(state)?),
            _ => Ok(()),
        }
    }
}
