//! IFD of the same rows by wana, by lobass, and by the loop that papers publish.
//!
//! All of them score the tokens that wana makes of a row. wana runs its quantized model in llama.cpp. The others run the
//! same weights, widened to a checkpoint.

mod agreement;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use xshell::{Shell, cmd};

use self::agreement::{Agreement, Losses};
use super::llama;
use super::material::{alpaca, kept};
use super::score::means;
use super::{DIR, GIB, Side, build, read, run_ours, run_peer};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Score the first N rows that have a response
    #[arg(long, value_name = "N", default_value = "128")]
    rows: NonZeroUsize,
    /// How often all sides are run, alternating; the fastest run of each counts
    #[arg(long, value_name = "N", default_value = "2")]
    rounds: NonZeroUsize,
    /// Alpaca rows, a JSON array [default: `../shared/data/alpaca_random_9k.json` if it is there, else invented rows]
    #[arg(long, value_name = "FILE")]
    alpaca: Option<PathBuf>,
}

const WIDEN: &str = "benches/peers/widen.py";

/// A way to compute the losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Lobass,
    Wana,
    /// One sequence at a time through transformers.
    Loop,
}

/// An engine, and its number format; the first is the one that others are compared with.
const SIDES: [(Engine, &str); 5] = [
    (Engine::Lobass, "f32"),
    (Engine::Wana, "4 bits"),
    (Engine::Loop, "f32"),
    (Engine::Lobass, "bf16"),
    (Engine::Loop, "bf16"),
];

/// The files that all sides read, and what is known of them.
#[derive(Debug)]
struct Material {
    wana: String,
    python: String,
    checkpoint: String,
    sequences: String,
    rows: String,
    n_rows: usize,
    n_tokens: f64,
    tokenizing: f64,
}

pub(super) fn run(shell: &Shell, args: &Args, python: &str) -> Result<()> {
    build(shell, "score-peer")?;
    let material = Material::make(shell, args, python)?;
    eprintln!("==> {} rows, {} tokens in two passes", material.n_rows, material.n_tokens);
    eprintln!("==> {}", material.other_tokens(shell)?);
    let mut sides = SIDES.map(|_| Side::new());
    for round in 1..=args.rounds.get() {
        for ((engine, format), side) in SIDES.iter().zip(&mut sides) {
            eprintln!("==> round {round} of {}: {}, {format}", args.rounds, engine.name());
            side.take(&material.score(shell, *engine, format)?, means)?;
        }
    }
    eprintln!("\n{}", rates(&sides, &material));
    eprintln!("\n{}", differences(&sides)?);
    Ok(())
}

impl Engine {
    fn name(self) -> &'static str {
        match self {
            Self::Lobass => "lobass",
            Self::Wana => "wana",
            Self::Loop => "a loop over rows",
        }
    }
}

impl Material {
    fn make(shell: &Shell, args: &Args, python: &str) -> Result<Self> {
        let wana = llama::environment(shell)?;
        let rows = format!("{DIR}/ifd-rows.jsonl");
        let count = args.rows.to_string();
        let data = alpaca(shell, args.alpaca.as_deref())?;
        let options = data.iter().flat_map(|path| [PathBuf::from("--data"), path.clone()]);
        cmd!(shell, "{python} benches/peers/ifd_rows.py --count {count} --out {rows}").args(options).run()?;
        let sequences = format!("{DIR}/ifd-sequences.json");
        let options = [format!("--rows={rows}"), format!("--sequences={sequences}")];
        let found = run_peer(shell, &wana, "wana_ifd.py", &options)?;
        let gguf = found["gguf"].as_str().context("wana's model without a path")?;
        let number = |name: &str| found[name].as_f64().with_context(|| format!("sequences without `{name}`"));
        Ok(Self {
            checkpoint: widened(shell, python, gguf)?,
            n_rows: shell.read_file(&rows)?.lines().count(),
            n_tokens: number("tokens")?,
            tokenizing: number("seconds")?,
            python: python.to_owned(),
            wana,
            sequences,
            rows,
        })
    }

    /// How many rows have other tokens by the tokenizer of the checkpoint, in words.
    fn other_tokens(&self, shell: &Shell) -> Result<String> {
        let options = [
            format!("--checkpoint={}", self.checkpoint),
            format!("--sequences={}", self.sequences),
            format!("--rows={}", self.rows),
        ];
        let (python, out) = (&self.python, format!("{DIR}/peer.json"));
        cmd!(shell, "{python} benches/peers/ifd_rows.py {options...} --out {out}").run()?;
        let found = read(shell, "peer.json")?;
        Ok(format!(
            "of {} rows, {} prompts and {} responses have other tokens by the tokenizer of the checkpoint",
            found["rows"], found["prompts"], found["responses"]
        ))
    }

