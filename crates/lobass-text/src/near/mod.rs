//! Groups of texts that share most of what they say.
//!
//! A text is the set of its shingles ([`shingle`]), and two are near duplicates if the Jaccard similarity of their sets
//! is at least a threshold. Candidates are found by MinHash in bands ([`bands`], [`minhash`]), and each is verified on
//! the sets themselves or, of long texts, on their smallest hashes ([`set`]). What is connected by verified pairs is a
//! group, so its ends may be less alike than the threshold ([`union`]). [`index`] looks up the near duplicates of texts
//! among others, with the same bands and the same verification.

mod bands;
mod group;
mod index;
mod minhash;
mod set;
mod shingle;
mod union;

use std::collections::HashMap;

pub use bands::Bands;
pub use index::{Near, NearIndex};
use minhash::MinHash;
use set::{Kept, Set};

use crate::Error;

/// The definition of near duplicates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupOptions {
    /// The least Jaccard similarity of two texts in one group, from 0.1 to 1.
    pub jaccard: f64,
    /// The seed of the hash functions. Another seed misses other pairs, if it misses any.
    pub seed: u64,
}

impl Default for GroupOptions {
    fn default() -> Self {
        Self { jaccard: 0.8, seed: 0 }
    }
}

/// The stored part of one text, computed by [`NearDuplicates::sketch`] on any thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    /// Hash of all its words in order: texts with equal hashes are equal.
    identity: u128,
    /// The hash of each band.
    bands: Box<[u32]>,
    set: Set,
}

/// Texts, and which of them are near duplicates.
///
/// Memory: 4 bytes for each text. A text whose words differ from those of all others takes some 100 bytes more, 4 bytes
/// for each band (21 at 0.8), and 4 bytes for each distinct shingle, of which at most 256 are kept. That is at most 1.2
/// KB, whatever its length, and up to twice that while lists grow. Grouping takes 16 bytes more for each text and
/// thread.
#[derive(Debug, Clone)]
pub struct NearDuplicates {
    minhash: MinHash,
    jaccard: f64,
    /// For each text pushed, its distinct text; [`ALONE`] if it is like no other.
    distinct: Vec<u32>,
    by_identity: HashMap<u128, u32>,
    identities: Vec<u128>,
    /// The hashes of all bands of one distinct text after the other.
    bands: Vec<u32>,
    sets: Kept,
}

/// A text that is nothing's near duplicate, such as that of a row that cannot be read.
const ALONE: u32 = u32::MAX;

impl NearDuplicates {
    /// Nothing so far.
    ///
    /// # Errors
    /// [`Error::Jaccard`] for a similarity that is not from 0.1 to 1.
    pub fn new(options: &GroupOptions) -> Result<Self, Error> {
        let bands = Bands::choose(options.jaccard)?;
        Ok(Self {
            minhash: MinHash::new(bands, options.seed),
            jaccard: options.jaccard,
            distinct: Vec::new(),
            by_identity: HashMap::new(),
            identities: Vec::new(),
            bands: Vec::new(),
            sets: Kept::default(),
        })
    }

    /// How candidates are found.
    pub fn bands(&self) -> Bands {
        self.minhash.bands()
    }

    /// Number of texts so far.
    pub fn len(&self) -> usize {
        self.distinct.len()
    }

    /// Number of distinct texts so far: those of the same words in the same order are one, and those that are alone
    /// Number of distinct texts so far. Texts with the same words in the same order count once. Texts that were pushed
    /// alone do not count.
    pub fn n_distinct(&self) -> usize {
        self.identities.len()
    }

    /// Whether no text was pushed.
    pub fn is_empty(&self) -> bool {
        self.distinct.is_empty()
    }

    /// The stored part of a text. It may have parts, such as the turns of a conversation; no shingle spans two of them.
    pub fn sketch<'t>(&self, parts: impl IntoIterator<Item = &'t str>) -> Sketch {
        let shingles = shingle::of(parts);
        Sketch {
            identity: shingles.identity,
            bands: self.minhash.of(&shingles.hashes),
            set: Set::new(shingles.hashes),
        }
    }

    /// Adds a text.
    ///
    /// # Panics
    /// Beyond 4 billion texts.
    pub fn push(&mut self, sketch: &Sketch) {
        let next = u32::try_from(self.identities.len()).expect("fewer than 4 billion texts");
        assert!(next != ALONE, "fewer than 4 billion texts");
        let number = *self.by_identity.entry(sketch.identity).or_insert(next);
        if number == next {
            self.identities.push(sketch.identity);
            self.bands.extend_from_slice(&sketch.bands);
            self.sets.push(&sketch.set);
        }
        self.distinct.push(number);
    }

    /// Adds a text that is to be in a separate group, whatever it says.
    pub fn push_alone(&mut self) {
        self.distinct.push(ALONE);
    }

    /// The group of each text, in the order in which they were added.
    ///
    /// Groups are numbered by the smallest hash of a text in them, so that a text's group says nothing of its place;
    /// those of [`NearDuplicates::push_alone`] come last. Neither order nor threads change which texts are together.
    pub fn groups(&self, threads: usize) -> Vec<u32> {
        group::number(&self.distinct, &self.identities, &self.connected(threads))
    }

    /// Connects all distinct texts that are near duplicates.
    fn connected(&self, threads: usize) -> union::Union {
        let bands = self.bands().bands;
        let threads = threads.clamp(1, bands);
        let mut parts: Vec<union::Union> = std::thread::scope(|scope| {
            let work = |first: usize| {
                move || {
                    let mut union = union::Union::new(self.identities.len());
                    for band in (first..bands).step_by(threads) {
                        group::connect_band(self, band, &mut union);
                    }
                    union
                }
            };
            let workers: Vec<_> = (0..threads).map(|first| scope.spawn(work(first))).collect();
            let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
                worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            workers.into_iter().map(join).collect()
        });
        let mut all = parts.pop().unwrap_or_else(|| union::Union::new(self.identities.len()));
        for part in &mut parts {
            all.join(part);
        }
        all
    }
}

/// The Jaccard similarity of two texts as the sets of their shingles, counted out: 1 for texts of the same words.
pub fn jaccard(left: &str, right: &str) -> f64 {
    let [left, right] = [left, right].map(|text| shingle::of([text]).hashes);
    let n_common = left.iter().filter(|hash| right.binary_search(hash).is_ok()).count();
    n_common as f64 / (left.len() + right.len() - n_common) as f64
}

#[cfg(test)]
mod tests;
