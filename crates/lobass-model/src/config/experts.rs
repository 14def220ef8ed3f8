//! Fields about experts.

use serde_json::Value;

use super::ConfigError;
use super::fields::{Fields, brief};

/// More experts in a layer than any model has.
const MAX_EXPERTS: usize = 4096;

/// The number of experts of a layer. `names` are the spellings of the field.
pub(crate) fn experts(
    fields: Fields<'_>,
    names: &[&'static str],
    default: usize,
) -> Result<usize, ConfigError> {
    let mut said: Option<(&str, usize)> = None;
    for &name in names {
        let Some(count) = fields.count(name)?.value() else { continue };
        if !(1..=MAX_EXPERTS).contains(&count) {
            return Err(ConfigError::invalid(name, count, format!("a number from 1 to {MAX_EXPERTS}")));
        }
        if let Some((other, before)) = said.filter(|&(_, before)| before != count) {
            return Err(ConfigError::invalid(name, count, format!("{before}, as `{other}` says")));
        }
        said = Some((name, count));
    }
    Ok(said.map_or(default, |(_, count)| count))
}

/// How many experts of `count` work on each token.
pub(crate) fn chosen_experts(fields: Fields<'_>, count: usize, default: usize) -> Result<usize, ConfigError> {
    const NAME: &str = "num_experts_per_tok";
    // What training adds to the loss, which scoring leaves out.
    fields.knows(&["router_aux_loss_coef"]);
    let chosen = fields.count(NAME)?.value().unwrap_or(default);
    match (1..=count).contains(&chosen) {
        true => Ok(chosen),
        false => Err(ConfigError::invalid(NAME, chosen, format!("a number from 1 to {count}, the experts"))),
    }
}

/// Which layers have experts: every `decoder_sparse_step`th, without those of `mlp_only_layers`.
///
/// Source: `Qwen2MoeDecoderLayer` and `Qwen3MoeDecoderLayer` of transformers 5.24.
pub(crate) fn layers_with_experts(fields: Fields<'_>, n_layers: usize) -> Result<Vec<bool>, ConfigError> {
    let step = fields.count("decoder_sparse_step")?.value().unwrap_or(1);
    if step == 0 {
        return Err(ConfigError::invalid("decoder_sparse_step", step, "a positive number"));
    }
    let without = fields.list("mlp_only_layers")?.unwrap_or_default();
    let number = |value: &Value| {
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| ConfigError::invalid("mlp_only_layers", brief(value), "numbers of layers"))
    };
    let without = without.iter().map(number).collect::<Result<Vec<_>, _>>()?;
    Ok((0..n_layers).map(|layer| !without.contains(&layer) && (layer + 1).is_multiple_of(step)).collect())
}
