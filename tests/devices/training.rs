//! A training step on a card is one on the processor.

use lobass_model::DeviceName;
use lobass_tests::assert_close;
use lobass_train::{Schedule, Session, TrainConfig, TrainData, fine_tune};

use crate::{FAMILIES, TOLERANCE, card, sequences, tiny};

/// The losses of two steps: the second tells what the first has left.
fn losses(family: (&str, &str), device: &DeviceName) -> Vec<f64> {
    let sequences = sequences(&[16, 9, 16]);
    let recipe = TrainConfig {
        epochs: 2,
        batch_size: sequences.len(),
        learning_rate: 1e-2,
        schedule: Schedule::Constant,
        warmup_ratio: 0.0,
        ..TrainConfig::default()
    };
    let session = Session { threads: 1, ..Session::default() };
    let (_, report) =
        fine_tune(tiny(family, device), &TrainData::sft(&sequences), &recipe, session, &mut |_| {}).unwrap();
    report.losses
}

#[test]
fn two_steps() {
    for family in FAMILIES {
        let expected = losses(family, &DeviceName::Cpu);
        assert!(expected[1] < expected[0] - 0.1, "{family:?}: a step teaches something: {expected:?}");
        assert_close(family.0, &losses(family, &card()), &expected, TOLERANCE);
    }
}
