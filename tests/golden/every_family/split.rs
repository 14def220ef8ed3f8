//! Products of split activations, beside those in `f32`, of checkpoints stored in bf16.

use lobass_core::{Arithmetic, Detail, LossEngine as _};
use lobass_loss::Engine;
use lobass_model::{Checkpoint, Decoder, Dtype, save};

use super::Family;
use super::bits::sequences;

/// The greatest difference of a token's loss from the plain one, in nats.
fn difference(plain: &Decoder, split: &Decoder) -> f64 {
    let losses = |model: &Decoder| {
        let engine = Engine::new(model.clone(), 2);
        let found = engine.losses(&sequences(), Detail::PerToken).unwrap();
        found.into_iter().flat_map(|loss| loss.per_token.unwrap()).collect::<Vec<f32>>()
    };
    let pairs = losses(plain).into_iter().zip(losses(split));
    pairs.map(|(plain, split)| f64::from(plain - split).abs()).fold(0.0, f64::max)
}

#[test]
fn three_parts_are_as_accurate_as_f32_and_two_are_near() {
    let dir = tempfile::tempdir().unwrap();
    for family in Family::all() {
        let stored = dir.path().join(&family.name);
        save(&family.load(Dtype::F32), family.checkpoint.config_json(), Dtype::Bf16, &stored).unwrap();
        let checkpoint = std::sync::Arc::new(Checkpoint::open(&stored).unwrap());
        let plain = checkpoint.load_with(Arithmetic::Plain).unwrap();
        let bf16 = difference(&plain, &family.load(Dtype::Bf16));
        for (arithmetic, most) in [(Arithmetic::Split3, 3e-5), (Arithmetic::Split2, 1e-3)] {
            let split = checkpoint.load_with(arithmetic).unwrap();
            let found = difference(&plain, &split);
            assert!(found <= most, "{}: {arithmetic} is off by {found}", family.name);
            assert!(found < bf16, "{}: {arithmetic} is off by {found}, bf16 by {bf16}", family.name);
            let streamed = checkpoint.stream_with(arithmetic).unwrap();
            assert_eq!(difference(&split, &streamed), 0.0, "{}: {arithmetic}, streamed", family.name);
        }
    }
}
