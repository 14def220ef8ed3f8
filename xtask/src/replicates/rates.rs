//! The choice of learning rates.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use fs_err as fs;
use serde_json::Value;

use super::groups::Amount;

/// The learning rate of each budget.
#[derive(Debug, Default)]
pub(super) struct Rates([&'static str; Amount::ALL.len()]);

impl Rates {
    pub(super) fn of(&self, amount: Amount) -> &'static str {
        self.0[amount as usize]
    }

    pub(super) fn set(&mut self, amount: Amount, rate: &'static str) {
        self.0[amount as usize] = rate;
    }
}

/// The rate with the lowest loss.
pub(super) fn chosen(losses: &[(&'static str, f64)]) -> Result<&'static str> {
    let best = losses.iter().min_by(|one, other| one.1.total_cmp(&other.1));
    Ok(best.context("no learning rate was tried")?.0)
}

/// The loss per scored token of a trial, averaged over sources, whose rows follow each other in their files.
pub(super) fn mean_loss(trial: &Path, eval: &[String]) -> Result<f64> {
    let record: Value = serde_json::from_str(&fs::read_to_string(trial)?)?;
    let numbers = |name: &str| -> Result<Vec<f64>> {
        let list =
            record[name].as_array().with_context(|| format!("`{}` has no `{name}`", trial.display()))?;
        list.iter().map(|value| value.as_f64().context("expected a number")).collect()
    };
    let (nll, n_scored) = (numbers("nll")?, numbers("n_scored")?);
    let (mut start, mut sum) = (0, 0.0);
    for file in eval {
        let path = file.split_once('=').map_or(file.as_str(), |(_, path)| path);
        let end = start + fs::read_to_string(path)?.lines().count();
        if end > nll.len() {
            bail!("`{}`: expected a loss for every row of `{path}`, found {}", trial.display(), nll.len());
        }
        sum += nll[start..end].iter().sum::<f64>() / n_scored[start..end].iter().sum::<f64>();
        start = end;
    }
    if start < nll.len() {
        bail!("`{}`: expected {start} losses, found {}", trial.display(), nll.len());
    }
    Ok(sum / eval.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_over_sources_of_losses_per_token() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let trial = write("t.json", r#"{"nll": [4.0, 2.0, 9.0], "n_scored": [2, 4, 3]}"#);
        let file = |name: &str, text: &str| format!("{name}={}", write(name, text).display());
        let eval = [file("a", "{}\n{}\n"), file("b", "{}\n")];
        assert_eq!(mean_loss(&trial, &eval).unwrap(), f64::midpoint(1.0, 3.0));
        let wrong = [file("a", "{}\n"), file("b", "{}\n")];
        assert!(mean_loss(&trial, &wrong).unwrap_err().to_string().contains("expected 2 losses, found 3"));
        assert_eq!(chosen(&[("1e-4", 2.0), ("3e-4", 1.0)]).unwrap(), "3e-4");
    }
}
