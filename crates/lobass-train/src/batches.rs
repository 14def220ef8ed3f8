//! Which examples make a step.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

/// The batches of a whole run: every example once per epoch, in a new order each time.
///
/// The last batch of an epoch holds what is left. The order depends on the seed and the number of examples alone.
pub(crate) fn batches(n_examples: usize, batch_size: usize, epochs: u32, seed: u64) -> Vec<Vec<usize>> {
    (0..epochs)
        .flat_map(|epoch| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(u64::from(epoch));
            let mut order: Vec<usize> = (0..n_examples).collect();
            order.shuffle(&mut rng);
            order.chunks(batch_size.max(1)).map(<[usize]>::to_vec).collect::<Vec<_>>()
        })
        .collect()
}

/// Cuts a batch into micro-batches of at most `limit` tokens, padding included, or a single example.
///
/// Examples of like length come together, longest first. A function of the lengths alone.
pub(crate) fn micro_batches(batch: &[usize], length: impl Fn(usize) -> usize, limit: usize) -> Vec<Vec<usize>> {
    let mut order = batch.to_vec();
    order.sort_by_key(|&example| std::cmp::Reverse(length(example)));
    let mut result: Vec<Vec<usize>> = Vec::new();
    for example in order {
        match result.last_mut() {
            Some(last) if (last.len() + 1) * length(last[0]) <= limit => last.push(example),
            _ => result.push(vec![example]),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn epochs_differ_and_seeds_repeat() {
        let run = batches(10, 4, 2, 3);
        assert_eq!(run.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2, 4, 4, 2]);
        assert_ne!(run[..3], run[3..]);
        assert_eq!(run, batches(10, 4, 2, 3));
        assert_ne!(run, batches(10, 4, 2, 4));
    }

    proptest! {
        #[test]
        fn every_example_once_per_epoch(n in 1usize..50, size in 1usize..20, epochs in 1u32..4, seed: u64) {
            let all = batches(n, size, epochs, seed);
            prop_assert_eq!(all.len(), n.div_ceil(size) * epochs as usize);
            for epoch in all.chunks(n.div_ceil(size)) {
                let mut seen = epoch.concat();
                seen.sort_unstable();
                prop_assert_eq!(seen, (0..n).collect::<Vec<_>>());
            }
        }

        #[test]
        fn micro_batches_partition_within_the_limit(
            lengths in prop::collection::vec(1usize..100, 1..40),
            limit in 1usize..400,
        ) {
            let batch: Vec<usize> = (0..lengths.len()).collect();
            let parts = micro_batches(&batch, |at| lengths[at], limit);
            for part in &parts {
                let longest = part.iter().map(|&at| lengths[at]).max().unwrap();
                prop_assert!(part.len() == 1 || part.len() * longest <= limit);
            }
            let mut seen = parts.concat();
            seen.sort_unstable();
            prop_assert_eq!(seen, batch);
        }
    }
}
