//! A loss depends on its sequence alone: not on its company, its place, or the number of threads. To the bit.

use lobass_core::{Detail, EmbeddingEngine as _, LossEngine as _, Sequence, SequenceLoss};
use lobass_loss::{Engine, Plan};
use lobass_model::{Checkpoint, Decoder, DecoderSpec, DeviceName, Dtype};
use lobass_tests::fixture;

fn model(name: &str, dtype: Dtype) -> Decoder {
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

/// A model whose products are large and small, and whose heads see all, or a window.
fn wide(window: &str) -> Decoder {
    let config = format!(
        r#"{{"model_type": "mistral", "vocab_size": 300, "hidden_size": 96, "intermediate_size": 520,
            "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2, "sliding_window": {window},
            "max_position_embeddings": 2048, "initializer_range": 0.2}}"#
    );
    Decoder::random(&DecoderSpec::from_json(&config).unwrap(), 5, &DeviceName::Cpu.open())
}

/// Sequences that begin with a preamble, of which some go on alike, repeat, or are cut short; far longer together than
/// what goes through a layer at once.
fn sequences_that_begin_alike() -> Vec<Sequence> {
    let token =
        |at: usize, seed: usize| u32::try_from((at * 7919 + seed * 104_729 + at * at * seed) % 300).unwrap();
    let text = |seed: usize, length: usize| (0..length).map(move |at| token(at, seed));
    let mut sequences = Vec::new();
    for (number, (question, answer)) in (0..60).map(|at| (at, (at / 3, at % 7))) {
        let prompt = text(1, 300).chain(text(2 + question, 5 + 11 * question));
        let ids: Vec<u32> = prompt.chain(text(100 + answer, 1 + 9 * answer)).collect();
        let first = if number % 4 == 0 { 1 } else { ids.len() - 1 - answer };
        let scored: Vec<bool> = (0..ids.len()).map(|token| token >= first).collect();
        sequences.push(Sequence::from_scored_tokens(ids, &scored).unwrap());
    }
    sequences
}

#[test]
fn what_is_shared_is_to_the_bit_what_it_is_alone() {
    let sequences = sequences_that_begin_alike();
    for window in ["null", "100"] {
        let engine = Engine::new(wide(window), 2);
        let plan = Plan::new(&sequences, &engine.limits());
        let work = plan.work(&sequences);
        assert!(3 * work.n_rows < work.n_tokens, "little is shared: {work:?}");
        let together = bits(&engine.losses(&sequences, Detail::PerToken).unwrap());
        for (at, sequence) in sequences.iter().enumerate().step_by(5) {
            let alone = engine.losses(std::slice::from_ref(sequence), Detail::PerToken).unwrap();
            assert_eq!(bits(&alone)[0], together[at], "window {window}, sequence {at}");
        }
    }
}

fn vector_bits(vectors: &[Vec<f32>]) -> Vec<Vec<u32>> {
    vectors.iter().map(|vector| vector.iter().map(|value| value.to_bits()).collect()).collect()
}

#[test]
fn vectors_are_to_the_bit_what_they_are_alone_and_cost_no_loss_a_bit() {
    let small = |name: &'static str, dtype| (name, model(name, dtype), sequences());
    let cases = [
        small("llama-gqa", Dtype::F32),
        small("qwen3", Dtype::F32),
        small("mistral-sliding", Dtype::F32),
        small("llama-rope-dynamic", Dtype::F32),
        small("llama-bf16", Dtype::Bf16),
        ("shared", wide("null"), sequences_that_begin_alike()),
        ("shared, in a window", wide("100"), sequences_that_begin_alike()),
    ];
    for (name, model, mut sequences) in cases {
        let silent = Sequence::from_scored_tokens(vec![1, 2, 3], &[false; 3]).unwrap();
        sequences.extend([silent, sequences[0].clone()]);
        let engine = Engine::new(model.clone(), 2);
        let both = engine.losses_and_embeddings(&sequences, Detail::PerToken).unwrap();
        let (losses, vectors): (Vec<_>, Vec<_>) = both.into_iter().unzip();
        assert_eq!(bits(&losses), bits(&engine.losses(&sequences, Detail::PerToken).unwrap()), "{name}");
        let vectors = vector_bits(&vectors);
        assert_eq!(vector_bits(&engine.embeddings(&sequences).unwrap()), vectors, "{name}: without losses");
        assert_eq!(vectors.first(), vectors.last(), "{name}: the same sequence twice");
        for threads in [1, 3] {
            let turned: Vec<Sequence> = sequences.iter().rev().cloned().collect();
            let mut reordered =
                vector_bits(&Engine::new(model.clone(), threads).embeddings(&turned).unwrap());
            reordered.reverse();
            assert_eq!(reordered, vectors, "{name}: reordered on {threads} threads");
        }
        for (at, sequence) in sequences.iter().enumerate().step_by(3) {
            let alone = engine.embeddings(std::slice::from_ref(sequence)).unwrap();
            assert_eq!(vector_bits(&alone)[0], vectors[at], "{name}: sequence {at} alone");
        }
    }
}

#[test]
fn a_vector_does_not_depend_on_the_mask() {
    let engine = Engine::new(model("llama-gqa", Dtype::F32), 2);
    for sequence in sequences() {
        let ids = sequence.input_ids().to_vec();
        let unscored = Sequence::from_scored_tokens(ids, &vec![false; sequence.n_tokens()]).unwrap();
        let vectors = engine.embeddings(&[sequence, unscored]).unwrap();
        assert_eq!(vectors[0], vectors[1]);
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
        let chosen: Vec<f32> = sequence.scored_positions().map(|position| all[position]).collect();
        assert_eq!(losses[0].per_token.as_ref().unwrap(), &chosen);
    }
}

#[test]
fn what_comes_after_changes_nothing_before() {
    let engine = Engine::new(model("llama-gqa", Dtype::F32), 1);
    let ids: Vec<u32> = (0..30).map(|at| (at * 7 + 3) % 48).collect();
    let of = |length: usize| {
        let scored: Vec<bool> = (0..length).map(|token| token > 0).collect();
        let sequence = Sequence::from_scored_tokens(ids[..length].to_vec(), &scored).unwrap();
        engine.losses(&[sequence], Detail::PerToken).unwrap().remove(0).per_token.unwrap()
    };
    let whole = of(30);
    for length in 2..30 {
        assert_eq!(of(length), whole[..length - 1], "{length} tokens");
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
