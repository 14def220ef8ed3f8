//! Whether the selections of a run were compared with random rows, and how to do that.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lobass_core::Observer as _;
use lobass_core::readable::duration;
use lobass_select::Strategy as _;
use lobass_select::strategies::Random;
use serde::Serialize;

use super::directory::{SCORES, WORK};
use crate::runtime::Runtime;
use crate::settings::{Method, Settings};
use crate::shell::{quoted, quoted_path};

/// The folder of a run that a comparison of its selections goes to.
const COMPARED: &str = "compared";
/// Passes over the selected rows in the comparison, and its seeds.
const EPOCHS: u32 = 3;
const SEEDS: u32 = 3;
/// The cost of a training pass beside that of scoring.
const TRAINING: f64 = 3.0;

/// Whether the selections of a run were compared with random rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The results of the comparison, if it is made.
    pub results: Option<PathBuf>,
    /// The command that makes the comparison. `None` if it is made, or if the only strategy is random.
    pub command: Option<String>,
}

impl Compared {
    /// Looks for a comparison in the directory of a run.
    pub(super) fn of(out: &Path, settings: &Settings) -> Self {
        let results = Some(out.join(COMPARED).join("results.md")).filter(|results| results.exists());
        let compares = settings.select.strategies.iter().any(|name| *name != Random.name());
        let is_needed = results.is_none() && compares;
        Self { results, command: is_needed.then(|| command(out, settings)) }
    }

    /// Says how long the comparison takes, if it is not done.
    pub(super) fn note_time(
        &self,
        pass: Option<Duration>,
        n_strategies: usize,
        share: f64,
        runtime: &Runtime,
    ) {
        if let (Some(_), Some(pass)) = (&self.command, pass) {
            // Measuring on held-out rows is a part of a pass.
            let arms = SEEDS * (u32::try_from(n_strategies).unwrap_or(u32::MAX).saturating_add(1));
            let passes = f64::from(arms) * (TRAINING * f64::from(EPOCHS) * share + 0.1);
            let time = pass.mul_f64(passes);
            runtime.note(&format!("{:16} with random rows: not done; about {}", "compare", duration(time)));
        }
    }
}

/// The time of training and scoring, to say how long more of it takes.
pub(super) struct PassClock {
    started: Instant,
    is_fresh: bool,
}

impl PassClock {
    /// Starts before anything is computed. If there is something from before, the time says nothing.
    pub(super) fn start(out: &Path) -> Self {
        Self { started: Instant::now(), is_fresh: !out.join(WORK).exists() }
    }

    /// The time since then.
    pub(super) fn stop(self) -> Took {
        Took(self.is_fresh.then(|| self.started.elapsed()))
    }
}

/// The time of all training and scoring, if all of it was done in one go.
pub(super) struct Took(Option<Duration>);

impl Took {
    /// The time of scoring the pool once, given how many models scored it and how often it was trained on.
    pub(super) fn pass(&self, n_scored: usize, n_trained: f64) -> Option<Duration> {
        let passes = n_scored as f64 + TRAINING * n_trained;
        self.0.filter(|_| passes > 0.0).map(|took| took.div_f64(passes))
    }
}

fn command(out: &Path, settings: &Settings) -> String {
    let base = settings.model.base.as_deref().unwrap_or(Path::new(""));
    let dpo = settings.train.dpo();
    let is_pairs = dpo.is_some();
    let mut words = match dpo.map(|dpo| if dpo.normalized { "davir-dpo" } else { "dpo" }) {
        None => vec!["lobass compare --scores".to_owned(), quoted_path(&out.join(SCORES))],
        Some(name) => vec![format!("lobass compare --pairs --objective {name}"), "--data".to_owned()],
    };
    words.extend(settings.data.files.iter().filter(|_| is_pairs).map(|file| quoted(file)));
    words.extend(["--base".to_owned(), quoted_path(base), "--strategy".to_owned()]);
    let strategies = settings.select.strategies.iter().filter(|name| *name != Random.name());
    words.extend(strategies.map(|name| quoted(name)));
    if let Some(budget) = &settings.select.budget {
        words.push(format!("--budget {budget}"));
    }
    words.extend(Some(settings.select.spelled().trim().to_owned()).filter(|words| !words.is_empty()));
    words.extend((!is_pairs).then(|| "--baselines random".to_owned()));
    words.push(format!("--match tokens --seeds {SEEDS} --epochs {EPOCHS}"));
    let train = &settings.train;
    words.extend((train.method == Method::Lora).then(|| "--method lora".to_owned()));
    words.extend(train.batch_size.map(|rows| format!("--batch-size {rows}")));
    words.extend(train.learning_rate.map(|rate| format!("--learning-rate {rate:e}")));
    if settings.eval.files.is_empty() {
        // Pairs that are compared have a tenth of their prompts held out.
        let rows = if settings.eval.rows > 0 { "--eval-rows" } else { "--eval HELD_OUT.jsonl" };
        words.extend((!is_pairs).then(|| rows.to_owned()));
    } else {
        words.push("--eval".to_owned());
        words.extend(settings.eval.files.iter().map(|file| quoted_path(file)));
    }
    words.extend(["--out".to_owned(), quoted_path(&out.join(COMPARED))]);
    words.join(" ")
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.results, &self.command) {
            (Some(results), _) => writeln!(f, "{:10} with random rows: {}", "compared", results.display()),
            (None, Some(command)) => writeln!(
                f,
                "{:10} not yet: nothing shows that these rows teach more than random ones. This measures it:\n{:11}{command}",
                "compared", ""
            ),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::ObjectiveName;

    #[test]
    fn the_command_has_what_the_run_had() {
        let mut settings = Settings::default();
        settings.model.base = Some("my base".into());
        settings.select.strategies = vec!["lobass".to_owned(), "gap".to_owned()];
        settings.select.budget = Some("6%".parse().unwrap());
        settings.train.learning_rate = Some(1e-4);
        settings.eval.rows = 40;
        settings.select.shape.quota_by = Some("source".to_owned());
        let dir = tempfile::tempdir().unwrap();
        let found = Compared::of(dir.path(), &settings);
        let command = found.command.clone().unwrap();
        for words in [
            "--base 'my base' --strategy lobass gap --budget 6% --quota-by source --baselines random",
            "--learning-rate 1e-4 --eval-rows",
        ] {
            assert!(command.contains(words), "{command}");
        }
        assert!(found.to_string().contains(&command));

        settings.train.objective = ObjectiveName::DavirDpo;
        settings.data.files = vec!["A=a.jsonl".to_owned()];
        let command = Compared::of(dir.path(), &settings).command.unwrap();
        let begin = "lobass compare --pairs --objective davir-dpo --data A=a.jsonl --base 'my base' --strategy lobass gap";
        assert!(command.starts_with(begin) && !command.contains("--eval"), "{command}");

        fs_err::create_dir(dir.path().join(COMPARED)).unwrap();
        fs_err::write(dir.path().join(COMPARED).join("results.md"), "").unwrap();
        let done = Compared::of(dir.path(), &settings);
        assert!(done.command.is_none() && done.to_string().contains("results.md"));
    }
}
