//! The next token, given logits and draws.

use lobass_core::Sampling;

use crate::draw::Draws;

/// Chooses the next token; of equally good ones the lowest id counts. `None` if a logit is not a number, or if all are negative infinity.
///
/// With a temperature, it is the greatest of `logit / temperature + gumbel(token)`, which has the distribution of the
/// softmax ("Gumbel-max").
pub(crate) fn choose(sampling: &Sampling, logits: &[f32], draws: impl FnOnce() -> Draws) -> Option<u32> {
    if logits.iter().any(|logit| logit.is_nan() || *logit == f32::INFINITY) {
        return None;
    }
    if sampling.is_greedy() {
        return best(logits.iter().map(|&logit| f64::from(logit)).enumerate(), |_, logit, _| logit);
    }
    let scaled = |logit: f32| f64::from(logit) / sampling.temperature;
    let draws = draws();
    let perturbed = |token: usize, scaled: f64, best: f64| {
        let bits = draws.of(token);
        // A logarithm for the few tokens that can still win.
        if scaled + bits.gumbel_at_most() <= best { f64::NEG_INFINITY } else { scaled + bits.gumbel() }
    };
    if sampling.top_p < 1.0 {
        let kept = nucleus(logits, sampling);
        return best(kept.into_iter().map(|token| (token, scaled(logits[token]))), perturbed);
    }
    best(logits.iter().map(|&logit| scaled(logit)).enumerate(), perturbed)
}

/// The token with the greatest value above negative infinity. `value` gets a token, its logit, and the best so far.
#[inline]
fn best(tokens: impl Iterator<Item = (usize, f64)>, value: impl Fn(usize, f64, f64) -> f64) -> Option<u32> {
    let (mut leader, mut best) = (None, f64::NEG_INFINITY);
    for (token, logit) in tokens {
        let value = value(token, logit, best);
        if value > best {
            (leader, best) = (Some(token), value);
        }
    }
    u32::try_from(leader?).ok()
}

/// The most likely tokens that together have at least the probability `top_p`, and one at least, in the order of their
/// ids.
///
/// Source: `TopPLogitsWarper` of transformers 5.24, which cuts after the temperature.
fn nucleus(logits: &[f32], sampling: &Sampling) -> Vec<usize> {
    let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |logit: f32| (f64::from(logit - greatest) / sampling.temperature).exp();
    let weights: Vec<f64> = logits.iter().map(|&logit| weight(logit)).collect();
    let total: f64 = weights.iter().sum();
    // All tokens below this have less than `1 - top_p` together, so they are never needed.
    let least = total * (1.0 - sampling.top_p) / logits.len() as f64;
    let mut kept: Vec<usize> = (0..logits.len()).filter(|&token| weights[token] >= least).collect();
    kept.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]));
    let (mut sum, wanted) = (0.0, total * sampling.top_p);
    let enough = kept.iter().position(|&token| {
        sum += weights[token];
        sum >= wanted
    });
    kept.truncate(enough.map_or(kept.len(), |last| last + 1));
    kept.sort_unstable();
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::draw::SampleDraws;

    fn sampling(temperature: f64, top_p: f64) -> Sampling {
        Sampling { samples: 1, temperature, top_p, max_new_tokens: 1, seed: 0, stop_ids: Vec::new() }
    }

    fn draws(sample: u32) -> Draws {
        SampleDraws::new(5, "row", sample).at(0)
    }

    #[test]
    fn greedy_takes_the_lowest_of_the_best() {
        let greedy = sampling(0.0, 1.0);
        assert_eq!(choose(&greedy, &[0.0, 2.0, 2.0, -1.0], || draws(0)), Some(1));
        assert_eq!(choose(&greedy, &[f32::NEG_INFINITY, -3.0], || draws(0)), Some(1));
        assert_eq!(choose(&greedy, &[0.0, f32::NAN], || draws(0)), None);
        assert_eq!(choose(&sampling(1.0, 1.0), &[f32::NEG_INFINITY; 3], || draws(0)), None);
    }

    #[test]
    fn a_nucleus_is_the_smallest_set_with_enough() {
        let logits: Vec<f32> = [0.1f32, 0.5, 0.05, 0.35].iter().map(|p| p.ln()).collect();
        let kept = |top_p| nucleus(&logits, &sampling(1.0, top_p));
        assert_eq!(kept(0.2), [1]);
        assert_eq!(kept(0.6), [1, 3]);
        assert_eq!(kept(0.9), [0, 1, 3]);
        assert_eq!(kept(0.999), [0, 1, 2, 3]);
    }

    proptest! {
        #[test]
        fn bounds_change_no_choice(
            logits in prop::collection::vec(-20f32..20.0, 1..300), temperature in 0.1f64..3.0, sample: u32,
        ) {
            let plain = best(
                logits.iter().map(|&logit| f64::from(logit) / temperature).enumerate(),
                |token, logit, _| logit + draws(sample).of(token).gumbel(),
            );
            let found = choose(&sampling(temperature, 1.0), &logits, || draws(sample));
            prop_assert_eq!(found, plain);
        }

        #[test]
        fn a_nucleus_has_its_probability_and_no_token_too_many(
            logits in prop::collection::vec(-9f32..9.0, 1..200), top_p in 0.01f64..0.999,
        ) {
            let sampling = sampling(0.7, top_p);
            let weights: Vec<f64> = logits.iter().map(|&x| (f64::from(x) / 0.7).exp()).collect();
            let total: f64 = weights.iter().sum();
            let kept = nucleus(&logits, &sampling);
            let sum: f64 = kept.iter().map(|&token| weights[token]).sum::<f64>() / total;
            let least = kept.iter().map(|&token| weights[token]).fold(f64::INFINITY, f64::min);
            prop_assert!(sum >= top_p - 1e-5);
            prop_assert!(sum - least / total < top_p + 1e-5);
            let out = (0..logits.len()).filter(|token| !kept.contains(token));
            prop_assert!(out.map(|token| weights[token]).all(|weight| weight <= least));
        }
    }
}
