//! What a score table says about the trainings of its models: the rows that they have not seen, and whether tables are of
//! other trainings.

use std::collections::BTreeSet;
use std::path::Path;

use lobass_run::{Manifest, ModelRecord, RecordedModel, ReferenceMode, Unseen};

use crate::error::{Result, bail};
use crate::reference::TrainingRecord;

/// The rows that neither references nor null models were trained on; a table of an earlier version says nothing.
pub(crate) fn unseen(manifest: &Manifest) -> Unseen {
    manifest.unseen.unwrap_or(Unseen::Nothing)
}

/// The rows that the references were not trained on, whatever null models have seen. `None` if neither the table nor a
/// training record says.
pub(crate) fn unseen_by_references(manifest: &Manifest) -> Option<Unseen> {
    match (unseen(manifest), manifest.mode?) {
        (Unseen::Nothing, ReferenceMode::CrossFit) => Some(Unseen::CrossFit),
        (Unseen::Nothing, ReferenceMode::Holdout) => Some(Unseen::Selectable),
        (Unseen::Nothing, ReferenceMode::FullPool) => by_records(manifest),
        (found, _) => Some(found),
    }
}

/// What the training records of references say, which are where the table was made.
fn by_records(manifest: &Manifest) -> Option<Unseen> {
    let of_other_files = |model: &ModelRecord| {
        let record = TrainingRecord::read(Path::new(&model.key()?.path)).ok()??;
        record.is_of_other_files(&manifest.inputs)
    };
    let found: Vec<Option<bool>> = references(manifest).map(of_other_files).collect();
    // A run knows the seed, and has trained its references on the pool itself.
    let is_of_run = references(manifest).any(|model| model.seed.is_some());
    if found.iter().all(|other| *other == Some(true)) {
        return Some(Unseen::OtherFiles);
    }
    (is_of_run || found.contains(&Some(false))).then_some(Unseen::Nothing)
}

/// The references of a table, without models of earlier epochs.
fn references(manifest: &Manifest) -> impl Iterator<Item = &ModelRecord> {
    let is_last = |model: &&ModelRecord| model.role().reference().is_some_and(|one| one.epoch.is_none());
    manifest.models.iter().filter(is_last)
}

/// What tells references from others: their weights, or the file that their losses came in.
fn digests(manifest: &Manifest) -> BTreeSet<String> {
    let digest = |model: &ModelRecord| match &model.model {
        RecordedModel::Scored(key) => key.weights_digest.to_string(),
        RecordedModel::Imported(model) => format!("{} {}", model.imported.sha256, model.imported.model),
    };
    references(manifest).map(digest).collect()
}

/// Refuses tables with the same reference: it would count as two trainings.
///
/// # Errors
/// If a reference, or all losses of a table, are those of an earlier table.
pub(crate) fn check_distinct(tables: &[(&Path, &Manifest)]) -> Result<()> {
    for (at, (path, manifest)) in tables.iter().enumerate() {
        let mine = digests(manifest);
        let is_same = |other: &Manifest| {
            let same_losses = manifest.digest.is_some() && manifest.digest == other.digest;
            same_losses || !mine.is_disjoint(&digests(other))
        };
        if let Some((first, _)) = tables[..at].iter().find(|(_, other)| is_same(other)) {
            bail!(
                Table,
                "score table `{}`: expected another reference than in `{}`, found the same, which is no second training; \
                 give each reference once",
                path.display(),
                first.display()
            );
        }
    }
    Ok(())
}
