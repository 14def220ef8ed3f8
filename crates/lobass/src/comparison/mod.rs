//! Comparing strategies by what their subsets teach.
//!
//! Every training is one unit. Its result is a file that is whole or absent, so an interrupted comparison continues
//! with the trials that are missing. A trial has an identity, made of everything that decides its result, such as its
//! rows and its held-out examples. A result with another identity is never used.

mod devices;
mod held_out;
mod job;
mod report;
mod subset;
mod trial;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use held_out::HeldOut;
use lobass_core::Observer as _;
use lobass_core::readable::{counted, duration};
use lobass_core::{Budget, ColumnSet, Digest, Dtype, ScoreColumns, Sequence};
use lobass_data::Pool;
use lobass_evidence::{Bootstrap, FULL, Matching, PoolRecord, Report, SourceCount, ZERO_SHOT};
use lobass_files::write_whole;
use lobass_run::{Plan, ScoreFile};
use lobass_select::Strategy as _;
use lobass_select::strategies::Random;
use lobass_train::TrainConfig;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subset::{Subset, subsets};
use trial::Trial;

use crate::error::{Context as _, Result, bail};
use crate::model::Model;
use crate::outputs;
use crate::runtime::Runtime;
use crate::sequences::Sequences;
use crate::settings::{MatchedTokens, SelectSettings, TrainSettings};

pub use devices::Devices;
pub use held_out::HeldOutRequest;
pub use job::CompareJob;

/// A comparison, opened: its selections are made, its held-out examples are read. Trials are run one by one.
pub struct Comparison {
    base: Model,
    pool: Pool,
    /// The sequence of every row that can be selected and trained on.
    sequences_of: BTreeMap<u64, Sequence>,
    held_out: HeldOut,
    strategies: Vec<String>,
    subsets: BTreeMap<(String, u64), Subset>,
    select: SelectSettings,
    train: TrainSettings,
    recipe: TrainConfig,
    save_every: Option<usize>,
    n_seeds: u64,
    matchings: Vec<Matching>,
    matched_tokens: u64,
    bootstrap: Bootstrap,
    record: PoolRecord,
    decided: Decided,
    threads: usize,
    out: PathBuf,
}

/// The settings and digests that decide every trial, as in `compare.json`. More strategies, seeds, or matchings add
/// trials, and change none of the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Decided {
    version: u32,
    base: Digest,
    dtype: Dtype,
    plan: String,
    table: Option<String>,
    select: SelectSettings,
    recipe: TrainConfig,
    adapter: Option<lobass_model::LoraConfig>,
    matched_tokens: u64,
    held_out: String,
}

impl Comparison {
    /// Reads, encodes, selects, and looks at the held-out examples of a job.
    fn open(request: &CompareJob<'_>, base: Model, sequences: &Sequences, runtime: &Runtime) -> Result<Self> {
        let table = request.table;
        check_directory(request.out)?;
        fs_err::create_dir_all(request.out)?;
        let plan = sequences.plan()?;
        let place = request.out.join("work").as_path().into();
        let work = crate::scoring::encode(sequences, &plan, &place, request.threads, runtime)?;
        let columns = table.columns(&ColumnSet::default(), request.settings.select.seed, request.threads)?;
        let sequences_of: BTreeMap<u64, Sequence> = work
            .sequences()?
            .into_iter()
            .filter(|(row, _)| at(&columns, *row).is_some_and(subset::is_eligible))
            .collect();
        let held_out = HeldOut::open(request.held_out, sequences, &columns.statuses, runtime)?;
        let record = pool_record(table, &plan, &columns, &sequences_of);
        let recipe = request.settings.train.config(base.checkpoint.spec().n_parameters())?;
        let matched_tokens = matched_tokens(request, &recipe, &record)?;
        let decided = Decided {
            version: 1,
            base: base.key.weights_digest.clone(),
            dtype: dtype_of(&base, &request.settings.train),
            plan: plan.id(),
            table: table.manifest().digest.clone(),
            select: SelectSettings { strategies: Vec::new(), ..request.settings.select.clone() },
            recipe: TrainConfig { recompute: false, ..recipe.clone() },
            adapter: request.settings.train.adapter().cloned(),
            matched_tokens,
            held_out: held_out.digest.clone(),
        };
        decided.keep(request.out)?;
        let mut comparison = Self {
            base,
            pool: sequences.pool.clone(),
            sequences_of,
            held_out,
            strategies: with_random(request.strategies),
            subsets: BTreeMap::new(),
            select: request.settings.select.clone(),
            train: request.settings.train.clone(),
            recipe,
            save_every: request.settings.train.save_every,
            n_seeds: request.n_seeds,
            matchings: request.matchings.clone(),
            matched_tokens,
            bootstrap: request.bootstrap,
            record,
            decided,
            threads: request.threads,
            out: request.out.to_owned(),
        };
        comparison.subsets = subsets(request, &comparison, table, runtime)?;
        Ok(comparison)
    }

