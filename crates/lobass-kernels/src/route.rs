//! Which experts work on a row, and how much each counts.
//!
//! A row has few scores, and the products of its experts take thousands of times as long. So this is done in `f64`, one
//! row after the other.

/// How a router's logits become the weights of experts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Routing {
    /// What the scores are.
    pub scores: RouterScores,
    /// How many experts work on a row.
    pub chosen: usize,
    /// Whether weights are divided by their sum.
    pub is_normalized: bool,
    /// What weights are multiplied with.
    pub scale: f32,
}

/// The scores of experts, as a function of a router's logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RouterScores {
    /// The softmax over all experts.
    Softmax,
    /// The sigmoid of each.
    Sigmoid,
}

/// Writes the experts of every row, in the order of their numbers, and their weights. Those with the highest scores are
/// chosen; of equal ones the first.
///
/// `choice_bias` is added to scores when experts are chosen, and not to weights.
///
/// # Shapes
/// - `logits`: `[rows, experts]`; `choice_bias`: `[experts]`
/// - `chosen`, `weights`: `[rows, routing.chosen]`
///
/// # Panics
/// If lengths do not fit, or if more experts are chosen than there are.
///
/// Source: `Qwen2MoeTopKRouter`, `MixtralTopKRouter`, `GptOssTopKRouter` (normalized: a softmax over the chosen ones is
/// the same), and `Glm4MoeTopkRouter` of transformers 5.24.
pub fn route(
    routing: Routing,
    logits: &[f32],
    n_experts: usize,
    choice_bias: Option<&[f32]>,
    chosen: &mut [u32],
    weights: &mut [f32],
) {
    check(routing, logits.len(), n_experts, chosen.len());
    assert_eq!(chosen.len(), weights.len(), "experts and weights");
    assert!(choice_bias.is_none_or(|bias| bias.len() == n_experts), "a bias for each expert");
    let of_rows = chosen.chunks_exact_mut(routing.chosen).zip(weights.chunks_exact_mut(routing.chosen));
    for (logits, (chosen, weights)) in logits.chunks_exact(n_experts).zip(of_rows) {
        let scores = scores(routing.scores, logits);
        choose(&scores, choice_bias, chosen);
        let picked: Vec<f64> = chosen.iter().map(|&expert| scores[expert as usize]).collect();
        let factor = factor(routing, &picked);
        for (weight, score) in weights.iter_mut().zip(picked) {
            *weight = narrow(score * factor);
        }
    }
}

/// Overwrites `d_logits` with the gradient of logits, given that of the weights. Which experts are chosen has none.
///
/// # Shapes
/// - `logits`, `d_logits`: `[rows, experts]`; `chosen`, `d_weights`: `[rows, routing.chosen]`
///
/// # Panics
/// If lengths do not fit.
pub fn route_backward(
    routing: Routing,
    logits: &[f32],
    n_experts: usize,
    chosen: &[u32],
    d_weights: &[f32],
    d_logits: &mut [f32],
) {
    check(routing, logits.len(), n_experts, chosen.len());
    assert_eq!((d_weights.len(), d_logits.len()), (chosen.len(), logits.len()), "gradients");
    let of_rows = chosen.chunks_exact(routing.chosen).zip(d_weights.chunks_exact(routing.chosen));
    let rows = logits.chunks_exact(n_experts).zip(d_logits.chunks_exact_mut(n_experts)).zip(of_rows);
    for ((logits, d_logits), (chosen, d_weights)) in rows {
        let scores = scores(routing.scores, logits);
        let picked: Vec<f64> = chosen.iter().map(|&expert| scores[expert as usize]).collect();
        let factor = factor(routing, &picked);
        // What all weights lose where one of them grows.
        let along: f64 = match routing.is_normalized {
            true => {
                let total = picked.iter().sum::<f64>() + least(routing.scores);
                picked.iter().zip(d_weights).map(|(score, d)| score * f64::from(*d)).sum::<f64>() / total
            }
            false => 0.0,
        };
        let mut d_scores = vec![0.0; n_experts];
        for (expert, d_weight) in chosen.iter().zip(d_weights) {
            d_scores[*expert as usize] = factor * (f64::from(*d_weight) - along);
        }
        scores_backward(routing.scores, &scores, &mut d_scores);
        for (d_logit, d_score) in d_logits.iter_mut().zip(d_scores) {
            *d_logit = narrow(d_score);
        }
    }
}

fn check(routing: Routing, logits: usize, n_experts: usize, chosen: usize) {
    let Routing { chosen: of_row, .. } = routing;
    assert!(of_row > 0 && of_row <= n_experts, "{of_row} of {n_experts} experts are chosen");
    assert_eq!(
        logits * of_row,
        chosen * n_experts,
        "logits of {n_experts} experts, of which {of_row} are chosen"
    );
}

fn scores(kind: RouterScores, logits: &[f32]) -> Vec<f64> {
    let wide = logits.iter().map(|logit| f64::from(*logit));
    match kind {
        RouterScores::Sigmoid => wide.map(|logit| 1.0 / (1.0 + (-logit).exp())).collect(),
        RouterScores::Softmax => {
            let greatest = wide.clone().fold(f64::NEG_INFINITY, f64::max);
            let powers: Vec<f64> = wide.map(|logit| (logit - greatest).exp()).collect();
            let sum: f64 = powers.iter().sum();
            powers.into_iter().map(|power| power / sum).collect()
        }
    }
}

