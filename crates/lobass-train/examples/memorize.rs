//! Trains a random model on three sequences, and watches a fourth that it never sees.
//!
//! Run with `cargo run -p lobass-train --example memorize`. The training loss goes to nothing while the held-out loss
//! rises: why a reference that has memorized its pool says little about what can be learned from it.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass_core::{Sequence, SequenceError};
use lobass_model::{Decoder, DecoderSpec, DeviceName};
use lobass_train::{Event, Objective, Session, Sources, TrainConfig, TrainData, fine_tune};

const TOY: &str = r#"{"model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 32,
    "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64}"#;

fn sequence(ids: [u32; 5]) -> Result<Sequence, SequenceError> {
    Sequence::from_scored_tokens(ids.to_vec(), &[false, false, true, true, true])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = Decoder::random(&DecoderSpec::from_json(TOY)?, 7, &DeviceName::Cpu.open());
    let pool = [sequence([1, 5, 9, 14, 2])?, sequence([1, 6, 21, 8, 2])?, sequence([1, 7, 30, 3, 2])?];
    let held_out = [sequence([1, 8, 11, 25, 2])?];
    let data = TrainData {
        train: Objective::Sft(&pool),
        held_out: Objective::Sft(&held_out),
        eval_every: 10,
        sources: Sources::default(),
    };
    let recipe = TrainConfig { epochs: 40, batch_size: 3, learning_rate: 0.01, ..TrainConfig::default() };
    let mut loss = None;
    let session = Session { threads: 2, ..Session::default() };
    fine_tune(model, &data, &recipe, session, &mut |event| match event {
        Event::Step(step) => loss = Some(step.loss),
        Event::HeldOut(measured) => {
            let (step, held_out) = (measured.step, measured.nll.mean().unwrap_or(f64::NAN));
            let trained = loss.map_or("-".to_owned(), |loss| format!("{loss:.3}"));
            println!("step {step:>2}: training loss {trained:>5}, held-out loss {held_out:.3}");
        }
        Event::Resumed { .. } | Event::Epoch { .. } => {}
    })?;
    Ok(())
}
