//! Which source each example is from, and the loss of each source.

use lobass_core::Nll;
use lobass_mixture::Source;

use crate::{Error, Objective};

/// Which source each example is from. Without names, losses are not told apart.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sources<'a> {
    /// The names of the sources.
    pub names: &'a [String],
    /// The source of each training example, by its place among the names.
    pub train: &'a [u32],
    /// The source of each held-out example.
    pub held_out: &'a [u32],
}

/// The loss of a source in a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SourceLoss {
    /// Its place among the names.
    pub source: usize,
    /// Its part of the objective, summed over its examples, with the number of terms: scored tokens, or pairs.
    pub nll: Nll,
    /// Its examples in the batch.
    pub n_rows: u64,
    /// The pass over it that the last of them belongs to, from 1. It is the epoch, unless batches are mixed.
    pub pass: u32,
}

impl Sources<'_> {
    /// Checks that every example has a source.
    pub(crate) fn check(&self, train: Objective<'_>, held_out: Objective<'_>) -> Result<(), Error> {
        let n_names = self.names.len();
        let fits = |sources: &[u32], n: usize| {
            sources.len() == n && sources.iter().all(|&source| (source as usize) < n_names)
        };
        match n_names == 0 || fits(self.train, train.len()) && fits(self.held_out, held_out.len()) {
            true => Ok(()),
            false => Err(Error::Sources { n_names, n_train: train.len(), n_held_out: held_out.len() }),
        }
    }

    /// The number of rows and terms of each source of the training examples.
    pub(crate) fn sizes(&self, train: Objective<'_>) -> Vec<Source> {
        let source = |name: &String| Source { name: name.clone(), n_rows: 0, n_scored: 0 };
        let mut sizes: Vec<Source> = self.names.iter().map(source).collect();
        for (example, &source) in self.train.iter().enumerate() {
            let size = &mut sizes[source as usize];
            size.n_rows += 1;
            size.n_scored += train.n_terms(&[example]) as u64;
        }
        sizes
    }

    /// The loss of each source in a batch, in the order of the names; sources without examples are left out.
    ///
    /// - `pass_of`: the pass that a source is in
    pub(crate) fn losses(
        &self,
        examples: &[(usize, Nll)],
        pass_of: impl Fn(usize) -> u32,
    ) -> Vec<SourceLoss> {
        let loss = |source| SourceLoss { source, nll: Nll::default(), n_rows: 0, pass: pass_of(source) };
        let mut losses: Vec<SourceLoss> = (0..self.names.len()).map(loss).collect();
        if losses.is_empty() {
            return losses;
        }
        for &(example, nll) in examples {
            let loss = &mut losses[self.train[example] as usize];
            loss.nll += nll;
            loss.n_rows += 1;
        }
        losses.retain(|loss| loss.n_rows > 0);
        losses
    }

    /// The summed held-out loss of each source.
    pub(crate) fn held_out(&self, losses: &[Nll]) -> Vec<Nll> {
        let mut sums = vec![Nll::default(); self.names.len()];
        for (&source, &nll) in self.held_out.iter().zip(losses) {
            sums[source as usize] += nll;
        }
        sums
    }
}
