//! Which fold of a pool a row is in, when every row is to be scored by references that have not seen it.

use lobass_core::Sequence;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// How a pool is cut for cross-fitting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folds {
    /// How many folds there are, at least two.
    pub n_folds: usize,
    /// The seed of the cut.
    pub seed: u64,
}

/// The fold of a row, in `0..n_folds`; of a pair `sequence` is the chosen side.
///
/// It is a seeded hash of the token ids and of nothing else, so rows that a model cannot tell apart share a fold.
/// Otherwise a reference would be trained on one of them and score the other as if it had not seen it. Pairs with one
/// chosen response share a fold too, whatever was rejected.
///
/// # Panics
/// If there are no folds.
pub fn fold_of(sequence: &Sequence, n_folds: usize, seed: u64) -> usize {
    assert!(n_folds > 0, "a pool is cut into at least one fold");
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    sequence.input_ids().iter().for_each(|id| hash.update(id.to_le_bytes()));
    let digest = hash.finalize();
    let first: [u8; 8] = digest[..8].try_into().expect("a digest has 32 bytes");
    // The high bits of a product: as even as a remainder, and the same on every platform.
    let scaled = u128::from(u64::from_le_bytes(first)) * n_folds as u128;
    usize::try_from(scaled >> 64).expect("below n_folds")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sequence(ids: &[u32]) -> Sequence {
        Sequence::from_scored_tokens(ids.to_vec(), &vec![false; ids.len()]).unwrap()
    }

    proptest! {
        #[test]
        fn the_ids_decide_and_nothing_else(
            ids in prop::collection::vec(any::<u32>(), 2..20), n_folds in 1usize..12, seed: u64,
        ) {
            let fold = fold_of(&sequence(&ids), n_folds, seed);
            prop_assert!(fold < n_folds);
            let mut scored = vec![true; ids.len()];
            scored[0] = false;
            let masked = Sequence::from_scored_tokens(ids, &scored).unwrap();
            prop_assert_eq!(fold_of(&masked, n_folds, seed), fold);
        }
    }

    #[test]
    fn folds_are_even_and_a_seed_makes_others() {
        let folds =
            |seed| -> Vec<usize> { (0..4000u32).map(|id| fold_of(&sequence(&[1, id]), 4, seed)).collect() };
        let (one, other) = (folds(0), folds(1));
        for fold in 0..4 {
            let count = one.iter().filter(|&&found| found == fold).count();
            // 1000 expected, and 27 is the standard deviation.
            assert!((880..1120).contains(&count), "fold {fold} has {count} of 4000");
        }
        let same = one.iter().zip(&other).filter(|(one, other)| one == other).count();
        assert!((880..1120).contains(&same), "{same} of 4000 rows stay in their fold");
    }
}
