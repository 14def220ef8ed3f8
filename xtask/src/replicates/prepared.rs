//! What comparisons of a replicate are made from: score tables, vectors, and ratings.

use std::path::{Path, PathBuf};

use anyhow::Result;
use fs_err as fs;

use super::DIR;
use super::groups::{Amount, BATCH_SIZE, Extra};
use super::index::{self, Ranked};
use super::kept::{exchange_file, folder};
use super::material::{Subject, files};
use super::runner::{Runner, Words};
use super::table::Table;

/// How every training is done. Losses of scores and results are computed in f32.
pub(super) const TRAINING: [&str; 4] = ["--products", "bf16", "--batch-size", BATCH_SIZE];

/// Tokens that one thread trains on at once. With more of them there are fewer gradients to add up, which changes the
/// order of sums only. The runs that choose learning rates have the default.
pub(super) const AT_ONCE: [&str; 2] = ["--micro-batch-tokens", "2048"];

/// Makes what is missing for a replicate.
pub(super) struct Prepared<'a> {
    pub(super) runner: &'a Runner<'a>,
    pub(super) subject: &'a Subject,
    /// The learning rate of the reference.
    pub(super) rate: &'a str,
}

impl Prepared<'_> {
    fn at(&self, name: &str) -> PathBuf {
        Path::new(DIR).join(&self.subject.name).join(name)
    }

    /// A score table. Its models are deleted when it is kept.
    pub(super) fn table(&self, table: Table) -> Result<PathBuf> {
        let at = self.kept(table)?;
        if !at.exists() {
            let run = self.run(table)?;
            match table {
                Table::Bf16 => self.in_bf16(&run, &at)?,
                _ => exchange_file(&at, &run.join("scores.parquet"))?,
            }
            self.kept(table)?;
            if table == Table::Main && self.subject.has_further_references {
                self.table(Table::Bf16)?; // while the reference is there
            }
            if run.exists() {
                fs::remove_dir_all(run)?;
            }
        }
        Ok(at)
    }

    /// Where a table is, on both sides if it is on one.
    fn kept(&self, table: Table) -> Result<PathBuf> {
        let name = format!("{}.parquet", table.name());
        let at = self.at(&name);
        exchange_file(&folder(&self.subject.name).join(&name), &at)?;
        Ok(at)
    }

    /// The run that trains the reference of a table, and scores.
    fn run(&self, table: Table) -> Result<PathBuf> {
        let table = if table == Table::Bf16 { Table::Main } else { table };
        let run = self.at(&format!("run-{}", table.name()));
        let words = Words::new("run")
            .flag("--base", [self.runner.model()])
            .flag("--out", [run.display().to_string()])
            .flag("--budget", [Amount::Small.budget()])
            .flag("--epochs", ["1"])
            .flag("--learning-rate", [table.rate().unwrap_or(self.rate)])
            .flag("--train-seed", [(self.subject.seed + table.seed()).to_string()])
            .plain(&TRAINING)
            .plain(&AT_ONCE)
            .plain(table.flags())
            .flag("--data", &self.subject.pool);
        self.runner.run(&words.0)?;
        Ok(run)
    }

    fn in_bf16(&self, run: &Path, out: &Path) -> Result<()> {
        let words = Words::new("score")
            .flag("--base", [self.runner.model()])
            .flag("--reference", [run.join("reference").display().to_string()])
            .flag("--dtype", ["bf16"])
            .flag("--out", [out.display().to_string()])
            .flag("--data", &self.subject.pool);
        self.runner.run(&words.0)
    }

    /// The flags of a comparison for what is made before it.
    pub(super) fn extra(&self, extra: Extra) -> Result<Vec<String>> {
        let mut words = Words::default();
        if matches!(extra, Extra::Vectors | Extra::VectorsAndQueries) {
            let pool = self.vectors(&self.at("vectors.safetensors"), &self.subject.pool)?;
            words = words.flag("--embeddings", [pool]);
        }
        if extra == Extra::VectorsAndQueries {
            let queries = self.subject.tuning.iter().enumerate().map(|(task, file)| {
                let at = Path::new(DIR).join(format!("tuning/vectors-{task}.safetensors"));
                self.vectors(&at, std::slice::from_ref(file))
            });
            words = words.flag("--query-embeddings", queries.collect::<Result<Vec<_>>>()?);
        }
        if extra == Extra::Informative {
            words = words.flag("--ratings", [self.informative()?.display().to_string()]);
        }
        if extra == Extra::Answers && self.subject.seed == 0 {
            words = words.flag("--answers", ["gsm8k"]);
        }
        Ok(words.0)
    }

    /// A vector of every row, from the base.
    fn vectors(&self, out: &Path, data: &[String]) -> Result<String> {
        let to = out.display().to_string();
        if !out.exists() {
            fs::create_dir_all(out.parent().unwrap_or(Path::new("")))?;
            let words = Words::new("embed").flag("--base", [self.runner.model()]).flag("--out", [&to]);
            self.runner.run(&words.flag("--data", data).0)?;
        }
        Ok(to)
    }

    /// The scores of rows whose trained PVI is not negative, as ratings.
    fn informative(&self) -> Result<PathBuf> {
        let pvi = self.ranked(Table::Wide, "pvi-trained")?;
        let scores = self.ranked(Table::Wide, "lobass")?;
        let out = self.at("informative.jsonl");
        fs::write(&out, index::scores_where(&scores, &pvi))?;
        Ok(out)
    }

    /// The rows of a table, the best by a strategy first.
    pub(super) fn ranked(&self, table: Table, strategy: &str) -> Result<Vec<Ranked>> {
        let scores = self.table(table)?;
        let out = self.at(&format!("{}-{strategy}.jsonl", table.name()));
        let words = Words::new("select")
            .flag("--scores", [scores.display().to_string()])
            .flag("--data", files(&self.subject.pool))
            .flag("--strategy", [strategy])
            .flag("--budget", ["100%"])
            .flag("--index", [out.display().to_string()]);
        self.runner.run(&words.0)?;
        index::read(&out)
    }

    /// Keeps how much the scores of further tables agree with the main one, of those that are there.
    pub(super) fn agreement(&self) -> Result<()> {
        let main = self.ranked(Table::Main, "lobass")?;
        let mut found = Vec::new();
        for table in Table::OTHERS {
            if self.kept(table)?.exists() {
                found.push(index::agreement(table.name(), &main, &self.ranked(table, "lobass")?));
            }
        }
        let text = serde_json::to_string_pretty(&found)? + "\n";
        Ok(fs::write(folder(&self.subject.name).join("agreement.json"), text)?)
    }
}
