//! Rows of sources, drawn by shares: at random between sources, and without replacement within one.

use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Streams of random numbers for the choice of sources, one for each step. Those below are for the orders of rows.
const CHOICES: u64 = 1 << 63;

/// A row that was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn {
    /// The row, by its place among all rows.
    pub row: usize,
    /// Its source.
    pub source: usize,
    /// The pass over its source, from 1.
    pub pass: u32,
}

/// Draws rows. What it draws depends on the seed, the rows of each source, and what was drawn before.
#[derive(Debug, Clone)]
pub(crate) struct Drawer {
    seed: u64,
    max_passes: u32,
    sources: Vec<OfSource>,
}

#[derive(Debug, Clone)]
struct OfSource {
    rows: Vec<usize>,
    n_drawn: u64,
    /// The pass that the rows are ordered for, from 0.
    ordered: Option<u64>,
}

impl OfSource {
    fn pass(&self) -> u64 {
        self.n_drawn / self.rows.len().max(1) as u64
    }
}

impl Drawer {
    /// - `source_of`: the source of each row
    pub(crate) fn new(source_of: &[u32], n_sources: usize, max_passes: u32, seed: u64) -> Self {
        let mut sources = vec![OfSource { rows: Vec::new(), n_drawn: 0, ordered: None }; n_sources];
        for (row, source) in source_of.iter().enumerate() {
            sources[*source as usize].rows.push(row);
        }
        Self { seed, max_passes, sources }
    }

    /// Rows drawn from each source so far.
    pub(crate) fn n_drawn(&self) -> Vec<u64> {
        self.sources.iter().map(|source| source.n_drawn).collect()
    }

    /// Goes on after some rows were drawn.
    pub(crate) fn resume(&mut self, n_drawn: &[u64]) {
        for (source, &n_drawn) in self.sources.iter_mut().zip(n_drawn) {
            (source.n_drawn, source.ordered) = (n_drawn, None);
        }
    }

    /// Draws a batch, or what is left.
    pub(crate) fn batch(&mut self, shares: &[f64], size: usize, step: u64) -> Vec<Drawn> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(CHOICES | step);
        (0..size).map_while(|_| self.choose(shares, rng.random::<f64>()).map(|at| self.next(at))).collect()
    }

    /// The source for a random number below 1, among those that have rows left.
    fn choose(&self, shares: &[f64], number: f64) -> Option<usize> {
        let is_left = |at: usize| {
            let source = &self.sources[at];
            !source.rows.is_empty() && source.pass() < u64::from(self.max_passes)
        };
        let left: Vec<usize> = (0..shares.len()).filter(|&at| is_left(at) && shares[at] > 0.0).collect();
        let mut place = number * left.iter().map(|&at| shares[at]).sum::<f64>();
        let chosen = left.iter().find(|&&at| {
            place -= shares[at];
            place < 0.0
        });
        chosen.or(left.last()).copied()
    }

    /// The next row of a source.
    fn next(&mut self, at: usize) -> Drawn {
        let source = &mut self.sources[at];
        let pass = source.pass();
        if source.ordered != Some(pass) {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream((at as u64) << 32 | pass);
            source.rows.sort_unstable();
            source.rows.shuffle(&mut rng);
            source.ordered = Some(pass);
        }
        let place = source.n_drawn % source.rows.len() as u64;
        source.n_drawn += 1;
        let row = source.rows[usize::try_from(place).expect("a place in a list")];
        Drawn { row, source: at, pass: u32::try_from(pass + 1).unwrap_or(u32::MAX) }
    }
}
