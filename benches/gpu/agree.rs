//! Losses of a card against those of the processor.

use lobass_benches::SEED;
use lobass_core::{Detail, LossEngine as _, Sequence};
use lobass_loss::Engine;
use lobass_model::{Checkpoint, Decoder, DecoderSpec, DeviceName, Dtype, save};

use crate::{Result, work};

/// Grouped queries, several batches' worth of lengths, and weights that make confident predictions.
const TINY: &str = r#"{"model_type": "llama", "vocab_size": 512, "hidden_size": 128, "intermediate_size": 256,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256,
    "initializer_range": 0.12}"#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The card, as `cuda` or `wgpu:1`
    #[arg(long, value_name = "DEVICE")]
    device: DeviceName,
    /// The largest difference of a token's loss that is allowed in f32, in nats; cards may multiply f32 as TF32
    #[arg(long, value_name = "NATS", default_value_t = 0.02)]
    f32_tolerance: f64,
    /// The tolerance in half precision
    #[arg(long, value_name = "NATS", default_value_t = 0.25)]
    half_tolerance: f64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let config = DecoderSpec::from_json(TINY)?;
    save(&Decoder::random(&config, SEED, &DeviceName::Cpu.open()), TINY, Dtype::F32, dir.path())?;
    let checkpoint = Checkpoint::open(dir.path())?;
    let sequences =
        work::sequences(&work::Amount { count: 24, median: 80, longest: 256 }, config.vocab_size)?;
    let mut fails = Vec::new();
    for dtype in args.device.dtypes() {
        let expected = losses(&checkpoint, dtype, &DeviceName::Cpu, &sequences)?;
        let found = losses(&checkpoint, dtype, &args.device, &sequences)?;
        let differences =
            found.iter().zip(&expected).map(|(found, expected)| f64::from((found - expected).abs()));
        let differences: Vec<f64> = differences.collect();
        let mean = differences.iter().sum::<f64>() / differences.len() as f64;
        // What is no number is worse than any.
        let worst = differences.into_iter().max_by(f64::total_cmp).unwrap_or(f64::NAN);
        let tolerance = if dtype == Dtype::F32 { args.f32_tolerance } else { args.half_tolerance };
        println!(
            "agree {} {dtype}: {} tokens, mean difference {mean:.2e}, worst {worst:.2e} nats (at most {tolerance})",
            args.device,
            expected.len()
        );
        if worst.is_nan() || worst > tolerance {
            fails.push(dtype.to_string());
        }
    }
    match fails.as_slice() {
        [] => Ok(()),
        fails => Err(format!("{} parts from the processor in {}", args.device, fails.join(" and ")).into()),
    }
}

/// The loss of every scored token.
fn losses(
    checkpoint: &Checkpoint,
    dtype: Dtype,
    device: &DeviceName,
    sequences: &[Sequence],
) -> Result<Vec<f32>> {
    let engine = Engine::new(checkpoint.load(dtype, &device.open())?, 1);
    let losses = engine.losses(sequences, Detail::PerToken)?;
    Ok(losses.into_iter().flat_map(|loss| loss.per_token.unwrap_or_default()).collect())
}
