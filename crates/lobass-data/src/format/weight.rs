//! Whether a turn is trained on, as the turn itself says.
//!
//! Trainers have different words for it: `weight` (OpenAI, Mistral, Together, axolotl), `train` and `training`
//! (axolotl), `loss_weight` (LLaMA-Factory), `loss` and `loss_scale` (ms-swift, `XTuner`), `loss_mask`,
//! `step_loss_mask` (slime), `trainable` (tinker-cookbook, prime-rl), `calculate_loss`, `compute_loss`, and the
//! other way round `masked` (torchtune) and `is_masked`.

use serde_json::{Map, Value};

use crate::json::kind_of;
use crate::{Role, RowFault};

/// Fields that say whether a turn is trained on: 0 and `false` make it context, 1 and `true` leave it as it is.
const FIELDS: [&str; 11] = [
    "weight",
    "loss_weight",
    "train",
    "training",
    "trainable",
    "loss",
    "loss_scale",
    "loss_mask",
    "step_loss_mask",
    "calculate_loss",
    "compute_loss",
];

/// Fields that say the opposite: 1 and `true` make a turn context.
const MASKED: [&str; 2] = ["masked", "is_masked"];

/// Fields that mean one thing in one project and its opposite in another.
const AMBIGUOUS: [&str; 1] = ["mask"];

/// Whether a field has one of these names.
pub(super) fn is_weight(name: &str) -> bool {
    FIELDS.contains(&name) || MASKED.contains(&name) || AMBIGUOUS.contains(&name)
}

/// Whether a field of a turn asks for something that its role does not allow, or that lobass cannot know the meaning
/// of.
pub(super) fn is_open_question(name: &str, value: &Value) -> bool {
    let is_flag = value.is_boolean() || value.is_number();
    let is_on = value.as_bool() == Some(true) || value.as_f64() == Some(1.0);
    (AMBIGUOUS.contains(&name) && is_flag)
        || (FIELDS.contains(&name) && is_on)
        || (MASKED.contains(&name) && is_flag)
}

/// axolotl's fields that mark parts of a turn.
pub(super) const DETAILS: [&str; 2] = ["train_detail", "training_detail"];

/// Whether a turn counts by its own word, if it has one, and takes that word out of its fields. A turn of another role
/// than the assistant that asks to be trained on keeps its field, since lobass scores assistant turns only.
///
/// # Errors
/// Weights between 0 and 1, weights for parts of a turn, and fields that contradict each other.
pub(super) fn take(fields: &mut Map<String, Value>, role: Role) -> Result<Option<bool>, RowFault> {
    for name in DETAILS {
        match fields.shift_remove(name) {
            None => {}
            Some(Value::Array(parts)) if parts.is_empty() => {}
            Some(_) => {
                return Err(RowFault::malformed(format!(
                    "field `{name}`: expected a weight for the whole turn, found weights for parts of it, which \
                     lobass does not read"
                )));
            }
        }
    }
    let mut said: Option<(&str, bool)> = None;
    for name in FIELDS.into_iter().chain(MASKED) {
        let Some(value) = fields.get(name) else { continue };
        let counts = counts(name, value)? != MASKED.contains(&name);
        if let Some((other, before)) = said.filter(|(_, before)| *before != counts) {
            let (before, counts) = (u8::from(before), u8::from(counts));
            return Err(RowFault::malformed(format!(
                "fields `{other}` and `{name}`: expected the same weight, found {before} and {counts}"
            )));
        }
        said = Some((name, counts));
        if role == Role::Assistant || !counts {
            fields.shift_remove(name);
        }
    }
    Ok(said.map(|(_, counts)| counts))
}

fn counts(name: &str, value: &Value) -> Result<bool, RowFault> {
    let found = match value {
        Value::Bool(counts) => return Ok(*counts),
        Value::Number(number) => match number.as_f64() {
            Some(0.0) => return Ok(false),
            Some(1.0) => return Ok(true),
            _ => number.to_string(),
        },
        other => kind_of(other).to_owned(),
    };
    Err(RowFault::malformed(format!(
        "field `{name}`: expected a weight of 0 or 1, found {found}; lobass scores a turn or leaves it out"
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn take_of(fields: Value, role: Role) -> Result<(Option<bool>, Value), String> {
        let Value::Object(mut fields) = fields else { panic!("fields are an object") };
        let counts = take(&mut fields, role).map_err(|fault| fault.reason)?;
        Ok((counts, Value::Object(fields)))
    }

    #[test]
    fn zero_and_one_in_every_spelling() {
        for name in FIELDS {
            for (off, on) in [(json!(0), json!(1)), (json!(0.0), json!(1.0)), (json!(false), json!(true))] {
                let of = |value: &Value| take_of(json!({name: value, "name": "x"}), Role::Assistant);
                assert_eq!(of(&off), Ok((Some(false), json!({"name": "x"}))), "{name}");
                assert_eq!(of(&on), Ok((Some(true), json!({"name": "x"}))), "{name}");
            }
        }
        assert_eq!(take_of(json!({"train_detail": []}), Role::Assistant), Ok((None, json!({}))));
    }

    #[test]
    fn a_mask_is_the_opposite_of_a_weight() {
        for name in MASKED {
            for (on, off) in [(json!(0), json!(1)), (json!(false), json!(true))] {
                let of = |value: &Value| take_of(json!({name: value}), Role::Assistant);
                assert_eq!(of(&on), Ok((Some(true), json!({}))), "{name}");
                assert_eq!(of(&off), Ok((Some(false), json!({}))), "{name}");
            }
        }
        let fault = take_of(json!({"masked": true, "train": true}), Role::Assistant).unwrap_err();
        assert!(fault.contains("`train` and `masked`"), "{fault}");
        // What means one thing here and another there is kept, to be reported.
        let kept = json!({"mask": 1});
        assert_eq!(take_of(kept.clone(), Role::Assistant), Ok((None, kept)));
        assert!(is_open_question("mask", &json!(1)) && is_open_question("mask", &json!(false)));
    }

    #[test]
    fn what_asks_for_more_than_lobass_does_is_kept_or_refused() {
        let user = take_of(json!({"train": true}), Role::User);
        assert_eq!(user, Ok((Some(true), json!({"train": true}))), "kept, to be reported");
        let fault = |fields| take_of(fields, Role::Assistant).unwrap_err();
        assert!(
            fault(json!({"weight": 0.5}))
                .starts_with("field `weight`: expected a weight of 0 or 1, found 0.5")
        );
        assert!(fault(json!({"loss_weight": -1})).contains("`loss_weight`"));
        assert!(fault(json!({"training": "yes"})).contains("found a string"));
        assert!(fault(json!({"weight": 0, "train": true})).contains("`weight` and `train`"));
        let detail = json!({"train_detail": [{"begin_offset": 0, "end_offset": 3, "train": false}]});
        assert!(fault(detail).starts_with("field `train_detail`"));
    }
}
