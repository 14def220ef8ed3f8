//! What happens while a reference is trained, as JSON lines.

use std::fs::TryLockError;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use lobass_train::Event;
use serde_json::json;

/// One JSON object per event.
pub(super) struct Metrics {
    path: PathBuf,
    file: fs_err::File,
    failed: Option<std::io::Error>,
}

impl Metrics {
    /// Begins anew in a directory that no one else trains in.
    pub(super) fn begin(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join("metrics.jsonl");
        let file = fs_err::OpenOptions::new().create(true).append(true).open(&path)?;
        match file.file().try_lock() {
            Err(TryLockError::WouldBlock) => {
                bail!("`{}` is being trained by another process; wait for it", dir.display())
            }
            Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => {
                return Err(error.into());
            }
            _ => {}
        }
        file.set_len(0)?;
        Ok(Self { path, file, failed: None })
    }

    pub(super) fn write(&mut self, event: &Event) {
        let line = match event {
            Event::Step(step) => json!({
                "type": "step", "step": step.step, "n_steps": step.n_steps, "epoch": step.epoch, "loss": step.loss,
                "learning_rate": step.learning_rate, "grad_norm": step.grad_norm, "n_tokens": step.n_tokens,
            }),
            Event::HeldOut(found) => json!({
                "type": "held_out", "step": found.step, "loss": found.nll.mean(), "n_scored": found.nll.n_scored,
            }),
        };
        if let Err(error) = writeln!(self.file, "{line}") {
            self.failed = Some(error); // training goes on; the end says it
        }
    }

    pub(super) fn finish(self) -> anyhow::Result<()> {
        match self.failed {
            Some(error) => Err(error).with_context(|| format!("writing `{}`", self.path.display())),
            None => Ok(()),
        }
    }
}
