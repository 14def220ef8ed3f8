//! Greedy decoding with keys and values kept, against transformers' `generate`; and samples that depend on their row alone.

use std::collections::BTreeMap;

use lobass_core::{
    Detail, LossEngine as _, Prompt, Sample, SampleEnd, Sampling, SamplingEngine as _, Sequence,
};
use lobass_generate::{Error, Generator};
use lobass_loss::Engine;
use lobass_model::{Checkpoint, Decoder, DeviceName, Dtype};
use lobass_tests::{fixture, read_json};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    cases: BTreeMap<String, Case>,
    refused: Vec<String>,
}

#[derive(Deserialize)]
struct Case {
    stop: Vec<u32>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    prompt: Vec<u32>,
    ids: Vec<u32>,
}

const GREEDY: Sampling =
    Sampling { samples: 1, temperature: 0.0, top_p: 1.0, max_new_tokens: 64, seed: 0, stop_ids: Vec::new() };

fn expected() -> Expected {
    read_json(&fixture("generate/expected.json"))
}

fn load(name: &str, dtype: Dtype) -> Decoder {
    Checkpoint::open(fixture(name)).unwrap().load(dtype, &DeviceName::Cpu.open()).unwrap()
}

#[test]
fn greedy_ids_are_those_of_transformers_for_every_family() {
    let cases = expected().cases;
    assert!(cases.len() > 60, "{} cases", cases.len());
    let mut n_stopped = 0;
    for (name, case) in cases {
        let generator = Generator::new(load(&name, Dtype::F32), 2).unwrap();
        let sampling = Sampling { stop_ids: case.stop.clone(), ..GREEDY };
        let prompts: Vec<Prompt<'_>> =
            case.rows.iter().map(|row| Prompt { key: "", ids: &row.prompt }).collect();
        let found = generator.samples(&prompts, &sampling).unwrap();
        for (row, samples) in case.rows.iter().zip(&found) {
            let [Sample { ids, end, .. }] = samples.as_slice() else { panic!("{name}: one sample") };
            assert_eq!(*ids, row.ids, "{name}, prompt {:?}", row.prompt);
            let is_stopped = case.stop.contains(ids.last().unwrap());
            assert_eq!(*end, if is_stopped { SampleEnd::Stop } else { SampleEnd::Limit }, "{name}");
            n_stopped += usize::from(is_stopped);
        }
    }
    assert!(n_stopped > 30, "{n_stopped} were ended by a token");
}

/// Some prompts, of which two begin alike.
fn prompts() -> Vec<(String, Vec<u32>)> {
    let text =
        |at: u32| (0..3 + 5 * (at % 4)).map(move |place| (place * 7 + place * place + at / 2) % 48).collect();
    (0..11).map(|at| (format!("row {at}"), text(at))).collect()
}

fn drawn(generator: &Generator, rows: &[(String, Vec<u32>)], sampling: &Sampling) -> Vec<Vec<Sample>> {
    let prompts: Vec<Prompt<'_>> = rows.iter().map(|(key, ids)| Prompt { key, ids }).collect();
    generator.samples(&prompts, sampling).unwrap()
}

#[test]
fn a_sample_depends_on_its_row_alone_in_every_family() {
    let sampling = Sampling {
        samples: 4,
        temperature: 1.1,
        top_p: 0.95,
        max_new_tokens: 12,
        seed: 3,
        stop_ids: vec![2, 7],
    };
    let rows = prompts();
    for name in expected().cases.into_keys() {
        for dtype in [Dtype::F32, Dtype::Bf16] {
            let model = load(&name, dtype);
            let one = Generator::new(model.clone(), 1).unwrap();
            let together = drawn(&one, &rows, &sampling);
            let four = Generator::new(model.clone(), 4).unwrap();
            let mut turned: Vec<_> = rows.clone();
            turned.reverse();
            let mut reordered = drawn(&four, &turned, &sampling);
            reordered.reverse();
            assert_eq!(reordered, together, "{name} in {dtype}: reordered, on four threads");
            let alone = drawn(&one, &rows[4..5], &sampling);
            assert_eq!(alone[0], together[4], "{name} in {dtype}: alone");
            let fewer = Sampling { samples: 2, ..sampling.clone() };
            assert_eq!(drawn(&one, &rows[4..5], &fewer)[0], together[4][..2], "{name}: fewer samples");
            // The losses that were drawn from are those of the loss engine.
            let engine = Engine::new(model, 1);
            let sequences: Vec<Sequence> = rows
                .iter()
                .zip(&together)
                .flat_map(|((_, prompt), samples)| samples.iter().map(|sample| sequence(prompt, sample)))
                .collect();
            let losses = engine.losses(&sequences, Detail::Sum).unwrap();
            let found: Vec<_> = together.iter().flatten().map(|sample| sample.nll).collect();
            assert_eq!(found, losses.iter().map(|loss| loss.nll).collect::<Vec<_>>(), "{name} in {dtype}");
        }
    }
}

fn sequence(prompt: &[u32], sample: &Sample) -> Sequence {
    let ids = [prompt, &sample.ids].concat();
    let scored: Vec<bool> = (0..ids.len()).map(|token| token >= prompt.len()).collect();
    Sequence::from_scored_tokens(ids, &scored).unwrap()
}

#[test]
fn prompts_that_cannot_be_continued_are_refused() {
    let refused = expected().refused;
    assert!(refused.len() >= 3);
    for name in refused {
        let generator = Generator::new(load(&name, Dtype::F32), 1).unwrap();
        let long = generator.samples(&[Prompt { key: "a", ids: &[1, 5] }], &GREEDY);
        assert!(matches!(long, Err(Error::TooLong { limit: 16, found: 66, .. })), "{name}: {long:?}");
        let short = Sampling { max_new_tokens: 14, ..GREEDY };
        generator.samples(&[Prompt { key: "a", ids: &[1, 5] }], &short).unwrap();
    }
    let generator = Generator::new(load("models/llama-gqa", Dtype::F32), 1).unwrap();
    let fails =
        |ids: &[u32]| generator.samples(&[Prompt { key: "a", ids }], &GREEDY).unwrap_err().to_string();
    assert_eq!(fails(&[]), "prompt of row `a`: expected at least one token, found none");
    assert!(fails(&[1, 48]).contains("vocab_size 48, found 48"));
}