    /// Every trial, the most informative first: the base without training, then seed after seed.
    fn trials(&self) -> Vec<Trial> {
        let mut trials = vec![Trial { arm: ZERO_SHOT.to_owned(), matching: None, offset: 0 }];
        for offset in 0..self.n_seeds {
            for &matching in &self.matchings {
                for arm in self.arms() {
                    trials.push(Trial { arm, matching: Some(matching), offset });
                }
            }
        }
        trials
    }

    /// The arms that are trained: all rows, and the selection of each strategy.
    fn arms(&self) -> Vec<String> {
        std::iter::once(FULL.to_owned()).chain(self.strategies.iter().cloned()).collect()
    }

    /// The rows that a trial trains on.
    fn rows(&self, trial: &Trial) -> Result<Vec<u64>> {
        match trial.arm.as_str() {
            ZERO_SHOT => Ok(Vec::new()),
            FULL => Ok(self.sequences_of.keys().copied().collect()),
            arm => {
                let subset = self.subsets.get(&(arm.to_owned(), trial.offset));
                Ok(subset
                    .with_context(|| format!("expected a strategy of this comparison, found `{arm}`"))?
                    .rows
                    .clone())
            }
        }
    }

    /// Hash of every input that affects the trial. The selection strategy is not hashed, only the selected rows.
    fn identity(&self, trial: &Trial) -> Result<String> {
        let Decided { version, base, dtype, plan, recipe, adapter, held_out, .. } = &self.decided;
        let tokens = (trial.matching == Some(Matching::Tokens)).then_some(self.matched_tokens);
        let decides = json!({
            "version": version, "base": base, "dtype": dtype, "plan": plan, "recipe": recipe, "adapter": adapter,
            "held_out": held_out, "matching": trial.matching, "seed": trial.offset, "tokens": tokens,
        });
        let mut hash = Sha256::new();
        hash.update(serde_json::to_vec(&decides)?);
        for row in self.rows(trial)? {
            hash.update(row.to_le_bytes());
        }
        Ok(Digest::of_hash(&hash.finalize()).to_string())
    }

    /// Trains what is not trained, on this process's device, and writes the results.
    ///
    /// # Errors
    /// If a training fails, or the observer asks to stop.
    pub fn run(&self, table: &ScoreFile, runtime: &Runtime) -> Result<Report> {
        self.run_here(runtime)?;
        self.end(table, runtime)
    }

    /// Joins all trials, which are done, and writes the results.
    ///
    /// # Errors
    /// If a trial is missing, or a file cannot be written.
    pub fn end(&self, table: &ScoreFile, runtime: &Runtime) -> Result<Report> {
        let report = self.report(table)?;
        self.write(&report)?;
        runtime.note(&format!("{:16} {}", "results", self.out.join("results.md").display()));
        Ok(report)
    }

    /// Does one after the other what is not done, on this process's device.
    fn run_here(&self, runtime: &Runtime) -> Result<()> {
        let trials = self.trials();
        let open = self.open_trials(runtime)?;
        for (at, trial) in open.iter().enumerate() {
            runtime.go_on()?;
            let started = std::time::Instant::now();
            let record = self.run_trial(trial, runtime).with_context(|| trial.say())?;
            self.say(
                trials.len() - open.len() + at + 1,
                trial,
                &record,
                &duration(started.elapsed()),
                runtime,
            );
        }
        Ok(())
    }

    /// Trials that are not done.
    fn open_trials(&self, runtime: &Runtime) -> Result<Vec<Trial>> {
        let trials = self.trials();
        let mut open = Vec::new();
        for trial in &trials {
            if self.record(trial)?.is_none() {
                open.push(trial.clone());
            }
        }
        if open.len() < trials.len() {
            runtime.note(&format!(
                "{:16} {} of {} done before",
                "trials",
                trials.len() - open.len(),
                trials.len()
            ));
        }
        Ok(open)
    }

    fn say(&self, n_done: usize, trial: &Trial, record: &trial::TrialRecord, took: &str, runtime: &Runtime) {
        let n_trials = self.trials().len();
        runtime.note(&format!(
            "{:16} {n_done} of {n_trials}: {}: {}, {}, held-out loss {:.4}, {took}",
            "trials",
            trial.say(),
            counted(record.n_steps, "step"),
            counted(record.n_tokens, "token"),
            record.mean_loss()
        ));
    }
}