/// Replaces the gradient of scores by that of logits.
fn scores_backward(kind: RouterScores, scores: &[f64], d_scores: &mut [f64]) {
    let along: f64 = match kind {
        RouterScores::Softmax => scores.iter().zip(&*d_scores).map(|(score, d)| score * d).sum(),
        RouterScores::Sigmoid => 0.0,
    };
    for (d, score) in d_scores.iter_mut().zip(scores) {
        *d = match kind {
            RouterScores::Softmax => score * (*d - along),
            RouterScores::Sigmoid => *d * score * (1.0 - score),
        };
    }
}

/// The experts with the highest scores, in the order of their numbers.
fn choose(scores: &[f64], bias: Option<&[f32]>, chosen: &mut [u32]) {
    let value = |expert: usize| scores[expert] + bias.map_or(0.0, |bias| f64::from(bias[expert]));
    let mut experts: Vec<usize> = (0..scores.len()).collect();
    experts.sort_by(|&one, &other| value(other).total_cmp(&value(one)));
    experts.truncate(chosen.len());
    experts.sort_unstable();
    for (chosen, expert) in chosen.iter_mut().zip(experts) {
        *chosen = u32::try_from(expert).expect("there are few experts");
    }
}

/// What the scores of the chosen experts are multiplied with.
fn factor(routing: Routing, picked: &[f64]) -> f64 {
    let scale = f64::from(routing.scale);
    if routing.is_normalized { scale / (picked.iter().sum::<f64>() + least(routing.scores)) } else { scale }
}

/// What keeps a sum of sigmoids from being zero, in the reference.
fn least(scores: RouterScores) -> f64 {
    match scores {
        RouterScores::Softmax => 0.0,
        RouterScores::Sigmoid => 1e-20,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::{values, weighted, wide};

    fn routings() -> Vec<Routing> {
        let kinds = [RouterScores::Softmax, RouterScores::Sigmoid];
        let of_kind = |scores| {
            [false, true].map(|is_normalized| Routing { scores, chosen: 2, is_normalized, scale: 1.5 })
        };
        kinds.into_iter().flat_map(of_kind).collect()
    }

    fn routed(
        routing: Routing,
        logits: &[f32],
        n_experts: usize,
        bias: Option<&[f32]>,
    ) -> (Vec<u32>, Vec<f32>) {
        let n = logits.len() / n_experts * routing.chosen;
        let (mut chosen, mut weights) = (vec![0; n], vec![0.0; n]);
        route(routing, logits, n_experts, bias, &mut chosen, &mut weights);
        (chosen, weights)
    }

    #[test]
    fn the_highest_scores_are_chosen_in_the_order_of_experts() {
        let routing = Routing { scores: RouterScores::Softmax, chosen: 2, is_normalized: true, scale: 1.0 };
        let (chosen, weights) = routed(routing, &[0.0, 3f32.ln(), 2f32.ln(), -1.0], 4, None);
        assert_eq!(chosen, [1, 2]);
        assert!((weights[0] - 0.6).abs() < 1e-6 && (weights[1] - 0.4).abs() < 1e-6, "{weights:?}");
        // Of equal ones the first.
        assert_eq!(routed(routing, &[1.0; 4], 4, None).0, [0, 1]);
        // A bias changes the choice and no weight.
        let routing = Routing { scores: RouterScores::Sigmoid, is_normalized: false, ..routing };
        let (chosen, weights) = routed(routing, &[0.0; 4], 4, Some(&[0.0, 0.0, 1.0, 2.0]));
        assert_eq!((chosen, weights), (vec![2, 3], vec![0.5, 0.5]));
    }

    proptest! {
        #[test]
        fn a_row_does_not_depend_on_the_others(rows in 1usize..6, n_experts in 2usize..9, seed: u64) {
            let logits = values(seed, rows * n_experts);
            for routing in routings() {
                let (chosen, weights) = routed(routing, &logits, n_experts, None);
                for (row, logits) in logits.chunks(n_experts).enumerate() {
                    let (of_row, its_weights) = routed(routing, logits, n_experts, None);
                    prop_assert_eq!(&of_row, &chosen[row * 2..][..2]);
                    prop_assert_eq!(&its_weights, &weights[row * 2..][..2]);
                }
            }
        }

        #[test]
        fn gradients_are_the_slopes(n_experts in 2usize..9, seed: u64) {
            let (logits, d_weights) = (values(seed, n_experts), values(seed ^ 1, 2));
            for routing in routings() {
                let (chosen, _) = routed(routing, &logits, n_experts, None);
                let mut d_logits = vec![f32::NAN; n_experts];
                route_backward(routing, &logits, n_experts, &chosen, &d_weights, &mut d_logits);
                // The weights of these experts, by the definition.
                let loss = |logits: &[f64]| {
                    let scores: Vec<f64> = match routing.scores {
                        RouterScores::Softmax => {
                            let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
                            logits.iter().map(|logit| logit.exp() / sum).collect()
                        }
                        RouterScores::Sigmoid => logits.iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect(),
                    };
                    let picked: Vec<f64> = chosen.iter().map(|&expert| scores[expert as usize]).collect();
                    let sum: f64 = if routing.is_normalized { picked.iter().sum() } else { 1.0 };
                    let weights: Vec<f64> = picked.iter().map(|score| 1.5 * score / sum).collect();
                    weighted(&weights, &wide(&d_weights))
                };
                let at = wide(&logits);
                for expert in 0..n_experts {
                    let moved = |by: f64| {
                        let mut at = at.clone();
                        at[expert] += by;
                        loss(&at)
                    };
                    let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                    prop_assert!((slope - f64::from(d_logits[expert])).abs() < 1e-6, "{} {:?}", slope, d_logits);
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "3 of 2 experts are chosen")]
    fn no_more_experts_are_chosen_than_there_are() {
        let routing = Routing { scores: RouterScores::Softmax, chosen: 3, is_normalized: true, scale: 1.0 };
        routed(routing, &[0.0; 2], 2, None);
    }
}
