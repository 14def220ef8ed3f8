//! Nested shares of a pool, and a held-out part that shares no prompt with the rest.

use std::collections::{BTreeMap, BTreeSet};

use lobass_core::tie_break;

/// All places in an order that depends on their keys and the seed only. The first `n` places are the subset of `n`
/// rows, so smaller subsets are inside larger ones.
pub fn order_by_key<'a>(keys: impl IntoIterator<Item = &'a str>, seed: u64) -> Vec<usize> {
    let mut order: Vec<(u64, usize)> =
        keys.into_iter().enumerate().map(|(at, key)| (tie_break(key, seed), at)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, at)| at).collect()
}

/// The number of rows that a share means: rounded to the nearest row, and at least one of a pool that has any.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, in [0, n_rows]")]
pub fn rows_of_share(n_rows: usize, share: f64) -> usize {
    ((share.clamp(0.0, 1.0) * n_rows as f64).round() as usize).clamp(1, n_rows.max(1)).min(n_rows)
}

/// Which rows are held out, so that no prompt is on both sides.
///
/// All rows of a prompt go to one side. A prompt counts for the source of its first row. Of each source, a share of its
/// prompts is held out, rounded up, in an order that depends on the prompts and the seed only. At least one prompt of
/// each source stays.
///
/// # Shapes
/// - `prompts`: `[row]`, a number that rows with the same prompt share
/// - `sources`: `[row]`, the source of each row as a number
///
/// # Panics
/// If the two have different lengths.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of the prompts")]
pub fn hold_out_prompts(prompts: &[u128], sources: &[usize], share: f64, seed: u64) -> Vec<bool> {
    assert_eq!(prompts.len(), sources.len(), "a source for each row");
    let mut source_of: BTreeMap<u128, usize> = BTreeMap::new();
    for (&prompt, &source) in prompts.iter().zip(sources) {
        source_of.entry(prompt).or_insert(source);
    }
    let mut of_source: BTreeMap<usize, Vec<(u64, u128)>> = BTreeMap::new();
    for (&prompt, &source) in &source_of {
        of_source.entry(source).or_default().push((tie_break(&format!("{prompt:032x}"), seed), prompt));
    }
    let mut held_out = BTreeSet::new();
    for mut prompts in of_source.into_values() {
        prompts.sort_unstable();
        let n_held_out = (share.clamp(0.0, 1.0) * prompts.len() as f64).ceil() as usize;
        let n_held_out = n_held_out.min(prompts.len() - 1);
        held_out.extend(prompts.into_iter().take(n_held_out).map(|(_, prompt)| prompt));
    }
    prompts.iter().map(|prompt| held_out.contains(prompt)).collect()
}

/// The fold of each row, so that all rows of a prompt are in one fold and folds have nearly equally many prompts.
///
/// # Shapes
/// - `prompts`: `[row]`, a number that rows with the same prompt share
pub fn folds_of_prompts(prompts: &[u128], n_folds: usize, seed: u64) -> Vec<usize> {
    let distinct: BTreeSet<u128> = prompts.iter().copied().collect();
    let mut order: Vec<(u64, u128)> =
        distinct.into_iter().map(|prompt| (tie_break(&format!("{prompt:032x}"), seed), prompt)).collect();
    order.sort_unstable();
    let fold_of: BTreeMap<u128, usize> =
        order.into_iter().enumerate().map(|(at, (_, prompt))| (prompt, at % n_folds.max(1))).collect();
    prompts.iter().map(|prompt| fold_of[prompt]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn smaller_shares_are_inside_larger_ones(n in 1usize..80, one in 0f64..1.0, other in 0f64..1.0, seed: u64) {
            let keys: Vec<String> = (0..n).map(|at| format!("row {}", at / 2)).collect();
            let order = order_by_key(keys.iter().map(String::as_str), seed);
            let mut all = order.clone();
            all.sort_unstable();
            prop_assert_eq!(all, (0..n).collect::<Vec<_>>());
            let (small, large) = (rows_of_share(n, one.min(other)), rows_of_share(n, one.max(other)));
            prop_assert!(1 <= small && small <= large && large <= n);
            prop_assert_eq!(rows_of_share(n, 1.0), n);
            // Rows have their order among others of the pool too, so a source's share is nearly that of the mixture.
            let evens: Vec<&str> = keys.iter().map(String::as_str).step_by(2).collect();
            let among: Vec<usize> = order.iter().filter(|at| *at % 2 == 0).map(|at| at / 2).collect();
            prop_assert_eq!(order_by_key(evens, seed), among);
        }

        #[test]
        fn a_prompt_is_in_one_fold(prompts in prop::collection::vec(0u128..20, 0..60), n in 1usize..5, seed: u64) {
            let folds = folds_of_prompts(&prompts, n, seed);
            let by_prompt: BTreeMap<u128, usize> = prompts.iter().copied().zip(folds.iter().copied()).collect();
            prop_assert!(prompts.iter().zip(&folds).all(|(prompt, fold)| by_prompt[prompt] == *fold));
            let sizes: Vec<usize> =
                (0..n).map(|fold| by_prompt.values().filter(|found| **found == fold).count()).collect();
            prop_assert_eq!(sizes.iter().sum::<usize>(), by_prompt.len());
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
        }

        #[test]
        fn no_prompt_is_on_both_sides(
            rows in prop::collection::vec((0u128..30, 0usize..3), 1..90), share in 0f64..1.0, seed: u64,
        ) {
            let (prompts, sources): (Vec<u128>, Vec<usize>) = rows.iter().copied().unzip();
            let held_out = hold_out_prompts(&prompts, &sources, share, seed);
            let side = |is_held_out: bool| -> BTreeSet<u128> {
                prompts.iter().zip(&held_out).filter(|(_, held)| **held == is_held_out).map(|(p, _)| *p).collect()
            };
            prop_assert!(side(true).is_disjoint(&side(false)));
            prop_assert!(!side(false).is_empty());
            // Each source gives its share of prompts, and keeps one at least.
            for source in 0..3 {
                let first = |prompt: &u128| sources[prompts.iter().position(|other| other == prompt).unwrap()];
                let of: BTreeSet<u128> = prompts.iter().copied().filter(|prompt| first(prompt) == source).collect();
                let n_held_out = of.intersection(&side(true)).count();
                let wanted = (share * of.len() as f64).ceil();
                prop_assert_eq!(n_held_out as f64, wanted.min(of.len().saturating_sub(1) as f64));
            }
        }
    }

    #[test]
    fn shares_by_hand() {
        let rows = |n, share| rows_of_share(n, share);
        assert_eq!(
            [rows(10, 0.2), rows(10, 0.25), rows(3, 0.1), rows(0, 0.5), rows(7, 1.0)],
            [2, 3, 1, 0, 7]
        );
        // With 20 % of three prompts, one is held out; of one prompt, none.
        let held_out = hold_out_prompts(&[1, 2, 3, 2, 9], &[0, 0, 0, 0, 1], 0.2, 0);
        assert_eq!(
            held_out
                .iter()
                .zip([1, 2, 3, 2, 9])
                .filter(|(held, _)| **held)
                .map(|(_, p)| p)
                .collect::<BTreeSet<_>>()
                .len(),
            1
        );
        assert!(!held_out[4]);
        assert_eq!(held_out[1], held_out[3]);
    }
}
