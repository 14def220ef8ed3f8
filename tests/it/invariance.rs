//! A loss depends on its sequence alone: not on its company, its place, or the number of threads. To the bit.

use lobass_core::{Detail, LossEngine as _, Sequence, SequenceLoss};
use lobass_llama::{Checkpoint, DeviceName, Dtype, Llama};
use lobass_loss::Engine;
use lobass_tests::{assert_close, fixture};

/// A product of more rows may sum in another order; that is all that may differ.
const SUMMATION: f64 = 1e-5;

fn model(name: &str, dtype: Dtype) -> Llama {
    Checkpoint::open(fixture("models").join(name)).unwrap().load(dtype, &DeviceName::Cpu.open()).unwrap()
}

/// Sequences of all lengths, with masks of all kinds.
fn sequences() -> Vec<Sequence> {
    let mut state = 12345u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    (2..40)
        .map(|length| {
            let ids: Vec<u32> = (0..length).map(|_| random() % 48).collect();
            let mut scored: Vec<bool> = (0..length).map(|_| random() % 3 > 0).collect();
            scored[0] = false;
            Sequence::from_scored_tokens(ids, &scored).unwrap()
        })
        .collect()
}

fn bits(losses: &[SequenceLoss]) -> Vec<(u64, u64, Vec<u32>)> {
    losses
        .iter()
        .map(|loss| {
            let tokens = loss.per_token.as_ref().unwrap().iter().map(|token| token.to_bits()).collect();
            (loss.nll.sum.to_bits(), loss.nll.n_scored, tokens)
        })
        .collect()
}

#[test]
fn alone_in_company_reordered_and_on_any_number_of_threads() {
    for (name, dtype) in [
        ("llama-gqa", Dtype::F32),
        ("qwen3", Dtype::F32),
        ("mistral-sliding", Dtype::F32),
        ("llama-rope-dynamic", Dtype::F32),
        ("llama-bf16", Dtype::Bf16),
    ] {
        let sequences = sequences();
        let engine = |threads| Engine::new(model(name, dtype), threads);
        let together = bits(&engine(1).losses(&sequences, Detail::PerToken).unwrap());

        let single = engine(1);
        let alone: Vec<_> = sequences
            .iter()
            .flat_map(|sequence| {
                bits(&single.losses(std::slice::from_ref(sequence), Detail::PerToken).unwrap())
            })
            .collect();
        assert_eq!(alone, together, "{name}: alone");

        let turned: Vec<Sequence> = sequences.iter().rev().cloned().collect();
        let mut reordered = bits(&single.losses(&turned, Detail::PerToken).unwrap());
        reordered.reverse();
        assert_eq!(reordered, together, "{name}: reordered");

        for threads in [2, 3, 8] {
            let threaded = bits(&engine(threads).losses(&sequences, Detail::PerToken).unwrap());
            assert_eq!(threaded, together, "{name}: {threads} threads");
        }
        let again = bits(&single.losses(&sequences, Detail::PerToken).unwrap());
        assert_eq!(again, together, "{name}: again");
    }
}

#[test]
fn the_mask_chooses_and_does_not_change() {
    let engine = Engine::new(model("llama-gqa", Dtype::F32), 2);
    for sequence in sequences() {
        let all: Vec<bool> = (0..sequence.n_tokens()).map(|token| token > 0).collect();
        let whole = Sequence::from_scored_tokens(sequence.input_ids().to_vec(), &all).unwrap();
        let losses = engine.losses(&[sequence.clone(), whole], Detail::PerToken).unwrap();
        let all = losses[1].per_token.as_ref().unwrap();
        let chosen: Vec<f64> = sequence.scored_positions().map(|position| f64::from(all[position])).collect();
        let found: Vec<f64> = losses[0].per_token.as_ref().unwrap().iter().copied().map(f64::from).collect();
        assert_close("a part of the mask", &found, &chosen, SUMMATION);
    }
}

#[test]
fn what_comes_after_changes_nothing_before() {
    let engine = Engine::new(model("llama-gqa", Dtype::F32), 1);
    let ids: Vec<u32> = (0..30).map(|at| (at * 7 + 3) % 48).collect();
    let of = |length: usize| {
        let scored: Vec<bool> = (0..length).map(|token| token > 0).collect();
        let sequence = Sequence::from_scored_tokens(ids[..length].to_vec(), &scored).unwrap();
        let tokens = engine.losses(&[sequence], Detail::PerToken).unwrap().remove(0).per_token.unwrap();
        tokens.into_iter().map(f64::from).collect::<Vec<f64>>()
    };
    let whole = of(30);
    for length in 2..30 {
        let part = of(length);
        assert_close(&format!("{length} tokens"), &part, &whole[..length - 1], SUMMATION);
    }
}

#[test]
fn nothing_scored_is_nothing_and_not_zero_over_zero() {
    let engine = Engine::new(model("llama-gqa", Dtype::F32), 1);
    let silent = Sequence::from_scored_tokens(vec![1, 2, 3], &[false; 3]).unwrap();
    let single = Sequence::from_scored_tokens(vec![1], &[false]).unwrap();
    for loss in engine.losses(&[silent, single], Detail::PerToken).unwrap() {
        assert_eq!((loss.nll.sum, loss.nll.n_scored, loss.nll.mean()), (0.0, 0, None));
        assert_eq!(loss.per_token, Some(Vec::new()));
    }
}

#[test]
fn a_token_outside_the_vocabulary_is_an_error() {
    let engine = Engine::new(model("llama-gqa", Dtype::F32), 1);
    let fine = Sequence::from_scored_tokens(vec![1, 2], &[false, true]).unwrap();
    let strange = Sequence::from_scored_tokens(vec![1, 48], &[false, true]).unwrap();
    let error = engine.losses(&[fine, strange], Detail::Sum).unwrap_err().to_string();
    assert!(error.contains("sequence 1") && error.contains("48"), "{error}");
}
