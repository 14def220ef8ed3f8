//! Columns that say what a row, or each of its turns or tokens, counts for.
//!
//! lobass scores every row alike and takes every response for one to be learned, so that a column that says otherwise
//! is reported.

use serde_json::{Map, Value};

use super::field::flag;
use super::names::words;

/// Columns of weights of a row.
const WEIGHTS: [&str; 4] = ["weight", "loss_weight", "sample_weight", "loss_scale"];

/// Columns that say whether a response is a good one, in TRL's and LLaMA-Factory's data for KTO.
const VERDICTS: [&str; 2] = ["label", "kto_tag"];

/// Words in the names of lists with a value for each turn or token.
const LISTS: [&str; 4] = ["mask", "masks", "weight", "weights"];

/// Whether a column has one of these names.
pub(super) fn is_count(name: &str) -> bool {
    WEIGHTS.contains(&name) || VERDICTS.contains(&name) || is_list(name)
}

/// Whether a name is that of such a list. `attention_mask` says only where there is text.
pub(crate) fn is_list(name: &str) -> bool {
    words(name).any(|word| LISTS.contains(&word.as_str())) && words(name).all(|word| word != "attention")
}

/// Whether a column asks for more or less than scoring the whole response.
pub(super) fn asks_for_more(name: &str, value: &Value, row: &Map<String, Value>) -> bool {
    if let Value::Array(values) = value {
        return is_list(name) && values.iter().any(|value| number(value).is_some_and(|number| number != 1.0));
    }
    if VERDICTS.contains(&name) {
        // A number may be the number of a class, but beside a `completion`, as TRL has it, it is a verdict.
        let is_class = !value.is_boolean() && number(value).is_some() && !row.contains_key("completion");
        return flag(value) == Some(false) && !is_class;
    }
    WEIGHTS.contains(&name) && number(value).is_some_and(|weight| weight != 1.0)
}

/// A number, also as text, as CSV has it, and as a boolean.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        Value::String(text) => text.trim().parse().ok(),
        _ => value.as_f64(),
    }
}
