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
            let order = order(n_examples, seed, u64::from(epoch));
            order.chunks(batch_size.max(1)).map(<[usize]>::to_vec).collect::<Vec<_>>()
        })
        .collect()
}

/// Batches of a training of about `n_tokens` tokens. Every example occurs once per pass, in a new order each time. The
/// number of passes, the last perhaps cut short, is the one that comes nearest.
///
/// Batches go on over the end of a pass, so that all but the last are full. Passes are ordered as the epochs of
/// [`fine_tune`](crate::fine_tune) with the same seed. At least one example is in it, and none without examples that
/// have tokens.
pub fn batches_of_tokens(lengths: &[usize], batch_size: usize, n_tokens: u64, seed: u64) -> Vec<Vec<usize>> {
    if lengths.iter().all(|&length| length == 0) {
        return Vec::new();
    }
    let mut stream: Vec<usize> = Vec::new();
    let mut seen = 0u64;
    for pass in 0.. {
        for example in order(lengths.len(), seed, pass) {
            let length = lengths[example] as u64;
            // What comes after is nearer than what came before if less than half of the example is too much.
            if !stream.is_empty() && 2 * n_tokens.saturating_sub(seen) <= length {
                return stream.chunks(batch_size.max(1)).map(<[usize]>::to_vec).collect();
            }
            stream.push(example);
            seen += length;
        }
    }
    unreachable!("every pass has tokens")
}

/// The order of the examples in a pass.
fn order(n_examples: usize, seed: u64, pass: u64) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(pass);
    let mut order: Vec<usize> = (0..n_examples).collect();
    order.shuffle(&mut rng);
    order
}

/// Sets `n_held_out` of some examples aside: those to train on, and those set aside, both in their old order.
///
/// Which ones depends on the seed and the number of examples alone. At least one example is left to train on, if
/// there is any.
pub fn hold_out<T>(examples: Vec<T>, n_held_out: usize, seed: u64) -> (Vec<T>, Vec<T>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::MAX); // no epoch has this one
    let mut order: Vec<usize> = (0..examples.len()).collect();
    order.shuffle(&mut rng);
    let mut aside = vec![false; examples.len()];
    let n_held_out = n_held_out.min(examples.len().saturating_sub(1));
    order[..n_held_out].iter().for_each(|&at| aside[at] = true);
    let (held_out, train): (Vec<_>, Vec<_>) = examples.into_iter().zip(aside).partition(|&(_, aside)| aside);
    let values = |pairs: Vec<(T, bool)>| pairs.into_iter().map(|(example, _)| example).collect();
    (values(train), values(held_out))
}

/// Cuts a batch into micro-batches of at most `limit` tokens, or a single example.
///
/// Examples of like length come together, longest first, and micro-batches are about as long as each other, so that
/// workers end at about the same time. Where three are enough, four are made: of two workers, one would have nothing to
/// do in the end; so for every odd number but one. What makes a step is the whole batch, so nothing is biased by it. A
/// function of the lengths alone.
pub(crate) fn micro_batches(
    batch: &[usize],
    length: impl Fn(usize) -> usize,
    limit: usize,
) -> Vec<Vec<usize>> {
    let mut order: Vec<(usize, usize)> = batch.iter().map(|&example| (length(example), example)).collect();
    order.sort_by_key(|&(length, _)| std::cmp::Reverse(length));
    let most = match parts(&order, limit).len() {
        1 => 1,
        n => n.next_multiple_of(2),
    };
    // The smallest limit that needs no more of them.
    let (mut low, mut high) = (0, limit);
    while low < high {
        let middle = low.midpoint(high);
        match parts(&order, middle).len() <= most {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    let examples = |part: &[(usize, usize)]| part.iter().map(|&(_, example)| example).collect();
    parts(&order, high).into_iter().map(examples).collect()
}

/// Lengths and examples in parts of at most `limit` tokens, or a single example, each as large as it may be.
fn parts(order: &[(usize, usize)], limit: usize) -> Vec<&[(usize, usize)]> {
    let mut parts = Vec::new();
    let mut rest = order;
    while !rest.is_empty() {
        let mut used = 0;
        let fits = |&&(length, _): &&(usize, usize)| {
            used += length;
            used <= limit
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (part, others) = rest.split_at(count);
        parts.push(part);
        rest = others;
    }
    parts
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

    #[test]
    fn micro_batches_are_even_in_length_and_in_number() {
        let cut = |lengths: &[usize], limit| {
            let batch: Vec<usize> = (0..lengths.len()).collect();
            let sum = |part: Vec<usize>| part.into_iter().map(|at| lengths[at]).sum();
            micro_batches(&batch, |at| lengths[at], limit).into_iter().map(sum).collect::<Vec<usize>>()
        };
        assert_eq!(cut(&[10; 6], 100), [60], "one is enough");
        assert_eq!(cut(&[10; 6], 50), [30, 30], "not 50 and 10");
        assert_eq!(cut(&[10; 12], 50), [30; 4], "not three of 40");
        assert_eq!(cut(&[90, 20, 20, 20, 20], 50), [90, 40, 40], "a long example is alone");
        assert_eq!(cut(&[], 50), [0; 0]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_when_set_aside(n in 0usize..50, held_out in 0usize..60, seed: u64) {
            let (train, aside) = hold_out((0..n).collect(), held_out, seed);
            prop_assert_eq!(aside.len(), held_out.min(n.saturating_sub(1)));
            prop_assert!(train.is_sorted() && aside.is_sorted());
            let mut all = [train, aside].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..n).collect::<Vec<_>>());
        }

        #[test]
        fn tokens_come_as_near_as_they_can(
            lengths in prop::collection::vec(0usize..50, 1..30),
            size in 1usize..9,
            n_tokens in 0u64..2000,
            seed: u64,
        ) {
            let plan = batches_of_tokens(&lengths, size, n_tokens, seed);
            let longest = lengths.iter().copied().max().unwrap() as u64;
            prop_assume!(longest > 0);
            let stream = plan.concat();
            let n_batches = plan.len();
            prop_assert!(plan[..n_batches - 1].iter().all(|batch| batch.len() == size));
            let found: u64 = stream.iter().map(|&example| lengths[example] as u64).sum();
            // Off by half an example, or by the one that has to be there.
            prop_assert!(2 * found.abs_diff(n_tokens) <= longest || stream.len() == 1);
            // Pass after pass, each a permutation, and the passes those of epochs.
            let epochs = u32::try_from(stream.len().div_ceil(lengths.len())).unwrap();
            let whole = batches(lengths.len(), lengths.len(), epochs, seed).concat();
            prop_assert_eq!(&stream[..], &whole[..stream.len()]);
        }

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
                let n_tokens: usize = part.iter().map(|&at| lengths[at]).sum();
                prop_assert!(part.len() == 1 || n_tokens <= limit);
            }
            let mut seen = parts.concat();
            seen.sort_unstable();
            prop_assert_eq!(seen, batch);
        }
    }
}
