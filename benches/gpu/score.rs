//! Tokens a second, and the share of what the card can do.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use lobass_core::{Detail, LossEngine as _, Sequence};
use lobass_loss::Engine;
use lobass_model::{DecoderSpec, DeviceName, Dtype};
use serde_json::{Value, json};

use crate::{Result, cards, random, work};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The card, as `cuda` or `wgpu:1`
    #[arg(long, value_name = "DEVICE")]
    device: DeviceName,
    /// The shape of the model: a `config.json`
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The number format of the weights [default: what suits the device]
    #[arg(long, value_name = "DTYPE")]
    dtype: Option<Dtype>,
    #[command(flatten)]
    amount: work::Amount,
    /// Begin no round after this long; the first round is a warm-up and does not count
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds: u64,
    /// The card's rate in dense bf16 products, in TFLOP/s [default: the maker's number, if it is known here]
    #[arg(long, value_name = "TFLOPS")]
    rate: Option<f64>,
    /// Where to write the sequences, for the other side
    #[arg(long, value_name = "FILE")]
    sequences: Option<PathBuf>,
    /// Where to write the result
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let config = DecoderSpec::from_json(&fs_err::read_to_string(&args.config)?)?;
    let sequences = work::sequences(&args.amount, config.vocab_size)?;
    if let Some(path) = &args.sequences {
        fs_err::write(path, as_json(&sequences).to_string())?;
    }
    let dtype = args.dtype.unwrap_or_else(|| args.device.default_dtype());
    args.device.check(dtype)?;
    let name = args.device.trial()?.name.unwrap_or_else(|| "the processor".to_owned());
    let device = args.device.open();
    let begin = Instant::now();
    let model = random::model(&config, lobass_model::to_burn(dtype), &device);
    device.sync()?;
    println!("score {} ({name}), {dtype}: weights drawn in {:.1?}", args.device, begin.elapsed());
    let engine = Engine::new(model, 1);
    let (n_rounds, seconds) = timed(&engine, &sequences, Duration::from_secs(args.seconds))?;

    let n_tokens: usize = sequences.iter().map(Sequence::n_tokens).sum();
    let rate = n_tokens as f64 / seconds;
    let flops = work::flops(&config, &sequences) / seconds;
    let peak = args.rate.map(|rate| rate * 1e12).or_else(|| cards::rate(&name));
    let share = peak.map(|peak| flops / peak);
    let of_peak = match share {
        Some(share) => format!("{:.1} % of its rate", 100.0 * share),
        None => "a card of unknown rate, see --rate".to_owned(),
    };
    println!(
        "score {}: {rate:.0} tokens/s, {:.1} TFLOP/s, {of_peak}; the fastest of {n_rounds} rounds of {n_tokens} tokens",
        args.device,
        flops / 1e12
    );
    if let Some(path) = &args.out {
        let result = json!({
            "device": args.device.to_string(), "name": name, "dtype": dtype.to_string(), "tokens_per_second": rate,
            "flops_per_second": flops, "share_of_peak": share, "rounds": n_rounds, "tokens": n_tokens,
        });
        fs_err::write(path, result.to_string())?;
    }
    Ok(())
}

/// The number of rounds after the warm-up, at least one, and the seconds of the fastest.
fn timed(engine: &Engine, sequences: &[Sequence], limit: Duration) -> Result<(usize, f64)> {
    let round = || -> Result<f64> {
        let begin = Instant::now();
        let losses = engine.losses(sequences, Detail::Sum)?;
        let sum: f64 = losses.iter().map(|loss| loss.nll.sum).sum();
        if sum.is_finite() {
            Ok(begin.elapsed().as_secs_f64())
        } else {
            Err(format!("a loss is {sum}").into())
        }
    };
    let begin = Instant::now();
    println!("score: the warm-up took {:.1} s, in which kernels are compiled and chosen", round()?);
    let mut rounds = vec![round()?];
    while begin.elapsed() < limit {
        rounds.push(round()?);
    }
    Ok((rounds.len(), rounds.into_iter().fold(f64::INFINITY, f64::min)))
}

/// `{input_ids, n_scored}` of each; the last tokens are the scored ones.
fn as_json(sequences: &[Sequence]) -> Value {
    let row =
        |sequence: &Sequence| json!({"input_ids": sequence.input_ids(), "n_scored": sequence.n_scored()});
    Value::Array(sequences.iter().map(row).collect())
}
