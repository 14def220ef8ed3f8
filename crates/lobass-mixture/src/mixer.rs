//! A training in batches that a mixture draws.

use serde::{Deserialize, Serialize};

use crate::draw::{Drawer, Drawn};
use crate::policy::scaled;
use crate::{Error, Mixing, MixingPolicy, Pilot, Prior, Seen, Source, Timing};

/// How long a training is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// It takes as many rows as this many passes over all of them.
    pub epochs: u32,
    /// Rows of a batch. The last batch of an epoch has what is left of its rows.
    pub batch_size: usize,
    /// The seed of all choices.
    pub seed: u64,
}

/// Draws the batches of a training, each by the shares of the moment.
#[derive(Debug, Clone)]
pub struct Mixer {
    length: Length,
    n_rows: usize,
    drawer: Drawer,
    shares: Shares,
    step: usize,
}

#[derive(Debug, Clone)]
enum Shares {
    Fixed(Vec<f64>),
    Ado(Box<Pilot>),
}

/// The state of a [`Mixer`], as plain data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MixerState {
    step: usize,
    n_drawn: Vec<u64>,
    pilot: Option<Pilot>,
}

impl Mixer {
    /// A training on rows of some sources.
    ///
    /// - `source_of`: the source of each row, by its place in `sources`
    ///
    /// # Errors
    /// [`Error::Passes`] if the rows are too few for the training, [`Error::Prior`] for a prior of other sources.
    pub fn new(
        mixing: &Mixing,
        sources: &[Source],
        source_of: &[u32],
        length: Length,
    ) -> Result<Self, Error> {
        let (max_passes, epochs) = (mixing.max_passes, length.epochs);
        if epochs > max_passes {
            return Err(Error::Passes { max_passes, epochs });
        }
        let n_steps = source_of.len().div_ceil(length.batch_size) * epochs as usize;
        let shares = match mixing.policy {
            MixingPolicy::Even => Shares::Fixed(scaled(&Prior::Even.weights(sources)?)),
            MixingPolicy::Rows => Shares::Fixed(scaled(&Prior::Rows.weights(sources)?)),
            MixingPolicy::Ado => {
                let prior = mixing.prior.weights(sources)?;
                Shares::Ado(Box::new(Pilot::new(&prior, Timing::for_steps(n_steps), mixing.floor)))
            }
        };
        let drawer = Drawer::new(source_of, sources.len(), max_passes, length.seed);
        Ok(Self { length, n_rows: source_of.len(), drawer, shares, step: 0 })
    }

    /// All steps of the training.
    pub fn n_steps(&self) -> usize {
        self.n_rows.div_ceil(self.length.batch_size) * self.length.epochs as usize
    }

    /// The shares that the next batch is drawn by.
    pub fn shares(&self) -> &[f64] {
        match &self.shares {
            Shares::Fixed(shares) => shares,
            Shares::Ado(pilot) => pilot.shares(),
        }
    }

    /// Rows drawn from each source so far.
    pub fn n_drawn(&self) -> Vec<u64> {
        self.drawer.n_drawn()
    }

    /// Draws the next batch. Nothing is left after the last step.
    pub fn batch(&mut self) -> Vec<Drawn> {
        let per_epoch = self.n_rows.div_ceil(self.length.batch_size);
        if self.step >= self.n_steps() {
            return Vec::new();
        }
        let place = self.step % per_epoch * self.length.batch_size;
        let size = self.length.batch_size.min(self.n_rows - place);
        let shares = self.shares().to_vec();
        self.step += 1;
        self.drawer.batch(&shares, size, self.step as u64)
    }

    /// Takes the losses of the batch, one entry for each source.
    pub fn learn(&mut self, seen: &[Seen]) {
        if let Shares::Ado(pilot) = &mut self.shares {
            pilot.learn(seen);
        }
    }

    /// The state after a batch whose losses were taken.
    pub fn state(&self) -> MixerState {
        let pilot = match &self.shares {
            Shares::Fixed(_) => None,
            Shares::Ado(pilot) => Some((**pilot).clone()),
        };
        MixerState { step: self.step, n_drawn: self.drawer.n_drawn(), pilot }
    }

