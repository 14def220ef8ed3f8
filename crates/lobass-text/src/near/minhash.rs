//! MinHash (Broder 1997): the share of hash functions whose smallest value over two sets is the same is about the
//! Jaccard similarity of the sets.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Bands;

/// Hash functions in bands.
#[derive(Debug, Clone)]
pub(super) struct MinHash {
    bands: Bands,
    /// For each function: a term that is added to a shingle's hash, and a factor for the sum.
    functions: Vec<(u32, u32)>,
}

impl MinHash {
    #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
    pub(super) fn new(bands: Bands, seed: u64) -> Self {
        let function = |at: usize| {
            let bits = xxh3_64_with_seed(&(at as u64).to_le_bytes(), seed);
            (bits as u32, (bits >> 32) as u32 | 1)
        };
        Self { bands, functions: (0..bands.n_hashes()).map(function).collect() }
    }

    pub(super) fn bands(&self) -> Bands {
        self.bands
    }

    /// One hash for each band, of the smallest values of its functions over a set of shingles.
    #[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
    pub(super) fn of(&self, shingles: &[u32]) -> Box<[u32]> {
        let mut smallest = vec![u32::MAX; self.functions.len()];
        for &shingle in shingles {
            for (smallest, &(added, factor)) in smallest.iter_mut().zip(&self.functions) {
                *smallest = (*smallest).min(permuted(shingle, added, factor));
            }
        }
        let mut bytes = Vec::with_capacity(4 * self.bands.rows);
        let band = |(number, values): (usize, &[u32])| {
            bytes.clear();
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            xxh3_64_with_seed(&bytes, number as u64) as u32
        };
        smallest.chunks_exact(self.bands.rows).enumerate().map(band).collect()
    }
}

/// One to one on 32 bits, so two sets have one smallest value only by an element of both.
#[inline]
fn permuted(shingle: u32, added: u32, factor: u32) -> u32 {
    let mixed = (shingle ^ added).wrapping_mul(factor);
    (mixed ^ (mixed >> 15)).wrapping_mul(0x846c_a68b)
}
