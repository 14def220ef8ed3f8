//! The null model of V-information: opened, checked, and which rows it has not seen.

use std::path::Path;

use lobass_core::{Context, ModelRole, Observer as _};
use lobass_run::{NullModels, Plan, Unseen};

use crate::error::{Result, bail};
use crate::model::{Model, check_pair};
use crate::reference::{Part, TrainingRecord};
use crate::runtime::Runtime;
use crate::sequences::Sequences;

/// Opens a null model for the device of its base: a checkpoint, or an adapter on the base.
///
/// # Errors
/// If it cannot be the fine-tuned base, or was trained on other text than it is scored on: with prompts, or after another
/// token.
pub(crate) fn open_null(base: &Model, dir: &Path, sequences: &Sequences, runtime: &Runtime) -> Result<Model> {
    open_null_as(ModelRole::NULL, base, dir, sequences, runtime)
}

/// [`open_null`] in the role of one of several.
///
/// # Errors
/// The errors of [`open_null`].
pub(crate) fn open_null_as(
    role: ModelRole,
    base: &Model,
    dir: &Path,
    sequences: &Sequences,
    runtime: &Runtime,
) -> Result<Model> {
    let null = base.open_tuned(role.clone(), dir, runtime)?;
    check_pair(base, &null, sequences.encoder.tokenizer(), runtime)?;
    let context = sequences.unconditional()?;
    check_context(&null, context, runtime)?;
    Ok(null.in_context(role, context))
}

/// Checks that a model was trained in the context that it is scored in.
fn check_context(null: &Model, expected: Context, runtime: &Runtime) -> Result<()> {
    let path = &null.key.path;
    let Some(record) = TrainingRecord::read(null.dir())? else {
        runtime.warn(&format!(
            "null model `{path}`: it has no training record, so lobass cannot check that it was trained on responses \
             without their prompts"
        ));
        return Ok(());
    };
    match record.context {
        found if found == expected => Ok(()),
        Context::Prompt => bail!(
            Model,
            "null model `{path}`: expected a model that was trained on responses without their prompts (`lobass train \
             --context unconditional`), found one that was trained with prompts"
        ),
        Context::Unconditional { start } => {
            let Context::Unconditional { start: now } = expected else { return Ok(()) };
            bail!(
                Model,
                "null model `{path}`: expected a model that was trained on responses after token {now}, found one that was \
                 trained after token {start}"
            )
        }
    }
}

/// A null model that is already trained, and the rows that neither it nor the reference has seen.
///
/// # Errors
/// If a training record cannot be read, or reference and null model were trained on other rows.
pub(crate) fn given_null(
    null: &Model,
    reference: Option<&Model>,
    plan: &Plan,
    runtime: &Runtime,
) -> Result<NullModels> {
    let of_null = TrainingRecord::read(null.dir())?;
    let of_reference = reference.map(|model| TrainingRecord::read(model.dir())).transpose()?;
    let unseen = match (&of_null, &of_reference) {
        (None, _) | (_, Some(None)) => Unseen::Nothing,
        (Some(null), None) => unseen(null, plan),
        (Some(of_null), Some(Some(of_reference))) => {
            check_same_rows(null, of_null, of_reference)?;
            match (unseen(of_null, plan), unseen(of_reference, plan)) {
                (Unseen::HeldOut, Unseen::HeldOut) if held_out(of_null) != held_out(of_reference) => {
                    runtime.warn(
                        "the null model and the reference held other rows out of training, so no row is known to be new to \
                         both; train them with the same `--eval-rows` and `--train-seed`",
                    );
                    Unseen::Nothing
                }
                (one, other) if one == other => one,
                _ => Unseen::Nothing,
            }
        }
    };
    Ok(NullModels { models: vec![null.key.clone().into()], unseen })
}

fn held_out(record: &TrainingRecord) -> Option<&std::collections::BTreeSet<u64>> {
    record.outcome.as_ref().map(|outcome| &outcome.held_out_rows)
}

/// Refuses a null model that was trained on other rows than the reference: the two would not differ by the prompt alone.
fn check_same_rows(null: &Model, of_null: &TrainingRecord, of_reference: &TrainingRecord) -> Result<()> {
    let path = &null.key.path;
    let (found, expected) = (of_null.data_files(), of_reference.data_files());
    // Records of earlier versions do not name their files.
    if let (Some(found), Some(expected)) = (found, expected)
        && found != expected
    {
        bail!(
            Model,
            "null model `{path}`: expected one that was trained on the rows of the reference, {expected}, found one that \
             was trained on {found}"
        );
    }
    if of_null.part != of_reference.part {
        bail!(
            Model,
            "null model `{path}`: expected one that was trained on the same part of the pool as the reference, found \
             another part"
        );
    }
    Ok(())
}

/// The rows of a plan that a model was not trained on, as far as its record says.
fn unseen(record: &TrainingRecord, plan: &Plan) -> Unseen {
    match record.part {
        Part::Share { .. } if record.plan == plan.id() => Unseen::Selectable,
        Part::All if record.is_of_rows(plan) => match held_out(record) {
            Some(rows) if !rows.is_empty() => Unseen::HeldOut,
            _ => Unseen::Nothing,
        },
        Part::All if record.is_of_other_files(&plan.inputs) == Some(true) => Unseen::OtherFiles,
        Part::Share { .. } | Part::AllBut { .. } | Part::All => Unseen::Nothing,
    }
}
