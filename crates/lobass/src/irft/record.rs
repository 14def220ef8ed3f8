//! What is written down of rounds: the settings of all, and the outcome of each.

use std::path::{Path, PathBuf};

use lobass_core::{Digest, Observer as _};
use lobass_run::WorkDir;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Context as _, Result, bail};
use crate::generation::{PairCounts, Unused};
use crate::outputs::work_beside;
use crate::place::store;
use crate::runtime::Runtime;
use crate::settings::{EncodeSettings, SamplingSettings, TrainSettings};

const ALL: &str = "lobass-irft.json";
const ROUND: &str = "lobass-round.json";
/// The counts of a round that is not trained yet.
const COUNTS: &str = "drawn.json";
/// Settings that the answers of the first round do not depend on.
const OF_TRAINING: [&str; 4] = ["optimizer", "anchor", "train", "with_previous"];

/// The model that margins are measured from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Anchor {
    /// The model that each round starts from, as in IRFT and SPIN.
    Moving,
    /// The same model in every round, by the digest of its weights. This is another algorithm.
    Fixed(Digest),
}

/// The settings of all rounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct IrftRecord {
    pub(super) tool: String,
    /// The papers use `RMSprop`.
    pub(super) optimizer: String,
    pub(super) start: Digest,
    pub(super) anchor: Anchor,
    /// Digests of the data files.
    pub(super) data: Vec<String>,
    pub(super) sequences: EncodeSettings,
    pub(super) sampling: SamplingSettings,
    pub(super) train: TrainSettings,
    pub(super) rounds: u32,
    pub(super) every_row: bool,
    pub(super) with_previous: bool,
}

/// The outcome of a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoundRecord {
    /// Its number, from 1.
    pub round: u32,
    /// Rows whose prompts were answered.
    pub n_rows: u64,
    /// Answers that ended by themselves.
    pub n_finished: u64,
    /// Tokens of all answers.
    pub n_tokens: u64,
    /// Rows whose prompts could not be answered.
    #[serde(default)]
    pub unused: Unused,
    /// How many answers became pairs, and why others did not.
    pub pairs: PairCounts,
    /// Pairs that were trained on, those of the round before included.
    pub n_trained: u64,
    /// The digest of all answers.
    pub samples: String,
    /// The loss of the first step: ln 2 with a moving anchor.
    pub first_loss: f64,
    /// The loss of the last step.
    pub last_loss: f64,
}

impl IrftRecord {
    /// Refuses a directory of other settings; further rounds may be added, unless rows are divided among them. As long as no
    /// round is done, settings may change that no kept answer depends on.
    pub(super) fn check_and_write(&self, out: &Path, runtime: &Runtime) -> Result<()> {
        if let Some(found) = read::<Self>(out, ALL)? {
            let rounds = if self.every_row { self.rounds } else { found.rounds };
            let found = Self { rounds, tool: self.tool.clone(), ..found };
            let differences = self.differences(&found);
            if !differences.is_empty() {
                make_way(&differences, out, runtime)?;
            }
        } else {
            crate::outputs::check_empty(out)?;
        }
        write(out, ALL, self)
    }

    /// The names of settings that differ.
    fn differences(&self, found: &Self) -> Vec<String> {
        let fields = |record: &Self| serde_json::to_value(record).unwrap_or_default();
        let (mine, found) = (fields(self), fields(found));
        let differing =
            mine.as_object().into_iter().flatten().filter(|(name, value)| found[*name] != **value);
        differing.map(|(name, _)| name.clone()).collect()
    }
}

/// Makes way for other settings.
fn make_way(differences: &[String], out: &Path, runtime: &Runtime) -> Result<()> {
    let first = round_dir(out, 1);
    let names = differences.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let of_training = differences.iter().all(|name| OF_TRAINING.contains(&name.as_str()));
    if first.join(ROUND).exists() || !of_training && has_answers(&first, runtime)? {
        bail!(Output, "`{}` has rounds with other settings, {names}; use another directory", out.display());
    }
    runtime.note(&format!("{:16} other settings than before, {names}: no round was done with those", "irft"));
    // What an attempt with them trained would be refused.
    for left in ["adapter", "model"].map(|name| first.join(name)) {
        if left.exists() {
            fs_err::remove_dir_all(left)?;
        }
    }
    Ok(())
}

/// The directory of a round, by its number from 1.
pub(super) fn round_dir(out: &Path, number: u32) -> PathBuf {
    out.join(format!("round-{number}"))
}

/// The file of the answers of a round.
pub(super) fn answers(round: &Path) -> PathBuf {
    round.join("samples.parquet")
}

/// Whether a round has drawn answers that can be used.
fn has_answers(round: &Path, runtime: &Runtime) -> Result<bool> {
    let work = work_beside(&answers(round));
    if round.join(COUNTS).exists() || !work.exists() {
        return Ok(round.join(COUNTS).exists());
    }
    Ok(match WorkDir::resume(store(&work.as_path().into(), runtime)?)? {
        Some(work) => !work.is_idle()?,
        None => false,
    })
}

impl RoundRecord {
    /// The record of a round whose answers are drawn, if it is not trained yet.
    ///
    /// # Errors
    /// If the file is no record.
    pub(super) fn read_drawn(dir: &Path) -> Result<Option<Self>> {
        read(dir, COUNTS)
    }

    pub(super) fn write_drawn(&self, dir: &Path) -> Result<()> {
        write(dir, COUNTS, self)
    }

    /// Writes the record of a round that is done.
    pub(super) fn finish(&self, dir: &Path) -> Result<()> {
        write(dir, ROUND, self)?;
        Ok(fs_err::remove_file(dir.join(COUNTS))?)
    }

    /// The outcome of the round in a directory, if it is done.
    ///
    /// # Errors
    /// If the file is no record.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>> {
        read(dir, ROUND)
    }
}

fn read<T: DeserializeOwned>(dir: &Path, name: &str) -> Result<Option<T>> {
    let path = dir.join(name);
    if !path.exists() {
        return Ok(None);
    }
    let record = serde_json::from_slice(&fs_err::read(&path)?)
        .with_context(|| format!("`{}` is no record of rounds", path.display()))?;
    Ok(Some(record))
}

fn write(dir: &Path, name: &str, record: &impl Serialize) -> Result<()> {
    fs_err::create_dir_all(dir)?;
    Ok(lobass_files::write_whole(&dir.join(name), &serde_json::to_vec_pretty(record)?)?)
}
