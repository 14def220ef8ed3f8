//! The commands of the study, in their order.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use fs_err as fs;
use xshell::Shell;

use super::DIR;
use super::groups::{Amount, BATCH_SIZE, EPOCHS, GROUPS, Group, RATES};
use super::kept::{exchange, exchange_file, folder};
use super::material::{Material, WRONG};
use super::rates::{Rates, chosen, mean_loss};

/// How every training is done. Losses of scores and results are computed in f32.
const TRAINING: [&str; 4] = ["--products", "bf16", "--batch-size", BATCH_SIZE];

pub(super) struct Study<'a> {
    pub(super) shell: &'a Shell,
    pub(super) lobass: PathBuf,
    pub(super) material: Material,
    pub(super) model: PathBuf,
    pub(super) threads: Option<u16>,
}

/// What one comparison is made of.
struct Compared<'a> {
    /// Its folder, below that of all runs.
    name: String,
    scores: &'a str,
    pool: &'a [String],
    eval: &'a [String],
    matching: &'a str,
    amount: Amount,
    rate: &'a str,
    seed: usize,
    strategies: &'a [&'a str],
    baselines: &'a [&'a str],
}

impl Study<'_> {
    /// The learning rate of each budget, which the first replicate chooses on the tuning rows.
    pub(super) fn rates(&self) -> Result<Rates> {
        let pool = &self.material.pools[0];
        let scores = self.losses_of_base(pool)?;
        let mut rates = Rates::default();
        for amount in Amount::ALL {
            let mut losses = Vec::new();
            for rate in RATES {
                let name = format!("tuning/{}-{rate}", amount.name());
                let baselines = [amount.baseline()];
                self.compare(&Compared {
                    name: name.clone(),
                    scores: &scores,
                    pool,
                    eval: &self.material.tuning,
                    matching: "epochs",
                    amount,
                    rate,
                    seed: 0,
                    strategies: &[],
                    baselines: &baselines,
                })?;
                let trial = format!("{}-epochs-seed0.json", amount.baseline());
                let loss = mean_loss(&folder(&name).join("trials").join(trial), &self.material.tuning)?;
                eprintln!("    {} at {rate}: {loss:.4} nats a token on the tuning rows", amount.budget());
                losses.push((rate, loss));
            }
            rates.set(amount, chosen(&losses)?);
        }
        Ok(rates)
    }

    /// The losses of the pool's rows under the base alone, for comparisons that select nothing by a reference.
    fn losses_of_base(&self, pool: &[String]) -> Result<String> {
        let (kept, run) = (folder("tuning/base.parquet"), format!("{DIR}/tuning/base.parquet"));
        exchange_file(&kept, Path::new(&run))?;
        if !Path::new(&run).exists() {
            fs::create_dir_all(format!("{DIR}/tuning"))?;
            let model = self.model.display().to_string();
            let mut words = vec!["score", "--base", &model, "--out", &run, "--data"];
            words.extend(pool.iter().map(String::as_str));
            self.lobass(&words)?;
            exchange_file(&kept, Path::new(&run))?;
        }
        Ok(run)
    }

    /// All trainings of a replicate.
    pub(super) fn replicate(&self, replicate: usize, rates: &Rates) -> Result<()> {
        let pool = &self.material.pools[replicate];
        let scores = self.scores(replicate, pool, rates.of(Amount::All))?;
        GROUPS.iter().try_for_each(|group| self.group(group, replicate, &scores, rates))
    }

    /// The score table of a replicate: its reference is trained for an epoch, and both models score.
    fn scores(&self, replicate: usize, pool: &[String], rate: &str) -> Result<String> {
        let run = format!("{DIR}/{replicate}/run");
        let scores = format!("{run}/scores.parquet");
        let (kept, at) =
            (folder(&format!("{replicate}/scores.parquet")), format!("{DIR}/{replicate}/scores.parquet"));
        exchange_file(&kept, Path::new(&at))?;
        if !Path::new(&at).exists() {
            let (model, seed) = (self.model.display().to_string(), replicate.to_string());
            let mut words = vec!["run", "--base", &model, "--out", &run, "--budget", Amount::Small.budget()];
            words.extend(["--epochs", "1", "--learning-rate", rate, "--train-seed", &seed]);
            words.extend(TRAINING);
            words.push("--data");
            words.extend(pool.iter().map(String::as_str));
            self.lobass(&words)?;
            exchange_file(Path::new(&at), Path::new(&scores))?;
            exchange_file(&kept, Path::new(&at))?;
        }
        Ok(at)
    }

    fn group(&self, group: &Group, replicate: usize, scores: &str, rates: &Rates) -> Result<()> {
        let baselines = group.baselines(replicate);
        self.compare(&Compared {
            name: format!("{replicate}/{}", group.name),
            scores,
            pool: &self.material.pools[replicate],
            eval: &self.material.held_out,
            matching: group.matching,
            amount: group.amount,
            rate: rates.of(group.amount),
            seed: replicate,
            strategies: group.strategies,
            baselines: &baselines,
        })
    }

    /// Does what is left of a comparison, and keeps its trials.
    fn compare(&self, compared: &Compared<'_>) -> Result<()> {
        let (kept, run) = (folder(&compared.name), Path::new(DIR).join(&compared.name));
        exchange(&kept, &run)?;
        let done = self.lobass(&self.words(compared, &run));
        exchange(&kept, &run)?;
        done
    }

    fn words<'a>(&self, compared: &'a Compared<'_>, run: &Path) -> Vec<String> {
        let Compared { scores, pool, eval, matching, amount, rate, seed, strategies, baselines, .. } =
            compared;
        let mut words: Vec<String> = Vec::new();
        let mut flag = |name: &str, values: &[&str]| {
            if !values.is_empty() {
                words.push(name.to_owned());
                words.extend(values.iter().map(|&value| value.to_owned()));
            }
        };
        let texts = |of: &'a [String]| of.iter().map(String::as_str).collect::<Vec<_>>();
        let (model, out, seed) =
            (self.model.display().to_string(), run.display().to_string(), seed.to_string());
        flag("compare", &["--scores", scores, "--base", &model, "--out", &out]);
        flag("--data", &files(pool));
        flag("--eval", &texts(eval));
        flag("--match", &[matching]);
        flag("--budget", &[amount.budget(), "--epochs", EPOCHS, "--learning-rate", rate]);
        flag("--seeds", &["1", "--train-seed", &seed, "--seed", &seed, "--overlap", "refuse"]);
        flag("--strategy", strategies);
        flag("--baselines", baselines);
        if eval.iter().any(|file| file.contains("held-out")) {
            flag("--wrong-responses", &[WRONG]);
        }
        words.extend(TRAINING.map(str::to_owned));
        words
    }

    fn lobass(&self, words: &[impl AsRef<str>]) -> Result<()> {
        let words = words.iter().map(|word| word.as_ref().to_owned());
        let threads = self.threads.iter().flat_map(|n| ["--threads".to_owned(), n.to_string()]);
        let words: Vec<String> = words.chain(threads).collect();
        eprintln!("==> lobass {}", words.join(" "));
        let status = Command::new(&self.lobass)
            .args(&words)
            .current_dir(self.shell.current_dir())
            .stdout(Stdio::null())
            .status()
            .with_context(|| format!("`{}` cannot be run", self.lobass.display()))?;
        match status.code() {
            Some(0 | 1) => Ok(()), // rows that cannot be scored are counted, and no reason to stop
            _ => bail!("lobass {}: ended with {status}", words[0]),
        }
    }
}

/// The files of `NAME=FILE`.
fn files(pool: &[String]) -> Vec<&str> {
    pool.iter().map(|file| file.split_once('=').map_or(file.as_str(), |(_, file)| file)).collect()
}
