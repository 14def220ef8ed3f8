//! Samples of two prompts, in company and alone.
//!
//! Run with `cargo run -p lobass-generate --example samples -- CHECKPOINT ID ID ID..`; without arguments it takes a random
//! model.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass_core::{Prompt, Sampling, SamplingEngine as _};
use lobass_generate::Generator;
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
        ids = vec![1, 5, 9];
    }

    let generator = Generator::new(model, 2)?;
    let sampling = Sampling {
        samples: 3,
        temperature: 1.0,
        top_p: 0.9,
        max_new_tokens: 12,
        seed: 0,
        stop_ids: generator.model().spec().eos_token_ids.clone(),
    };
    let prompts = [Prompt { key: "row 0", ids: &ids }, Prompt { key: "row 1", ids: &ids[..1] }];
    let samples = generator.samples(&prompts, &sampling)?;
    for (prompt, samples) in prompts.iter().zip(&samples) {
        for sample in samples {
            println!("{}: {:?} ({:?}, {:.3} nats)", prompt.key, sample.ids, sample.end, sample.nll.sum);
        }
    }
    let alone = generator.samples(&prompts[1..], &sampling)?;
    println!("the same alone: {}", alone[0] == samples[1]);
    Ok(())
}
