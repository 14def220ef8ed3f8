//! Turns: the names of roles and fields, and which of them are trained on.

use serde_json::Value;

use crate::fields::Fields;

/// Words for roles that lobass knows with the meaning that axolotl gives them by default.
const USUAL: [(&str, &str); 6] = [
    ("human", "user"),
    ("user", "user"),
    ("gpt", "assistant"),
    ("assistant", "assistant"),
    ("system", "system"),
    ("tool", "tool"),
];

/// Further words for roles, as `WORD=ROLE`, of axolotl's `roles: {ROLE: [WORD, ..]}`.
pub(super) fn roles_of(entry: &mut Fields) -> Vec<String> {
    let Some(roles) = entry.map("roles") else { return Vec::new() };
    let mut words = Vec::new();
    for (role, sources) in &roles {
        let sources = match sources {
            Value::Array(sources) => sources.iter().map(Value::as_str).collect(),
            source => vec![source.as_str()],
        };
        for source in sources {
            match source {
                Some(source) if USUAL.contains(&(source, role)) => {}
                Some(source) if USUAL.iter().any(|(_, known)| known == role) => {
                    words.push(format!("{source}={role}"));
                }
                _ => entry.leave_out(
                    "roles",
                    format!("lobass has the roles user, assistant, system, and tool, not `{role}`"),
                ),
            }
        }
    }
    words
}

/// Notes names of fields in turns that lobass does not look for.
pub(super) fn note_properties(entry: &mut Fields) {
    let mut found: Vec<(&str, String, String)> = Vec::new();
    for (key, property) in [
        ("message_field_role", "role"),
        ("message_field_content", "content"),
        ("field_thinking", "reasoning_content"),
        ("template_thinking_key", "reasoning_content"),
    ] {
        if let Some(name) = entry.text(key) {
            found.push((key, property.to_owned(), name));
        }
    }
    for (property, name) in entry.map("message_property_mappings").unwrap_or_default() {
        let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
        found.push(("message_property_mappings", property, name));
    }
    for (key, property, name) in found {
        let is_usual = match property.as_str() {
            "role" => matches!(name.as_str(), "role" | "from"),
            "content" => matches!(name.as_str(), "content" | "value"),
            property => name == property,
        };
        if !is_usual {
            entry.leave_out(
                key,
                format!("lobass knows the usual names of fields in turns, and not `{name}` for `{property}`"),
            );
        }
    }
}

/// Fields of turns that lobass reads as a mark for the whole turn.
const MARKS: [&str; 11] = [
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

/// Which ends of turns a data set is trained on: `turn`, `none`, `all`, or `last`.
pub(super) fn ends(entry: &mut Fields) -> String {
    let (eos, eot) = (entry.text("train_on_eos"), entry.text("train_on_eot"));
    let eos = eos.unwrap_or_else(|| "turn".to_owned());
    if let Some(eot) = eot.filter(|eot| *eot != eos) {
        entry.leave_out(
            "train_on_eot",
            format!("`{eot}`: lobass has one rule for the tokens that end a turn, here that of `train_on_eos`, `{eos}`"),
        );
    }
    eos
}

/// Notes roles and marks of turns that lobass does not follow.
pub(super) fn note_turns(entry: &mut Fields) {
    if let Some(roles) = entry.texts("roles_to_train") {
        let is_assistant = |role: &String| matches!(role.as_str(), "assistant" | "gpt" | "model" | "chatgpt");
        if roles.is_empty() || !roles.iter().all(is_assistant) {
            entry.leave_out(
                "roles_to_train",
                "lobass scores the replies of the assistant: give `--mask all` for all turns",
            );
        }
    }
    if let Some(name) = entry.text("message_field_training").filter(|name| !MARKS.contains(&name.as_str())) {
        entry.leave_out(
            "message_field_training",
            format!("lobass reads the marks `train` and `weight` of turns, among others, and not `{name}`"),
        );
    }
    if entry.value("message_field_training_detail").is_some() {
        entry.leave_out("message_field_training_detail", "lobass scores whole turns, not parts of them");
    }
}
