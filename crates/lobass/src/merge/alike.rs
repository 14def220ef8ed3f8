//! Whether models can be merged: the same tensors, the same computation, the same tokens.

use std::path::Path;

use lobass_core::Observer as _;
use lobass_data::{Bos, TextTokenizer, TokenizerDifference, brought_template};
use lobass_model::{Checkpoint, TensorSpec};

use super::inputs::{Input, Inputs};
use crate::error::{Result, bail};
use crate::faults::Faults;
use crate::runtime::Runtime;

/// How many of many differences an error shows.
const SHOWN: usize = 8;

/// Checks every model against the one whose config and tokenizer the result has.
///
/// # Errors
/// If a model has other tensors, computes something else with them, or has other tokens. The error names each model.
pub(super) fn check(inputs: &Inputs, runtime: &Runtime) -> Result<()> {
    let home = inputs.home();
    let tokenizer = tokenizer(home.model.checkpoint.dir())?;
    let mut faults = Faults::default();
    for input in &inputs.models {
        faults.take(check_weights(home, input));
        if let Some(tokenizer) = &tokenizer {
            faults.take(check_tokens(home, input, tokenizer, runtime));
        }
    }
    faults.end()
}

fn check_weights(home: &Input, input: &Input) -> Result<()> {
    let (ours, theirs) = (home.checkpoint(), input.checkpoint());
    let mut found = tensor_differences(&ours.tensors(), &theirs.tensors());
    if found.is_empty() && !ours.spec().computes_like(theirs.spec()) {
        found = config_differences(ours, theirs);
    }
    if found.is_empty() {
        let parts = ours.differing_parts(theirs);
        found = parts.into_iter().map(|name| format!("other values of `{name}`, which is copied")).collect();
    }
    if found.is_empty() {
        return Ok(());
    }
    let more = match found.len().saturating_sub(SHOWN) {
        0 => String::new(),
        n => format!(", and {n} more"),
    };
    found.truncate(SHOWN);
    bail!(
        Model,
        "merged model `{}`: expected the tensors and the config of `{}`, found {}{more}",
        input.model.key.path,
        home.model.key.path,
        found.join(", ")
    )
}

fn tensor_differences(ours: &[TensorSpec], theirs: &[TensorSpec]) -> Vec<String> {
    let named = |tensors: &'_ [TensorSpec], name: &str| -> Option<Vec<usize>> {
        tensors.iter().find(|tensor| tensor.name == name).map(|tensor| tensor.shape.clone())
    };
    if ours == theirs {
        return Vec::new();
    }
    let missing_or_other = ours.iter().filter_map(|tensor| match named(theirs, &tensor.name) {
        None => Some(format!("no `{}`", tensor.name)),
        Some(shape) if shape != tensor.shape => {
            Some(format!("`{}` of shape {shape:?} instead of {:?}", tensor.name, tensor.shape))
        }
        Some(_) => None,
    });
    let further = theirs.iter().filter(|tensor| named(ours, &tensor.name).is_none());
    missing_or_other.chain(further.map(|tensor| format!("`{}`", tensor.name))).collect()
}

/// The settings that decide what is computed, or else the fields of the configs that differ.
fn config_differences(ours: &Checkpoint, theirs: &Checkpoint) -> Vec<String> {
    let (settings, others) = (ours.spec().settings(), theirs.spec().settings());
    let pairs = settings.into_iter().zip(others).filter(|(ours, theirs)| ours != theirs);
    let found: Vec<String> =
        pairs.map(|((name, ours), (_, theirs))| format!("{name} {theirs} instead of {ours}")).collect();
    if !found.is_empty() {
        return found;
    }
    let fields = |checkpoint: &Checkpoint| -> serde_json::Value {
        serde_json::from_str(checkpoint.config_json()).unwrap_or_default()
    };
    let (ours, theirs) = (fields(ours), fields(theirs));
    let ours_of = ours.as_object().into_iter().flatten();
    let differing = ours_of.filter(|(name, value)| theirs[name.as_str()] != **value);
    differing.map(|(name, value)| format!("{name} {} instead of {value}", theirs[name.as_str()])).collect()
}

fn tokenizer(dir: &Path) -> Result<Option<TextTokenizer>> {
    let is_there = dir.join("tokenizer.json").exists();
    Ok(is_there.then(|| TextTokenizer::open(dir, Bos::default())).transpose()?)
}

/// A model without a tokenizer has the same tokens.
fn check_tokens(home: &Input, input: &Input, tokenizer: &TextTokenizer, runtime: &Runtime) -> Result<()> {
    let Some(theirs) = self::tokenizer(input.model.dir())? else { return Ok(()) };
    let (name, home) = (&input.model.key.path, &home.model.key.path);
    match tokenizer.difference(&theirs) {
        None => Ok(()),
        Some(TokenizerDifference::Further(tokens)) => {
            runtime.warn(&format!(
                "merged model `{name}`: its tokenizer has tokens that `{home}` lacks, `{}`; the result has the tokenizer of \
                 `{home}`",
                tokens.join("`, `")
            ));
            Ok(())
        }
        Some(difference) => {
            bail!(Model, "merged model `{name}`: expected the tokenizer of `{home}`, found {difference}")
        }
    }
}

/// The chat template of the models where they all have the same and the result would have another.
///
/// # Errors
/// If a template cannot be read.
pub(super) fn template(inputs: &Inputs, runtime: &Runtime) -> Result<Option<String>> {
    let of_home = brought_template(inputs.home().model.checkpoint.dir()).ok().flatten();
    let mut found = Vec::new();
    for input in &inputs.models {
        found.extend(brought_template(input.model.dir())?);
    }
    found.sort();
    found.dedup();
    if found.len() > 1 {
        let home = &inputs.home().model.key.path;
        runtime.warn(&format!(
            "the models have {} chat templates; the result has that of `{home}`",
            found.len()
        ));
    }
    Ok(found.pop().filter(|own| found.is_empty() && of_home.as_ref() != Some(own)))
}
