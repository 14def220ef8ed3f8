//! The losses of sources over a training, from its `metrics.jsonl`.

use std::path::{Path, PathBuf};

use lobass_mixture::Seen;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Context as _, Result, bail};

/// The file that training writes beside its model.
pub(super) const METRICS: &str = "metrics.jsonl";

/// The losses of sources in the steps of a training.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The names of the sources, in the order of their first rows.
    pub(super) names: Vec<String>,
    /// The steps up to the last one in which a source was in its first pass; a [`Seen`] for each source so far.
    steps: Vec<Vec<Seen>>,
    /// Steps that the training had taken when it wrote its last line, and all of them.
    pub(super) n_steps: (u64, u64),
    /// Whether losses are those of pairs.
    pub(super) of_pairs: bool,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    step: u64,
    #[serde(default)]
    n_steps: u64,
    #[serde(default)]
    margin: Option<f64>,
    by_source: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct OfSource {
    nll: f64,
    n_scored: u64,
    n_rows: u64,
    pass: u32,
}

impl History {
    /// Reads a file, or that of the directory of a reference.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let path = file(path)?;
        let text = fs_err::read_to_string(&path)?;
        let mut history = Self::default();
        for (number, line) in text.lines().enumerate() {
            history.take(line).with_context(|| format!("`{}`, line {}", path.display(), number + 1))?;
        }
        if history.steps.is_empty() {
            bail!(Training, "`{}`: expected steps of a training, found none", path.display());
        }
        Ok(history)
    }

    fn take(&mut self, line: &str) -> Result<()> {
        let line: Line = serde_json::from_str(line)?;
        if line.kind != "step" {
            return Ok(());
        }
        let Some(by_source) = line.by_source else {
            bail!(
                Training,
                "expected `by_source`, found a step without it: an earlier version of lobass trained here; train \
                 again to get losses of sources"
            );
        };
        let mut seen = vec![Seen::default(); self.names.len()];
        let mut is_first_pass = false;
        for (name, found) in by_source {
            let OfSource { nll, n_scored, n_rows, pass } = serde_json::from_value(found)?;
            let place = self.names.iter().position(|other| *other == name).unwrap_or_else(|| {
                self.names.push(name);
                seen.push(Seen::default());
                self.names.len() - 1
            });
            seen[place] = Seen { n_rows, n_scored, nll, is_repeated: pass > 1 };
            is_first_pass |= pass <= 1;
        }
        self.n_steps = (line.step, line.n_steps);
        self.of_pairs |= line.margin.is_some();
        if is_first_pass {
            self.steps.push(seen);
        }
        Ok(())
    }

    /// The number of steps of the first pass.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Each step, with an entry for every source.
    pub(super) fn steps(&self) -> impl Iterator<Item = Vec<Seen>> {
        self.steps.iter().map(|seen| {
            let mut seen = seen.clone();
            seen.resize(self.names.len(), Seen::default());
            seen
        })
    }
}

/// The metrics in the directory of a reference, or the file itself.
fn file(path: &Path) -> Result<PathBuf> {
    let within = path.join(METRICS);
    match path.is_dir() {
        true if within.is_file() => Ok(within),
        true => {
            let reference = path.join("reference");
            let hint = match reference.join(METRICS).is_file() {
                true => format!("; `{}` has one", reference.display()),
                false => "; `lobass train` writes one beside the model".to_owned(),
            };
            bail!(Training, "`{}`: expected a `{METRICS}` of a training, found none{hint}", path.display())
        }
        false => Ok(path.to_owned()),
    }
}
