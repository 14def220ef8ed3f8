//! Which rows of a pool help most with a target, on a random model that learns two things.
//!
//! Run with `cargo run -p lobass-influence --example towards`.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass_core::Sequence;
use lobass_influence::{Kind, Projection, Tasks, WarmUp, features};
use lobass_loss::Workers;
use lobass_model::{Decoder, DecoderSpec, DeviceName, LoraConfig};
use lobass_train::{Event, Session, TrainConfig, TrainData, fine_tune};

const TOY: &str = r#"{"model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24,
    "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64, "initializer_range": 0.3}"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base = Decoder::random(&DecoderSpec::from_json(TOY)?, 7, &DeviceName::Cpu.open());
    // Rows of even number repeat a token, the others count up.
    let row = |at: u32| {
        let second = if at.is_multiple_of(2) { at + 3 } else { at + 4 };
        Sequence::from_scored_tokens(vec![1, at + 3, second], &[false, false, true])
    };
    let pool = (0..20).map(row).collect::<Result<Vec<_>, _>>()?;
    let target = (21..25).filter(|at| at % 2 == 1).map(row).collect::<Result<Vec<_>, _>>()?;

    let recipe = TrainConfig { epochs: 2, batch_size: 4, learning_rate: 0.01, ..TrainConfig::default() };
    let lora = LoraConfig { rank: 4, ..LoraConfig::default() };
    let mut warm_ups = Vec::new();
    let start = lora.attach(&base, 0)?;
    fine_tune(start, &TrainData::sft(&pool), &recipe, Session::default(), &mut |event| {
        if let Event::Epoch { model, optimizer, .. } = event {
            warm_ups.push(WarmUp::new(model.clone(), optimizer.state()));
        }
    })?;
    let warm_ups = warm_ups.into_iter().collect::<Result<Vec<_>, _>>()?;
    let (workers, projection) = (Workers::new(2), Projection { seed: 0, dim: Some(1024) });
    let of = |sequences: &[Sequence], kind| -> Vec<_> {
        warm_ups.iter().map(|warm_up| features(warm_up, sequences, kind, projection, &workers)).collect()
    };
    let rates: Vec<f64> = warm_ups.iter().map(WarmUp::learning_rate).collect();
    let targets: Vec<_> = of(&target, Kind::Target).into_iter().map(|rows| vec![rows]).collect();
    let tasks = Tasks::new(&rates, &targets)?;
    let vectors = of(&pool, Kind::Training);
    let score = |at: usize| -> Option<f64> {
        let of_row: Option<Vec<&[f32]>> = vectors.iter().map(|rows| rows[at].as_deref()).collect();
        Some(tasks.influence(&of_row?).score)
    };
    println!("two rows that count up are the target; how much each kind of row helps with it, on average:");
    for (first, what) in ["that repeat a token", "that count up"].into_iter().enumerate() {
        let scores: Vec<f64> = (first..pool.len()).step_by(2).filter_map(score).collect();
        println!("{} rows {what:20} {:+.4}", scores.len(), scores.iter().sum::<f64>() / scores.len() as f64);
    }
    Ok(())
}
