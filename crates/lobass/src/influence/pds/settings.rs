//! The settings of PDS.

use lobass_influence::pds::{Curvature, Probe, RowLoss};
use lobass_model::LoraConfig;
use serde::Serialize;

use crate::error::{Result, bail};

/// The training of PDS, and how rows are scored along it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PdsSettings {
    /// Steps of gradient descent.
    pub steps: usize,
    /// The learning rate of every step.
    pub learning_rate: f64,
    /// Rows of a step.
    pub batch_size: usize,
    /// Rows are scored at every so many steps, from the first.
    pub every: usize,
    /// Whether the co-state has its second-order term.
    pub curvature: Curvature,
    /// The loss of a row.
    pub row_loss: RowLoss,
    /// The share of the norm of the weights that losses are taken on both sides of.
    pub radius: f64,
    /// The seed of the order of rows and of a new adapter.
    pub seed: u64,
    /// The adapter that is trained; `None` trains all weights.
    pub adapter: Option<LoraConfig>,
}

impl Default for PdsSettings {
    /// The steps, the learning rate, and the distance of scored steps of PDS's code. Its batches have 256 sequences of
    /// 1,024 tokens; the batch size is that of [`lobass_train::Recipe::Small`].
    fn default() -> Self {
        Self {
            steps: 100,
            learning_rate: 0.008,
            batch_size: 32,
            every: 10,
            curvature: Curvature::Exact,
            row_loss: RowLoss::Mean,
            radius: Probe::ROWS,
            seed: 0,
            adapter: None,
        }
    }
}

impl PdsSettings {
    /// Refuses what cannot be followed.
    ///
    /// # Errors
    /// The first setting that does not fit.
    pub fn check(&self) -> Result<()> {
        let counts = [("steps", self.steps), ("batch-size", self.batch_size), ("every", self.every)];
        if let Some((name, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            bail!(Settings, "`--{name}`: expected at least 1, found 0");
        }
        if self.every > self.steps {
            bail!(
                Settings,
                "`--every`: expected at most the number of steps, {}, found {}: only the first step would be scored",
                self.steps,
                self.every
            );
        }
        let numbers = [("learning-rate", self.learning_rate), ("radius", self.radius)];
        if let Some((name, value)) =
            numbers.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0))
        {
            bail!(Settings, "`--{name}`: expected a finite number above 0, found {value}");
        }
        if self.radius >= 1.0 {
            bail!(
                Settings,
                "`--radius`: expected a share of the norm of the weights below 1, such as {:e}, found {}",
                Probe::ROWS,
                self.radius
            );
        }
        if self.adapter.as_ref().is_some_and(|lora| lora.dropout > 0.0) {
            bail!(
                Settings,
                "PDS needs the same loss whenever it is asked: expected `--lora-dropout 0`, found more"
            );
        }
        Ok(())
    }

    /// The steps at which rows are scored, the first one first.
    pub fn probed(&self) -> impl DoubleEndedIterator<Item = usize> {
        (0..self.steps).step_by(self.every)
    }

    /// The rows of every step: the pool in a new seeded order for each pass, cut into batches.
    pub(super) fn batches(&self, n_rows: usize) -> Vec<Vec<usize>> {
        let n_drawn = (self.steps * self.batch_size) as u64;
        lobass_train::batches_of_tokens(&vec![1; n_rows], self.batch_size, n_drawn, self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_full_and_as_many_as_steps() {
        let settings = PdsSettings { steps: 7, batch_size: 4, every: 3, ..PdsSettings::default() };
        for n_rows in [1, 3, 4, 11, 100] {
            let batches = settings.batches(n_rows);
            assert_eq!(batches.len(), 7);
            assert!(batches.iter().all(|batch| batch.len() == 4 && batch.iter().all(|&row| row < n_rows)));
        }
        assert_eq!(settings.probed().collect::<Vec<_>>(), [0, 3, 6]);
        let error = |settings: PdsSettings| settings.check().unwrap_err().to_string();
        settings.check().unwrap();
        assert!(
            error(PdsSettings { every: 8, ..settings.clone() }).contains("at most the number of steps, 7")
        );
        for radius in [0.0, 1.0, f64::NAN] {
            assert!(error(PdsSettings { radius, ..settings.clone() }).contains("`--radius`"));
        }
        assert!(error(PdsSettings { steps: 0, ..settings }).contains("`--steps`"));
    }
}
