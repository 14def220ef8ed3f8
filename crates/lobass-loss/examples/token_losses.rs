//! The loss of every token of a sequence, alone and beside others.
//!
//! Run with `cargo run -p lobass-loss --example token_losses -- CHECKPOINT ID ID ID..`; without arguments it takes a
//! random model.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass_core::{Detail, LossEngine as _, Sequence};
use lobass_loss::Engine;
use lobass_model::{Checkpoint, Decoder, DecoderSpec, DeviceName, Dtype};

const TOY: &str = r#"{"model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24,
    "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64, "initializer_range": 0.3}"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = DeviceName::Cpu.open();
    let mut arguments = std::env::args().skip(1);
    let model = match arguments.next() {
        Some(dir) => Checkpoint::open(dir)?.load(Dtype::F32, &device)?,
        None => Decoder::random(&DecoderSpec::from_json(TOY)?, 7, &device),
    };
    let mut ids = arguments.map(|id| id.parse()).collect::<Result<Vec<u32>, _>>()?;
    if ids.is_empty() {
        ids = vec![1, 5, 9, 2];
    }
    let scored: Vec<bool> = (0..ids.len()).map(|token| token > 0).collect();
    let sequence = Sequence::from_scored_tokens(ids, &scored)?;

    let engine = Engine::new(model, 2);
    let alone = engine.losses(std::slice::from_ref(&sequence), Detail::PerToken)?;
    for (label, loss) in sequence.scored_labels().zip(alone[0].per_token.iter().flatten()) {
        println!("token {label:>6}  {loss:.6} nats");
    }
    let mean = alone[0].nll.mean().ok_or("one token has nothing to predict it")?;
    println!("mean {mean:.6} nats, perplexity {:.3}", mean.exp());

    let company = engine.losses(&vec![sequence; 5], Detail::PerToken)?;
    println!("the same in company, to the bit: {}", company.iter().all(|loss| loss == &alone[0]));
    Ok(())
}
