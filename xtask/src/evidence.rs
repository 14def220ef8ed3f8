//! The runs behind `docs/evidence.md`, and that page.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::program;

/// Compared strategies, beside random rows, all rows, and the untrained base.
const STRATEGIES: [&str; 7] =
    ["lobass", "gap", "gap-sum", "perplexity-low", "perplexity-middle", "perplexity-high", "longest"];
/// The paper's share.
const BUDGET: &str = "6%";
/// Where runs are, so that they are taken up.
const DIR: &str = "target/evidence";
const PAGE: &str = "docs";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Make small runs, to see that everything works, and leave the page alone
    #[arg(long, conflicts_with = "page")]
    quick: bool,
    /// Make the page of the result files again, and no runs
    #[arg(long)]
    page: bool,
    /// Strategies to compare as well; what is there already is not done again
    #[arg(long, value_name = "NAME", num_args = 1..)]
    strategy: Vec<String>,
    /// Threads of the runs; results do not depend on it [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<u16>,
    /// Where `data` and `models` with Alpaca, GSM8K, and a TinyStories model are; absent, the demo stands alone
    #[arg(long, value_name = "DIR", default_value = "../shared")]
    shared: PathBuf,
    /// A `lobass` to run instead of one that is built
    #[arg(long, value_name = "FILE")]
    lobass: Option<PathBuf>,
}

/// How large the runs are.
struct Size {
    /// Where its runs are.
    dir: &'static str,
    seeds: &'static str,
    /// Rows of Alpaca and GSM8K in the pool.
    pool: [usize; 2],
    /// And held out of each.
    held_out: usize,
}

const FULL: Size = Size { dir: "full", seeds: "3", pool: [1000, 500], held_out: 150 };
const QUICK: Size = Size { dir: "quick", seeds: "2", pool: [160, 80], held_out: 30 };

pub(crate) fn run(shell: &Shell, args: &Args) -> Result<()> {
    if args.page {
        return page(shell);
    }
    let size = if args.quick { QUICK } else { FULL };
    let runs = Runs { shell, lobass: program::lobass(shell, args.lobass.as_deref())?, args, size };
    let mut found = vec![("demo", runs.demo()?)];
    let shared = shell.current_dir().join(&args.shared);
    match shared.join("models/tinystories-656k").is_dir() {
        true => found.push(("alpaca-gsm8k", runs.alpaca_gsm8k(&shared)?)),
        false => eprintln!(
            "`{}` is not there: alpaca-gsm8k is not run again, and the page keeps what it said before",
            shared.display()
        ),
    }
    for (name, results) in &found {
        eprintln!("==> {name}: {results}/results.md");
        if !args.quick {
            shell.copy_file(format!("{results}/results.json"), format!("{PAGE}/evidence/{name}.json"))?;
        }
    }
    if args.quick { Ok(()) } else { page(shell) }
}

fn page(shell: &Shell) -> Result<()> {
    cmd!(shell, "cargo run --quiet --package lobass-evidence --example page -- {PAGE}").run()?;
    eprintln!("==> what changed");
    Ok(cmd!(shell, "git status --short {PAGE}/evidence.md {PAGE}/evidence").run()?)
}

struct Runs<'a> {
    shell: &'a Shell,
    lobass: PathBuf,
    args: &'a Args,
    size: Size,
}

