//! Real checkpoints: their losses beside those of transformers, and a whole run on each.

mod differences;
mod material;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use xshell::{Shell, cmd};

use crate::{program, python};
use differences::{Losses, difference, losses_of};
use material::{Model, checkpoint, first_rows};

/// Also what `.gitignore` names.
const ENVIRONMENT: &str = ".venv-real-models";
const SCRIPTS: &str = "tests/real_models";
/// The largest difference of a token in f32, in nats: two orders of summation.
const TOLERANCE: f64 = 1e-3;
/// In bf16 both sides round, and at other places. What lobass rounds must not move a loss further from that in f32
/// than what transformers rounds, give or take this share.
const SHARE: f64 = 1.25;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The data file, JSON lines or a JSON array; its first rows are scored
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// The model
    #[arg(long, default_value = "all", value_parser = ["smollm2", "gemma3", "all"])]
    model: String,
    /// How many rows are scored
    #[arg(long, value_name = "N", default_value = "200")]
    rows: NonZeroUsize,
    /// How many rows the run from start to end has
    #[arg(long, value_name = "N", default_value = "60")]
    run_rows: NonZeroUsize,
    /// Where checkpoints and results are, so that they are made once
    #[arg(long, value_name = "DIR", default_value = "target/real-models")]
    out: PathBuf,
    /// A Python with the packages of `tests/real_models/requirements.txt` [default: one that is made]
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// A `lobass` to run instead of one that is built
    #[arg(long, value_name = "FILE")]
    lobass: Option<PathBuf>,
}

pub(crate) fn run(shell: &Shell, args: &Args) -> Result<()> {
    let python = match &args.python {
        Some(python) => python.display().to_string(),
        None => {
            let requirements = format!("{SCRIPTS}/requirements.txt");
            python::environment(shell, ENVIRONMENT, &["--requirement", &requirements])?
        }
    };
    let lobass = program::lobass(shell, args.lobass.as_deref())?;
    for model in Model::ALL.iter().filter(|model| args.model == "all" || args.model == model.name) {
        eprintln!("==> {}", model.name);
        let dir = args.out.join(model.name);
        shell.create_dir(&dir)?;
        let checkpoint = checkpoint(shell, &python, model, &dir)?;
        let bench = Bench { shell, python: &python, lobass: lobass.display().to_string(), dir, checkpoint };
        let result = json!({"model": model.title, "losses": bench.losses(args)?, "run": bench.run(args)?});
        let out = bench.dir.join("results.json");
        shell.write_file(&out, format!("{result:#}\n"))?;
        eprintln!("==> {}", out.display());
    }
    Ok(())
}

/// One model, and the programs that compute with it.
struct Bench<'a> {
    shell: &'a Shell,
    python: &'a str,
    lobass: String,
    dir: PathBuf,
    checkpoint: PathBuf,
}

impl Bench<'_> {
    /// The differences of losses, in nats.
    fn losses(&self, args: &Args) -> Result<Value> {
        let rows = first_rows(self.shell, &args.data, args.rows.get(), &self.dir.join("rows.jsonl"))?;
        let tokens = self.dir.join("tokens.jsonl");
        let Self { shell, lobass, checkpoint, .. } = self;
        cmd!(shell, "{lobass} encode --base {checkpoint} --data {rows} --out {tokens} --quiet").run()?;
        let theirs = |dtype: &str| -> Result<Losses> {
            let (python, out) = (self.python, self.dir.join(format!("transformers-{dtype}.jsonl")));
            let script = format!("{SCRIPTS}/losses.py");
            let model = cmd!(shell, "{python} {script} --model {checkpoint} --tokens {tokens}");
            model.args(["--dtype", dtype, "--out"]).arg(&out).env("HF_HUB_OFFLINE", "1").run()?;
            losses_of(&shell.read_file(out)?)
        };
        let ours = |dtype: &str| -> Result<Losses> {
            let (python, table) = (self.python, self.dir.join(format!("lobass-{dtype}.parquet")));
            shell.remove_path(&table)?;
            let flags = ["--per-token", "--dtype", dtype, "--quiet"];
            cmd!(shell, "{lobass} score --base {checkpoint} --data {rows} --out {table} {flags...}").run()?;
            let (script, out) = (format!("{SCRIPTS}/table.py"), table.with_extension("jsonl"));
            cmd!(shell, "{python} {script} {table} {out}").run()?;
            losses_of(&shell.read_file(out)?)
        };
        let (theirs_f32, theirs_bf16) = (theirs("float32")?, theirs("bfloat16")?);
        let (ours_f32, ours_bf16) = (ours("f32")?, ours("bf16")?);
        let n_tokens: usize = theirs_f32.values().map(Vec::len).sum();
        let exact = difference(&ours_f32, &theirs_f32)?;
        let rounded = difference(&ours_bf16, &theirs_f32)?;
        let theirs_rounded = difference(&theirs_bf16, &theirs_f32)?;
        let result = json!({
            "rows": theirs_f32.len(),
            "tokens": n_tokens,
            "mean_nats_per_token": theirs_f32.values().flatten().sum::<f64>() / n_tokens as f64,
            "f32": exact.json(),
            "bf16 beside transformers in bf16": difference(&ours_bf16, &theirs_bf16)?.json(),
            "bf16 beside transformers in f32": rounded.json(),
            "transformers in bf16 beside itself in f32": theirs_rounded.json(),
        });
        eprintln!("{result:#}");
        if exact.token > TOLERANCE {
            bail!("f32: expected tokens within {TOLERANCE} nats of transformers, found {}", exact.token);
        }
        if rounded.mean > SHARE * theirs_rounded.mean {
            bail!(
                "bf16: expected a mean distance of tokens from f32 like that of transformers, {}, found {}",
                theirs_rounded.mean,
                rounded.mean
            );
        }
        Ok(result)
    }

    /// A run from start to end: an adapter of one epoch, losses, a selection, and a report.
    fn run(&self, args: &Args) -> Result<Value> {
        let rows = first_rows(self.shell, &args.data, args.run_rows.get(), &self.dir.join("pool.jsonl"))?;
        let out = self.dir.join("run");
        self.shell.remove_path(&out)?;
        let Self { shell, lobass, checkpoint, .. } = self;
        let recipe =
            ["--method", "lora", "--epochs", "1", "--batch-size", "4", "--eval-rows", "8", "--budget", "25%"];
        let report = cmd!(shell, "{lobass} run --base {checkpoint} --data {rows} --out {out}");
        let report = report.args(recipe).args(["--format", "json"]).read()?;
        let report: Value = serde_json::from_str(&report)?;
        let record = shell.read_file(out.join("reference/lobass-training.json"))?;
        let outcome = serde_json::from_str::<Value>(&record)?["outcome"].clone();
        let digest = report["manifest"]["digest"].as_str().context("a run has a digest")?;
        let result = json!({
            "rows": args.run_rows.get(),
            "steps": outcome["n_steps"],
            "held_out_before": outcome["held_out_before"],
            "held_out_after": outcome["held_out_after"],
            "first_loss": outcome["first_loss"],
            "last_loss": outcome["last_loss"],
            "digest": digest,
        });
        eprintln!("{result:#}");
        Ok(result)
    }
}