impl fmt::Debug for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Comparison")
            .field("out", &self.out)
            .field("strategies", &self.strategies)
            .field("n_seeds", &self.n_seeds)
            .field("matchings", &self.matchings)
            .finish_non_exhaustive()
    }
}

impl Decided {
    /// Writes the record, or checks that the directory holds the same one.
    fn keep(&self, out: &Path) -> Result<()> {
        let path = out.join(DECIDED);
        if !path.exists() {
            return Ok(write_whole(&path, &serde_json::to_vec_pretty(self)?)?);
        }
        let found: Self = serde_json::from_slice(&fs_err::read(&path)?)
            .with_context(|| format!("`{}` is not a file of a comparison", path.display()))?;
        let (mine, theirs) = (json!(self), json!(found));
        let fields = mine.as_object().into_iter().flatten();
        let differences: Vec<String> = fields
            .filter(|(name, value)| theirs[name.as_str()] != **value)
            .map(|(name, value)| format!("{name} ({}, now {value})", theirs[name.as_str()]))
            .collect();
        match differences.is_empty() {
            true => Ok(()),
            false => bail!(
                Comparison,
                "`{}` holds a comparison with other {}; use another directory",
                out.display(),
                differences.join(", ")
            ),
        }
    }
}

/// The file by which a directory is known as that of a comparison.
const DECIDED: &str = "compare.json";

/// Refuses a directory with other content. A comparison that was killed early has left only its token ids.
fn check_directory(out: &Path) -> Result<()> {
    if out.join(DECIDED).exists() || !out.exists() {
        return Ok(());
    }
    let names = fs_err::read_dir(out)?.map(|entry| Ok(entry?.file_name()));
    let names = names.collect::<std::io::Result<Vec<_>>>()?;
    if names == ["work"] && out.join("work").join("plan.json").exists() {
        return Ok(());
    }
    outputs::check_empty(out)
}

/// The strategies without repetition, `random` first.
fn with_random(strategies: &[String]) -> Vec<String> {
    let mut all = vec![Random.name().to_owned()];
    for strategy in strategies {
        if !all.contains(strategy) {
            all.push(strategy.clone());
        }
    }
    all
}

fn at(columns: &ScoreColumns, row: u64) -> Option<lobass_core::RowStatus> {
    columns.statuses.get(usize::try_from(row).ok()?).copied()
}

fn pool_record(
    table: &ScoreFile,
    plan: &Plan,
    columns: &ScoreColumns,
    sequences: &BTreeMap<u64, Sequence>,
) -> PoolRecord {
    let mut sources: BTreeMap<&str, u64> = BTreeMap::new();
    for row in sequences.keys() {
        let name = usize::try_from(*row).ok().and_then(|row| columns.source_name(row));
        *sources.entry(name.unwrap_or_default()).or_default() += 1;
    }
    let count = |(source, n_rows): (&str, u64)| SourceCount { source: source.to_owned(), n_rows };
    PoolRecord {
        plan: plan.id(),
        digest: table.manifest().digest.clone(),
        n_rows: table.manifest().n_rows,
        n_eligible: sequences.len() as u64,
        n_tokens: sequences.values().map(|sequence| sequence.n_tokens() as u64).sum(),
        sources: sources.into_iter().map(count).collect(),
    }
}

/// The tokens of every training at equal tokens; they do not depend on which strategies are compared.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of tokens")]
fn matched_tokens(request: &CompareJob<'_>, recipe: &TrainConfig, pool: &PoolRecord) -> Result<u64> {
    let epochs = u64::from(recipe.epochs);
    let tokens = match (request.tokens, request.settings.select.budget()?) {
        (Some(MatchedTokens::Count(tokens)), _) => tokens,
        (Some(MatchedTokens::Full), _) => epochs * pool.n_tokens,
        (None, Budget::Tokens(tokens)) => epochs * tokens.min(pool.n_tokens),
        (None, budget) => {
            let rows = budget.row_limit(pool.n_rows).unwrap_or(pool.n_rows).min(pool.n_eligible);
            let share = rows as f64 / pool.n_eligible.max(1) as f64;
            epochs * (share * pool.n_tokens as f64).round() as u64
        }
    };
    if pool.n_eligible == 0 {
        bail!(Comparison, "no row of the table can be selected");
    }
    Ok(tokens)
}

/// The number format of the weights that training leaves frozen; what is trained is in f32.
fn dtype_of(base: &Model, train: &TrainSettings) -> Dtype {
    train.adapter().map_or(Dtype::F32, |_| base.key.dtype)
}
