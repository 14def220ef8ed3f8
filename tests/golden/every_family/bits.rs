//! A loss has the same bits alone, in company, beside sequences that begin alike, and on any number of threads.

use lobass_core::{Detail, EmbeddingEngine as _, Sequence};
use lobass_loss::{Engine, Plan};
use lobass_model::Dtype;

use super::Family;

/// The vocabulary of the fixtures.
const VOCAB: usize = 48;

/// Sequences that share beginnings of several lengths, and some that share nothing, with masks of all kinds.
pub(super) fn sequences() -> Vec<Sequence> {
    let text = |seed: usize, length: usize| {
        (0..length).map(move |at| u32::try_from((at * 31 + seed * 17 + at * at * seed) % VOCAB).unwrap())
    };
    let sequence = |at: usize| {
        let prompt = text(1, 20).chain(text(2 + at / 6, 3 + 2 * (at / 6)));
        let ids: Vec<u32> = match at % 6 {
            5 => text(50 + at, 2 + at).collect(),
            branch => prompt.chain(text(100 + branch, 1 + 3 * branch)).collect(),
        };
        let scored: Vec<bool> =
            (0..ids.len()).map(|token| token > 0 && !(token + at).is_multiple_of(4)).collect();
        Sequence::from_scored_tokens(ids, &scored).unwrap()
    };
    (0..30).map(sequence).collect()
}

/// Losses per token and the vector of each sequence.
pub(super) fn bits(engine: &Engine, sequences: &[Sequence]) -> Vec<(Vec<u32>, Vec<u32>)> {
    let found = engine.losses_and_embeddings(sequences, Detail::PerToken).unwrap();
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
    found.iter().map(|(loss, vector)| (bits(loss.per_token.as_ref().unwrap()), bits(vector))).collect()
}

#[test]
fn company_order_threads_and_shared_beginnings_change_no_bit() {
    let sequences = sequences();
    for family in Family::all() {
        for dtype in [Dtype::F32, Dtype::Bf16] {
            let name = format!("{} in {dtype}", family.name);
            let model = family.load(dtype);
            let engine = Engine::new(model.clone(), 1);
            let work = Plan::new(&sequences, &engine.limits()).work(&sequences);
            assert!(work.n_rows < work.n_tokens, "{name}: nothing is shared");
            let together = bits(&engine, &sequences);
            for (at, sequence) in sequences.iter().enumerate() {
                let alone = bits(&engine, std::slice::from_ref(sequence));
                assert_eq!(alone[0], together[at], "{name}: sequence {at} alone");
            }
            let turned: Vec<Sequence> = sequences.iter().rev().cloned().collect();
            for threads in [2, 5] {
                let mut reordered = bits(&Engine::new(model.clone(), threads), &turned);
                reordered.reverse();
                assert_eq!(reordered, together, "{name}: reordered on {threads} threads");
            }
        }
    }
}
