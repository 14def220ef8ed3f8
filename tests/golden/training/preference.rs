//! Direct preference optimization, as TRL has it and with normalized log-ratios.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use lobass_model::Decoder;
use lobass_tests::{assert_close, fixture, read_json};
use lobass_train::{Dpo, Objective, Pair};
use safetensors::SafeTensors;
use serde::Deserialize;

use super::{Case, Recipe, Row, Step, load, with_prefix};

#[derive(Deserialize)]
struct Expected {
    recipe: Recipe,
    pairs: Vec<Sides>,
    losses: BTreeMap<String, Loss>,
}

#[derive(Deserialize)]
struct Sides {
    chosen: Side,
    rejected: Side,
}

#[derive(Deserialize)]
struct Side {
    #[serde(flatten)]
    row: Row,
    reference_log_prob: f64,
    policy_log_prob: f64,
}

#[derive(Deserialize)]
struct Loss {
    beta: f64,
    pair_losses: Vec<f64>,
    margins: Vec<f64>,
    coefficients: Vec<[f64; 2]>,
    steps: Vec<Step>,
}

impl Sides {
    fn pair(&self) -> Pair {
        Pair {
            chosen: self.chosen.row.sequence(),
            rejected: self.rejected.row.sequence(),
            reference_chosen: -self.chosen.reference_log_prob,
            reference_rejected: -self.rejected.reference_log_prob,
        }
    }
}

/// The policy of a case: the checkpoint with the weights of a file.
fn policy(name: &str) -> Decoder {
    let model = load(name);
    let bytes = fs_err::read(fixture("dpo").join(name).join("policy.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let names: BTreeMap<u64, String> =
        model.parameter_names().into_iter().map(|(name, id)| (id.val(), name)).collect();
    let device = model.device();
    model.with_parameters(
        &mut |id, _| {
            let view = tensors.tensor(&names[&id.val()]).unwrap();
            let (values, _) = view.data().as_chunks::<4>();
            let values: Vec<f32> = values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
            let count = values.len();
            Tensor::from_data(TensorData::new(values, [count]), &device)
        },
        &|_| true,
    )
}

fn check(name: &str, loss: &str) {
    let dir = fixture("dpo").join(name);
    let expected: Expected = read_json(&dir.join("expected.json"));
    let found = &expected.losses[loss];
    let pairs: Vec<Pair> = expected.pairs.iter().map(Sides::pair).collect();
    let dpo = Dpo { beta: found.beta, normalized: loss == "normalized" };
    for (at, (pair, sides)) in pairs.iter().zip(&expected.pairs).enumerate() {
        let what = format!("{name}, {loss}, pair {at}");
        let of_pair = dpo.loss(pair, -sides.chosen.policy_log_prob, -sides.rejected.policy_log_prob);
        assert_close(&what, &[of_pair.loss], &[found.pair_losses[at]], 1e-6);
        assert_close(&what, &[of_pair.margin], &[found.margins[at]], 1e-6);
        // The fixture differentiates the mean, with respect to log-probabilities.
        let n = pairs.len() as f64;
        let slopes = [-of_pair.d_chosen / n, -of_pair.d_rejected / n];
        assert_close(&what, &slopes, &found.coefficients[at], 1e-6);
    }
    let case = Case {
        name: format!("{name}, {loss}"),
        dir: dir.join(loss),
        stored: &with_prefix(""),
        recipe: &expected.recipe,
        steps: &found.steps,
        model: policy(name),
        objective: Objective::Preference(&pairs, dpo),
    };
    case.check();
}

#[test]
fn five_steps_of_dpo() {
    check("llama-gqa", "sigmoid");
    check("llama-tied", "sigmoid");
}

#[test]
fn five_steps_of_normalized_dpo() {
    check("llama-gqa", "normalized");
    check("llama-tied", "normalized");
}
