//! Score tables of one pool, and the references in them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use lobass_core::{ColumnSet, ModelRole, Numbers, ScoreColumns};
use lobass_run::{Manifest, ModelRecord, ScoreFile, Unseen};
use serde::Serialize;

use crate::error::{Result, bail};
use crate::settings::available_threads;
use crate::table_input::TableInput;
use crate::trainings::{check_distinct, unseen_by_references};

/// Whether references were trained on the rows whose losses they give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// They were: drops contain what was memorized.
    InSample,
    /// They were not: references are cross-fitted, or were trained on rows that are set aside.
    OutOfSample,
    /// They were trained on other files. Whole files are compared, so rows that are in both are not found.
    OtherFiles,
    /// Neither the tables nor the training records of all references say.
    Unknown,
    /// Some tables are of one kind, and some of another.
    Mixed,
}

impl Seen {
    fn of(manifest: &Manifest) -> Self {
        match unseen_by_references(manifest) {
            None => Self::Unknown,
            // Rows that were held out of the training do not count here.
            Some(Unseen::Nothing | Unseen::HeldOut) => Self::InSample,
            Some(Unseen::CrossFit | Unseen::Selectable) => Self::OutOfSample,
            Some(Unseen::OtherFiles) => Self::OtherFiles,
        }
    }

    /// What holds for several tables.
    fn of_all(tables: &[Table]) -> Self {
        let kinds: Vec<Self> = tables.iter().map(|table| Self::of(table.file.manifest())).collect();
        match kinds.first() {
            Some(first) if kinds.iter().all(|kind| kind == first) => *first,
            _ if kinds.contains(&Self::Unknown) => Self::Unknown,
            _ if !kinds.contains(&Self::InSample) => Self::OtherFiles,
            _ => Self::Mixed,
        }
    }

    /// In words.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::InSample => "in-sample: the references were trained on these rows",
            Self::OutOfSample => "out of sample: no reference was trained on the rows that it scores",
            Self::OtherFiles => {
                "out of sample: the references were trained on other files; rows that are in both are not found"
            }
            Self::Unknown => {
                "neither the tables nor training records say whether the references were trained on these rows"
            }
            Self::Mixed => "some references were trained on these rows, some were not",
        }
    }
}

/// The models of one training: one, or one for each fold of the pool, which that model was not trained on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    models: Vec<(String, Option<usize>)>,
}

impl Reference {
    /// The references of a table, by their seeds. Models of earlier epochs do not count.
    fn all(manifest: &Manifest) -> Vec<Self> {
        let mut by_seed: BTreeMap<Option<u64>, Vec<(String, Option<usize>)>> = BTreeMap::new();
        for model in &manifest.models {
            if model.role().reference().is_some_and(|reference| reference.epoch.is_none()) {
                by_seed.entry(model.seed).or_default().push((model.role().to_string(), model.fold));
            }
        }
        by_seed.into_values().map(|models| Self { models }).collect()
    }

    /// The names of its models.
    pub(super) fn roles(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(|(role, _)| role.as_str())
    }

    /// The model that gives the loss of a row, by its place among the models.
    pub(super) fn model_of(&self, row: usize, columns: &ScoreColumns) -> Option<usize> {
        let fits = |fold: Option<usize>| {
            fold.is_none_or(|fold| columns.fold(row).is_some_and(|of| of as usize == fold))
        };
        self.models.iter().position(|(_, fold)| fits(*fold))
    }

    /// The drop of every row: the loss under the base minus that under the reference.
    fn drops(&self, columns: &ScoreColumns) -> Numbers {
        let base = columns.losses(ModelRole::Base);
        let of: Vec<&Numbers> = self.roles().map(|role| columns.losses(role)).collect();
        let drop = |row: usize| Some(base.get(row)? - of[self.model_of(row, columns)?].get(row)?);
        (0..columns.len()).map(drop).collect()
    }
}

/// A score table whose columns are read.
pub(super) struct Table {
    pub(super) path: PathBuf,
    pub(super) file: Arc<ScoreFile>,
    pub(super) columns: ScoreColumns,
    pub(super) references: Vec<Reference>,
}

impl Table {
    fn open(input: &TableInput, further: &ColumnSet, seed: u64) -> Result<Self> {
        let file = input.open()?;
        let manifest = file.manifest();
        let references = Reference::all(manifest);
        if references.is_empty() || !manifest.models.iter().any(|model| *model.role() == ModelRole::Base) {
            bail!(
                Table,
                "score table `{}`: expected losses under a base and a reference, found those of {}; make one with \
                 `lobass score --base .. --reference ..`, or with `lobass run`",
                input.path().display(),
                models(manifest)
            );
        }
        let mut wanted = ColumnSet::of_losses(["base", "in_sample"]);
        wanted.losses.extend(references.iter().flat_map(Reference::roles).map(str::to_owned));
        wanted.folds = true;
        wanted.extend(further.clone());
        let columns = file.columns(&wanted, seed, available_threads())?;
        Ok(Self { path: input.path().to_owned(), file, columns, references })
    }

