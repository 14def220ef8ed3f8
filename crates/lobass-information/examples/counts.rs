//! A model that only counts: its usable information is the plug-in conditional information on held-out counts.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::collections::BTreeMap;

use lobass_evidence::Bootstrap;
use lobass_information::{Losses, information};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Pairs of a prompt and a response, each one of a few.
type Pairs = Vec<(u8, u8)>;

/// Responses that there are.
const N_RESPONSES: usize = 3;

/// Counts of responses, overall and after each prompt, with one added to each.
struct Counts {
    overall: [f64; N_RESPONSES],
    after: BTreeMap<u8, [f64; N_RESPONSES]>,
}

impl Counts {
    fn of(pairs: &Pairs) -> Self {
        let mut counts = Self { overall: [1.0; N_RESPONSES], after: BTreeMap::new() };
        for &(prompt, response) in pairs {
            counts.overall[usize::from(response)] += 1.0;
            counts.after.entry(prompt).or_insert([1.0; N_RESPONSES])[usize::from(response)] += 1.0;
        }
        counts
    }

    fn null(&self, response: u8) -> f64 {
        share(&self.overall, response)
    }

    fn reference(&self, prompt: u8, response: u8) -> f64 {
        self.after.get(&prompt).map_or(1.0 / N_RESPONSES as f64, |counts| share(counts, response))
    }
}

fn share(counts: &[f64; N_RESPONSES], response: u8) -> f64 {
    counts[usize::from(response)] / counts.iter().sum::<f64>()
}

fn rows(model: &Counts, held_out: &Pairs) -> Vec<Losses> {
    let row = |&(prompt, response): &(u8, u8)| Losses {
        null: -model.null(response).ln(),
        reference: -model.reference(prompt, response).ln(),
        n_scored: 1,
    };
    held_out.iter().map(row).collect()
}

/// `sum over x, y of n(x, y) / n * log2 (g'(y|x) / g(y))`, with held-out counts `n`.
fn plug_in(model: &Counts, held_out: &Pairs) -> f64 {
    let mut joint: BTreeMap<(u8, u8), f64> = BTreeMap::new();
    for &pair in held_out {
        *joint.entry(pair).or_default() += 1.0;
    }
    let n = held_out.len() as f64;
    let bits = |(x, y): (u8, u8)| (model.reference(x, y) / model.null(y)).log2();
    joint.into_iter().map(|(pair, count)| count / n * bits(pair)).sum()
}

/// Responses that are mostly those of their prompts, after their own prompts or after those of other rows.
fn pairs(n: usize, seed: u64, shuffled: bool) -> Pairs {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let pair = |_| {
        let prompt = rng.random_range(0..3);
        let response = if rng.random_bool(0.2) { rng.random_range(0..3) } else { prompt };
        (if shuffled { rng.random_range(0..3) } else { prompt }, response)
    };
    (0..n).map(pair).collect()
}

fn main() {
    let bootstrap = Bootstrap::default();
    for (what, shuffled) in [("the right prompts", false), ("prompts of other rows", true)] {
        let (train, held_out) = (pairs(600, 0, shuffled), pairs(400, 1, shuffled));
        let model = Counts::of(&train);
        let found = information(&[rows(&model, &held_out)], &bootstrap).usable.per_row;
        let counted = plug_in(&model, &held_out);
        println!(
            "{what}: {:.3} bits [{:.3}, {:.3}], by counts {counted:.3}",
            found.value, found.low, found.high
        );
    }
}

#[test]
fn usable_information_is_the_plug_in_information_on_held_out_counts() {
    for shuffled in [false, true] {
        let (train, held_out) = (pairs(600, 0, shuffled), pairs(400, 1, shuffled));
        let model = Counts::of(&train);
        let found = information(&[rows(&model, &held_out)], &Bootstrap::default()).usable.per_row;
        assert!((found.value - plug_in(&model, &held_out)).abs() < 1e-9, "{found:?}");
        if shuffled {
            assert!(found.low <= 0.0, "prompts of other rows tell nothing: {found:?}");
        } else {
            assert!(found.low > 0.5, "{found:?}");
        }
    }
}
