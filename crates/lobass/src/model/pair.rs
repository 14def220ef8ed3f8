//! Whether two models can be compared.

use std::path::Path;

use lobass_core::{Context, Observer as _, Rounding};
use lobass_data::{TextTokenizer, TokenizerDifference};
use lobass_model::{Checkpoint, DecoderSpec};

use crate::error::{Result, bail};
use crate::model::Model;
use crate::reference::TrainingRecord;
use crate::runtime::Runtime;

/// Checks that a reference is a fine-tuned base.
///
/// # Errors
/// If its shape or its tokenizer differs, if its weights are those of the base, or if the base was trained from it.
pub(crate) fn check_pair(
    base: &Model,
    reference: &Model,
    tokenizer: &TextTokenizer,
    runtime: &Runtime,
) -> Result<()> {
    if let Some(adapter) = &reference.adapter {
        check_record(base, adapter.dir())?;
    } else {
        check_shape(&base.checkpoint, &reference.checkpoint)?;
    }
    check_tokenizer(base, reference.dir(), tokenizer, runtime)?;
    check_prompted(reference)?;
    let trained_from = TrainingRecord::read(base.checkpoint.dir())?.map(|record| record.base);
    if trained_from.as_ref() == Some(&reference.key.weights_digest) {
        bail!(Model, "base and reference are swapped: the base was trained from the reference");
    }
    let is_adapter = reference.adapter.is_some();
    if base.key.weights_digest == reference.key.weights_digest
        || !is_adapter && base.checkpoint.is_same_model(&reference.checkpoint)
    {
        bail!(
            Model,
            "{} `{}`: expected other weights than the base's, found the same",
            reference.key.role,
            reference.key.path
        );
    }
    Ok(())
}

/// Refuses a null model as a reference.
///
/// # Errors
/// If its training record says that it was trained without prompts.
pub(crate) fn check_prompted(reference: &Model) -> Result<()> {
    if reference.key.role.is_null() {
        return Ok(());
    }
    match TrainingRecord::read(reference.dir())? {
        Some(record) if record.context != Context::Prompt => bail!(
            Model,
            "{} `{}`: expected a model that was trained with prompts, found a null model, which was trained without them; \
             `--null` takes it",
            reference.key.role,
            reference.key.path
        ),
        _ => Ok(()),
    }
}

/// Checks that an adapter is on the base that it was trained on.
///
/// # Errors
/// If its training record names other weights, or another rounding of them.
pub(crate) fn check_record(base: &Model, dir: &Path) -> Result<()> {
    let Some(record) = TrainingRecord::read(dir)? else { return Ok(()) };
    if record.rounding != base.key.rounding {
        let name = |rounding: Option<Rounding>| match rounding {
            Some(rounding) => format!("rounded to {rounding}"),
            None => "not rounded".to_owned(),
        };
        bail!(
            Model,
            "adapter `{}`: expected the weights that it was trained on, {}, found a base that is {}; say so with \
             `quantize_base`",
            dir.display(),
            name(record.rounding),
            name(base.key.rounding)
        );
    }
    if record.base != base.key.weights_digest {
        bail!(
            Model,
            "adapter `{}`: expected the base that it was trained on, found other weights in `{}`",
            dir.display(),
            base.dir().display()
        );
    }
    Ok(())
}

fn check_shape(base: &Checkpoint, reference: &Checkpoint) -> Result<()> {
    let differences = differences(base.spec(), reference.spec());
    if !differences.is_empty() {
        bail!(
            Model,
            "reference `{}`: expected the shape of the base `{}`, found {}",
            reference.dir().display(),
            base.dir().display(),
            differences.join(", ")
        );
    }
    Ok(())
}

/// Checks that both models have the same tokens. A tuned model without a tokenizer takes that of the base.
fn check_tokenizer(base: &Model, dir: &Path, tokenizer: &TextTokenizer, runtime: &Runtime) -> Result<()> {
    if !dir.join("tokenizer.json").exists() {
        return Ok(());
    }
    let of_reference = TextTokenizer::open(dir, tokenizer.begins())?;
    warn_of_other_end(dir, tokenizer, &of_reference, runtime);
    match tokenizer.difference(&of_reference) {
        None => Ok(()),
        Some(TokenizerDifference::Further(tokens)) => {
            runtime.warn(&format!(
                "reference `{}`: its tokenizer has tokens that the base's lacks, `{}`; texts with them are tokenized as \
                 the base does",
                dir.display(),
                tokens.join("`, `")
            ));
            Ok(())
        }
        Some(difference) => bail!(
            Model,
            "reference `{}`: expected the tokenizer of the base `{}`, found {difference}; losses over other tokens cannot \
             be compared",
            dir.display(),
            base.dir().display()
        ),
    }
}

/// Says so if the reference was trained with another end-of-sequence token, which templates may end turns with.
fn warn_of_other_end(dir: &Path, base: &TextTokenizer, reference: &TextTokenizer, runtime: &Runtime) {
    let text = |tokenizer: &TextTokenizer| tokenizer.eos().map(|token| token.text.clone());
    if let (Some(of_base), Some(of_reference)) = (text(base), text(reference))
        && of_base != of_reference
    {
        runtime.warn(&format!(
            "reference `{}`: its end-of-sequence token is `{of_reference}`, and that of the base `{of_base}`; a template \
             that ends turns with this token writes the base's",
            dir.display()
        ));
    }
}

fn differences(base: &DecoderSpec, reference: &DecoderSpec) -> Vec<String> {
    base.settings()
        .into_iter()
        .zip(reference.settings())
        .filter(|(base, reference)| base != reference)
        .map(|((name, base), (_, reference))| format!("{name} {reference} instead of {base}"))
        .collect()
}
