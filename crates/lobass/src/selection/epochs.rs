//! The models along a training, by their roles.

use lobass_core::ModelRole;
use lobass_run::Manifest;

/// The roles of a table's models.
pub(super) fn roles(manifest: &Manifest) -> Vec<ModelRole> {
    manifest.models.iter().map(|record| record.role().clone()).collect()
}

/// The columns of a training: the base, and the reference after each epoch, or at its end if no epoch was kept.
pub(super) fn epochs(roles: &[ModelRole]) -> Vec<String> {
    // References of several seeds or folds are several trainings.
    let of_one = roles.iter().filter_map(|role| Some((role, role.reference()?)));
    let of_one = of_one.filter(|(_, reference)| reference.seed.is_none() && reference.fold.is_none());
    let mut epochs: Vec<(u32, &ModelRole)> =
        of_one.filter_map(|(role, reference)| Some((reference.epoch?, role))).collect();
    epochs.sort();
    let mut columns = vec![ModelRole::Base.to_string()];
    if epochs.is_empty() {
        columns.extend(roles.iter().filter(|role| **role == ModelRole::REFERENCE).map(ToString::to_string));
    }
    columns.extend(epochs.into_iter().map(|(_, role)| role.to_string()));
    columns
}
