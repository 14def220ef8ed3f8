//! Losses by the seed of the references' training.

use lobass_core::{ColumnSet, ModelRole, Numbers, ScoreColumns};

use crate::{Manifest, ModelRecord};

/// The columns that [`losses_by_seed`] reads.
pub fn seed_columns(manifest: &Manifest) -> ColumnSet {
    columns_of(manifest, |role| !role.is_null())
}

/// The columns that [`null_losses_by_seed`] reads.
pub fn null_seed_columns(manifest: &Manifest) -> ColumnSet {
    columns_of(manifest, ModelRole::is_null)
}

fn columns_of(manifest: &Manifest, is_wanted: fn(&ModelRole) -> bool) -> ColumnSet {
    let models = || {
        manifest.models.iter().filter(|model| model.seed.is_some()).filter(|model| is_wanted(model.role()))
    };
    let losses = ColumnSet::of_losses(models().map(|model| model.role().clone()));
    ColumnSet { folds: models().any(|model| model.fold.is_some()), ..losses }
}

/// Per seed of the references' training, the losses under those that were not trained on the row: what a table with
/// that seed alone would say.
pub fn losses_by_seed(manifest: &Manifest, columns: &ScoreColumns) -> Vec<(u64, Numbers)> {
    by_seed(manifest, columns, |role| !role.is_null())
}

/// The same of the null models: per seed, the losses under those that were not trained on the row.
pub fn null_losses_by_seed(manifest: &Manifest, columns: &ScoreColumns) -> Vec<(u64, Numbers)> {
    by_seed(manifest, columns, ModelRole::is_null)
}

fn by_seed(
    manifest: &Manifest,
    columns: &ScoreColumns,
    is_wanted: fn(&ModelRole) -> bool,
) -> Vec<(u64, Numbers)> {
    let of = |seed: u64| {
        manifest.models.iter().filter(move |model| model.seed == Some(seed) && is_wanted(model.role()))
    };
    manifest.seeds().into_iter().map(|seed| (seed, merged(of(seed), columns))).collect()
}

fn merged<'a>(models: impl Iterator<Item = &'a ModelRecord>, columns: &ScoreColumns) -> Numbers {
    let mut merged = Numbers::missing(columns.len());
    for model in models {
        let losses = columns.losses(model.role().to_string());
        let unseen = |row: usize| {
            model.fold.is_none_or(|fold| columns.fold(row).is_some_and(|of| of as usize == fold))
        };
        for row in (0..columns.len()).filter(|&row| unseen(row)) {
            merged.set(row, losses.get(row));
        }
    }
    merged
}