    /// Goes on from a state of the same training.
    ///
    /// # Errors
    /// [`Error::State`] if it has other sources.
    pub fn resume(&mut self, state: MixerState) -> Result<(), Error> {
        let (expected, found) = (self.shares().len(), state.n_drawn.len());
        if expected != found || state.pilot.as_ref().is_some_and(|pilot| pilot.shares().len() != expected) {
            return Err(Error::State { expected, found });
        }
        self.step = state.step;
        self.drawer.resume(&state.n_drawn);
        if let Some(pilot) = state.pilot {
            self.shares = Shares::Ado(Box::new(pilot));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const ROWS: [u64; 3] = [200, 100, 30];

    fn mixer(policy: MixingPolicy, epochs: u32, max_passes: u32) -> Result<Mixer, Error> {
        let source = |n_rows| Source { name: format!("{n_rows}.jsonl"), n_rows, n_scored: 50 * n_rows };
        let source_of = (0..330).map(|row| u32::from(row >= 200) + u32::from(row >= 300)).collect::<Vec<_>>();
        let mixing = Mixing { max_passes, ..Mixing::new(policy) };
        Mixer::new(&mixing, &ROWS.map(source), &source_of, Length { epochs, batch_size: 8, seed: 5 })
    }

    /// Takes some steps, with losses of a first source that falls and others that do not.
    fn steps(mixer: &mut Mixer, n_steps: usize) -> Vec<Vec<Drawn>> {
        let step = |_| {
            let batch = mixer.batch();
            let mut seen = [Seen::default(); 3];
            let loss = [3.0 - 0.01 * mixer.step as f64, 2.0, 1.0];
            for drawn in &batch {
                let seen = &mut seen[drawn.source];
                (seen.n_rows, seen.n_scored) = (seen.n_rows + 1, seen.n_scored + 50);
                seen.nll += 50.0 * loss[drawn.source];
                seen.is_repeated |= drawn.pass > 1;
            }
            mixer.learn(&seen);
            batch
        };
        (0..n_steps).map(step).collect()
    }

    #[test]
    fn a_training_has_the_batches_of_its_epochs_and_no_row_too_often() {
        for (policy, epochs, max_passes) in [
            (MixingPolicy::Even, 1, 4),
            (MixingPolicy::Even, 3, 3),
            (MixingPolicy::Rows, 1, 1),
            (MixingPolicy::Ado, 2, 2),
        ] {
            let mut mixer = mixer(policy, epochs, max_passes).unwrap();
            assert_eq!(mixer.n_steps(), 42 * epochs as usize);
            let batches = steps(&mut mixer, 42 * epochs as usize);
            let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
            assert!(sizes.iter().enumerate().all(|(at, &size)| size == if at % 42 == 41 { 2 } else { 8 }));
            let mut times = BTreeMap::<usize, u32>::new();
            for drawn in batches.concat() {
                let times = times.entry(drawn.row).or_default();
                *times += 1;
                // Without replacement: the pass of a row says how often it was drawn.
                assert_eq!(*times, drawn.pass, "{drawn:?}");
                assert!(drawn.pass <= max_passes);
                assert_eq!(drawn.source, usize::from(drawn.row >= 200) + usize::from(drawn.row >= 300));
            }
            assert_eq!(mixer.n_drawn().iter().sum::<u64>(), 330 * u64::from(epochs));
            if epochs == max_passes {
                assert_eq!(mixer.n_drawn(), ROWS.map(|rows| rows * u64::from(epochs)));
            }
            assert!(mixer.batch().is_empty());
        }
    }

    #[test]
    fn the_excess_of_a_small_source_goes_to_the_others() {
        let mut mixer = mixer(MixingPolicy::Even, 2, 4).unwrap();
        steps(&mut mixer, 84);
        let n_drawn = mixer.n_drawn();
        assert_eq!(n_drawn[2], 120, "its four passes");
        assert!(n_drawn[0].abs_diff(270) < 40 && n_drawn[1].abs_diff(270) < 40, "{n_drawn:?}");
    }

    #[test]
    fn too_many_epochs_are_refused() {
        let message = mixer(MixingPolicy::Rows, 5, 4).unwrap_err().to_string();
        assert!(message.contains("at most 4 passes") && message.contains("at least 5"), "{message}");
    }

    #[test]
    fn a_mixer_that_is_taken_up_draws_the_same() {
        for policy in [MixingPolicy::Ado, MixingPolicy::Even] {
            let mut whole = mixer(policy, 2, 4).unwrap();
            let expected = steps(&mut whole, 84);
            let mut first = mixer(policy, 2, 4).unwrap();
            steps(&mut first, 33);
            let written = serde_json::to_string(&first.state()).unwrap();
            let mut second = mixer(policy, 2, 4).unwrap();
            second.resume(serde_json::from_str(&written).unwrap()).unwrap();
            assert_eq!(steps(&mut second, 51), expected[33..]);
            assert_eq!(second.state(), whole.state());
            let mut other = MixerState { n_drawn: vec![0; 2], ..second.state() };
            other.pilot = None;
            assert_eq!(second.resume(other).unwrap_err(), Error::State { expected: 3, found: 2 });
        }
    }
}
