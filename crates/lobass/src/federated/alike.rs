//! Whether the scores of several owners can be ranked in one list.

use std::path::PathBuf;

use lobass_core::ModelRole;
use lobass_run::{Manifest, ModelKey, ModelRecord, ScoreFile};
use lobass_select::{Choice, Strategy};

use crate::error::{Result, bail};
use crate::settings::{Responses, SelectSettings};

/// Refuses what looks at more than one row: an owner does not see the rows of the others.
///
/// # Errors
/// The first setting, or the strategy.
pub(super) fn check_settings(strategy: &dyn Strategy, settings: &SelectSettings) -> Result<()> {
    if !strategy.info().by_row || !matches!(strategy.choice(), Choice::Ranks) {
        bail!(
            Selection,
            "strategy `{strategy}`: expected one whose score of a row depends on that row alone, since owners do not see \
             each other's rows"
        );
    }
    let shape = &settings.shape;
    let flags = [
        ("--max-reference-quantile", shape.max_reference_quantile.is_some()),
        ("--near-duplicates", shape.near_duplicates.is_some()),
        ("--responses", shape.responses.is_some_and(|responses| responses != Responses::All)),
        ("--quota-by", shape.quota_by.is_some()),
        ("--diversity", settings.sets.diversity.is_some()),
        ("--ratings", settings.ratings.is_some()),
        ("--samples", settings.samples.is_some()),
    ];
    match flags.into_iter().find(|(_, is_given)| *is_given) {
        Some((flag, _)) => bail!(
            Selection,
            "`{flag}` compares rows of the whole pool, or names them: owners do not see each other's rows"
        ),
        None => Ok(()),
    }
}

/// Refuses tables whose losses cannot be compared.
///
/// - `own_references`: whether owners may have different references
///
/// # Errors
/// The first table that differs from the first one, and in what.
pub(super) fn check_tables(tables: &[ScoreFile], own_references: bool) -> Result<()> {
    let Some((first, others)) = tables.split_first() else { return Ok(()) };
    for table in others {
        let (left, right) = (first.manifest(), table.manifest());
        let differs = [
            ("tokenizer", left.tokenizer != right.tokenizer),
            ("chat template", left.template.digest != right.template.digest),
            ("mask or maximal length", left.encoding != right.encoding),
            ("models", models(left, own_references) != models(right, own_references)),
        ];
        if let Some((what, _)) = differs.into_iter().find(|(_, differs)| *differs) {
            let hint = match what {
                "models" if !own_references => {
                    "; `--own-references` allows each owner a reference that was trained without its rows"
                }
                _ => "",
            };
            bail!(
                Selection,
                "score table `{}`: expected the {what} of `{}`, found others{hint}",
                table.path().display(),
                first.path().display()
            );
        }
    }
    Ok(())
}

/// What identifies the models of a table.
fn models(manifest: &Manifest, own_references: bool) -> Vec<(ModelRole, String)> {
    let digest = |record: &ModelRecord| {
        let is_own = own_references && record.role().reference().is_some();
        let key = record.key().map(|key: &ModelKey| format!("{}-{}", key.weights_digest.as_str(), key.dtype));
        (record.role().clone(), if is_own { String::new() } else { key.unwrap_or_default() })
    };
    manifest.models.iter().map(digest).collect()
}

/// A name for each owner, from its score table: what comes before the ending, and a number where that repeats.
pub(super) fn names(tables: &[PathBuf]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (at, table) in tables.iter().enumerate() {
        let stem = table.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = if names.contains(&stem) || stem.is_empty() { format!("{stem}-{}", at + 1) } else { stem };
        names.push(name);
    }
    names
}
