//! The metrics of a training, as JSON lines.

use std::fs::TryLockError;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use lobass_train::{Event, HeldOut, StepReport};
use serde_json::{Map, Value, json};

use crate::error::{Context as _, Result, bail};

/// One JSON object per event.
pub(super) struct Metrics<'a> {
    /// The names of the sources.
    sources: &'a [String],
    path: PathBuf,
    file: fs_err::File,
    failed: Option<std::io::Error>,
    begun: bool,
}

impl<'a> Metrics<'a> {
    /// Opens the file in a directory that no other process trains in. Lines of an earlier attempt stay as far as it is
    /// resumed.
    pub(super) fn begin(dir: &Path, sources: &'a [String]) -> Result<Self> {
        let path = dir.join("metrics.jsonl");
        let file = fs_err::OpenOptions::new().create(true).append(true).open(&path)?;
        match file.file().try_lock() {
            Err(TryLockError::WouldBlock) => {
                bail!(Training, "`{}` is being trained by another process; wait for it", dir.display())
            }
            Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => {
                return Err(error.into());
            }
            _ => {}
        }
        Ok(Self { sources, path, file, failed: None, begun: false })
    }

    pub(super) fn write(&mut self, event: &Event<'_>) {
        if !self.begun {
            self.begun = true;
            let kept = match event {
                Event::Resumed { step } => *step,
                _ => 0,
            };
            self.note(|metrics| metrics.keep_to(kept));
        }
        let line = match event {
            Event::Resumed { .. } | Event::Epoch { .. } => return,
            Event::Step(step) => of_step(step, self.sources),
            Event::HeldOut(found) => of_held_out(found, self.sources),
        };
        self.note(|metrics| writeln!(metrics.file, "{line}"));
    }

    /// Keeps an error for the end: training continues if its metrics cannot be written.
    fn note(&mut self, write: impl FnOnce(&mut Self) -> std::io::Result<()>) {
        if let Err(error) = write(self) {
            self.failed = Some(error);
        }
    }

    /// Drops what was written after a step; step 0 keeps nothing.
    fn keep_to(&mut self, step: usize) -> std::io::Result<()> {
        let text = fs_err::read_to_string(&self.path)?;
        let of_step = |line: &str| {
            let event: Value = serde_json::from_str(line).ok()?;
            event["step"].as_u64()
        };
        let kept = |line: &&str| step > 0 && of_step(line).is_some_and(|of| of <= step as u64);
        let text: String = text.lines().filter(kept).flat_map(|line| [line, "\n"]).collect();
        self.file.set_len(0)?;
        self.file.write_all(text.as_bytes())
    }

    pub(super) fn finish(self) -> Result<()> {
        match self.failed {
            Some(error) => Err(error).with_context(|| format!("writing `{}`", self.path.display())),
            None => Ok(()),
        }
    }
}

fn of_step(step: &StepReport, sources: &[String]) -> Value {
    let by_source = step.by_source.iter().map(|of| {
        let (nll, n_scored) = (of.nll.sum, of.nll.n_scored);
        let found = json!({"nll": nll, "n_scored": n_scored, "n_rows": of.n_rows, "pass": of.pass});
        (sources[of.source].clone(), found)
    });
    let mut line = json!({
        "type": "step", "step": step.step, "n_steps": step.n_steps, "epoch": step.epoch, "loss": step.loss,
        "learning_rate": step.learning_rate, "grad_norm": step.grad_norm, "n_tokens": step.n_tokens,
        "margin": step.margins.map(|margins| margins.mean),
        "margin_accuracy": step.margins.map(|margins| margins.accuracy),
        "by_source": by_source.collect::<Map<_, _>>(),
    });
    if !step.shares.is_empty() {
        let shares = sources.iter().zip(&step.shares).filter(|(_, share)| **share > 0.0);
        line["shares"] =
            shares.map(|(name, share)| (name.clone(), json!(share))).collect::<Map<_, _>>().into();
    }
    line
}

fn of_held_out(found: &HeldOut, sources: &[String]) -> Value {
    let by_source = sources.iter().zip(&found.by_source).filter(|(_, nll)| nll.n_scored > 0);
    let by_source =
        by_source.map(|(name, nll)| (name.clone(), json!({"nll": nll.sum, "n_scored": nll.n_scored})));
    json!({
        "type": "held_out", "step": found.step, "loss": found.nll.mean(), "n_scored": found.nll.n_scored,
        "by_source": by_source.collect::<Map<_, _>>(),
    })
}
