//! How often samples come, against the exact probabilities of a toy model.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::collections::BTreeMap;

use lobass_core::{Detail, LossEngine as _, Prompt, Sampling, SamplingEngine as _, Sequence};
use lobass_generate::Generator;
use lobass_loss::Engine;
use lobass_model::{Decoder, DecoderSpec, DeviceName};

const TOY: &str = r#"{"model_type": "llama", "vocab_size": 5, "hidden_size": 16, "intermediate_size": 24,
    "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.4}"#;
const VOCAB: u32 = 5;
const PROMPT: [u32; 2] = [1, 3];
const STOP: u32 = 2;
const SAMPLES: u32 = 20_000;

fn model() -> Decoder {
    random(11)
}

fn random(seed: u64) -> Decoder {
    Decoder::random(&DecoderSpec::from_json(TOY).unwrap(), seed, &DeviceName::Cpu.open())
}

/// The probability of every token after some tokens, with a temperature and a nucleus, written down plainly.
fn next(engine: &Engine, after: &[u32], temperature: f64, top_p: f64) -> Vec<f64> {
    let log_p = |token: u32| {
        let ids = [after, &[token]].concat();
        let scored: Vec<bool> = (0..ids.len()).map(|at| at == after.len()).collect();
        let sequence = Sequence::from_scored_tokens(ids, &scored).unwrap();
        -engine.losses(&[sequence], Detail::Sum).unwrap()[0].nll.sum
    };
    let powers: Vec<f64> = (0..VOCAB).map(|token| (log_p(token) / temperature).exp()).collect();
    let total: f64 = powers.iter().sum();
    let mut order: Vec<usize> = (0..powers.len()).collect();
    order.sort_by(|&a, &b| powers[b].total_cmp(&powers[a]));
    let (mut kept, mut sum) = (vec![0.0; powers.len()], 0.0);
    for token in order {
        if sum < top_p {
            kept[token] = powers[token] / total;
            sum += kept[token];
        }
    }
    kept.into_iter().map(|p| p / sum).collect()
}

/// The probability of every text of at most three tokens that ends with [`STOP`] or has three.
fn texts(engine: &Engine, temperature: f64, top_p: f64) -> BTreeMap<Vec<u32>, f64> {
    let (mut open, mut done) = (vec![(Vec::new(), 1.0)], BTreeMap::new());
    while let Some((text, p)) = open.pop() {
        let after = [PROMPT.as_slice(), &text].concat();
        for (token, of_token) in (0..VOCAB).zip(next(engine, &after, temperature, top_p)) {
            let longer = [text.as_slice(), &[token]].concat();
            match token == STOP || longer.len() == 3 {
                true => drop(done.insert(longer, p * of_token)),
                false => open.push((longer, p * of_token)),
            }
        }
    }
    done
}

/// The standardized chi-square statistic: about normal, since there are tens of texts.
fn surprise(temperature: f64, top_p: f64) -> f64 {
    let engine = Engine::new(model(), 1);
    let generator = Generator::new(model(), 2).unwrap();
    let sampling =
        Sampling { samples: SAMPLES, temperature, top_p, max_new_tokens: 3, seed: 1, stop_ids: vec![STOP] };
    let found = generator.samples(&[Prompt { key: "toy", ids: &PROMPT }], &sampling).unwrap().remove(0);
    let mut counts: BTreeMap<Vec<u32>, f64> = BTreeMap::new();
    for sample in found {
        assert_eq!(sample.is_finished(), sample.ids.last() == Some(&STOP));
        *counts.entry(sample.ids).or_default() += 1.0;
    }
    let expected = texts(&engine, temperature, top_p);
    assert!((expected.values().sum::<f64>() - 1.0).abs() < 1e-6);
    assert!(counts.keys().all(|text| expected[text] > 0.0), "only texts of the nucleus come");
    // Texts that hardly come are counted together.
    let (mut cells, mut rest) = (Vec::new(), (0.0, 0.0));
    for (text, p) in expected {
        let (count, wanted) = (counts.get(&text).copied().unwrap_or(0.0), p * f64::from(SAMPLES));
        match wanted < 8.0 {
            true => rest = (rest.0 + count, rest.1 + wanted),
            false => cells.push((count, wanted)),
        }
    }
    cells.extend((rest.1 > 8.0).then_some(rest));
    let chi: f64 = cells.iter().map(|(count, wanted)| (count - wanted).powi(2) / wanted).sum();
    let degrees = cells.len() as f64 - 1.0;
    assert!(degrees >= 7.0, "{degrees} degrees of freedom");
    // Wilson and Hilferty's normal approximation.
    let spread = 2.0 / (9.0 * degrees);
    ((chi / degrees).cbrt() - (1.0 - spread)) / spread.sqrt()
}

/// Beyond 3.7 is p < 1e-4.
#[test]
fn frequencies_are_the_probabilities() {
    for (temperature, top_p) in [(1.0, 1.0), (0.6, 1.0), (1.7, 1.0), (1.0, 0.8), (1.3, 0.65)] {
        let found = surprise(temperature, top_p);
        assert!(found < 3.7, "temperature {temperature}, top-p {top_p}: {found} standard deviations");
    }
}

/// The mean of `log p_ref - log p_base` over samples of the reference is the divergence of the two after this prompt.
#[test]
fn the_mean_gain_of_samples_is_a_divergence() {
    let (base, reference) = (Engine::new(random(12), 1), Engine::new(model(), 1));
    let sequence = |text: &[u32]| {
        let ids = [PROMPT.as_slice(), text].concat();
        let scored: Vec<bool> = (0..ids.len()).map(|at| at >= PROMPT.len()).collect();
        Sequence::from_scored_tokens(ids, &scored).unwrap()
    };
    let gains = |texts: &[Vec<u32>]| -> Vec<f64> {
        let sequences: Vec<Sequence> = texts.iter().map(|text| sequence(text)).collect();
        let [base, reference] =
            [&base, &reference].map(|engine| engine.losses(&sequences, Detail::Sum).unwrap());
        base.iter().zip(&reference).map(|(base, reference)| base.nll.sum - reference.nll.sum).collect()
    };
    let (all, probabilities): (Vec<Vec<u32>>, Vec<f64>) = texts(&reference, 1.0, 1.0).into_iter().unzip();
    let divergence: f64 = gains(&all).iter().zip(&probabilities).map(|(gain, p)| gain * p).sum();
    assert!(divergence > 0.1, "the models differ: {divergence}");

    let generator = Generator::new(model(), 2).unwrap();
    let sampling = Sampling {
        samples: 10_000,
        temperature: 1.0,
        top_p: 1.0,
        max_new_tokens: 3,
        seed: 4,
        stop_ids: vec![STOP],
    };
    let found = generator.samples(&[Prompt { key: "toy", ids: &PROMPT }], &sampling).unwrap().remove(0);
    let found: Vec<Vec<u32>> = found.into_iter().map(|sample| sample.ids).collect();
    let gains = gains(&found);
    let n = gains.len() as f64;
    let mean = gains.iter().sum::<f64>() / n;
    let error = (gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt();
    assert!((mean - divergence).abs() < 4.0 * error, "{mean} for {divergence}, error {error}");
}