    fn base(&self) -> Option<&ModelRecord> {
        self.file.manifest().models.iter().find(|model| *model.role() == ModelRole::Base)
    }

    /// Whether the rows and the base are those of another table.
    fn check_like(&self, first: &Self) -> Result<()> {
        let (ours, theirs) = (self.file.manifest(), first.file.manifest());
        let rows = |manifest: &Manifest| {
            manifest.inputs.iter().map(|input| (input.sha256.clone(), input.n_rows)).collect::<Vec<_>>()
        };
        let weights = |table: &Self| {
            table.base().map(|model| match model.key() {
                Some(key) => key.weights_digest.to_string(),
                None => model.name().to_owned(),
            })
        };
        let differences = [
            (rows(ours) != rows(theirs), "data"),
            (
                self.columns.n_scored != first.columns.n_scored || ours.tokenizer != theirs.tokenizer,
                "tokens: tokenizer, chat template, mask, or maximal length",
            ),
            (weights(self) != weights(first), "base"),
        ];
        match differences.into_iter().find(|(differs, _)| *differs) {
            None => Ok(()),
            Some((_, what)) => bail!(
                Table,
                "score table `{}` has another {what} than `{}`: tables of one pool differ in their references only; to \
                 put two tables side by side, give the second one with `--against`",
                self.path.display(),
                first.path.display()
            ),
        }
    }
}

fn models(manifest: &Manifest) -> String {
    let names: Vec<String> = manifest.models.iter().map(|model| format!("`{}`", model.role())).collect();
    if names.is_empty() { "no model".to_owned() } else { names.join(", ") }
}

/// The tables of one pool, which differ in their references.
pub(super) struct Tables {
    pub(super) all: Vec<Table>,
    /// By reference, over all tables.
    pub(super) drops: Vec<Numbers>,
    /// The drop under references that were trained on the row, if the others were not.
    pub(super) in_sample: Option<Numbers>,
    pub(super) seen: Seen,
    /// The rows that count: those that a strategy could select.
    pub(super) rows: Vec<u32>,
    /// Rows that the references' training held out, or that were set aside for it; they do not count.
    pub(super) n_held_out: u64,
}

impl Tables {
    /// - `further`: columns beside the losses, of the first table
    pub(super) fn open(inputs: &[TableInput], further: &ColumnSet, seed: u64) -> Result<Self> {
        let none = ColumnSet::default();
        let mut all: Vec<Table> = Vec::new();
        for input in inputs {
            let table = Table::open(input, if all.is_empty() { further } else { &none }, seed)?;
            if let Some(first) = all.first() {
                table.check_like(first)?;
            }
            all.push(table);
        }
        let Some(first) = all.first() else { bail!(Settings, "expected a score table, found none") };
        let manifests: Vec<_> =
            all.iter().map(|table| (table.path.as_path(), table.file.manifest())).collect();
        check_distinct(&manifests)?;
        let eligible =
            |row: &u32| all.iter().all(|table| table.columns.statuses[*row as usize].is_eligible());
        let n_rows = u32::try_from(first.columns.len())?;
        let rows: Vec<u32> = (0..n_rows).filter(eligible).collect();
        let held_out = |row: &u32| {
            let at = *row as usize;
            first.columns.statuses[at].is_scored() && !first.columns.statuses[at].is_eligible()
        };
        let seen = Seen::of_all(&all);
        let in_sample = (seen == Seen::OutOfSample).then(|| in_sample(&first.columns)).flatten();
        let drops = all
            .iter()
            .flat_map(|table| table.references.iter().map(|reference| reference.drops(&table.columns)))
            .collect();
        let n_held_out = (0..n_rows).filter(held_out).count() as u64;
        Ok(Self { all, drops, in_sample, seen, rows, n_held_out })
    }

    /// The first table, which all others are like.
    pub(super) fn first(&self) -> &Table {
        &self.all[0]
    }
}

fn in_sample(columns: &ScoreColumns) -> Option<Numbers> {
    let (base, other) = (columns.losses(ModelRole::Base), columns.losses("in_sample"));
    let drops = (0..columns.len()).map(|row| Some(base.get(row)? - other.get(row)?));
    other.has_any().then(|| drops.collect())
}
