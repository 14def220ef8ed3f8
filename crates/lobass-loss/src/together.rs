//! Two models whose layers are read from disk once for both.

use std::sync::{Mutex, PoisonError};

use lobass_core::{Detail, LossEngine, Measure, Sequence, SequenceLoss};
use lobass_model::Decoder;

use crate::judge::judge_of;
use crate::measured::sequence_loss;
use crate::{Engine, Error};

/// Two models that share their layers on disk: a base and an adapter of it, or two adapters.
///
/// Each of its two engines gives the losses of one model, with the bits of an [`Engine`] of that model. When
/// [`Together::first`] is asked, both models are run side by side, and each layer is read once for both. The losses of
/// the second model are kept until [`Together::second`] is asked for the same sequences. So ask in turns.
#[derive(Debug)]
pub struct Together {
    first: Engine,
    second: Engine,
    known: Mutex<Option<Known>>,
}

/// Losses of the second model.
#[derive(Debug)]
struct Known {
    sequences: Vec<Sequence>,
    detail: Detail,
    losses: Vec<SequenceLoss>,
}

impl Together {
    /// Takes two models and the number of threads; 0 counts as 1. Batches are as large as `bytes` allow, not counting
    /// the weights. `None` if the models do not share their layers
    /// ([`Decoder::shares_layers_with`]), or the memory is too small for the batches of two models.
    pub fn within(first: Decoder, second: Decoder, threads: usize, bytes: u64) -> Option<Self> {
        if !first.shares_layers_with(&second) {
            return None;
        }
        let [first, second] = [first, second].map(|model| Engine::new(model, threads).within_for(bytes, 2));
        Some(Self { first: first?, second: second?, known: Mutex::new(None) })
    }

    /// The first model, which also runs the second one.
    pub fn first(&self) -> First<'_> {
        First(self)
    }

    /// The second model. It is run by itself for sequences that the first one was not asked for just before.
    pub fn second(&self) -> Second<'_> {
        Second(self)
    }

    /// Rows of a round of batches, each of which reads all layers once.
    pub fn rows_of_round(&self) -> usize {
        self.first.limits().rows * self.first.threads()
    }
}

/// The first model of a [`Together`].
#[derive(Debug, Clone, Copy)]
pub struct First<'a>(&'a Together);

/// The second model of a [`Together`].
#[derive(Debug, Clone, Copy)]
pub struct Second<'a>(&'a Together);

impl LossEngine for First<'_> {
    type Error = Error;

    fn vocab_size(&self) -> usize {
        self.0.first.vocab_size()
    }

    fn losses(&self, sequences: &[Sequence], detail: Detail) -> Result<Vec<SequenceLoss>, Error> {
        let Together { first, second, known } = self.0;
        let judge = judge_of(Measure::CrossEntropy);
        let of_tokens = |losses: &[f32]| sequence_loss(losses, detail);
        let found = Engine::judged_by_each([first, second], judge, sequences, of_tokens)?;
        let (mine, losses) = found.into_iter().map(<(SequenceLoss, SequenceLoss)>::from).unzip();
        let of_second = Known { sequences: sequences.to_vec(), detail, losses };
        *known.lock().unwrap_or_else(PoisonError::into_inner) = Some(of_second);
        Ok(mine)
    }
}

impl LossEngine for Second<'_> {
    type Error = Error;

    fn vocab_size(&self) -> usize {
        self.0.second.vocab_size()
    }

    fn losses(&self, sequences: &[Sequence], detail: Detail) -> Result<Vec<SequenceLoss>, Error> {
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner).take();
        match known.filter(|known| known.detail == detail && known.sequences == sequences) {
            Some(known) => Ok(known.losses),
            None => self.0.second.losses(sequences, detail),
        }
    }
}
