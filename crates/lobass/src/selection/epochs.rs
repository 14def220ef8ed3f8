//! The models along a training, by their roles.

use lobass_run::Manifest;

/// The roles of a table's models.
pub(super) fn roles(manifest: &Manifest) -> Vec<String> {
    manifest.models.iter().map(|record| record.model.role.clone()).collect()
}

/// The columns of a training: the base, and the reference after each epoch, or at its end if no epoch was kept.
pub(super) fn epochs(roles: &[String]) -> Vec<String> {
    let mut epochs: Vec<(u32, String)> = roles
        .iter()
        .filter_map(|role| Some((role.strip_prefix("reference_epoch")?.parse().ok()?, role.clone())))
        .collect();
    epochs.sort();
    let mut columns = vec!["base".to_owned()];
    if epochs.is_empty() {
        columns.extend(roles.iter().filter(|role| *role == "reference").cloned());
    }
    columns.extend(epochs.into_iter().map(|(_, role)| role));
    columns
}
