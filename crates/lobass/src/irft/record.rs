//! What is written down of rounds: the settings of all, and the outcome of each.

use std::path::Path;

use lobass_core::Digest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Context as _, Result, bail};
use crate::generation::PairCounts;
use crate::settings::{EncodeSettings, SamplingSettings, TrainSettings};

const ALL: &str = "lobass-irft.json";
const ROUND: &str = "lobass-round.json";

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
    /// Refuses a directory of other settings; further rounds may be added, unless rows are divided among them.
    pub(super) fn check_and_write(&self, out: &Path) -> Result<()> {
        if let Some(found) = read::<Self>(out, ALL)? {
            let rounds = if self.every_row { self.rounds } else { found.rounds };
            let found = Self { rounds, tool: self.tool.clone(), ..found };
            if found != *self {
                bail!(
                    Output,
                    "`{}` has rounds with other settings, {}; use another directory",
                    out.display(),
                    self.differences(&found).join(", ")
                );
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
        differing.map(|(name, _)| format!("`{name}`")).collect()
    }
}

impl RoundRecord {
    /// The outcome of the round in a directory, if it is done.
    ///
    /// # Errors
    /// If the file is no record.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>> {
        read(dir, ROUND)
    }

    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        write(dir, ROUND, self)
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
