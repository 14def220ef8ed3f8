//! What is known of rounds before the first answer is drawn.

use std::collections::BTreeMap;

use lobass_core::readable::{count, counted};
use lobass_train::TrainConfig;

use super::IrftJob;
use crate::error::{Context as _, Error, Result, bail};
use crate::faults::Faults;
use crate::generation::check_settings;
use crate::model::Model;
use crate::runtime::Runtime;
use crate::sequences::{Sequences, open_further, open_pool};
use crate::settings::{DataSettings, TrainSettings};
use crate::unused::readable_rows;

impl IrftJob<'_> {
    /// Refuses what would fail only after all answers are drawn.
    ///
    /// # Errors
    /// All faults that were found, together.
    pub(super) fn check(
        &self,
        start: &Model,
        train: &TrainSettings,
        recipe: &TrainConfig,
        runtime: &Runtime,
    ) -> Result<()> {
        let quiet = &runtime.silent();
        let mut faults = Faults::default();
        faults.take(check_settings(self.sampling, self.sequences, self.compute));
        faults.take(start.check_start(train, quiet));
        faults.take(check_beta(train));
        if let Some(adapter) = train.adapter() {
            faults.take(adapter.check_for(start.checkpoint.spec()).map_err(Error::from));
        }
        faults.take(self.check_rounds(recipe, quiet));
        faults.take(self.check_eval_data(start, quiet));
        faults.end()
    }

    /// Whether each round can take a step, if all its answers become pairs.
    fn check_rounds(&self, recipe: &TrainConfig, runtime: &Runtime) -> Result<()> {
        let (rows, others) = readable_rows(&open_pool(self.data, runtime)?)?;
        if rows.is_empty() {
            let others: Vec<String> =
                others.iter().map(|(status, n)| format!("{} {status}", count(*n))).collect();
            bail!(
                Training,
                "no row of the pool can be used: {}; `lobass inspect --row 0` shows why",
                if others.is_empty() { "it has none".to_owned() } else { others.join(", ") }
            );
        }
        let mut before = 0;
        for (round, n_rows) in (1..=self.rounds).zip(self.rows_of_rounds(&rows)) {
            if n_rows == 0 {
                bail!(
                    Settings,
                    "`--rounds {}`: expected a row that can be used in every round, found none in round {round}, since {} \
                     are divided among the rounds; use fewer rounds, or `--every-row`",
                    self.rounds,
                    counted(rows.len() as u64, "row")
                );
            }
            let n_pairs = n_rows + if self.with_previous { before } else { 0 };
            self.check_steps(recipe, n_pairs)
                .with_context(|| format!("round {round}, of at most {}", counted(n_pairs as u64, "pair")))?;
            if self.every_row && round > 1 {
                break; // all later rounds have as many
            }
            before = n_rows;
        }
        Ok(())
    }

    /// The number of rows of each round.
    fn rows_of_rounds(&self, rows: &[u64]) -> impl Iterator<Item = usize> {
        let rounds = u64::from(self.rounds);
        let mut of_round: BTreeMap<u64, usize> = BTreeMap::new();
        for row in rows {
            *of_round.entry(row % rounds).or_default() += 1;
        }
        let (every_row, n_rows) = (self.every_row, rows.len());
        (0..rounds).map(move |round| match every_row {
            true => n_rows,
            false => of_round.get(&round).copied().unwrap_or_default(),
        })
    }

    fn check_steps(&self, recipe: &TrainConfig, n_pairs: usize) -> Result<()> {
        let asked = self.eval.rows;
        if asked > 0 && asked >= n_pairs {
            bail!(Training, "`--eval-rows`: expected fewer than its pairs, found {asked}");
        }
        Ok(recipe.check_steps(recipe.n_steps(n_pairs - asked))?)
    }

    /// Whether the files of held-out pairs have one.
    fn check_eval_data(&self, start: &Model, runtime: &Runtime) -> Result<()> {
        if self.eval.files.is_empty() {
            return Ok(());
        }
        let data = DataSettings { files: self.eval_files(), ..DataSettings::default() };
        let pool = open_further(&data, runtime)?;
        let spec = start.checkpoint.spec();
        let sequences = Sequences::of(pool, self.sequences, start.dir(), spec, None, runtime)?;
        for row in sequences.pool.rows() {
            if let Ok(example) = &row?.example
                && sequences.encoder.encode(example).rejected.is_some()
            {
                return Ok(());
            }
        }
        bail!(
            Training,
            "`--eval-data`: expected pairs of a chosen and a rejected response, found none that can be scored in `{}`",
            data.files.join("`, `")
        )
    }

    /// The files of held-out pairs, as they were given.
    pub(super) fn eval_files(&self) -> Vec<String> {
        self.eval.files.iter().map(|path| path.display().to_string()).collect()
    }
}

fn check_beta(train: &TrainSettings) -> Result<()> {
    match train.dpo() {
        Some(dpo) if !(dpo.beta > 0.0 && dpo.beta.is_finite()) => {
            bail!(Settings, "`--beta`: expected a finite number above 0, found {}", dpo.beta)
        }
        _ => Ok(()),
    }
}
