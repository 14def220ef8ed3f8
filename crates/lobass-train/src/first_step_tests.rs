//! The first step of IRFT, by enumeration of everything that a toy model can say.
//!
//! At the start, the model is its own anchor, so the gradient of a pair is `-(beta / 2) (grad lp(y*) - grad lp(y))`. Over
//! samples `y` of the model, the mean of `grad lp(y)` is zero. So the mean gradient is `beta / 2` times that of supervised
//! fine-tuning on summed log-probabilities.

use lobass_core::{Detail, LossEngine as _, Sequence};
use lobass_loss::Engine;
use lobass_model::{Decoder, DecoderSpec, DeviceName, Gradients};

use crate::{Dpo, Objective, Pair, loss_gradients};

const TOY: &str = r#"{"model_type": "llama", "vocab_size": 5, "hidden_size": 8, "intermediate_size": 12,
    "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 16, "initializer_range": 0.5}"#;
const PROMPT: [u32; 2] = [1, 3];
const STOP: u32 = 2;
const LONGEST: usize = 3;
const BETA: f64 = 0.3;

fn answer(ids: &[u32]) -> Sequence {
    let ids = [PROMPT.as_slice(), ids].concat();
    let scored: Vec<bool> = (0..ids.len()).map(|at| at >= PROMPT.len()).collect();
    Sequence::from_scored_tokens(ids, &scored).unwrap()
}

/// Every text that ends with the stop token or has the most tokens.
fn all_texts() -> Vec<Vec<u32>> {
    let (mut open, mut done) = (vec![Vec::new()], Vec::new());
    while let Some(text) = open.pop() {
        for token in 0..5 {
            let longer: Vec<u32> = [text.as_slice(), &[token]].concat();
            if token == STOP || longer.len() == LONGEST { done.push(longer) } else { open.push(longer) }
        }
    }
    done
}

/// All gradients as one vector, in the order of the parameters.
fn vector(model: &Decoder, mut gradients: Gradients) -> Vec<f64> {
    let parameters = model.trained_parameters().into_iter();
    let found = parameters.filter_map(|(_, id)| gradients.take(id));
    found.flat_map(|values| values.into_data().try_into_vec::<f32>().unwrap()).map(f64::from).collect()
}

#[test]
fn the_mean_first_step_is_half_beta_times_that_of_fine_tuning() {
    let spec = DecoderSpec::from_json(TOY).unwrap();
    let model = Decoder::random(&spec, 5, &DeviceName::Cpu.open());
    let engine = Engine::new(model.clone(), 1);
    let loss =
        |sequence: &Sequence| engine.losses(std::slice::from_ref(sequence), Detail::Sum).unwrap()[0].nll.sum;
    let shown = answer(&[4, 0, STOP]);
    let texts = all_texts();
    assert_eq!(texts.len(), 1 + 4 + 16 * 5);

    let (mut total, mut mean) = (0.0, Vec::new());
    for text in &texts {
        let sample = answer(text);
        let (of_shown, of_sample) = (loss(&shown), loss(&sample));
        let pair = Pair {
            chosen: shown.clone(),
            rejected: sample,
            reference_chosen: of_shown,
            reference_rejected: of_sample,
        };
        let dpo = Dpo { beta: BETA, normalized: false };
        let (value, gradients) = loss_gradients(&model, Objective::Preference(&[pair], dpo), 64, 1);
        assert!((value - 2f64.ln()).abs() < 1e-6, "at the start every margin is zero");
        let probability = (-of_sample).exp();
        total += probability;
        let gradient = vector(&model, gradients);
        mean.resize(gradient.len(), 0.0);
        mean.iter_mut().zip(gradient).for_each(|(mean, value): (&mut f64, f64)| *mean += probability * value);
    }
    assert!((total - 1.0).abs() < 1e-5, "the texts are everything: {total}");

    // The gradient of the mean loss of the tokens, of which there are three.
    let (_, gradients) = loss_gradients(&model, Objective::Sft(std::slice::from_ref(&shown)), 64, 1);
    let expected: Vec<f64> =
        vector(&model, gradients).into_iter().map(|value| value * 3.0 * BETA / 2.0).collect();
    let size = expected.iter().map(|value| value * value).sum::<f64>().sqrt();
    let apart = mean.iter().zip(&expected).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    assert!(size > 1e-2 && apart < 1e-4 * size, "{apart} of {size}");
}
