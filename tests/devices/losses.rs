//! Losses of a card are those of the processor.

use lobass_core::{Detail, LossEngine as _, SequenceLoss};
use lobass_loss::{Engine, label_losses};
use lobass_model::{DeviceName, Packed};
use lobass_tests::assert_close;

use crate::{FAMILIES, TOLERANCE, card, sequences, tiny};

/// The losses of all tokens after the first of one sequence, without an engine.
fn token_losses(family: (&str, &str), device: &DeviceName) -> Vec<f64> {
    let (model, sequence) = (tiny(family, device), sequences(&[16]).remove(0));
    let ids = sequence.input_ids();
    let hidden = model.hidden_states(&Packed::new([ids]));
    let rows: Vec<usize> = (0..ids.len() - 1).collect();
    let losses = label_losses(&model, &hidden, &rows, &ids[1..]);
    losses.into_iter().map(f64::from).collect()
}

#[test]
fn of_every_token() {
    for family in FAMILIES {
        let expected = token_losses(family, &DeviceName::Cpu);
        let even = 96f64.ln();
        let has_opinions = expected.iter().any(|loss| (loss - even).abs() > 0.5);
        assert!(has_opinions, "{family:?}: {expected:?}");
        assert_close(family.0, &token_losses(family, &card()), &expected, TOLERANCE);
    }
}

#[test]
fn of_sequences_side_by_side() {
    let sequences = sequences(&[16, 3, 11, 16, 7]);
    let losses = |device: &DeviceName, detail| {
        Engine::new(tiny(FAMILIES[0], device), 2).losses(&sequences, detail).unwrap()
    };
    let per_token = |losses: &[SequenceLoss]| {
        let of = |loss: &SequenceLoss| loss.per_token.clone().unwrap();
        losses.iter().flat_map(of).map(f64::from).collect::<Vec<_>>()
    };
    let sums = |losses: &[SequenceLoss]| losses.iter().map(|loss| loss.nll.sum).collect::<Vec<_>>();
    let expected = losses(&DeviceName::Cpu, Detail::PerToken);
    let found = losses(&card(), Detail::PerToken);
    assert_close("tokens", &per_token(&found), &per_token(&expected), TOLERANCE);
    let n_tokens = 16.0;
    assert_close("sums", &sums(&losses(&card(), Detail::Sum)), &sums(&expected), n_tokens * TOLERANCE);
}