    fn score(&self, shell: &Shell, engine: Engine, format: &str) -> Result<Value> {
        let Self { checkpoint, sequences, rows, .. } = self;
        match engine {
            Engine::Lobass => {
                let request = json!({"checkpoint": checkpoint, "sequences": sequences, "dtype": format});
                run_ours(shell, "score-peer", request)
            }
            Engine::Wana => run_peer(shell, &self.wana, "wana_ifd.py", &[format!("--rows={rows}")]),
            Engine::Loop => {
                let dtype = if format == "f32" { "float32" } else { "bfloat16" };
                let options = [
                    format!("--checkpoint={checkpoint}"),
                    format!("--sequences={sequences}"),
                    format!("--dtype={dtype}"),
                    "--batch-one".to_owned(),
                ];
                run_peer(shell, &self.python, "score.py", &options)
            }
        }
    }
}

/// The model of a GGUF file as a checkpoint in f32.
fn widened(shell: &Shell, python: &str, gguf: &str) -> Result<String> {
    let made_of = (shell.read_file(WIDEN)?, gguf, fs_err::metadata(shell.current_dir().join(gguf))?.len());
    kept(shell, "widened", &made_of, |dir| {
        llama::install_gguf(shell, python)?;
        Ok(cmd!(shell, "{python} {WIDEN} --gguf {gguf} --out {dir}").env("HF_HUB_OFFLINE", "1").run()?)
    })
}

fn rates(sides: &[Side; SIDES.len()], material: &Material) -> String {
    let mut lines = vec![
        "| | weights | rows/s | tokens/s | peak memory | time over lobass's in f32 | memory over lobass's in f32 |"
            .to_owned(),
        "|---|---|---|---|---|---|---|".to_owned(),
    ];
    let ours = &sides[0];
    for ((engine, format), side) in SIDES.iter().zip(sides) {
        lines.push(format!(
            "| {} | {format} | {:.2} | {:.0} | {:.2} GiB | {:.2} | {:.2} |",
            engine.name(),
            side.rate * material.n_rows as f64 / material.n_tokens,
            side.rate,
            side.memory / GIB,
            ours.rate / side.rate,
            side.memory / ours.memory,
        ));
    }
    lines.push(format!("wana's time has {:.2} s of making tokens in it", material.tokenizing));
    lines.join("\n")
}

/// How the losses of the others, and the IFD of rows, differ from ours in f32.
fn differences(sides: &[Side; SIDES.len()]) -> Result<String> {
    let mut lines = vec![
        "| beside lobass in f32 | weights | mean difference of losses | worst | mean difference of IFD | worst | rank \
         correlation of IFD | of the top tenth | rows above 1 |"
            .to_owned(),
        "|---|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    let ours = Losses::of(&sides[0].losses)?;
    for ((engine, format), side) in SIDES.iter().zip(sides).skip(1) {
        let Agreement { losses, ifd, correlation, top, above } = ours.beside(&Losses::of(&side.losses)?);
        if *engine == Engine::Loop && *format == "f32" && losses.worst > 1e-3 {
            bail!("expected the same losses in f32, found a difference of {} nats a token", losses.worst);
        }
        lines.push(format!(
            "| {} | {format} | {:.1e} | {:.1e} | {:.1e} | {:.1e} | {correlation:.4} | {:.0} % | {} and {} |",
            engine.name(),
            losses.mean,
            losses.worst,
            ifd.mean,
            ifd.worst,
            100.0 * top,
            above.0,
            above.1,
        ));
    }
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_side_has_a_line_and_ours_is_first() {
        assert_eq!(SIDES[0], (Engine::Lobass, "f32"));
        let side = |rate: f64, losses: &[f64]| Side { rate, memory: GIB, losses: losses.to_vec() };
        let losses = [1.0, 2.0, 3.0, 2.0];
        let sides = [
            side(100.0, &losses),
            side(50.0, &[1.1, 2.0, 3.0, 2.0]),
            side(25.0, &losses),
            side(200.0, &losses),
            side(10.0, &losses),
        ];
        let material = Material {
            wana: String::new(),
            python: String::new(),
            checkpoint: String::new(),
            sequences: String::new(),
            rows: String::new(),
            n_rows: 2,
            n_tokens: 100.0,
            tokenizing: 0.5,
        };
        let text = rates(&sides, &material);
        assert!(text.contains("| wana | 4 bits | 1.00 | 50 | 1.00 GiB | 2.00 | 1.00 |"), "{text}");
        let text = differences(&sides).unwrap();
        assert!(text.contains("| wana | 4 bits | 2.5e-2 | 1.0e-1 | 2.5e-2 | 5.0e-2 |"), "{text}");
    }

    #[test]
    fn a_loop_in_f32_that_differs_is_an_error() {
        let side = |losses: &[f64]| Side { rate: 1.0, memory: GIB, losses: losses.to_vec() };
        let mut sides = SIDES.map(|_| side(&[1.0, 2.0]));
        sides[2].losses[0] = 1.1;
        assert!(differences(&sides).is_err());
    }
}
