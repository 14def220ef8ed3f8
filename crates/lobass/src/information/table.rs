//! The rows of a score table under references and null models.

use std::sync::Arc;

use lobass_core::{ColumnSet, ModelRole, Numbers, RowStatus, ScoreColumns};
use lobass_information::Losses;
use lobass_run::{ScoreFile, Unseen, losses_by_seed, null_losses_by_seed, null_seed_columns, seed_columns};

use crate::error::{Result, bail};
use crate::table_input::TableInput;
use crate::trainings::unseen;

/// A score table with losses under a reference and a null model.
pub(super) struct Table {
    file: Arc<ScoreFile>,
    columns: ScoreColumns,
    /// The losses under the null model and the reference, of each seed.
    trials: Vec<[Numbers; 2]>,
    in_sample: bool,
}

impl Table {
    pub(super) fn open(input: &TableInput, in_sample: bool, threads: usize) -> Result<Self> {
        let file = input.open()?;
        let manifest = file.manifest();
        let mut wanted = ColumnSet::of_losses([ModelRole::REFERENCE, ModelRole::NULL]);
        wanted.extend(seed_columns(manifest));
        wanted.extend(null_seed_columns(manifest));
        wanted.ties = false;
        let columns = file.columns(&wanted, 0, threads)?;
        for (role, flag) in [
            (ModelRole::REFERENCE, "`lobass score --reference`"),
            (ModelRole::NULL, "`lobass score --null`, or `lobass run --with-null`"),
        ] {
            if !columns.losses(role.clone()).has_any() {
                bail!(
                    Table,
                    "score table `{}`: expected losses under a {} model, found none; score with {flag}",
                    input.path().display(),
                    role
                );
            }
        }
        let trials = trials(&file, &columns);
        let table = Self { file, columns, trials, in_sample };
        if table.unseen() == Unseen::Nothing && !in_sample {
            bail!(Table, "score table `{}`: {}", table.name(), table.why_none());
        }
        Ok(table)
    }

    pub(super) fn name(&self) -> String {
        self.file.path().display().to_string()
    }

    pub(super) fn file(&self) -> &ScoreFile {
        &self.file
    }

    /// What is known of rows that no model was trained on.
    pub(super) fn unseen(&self) -> Unseen {
        unseen(self.file.manifest())
    }

    /// The transform of prompts, by its name.
    pub(super) fn transform(&self) -> Option<String> {
        self.file.manifest().encoding.transform.map(|transform| transform.to_string())
    }

    /// Why there is no row to measure.
    pub(super) fn why_none(&self) -> String {
        format!(
            "expected rows that neither reference nor null model was trained on, found none ({}); hold rows out \
             (`--eval-rows`), cross-fit (`lobass run --reference-mode cross-fit --with-null`), or score other files; \
             `--in-sample` measures rows of the training, whose information is too large",
            self.unseen()
        )
    }

    /// Rows with losses.
    pub(super) fn n_scored(&self) -> usize {
        (0..self.columns.len()).filter(|&row| self.has_losses(row)).count()
    }

    fn has_losses(&self, row: usize) -> bool {
        self.columns.n_scored[row] > 0
            && self.trials.iter().flatten().all(|losses| losses.get(row).is_some_and(f64::is_finite))
    }

    /// Whether a row is measured: it has losses, and unless asked for, no model was trained on it.
    fn is_measured(&self, row: usize) -> bool {
        let status = self.columns.statuses[row];
        let is_unseen = match self.unseen() {
            Unseen::Nothing => false,
            Unseen::CrossFit | Unseen::OtherFiles => true,
            Unseen::Selectable => status.is_eligible(),
            Unseen::HeldOut => status == RowStatus::HeldOut,
        };
        (self.in_sample || is_unseen) && self.has_losses(row)
    }

    /// The rows that are measured in this table and in others.
    pub(super) fn rows(&self, others: &[Self]) -> Vec<usize> {
        let measured = |row: &usize| self.is_measured(*row) && others.iter().all(|one| one.is_measured(*row));
        (0..self.columns.len()).filter(measured).collect()
    }

    pub(super) fn source(&self, row: usize) -> String {
        self.columns.source_name(row).unwrap_or_default().to_owned()
    }

    pub(super) fn status(&self, row: usize) -> RowStatus {
        self.columns.statuses[row]
    }

    /// Scored tokens of a row.
    pub(super) fn n_tokens(&self, row: usize) -> u32 {
        self.columns.n_scored[row]
    }

    /// The losses of rows under each training.
    ///
    /// # Shapes
    /// - result: `[trial][row]`
    pub(super) fn losses(&self, rows: &[usize]) -> Vec<Vec<Losses>> {
        let of = |[null, reference]: &[Numbers; 2], row: usize| Losses {
            null: null.get(row).unwrap_or(f64::NAN),
            reference: reference.get(row).unwrap_or(f64::NAN),
            n_scored: self.columns.n_scored[row],
        };
        self.trials.iter().map(|trial| rows.iter().map(|&row| of(trial, row)).collect()).collect()
    }

    /// Refuses a table of other rows.
    pub(super) fn check_same_rows(&self, other: &Self) -> Result<()> {
        let of = |table: &Self| {
            let manifest = table.file.manifest();
            let inputs: Vec<_> =
                manifest.inputs.iter().map(|input| (input.sha256.clone(), input.n_rows)).collect();
            (inputs, manifest.duplicates)
        };
        if of(self) != of(other) {
            bail!(
                Table,
                "score table `{}`: expected the rows of `{}`, found others; tables of one call are about the same data files",
                other.name(),
                self.name()
            );
        }
        Ok(())
    }

    /// Refuses a table with other tokens of the same rows.
    pub(super) fn check_same_prompts(&self, other: &Self) -> Result<()> {
        if self.file.manifest().encoding != other.file.manifest().encoding {
            bail!(
                Table,
                "score table `{}`: expected prompts and responses as in `{}`, found another mask, length, or transform; \
                 `--transformed` takes a table with another transform",
                other.name(),
                self.name()
            );
        }
        Ok(())
    }

    /// Refuses a table whose prompts are those of this one.
    pub(super) fn check_transformed(&self, other: &Self) -> Result<()> {
        if self.transform() == other.transform() {
            bail!(
                Table,
                "score table `{}`: expected another transform of prompts than in `{}`, found the same; `lobass score \
                 --transform` makes one",
                other.name(),
                self.name()
            );
        }
        Ok(())
    }
}

/// The null model and the reference of each seed, if both have several; else what they say together.
fn trials(file: &ScoreFile, columns: &ScoreColumns) -> Vec<[Numbers; 2]> {
    let manifest = file.manifest();
    let (nulls, references) = (null_losses_by_seed(manifest, columns), losses_by_seed(manifest, columns));
    let seeds = |losses: &[(u64, Numbers)]| {
        let with_numbers = losses.iter().filter(|(_, numbers)| numbers.has_any());
        with_numbers.map(|(seed, _)| *seed).collect::<Vec<_>>()
    };
    if nulls.len() > 1 && seeds(&nulls) == seeds(&references) {
        return nulls.into_iter().zip(references).map(|((_, null), (_, one))| [null, one]).collect();
    }
    vec![[ModelRole::NULL, ModelRole::REFERENCE].map(|role| columns.losses(role).clone())]
}