impl Runs<'_> {
    /// The shipped pool, whose composition is known; gives the directory of the comparison.
    fn demo(&self) -> Result<String> {
        let dir = format!("{DIR}/{}/demo", self.size.dir);
        let run = format!("{dir}/run");
        self.lobass(&["demo", "--out", &run, "--budget", BUDGET])?;
        let shipped = format!("{run}/shipped");
        let held_out = ["known", "learnable"].map(|name| format!("{shipped}/held-out/{name}.jsonl"));
        let recipe = ["--epochs", "3", "--batch-size", "16", "--learning-rate", "1e-3"];
        self.compare(&run, &format!("{shipped}/base"), &held_out, &recipe, &format!("{dir}/compared"))
    }

    /// Instructions and sums, for a model that was made to tell stories.
    fn alpaca_gsm8k(&self, shared: &Path) -> Result<String> {
        let dir = format!("{DIR}/{}/alpaca-gsm8k", self.size.dir);
        let [pool, held_out] = self.cut(shared, &dir)?;
        let base = shared.join("models/tinystories-656k").display().to_string();
        let run = format!("{dir}/run");
        let [alpaca, gsm8k] = &pool;
        let training = ["--epochs", "1", "--batch-size", "16", "--learning-rate", "1e-3"];
        let mut words =
            vec!["run", "--base", &base, "--data", alpaca, gsm8k, "--out", &run, "--budget", BUDGET];
        words.extend(training);
        self.lobass(&words)?;
        let recipe = ["--epochs", "2", "--batch-size", "8", "--learning-rate", "1e-3"];
        self.compare(&run, &base, &held_out, &recipe, &format!("{dir}/compared"))
    }

    /// Files of a pool and of held-out rows: rows of Alpaca one after the other, GSM8K's training and test rows.
    fn cut(&self, shared: &Path, dir: &str) -> Result<[[String; 2]; 2]> {
        let (shell, Size { pool: [n_alpaca, n_gsm8k], held_out, .. }) = (self.shell, &self.size);
        let data = shared.join("data");
        let alpaca: Vec<Value> = serde_json::from_str(&shell.read_file(data.join("alpaca_random_9k.json"))?)?;
        let as_lines = |rows: &[Value]| rows.iter().map(|row| format!("{row}\n")).collect::<String>();
        let first = |name: &str, n: usize| -> Result<String> {
            let text = shell.read_file(data.join(name))?;
            let lines: Vec<&str> = text.lines().take(n).collect();
            if lines.len() < n {
                bail!("`{name}`: expected {n} rows, found {}", lines.len());
            }
            Ok(lines.join("\n") + "\n")
        };
        let aside = alpaca.get(*n_alpaca..n_alpaca + held_out).context("Alpaca has too few rows")?;
        let files = [
            (format!("{dir}/alpaca.jsonl"), as_lines(&alpaca[..*n_alpaca])),
            (format!("{dir}/gsm8k.jsonl"), first("gsm8k_train.jsonl", *n_gsm8k)?),
            (format!("{dir}/held-out/alpaca.jsonl"), as_lines(aside)),
            (format!("{dir}/held-out/gsm8k.jsonl"), first("gsm8k_test.jsonl", *held_out)?),
        ];
        for (path, text) in &files {
            shell.write_file(path, text)?;
        }
        let [alpaca, gsm8k, held_alpaca, held_gsm8k] = files.map(|(path, _)| path);
        Ok([[alpaca, gsm8k], [held_alpaca, held_gsm8k]])
    }

    fn compare(
        &self,
        run: &str,
        base: &str,
        held_out: &[String],
        recipe: &[&str],
        out: &str,
    ) -> Result<String> {
        let scores = format!("{run}/scores.parquet");
        let mut words =
            vec!["compare", "--scores", &scores, "--base", base, "--out", out, "--budget", BUDGET];
        words.extend(["--seeds", self.size.seeds]);
        words.extend(recipe);
        words.push("--eval");
        words.extend(held_out.iter().map(String::as_str));
        words.push("--strategy");
        words.extend(STRATEGIES);
        words.extend(self.args.strategy.iter().map(String::as_str));
        self.lobass(&words)?;
        Ok(out.to_owned())
    }

    /// Runs a command; rows that cannot be used, which it counts, are no reason to stop.
    fn lobass(&self, words: &[&str]) -> Result<()> {
        let program = &self.lobass;
        let threads: Vec<String> =
            self.args.threads.iter().flat_map(|n| ["--threads".to_owned(), n.to_string()]).collect();
        let words: Vec<&str> = words.iter().copied().chain(threads.iter().map(String::as_str)).collect();
        eprintln!("==> lobass {}", words.join(" "));
        // Its progress is for people who wait; its result is in files too.
        let status = Command::new(program)
            .args(&words)
            .current_dir(self.shell.current_dir())
            .stdout(Stdio::null())
            .status()
            .with_context(|| format!("`{}` cannot be run", program.display()))?;
        match status.code() {
            Some(0 | 1) => Ok(()),
            _ => bail!("lobass {}: ended with {status}", words.first().unwrap_or(&"")),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::Verb;

    #[test]
    fn small_runs_leave_the_page_alone() {
        let parse = |words: &str| {
            Verb::try_parse_from(["xtask", "evidence"].into_iter().chain(words.split_whitespace()))
        };
        assert!(parse("--quick --threads 1 --strategy ifd pvi").is_ok());
        assert!(parse("--page").is_ok());
        assert!(parse("--quick --page").is_err());
    }
}
