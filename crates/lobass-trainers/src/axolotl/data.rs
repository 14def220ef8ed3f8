//! axolotl's `datasets`: where rows are, and how they are read.

use serde_json::{Map, Value};

use crate::common::{data_name, note_split};
use crate::draft::{Draft, list};

/// How the rows of one data set are read, as lobass has it.
#[derive(Debug, Clone, PartialEq, Default)]
struct Shape {
    format: Option<&'static str>,
    columns: Option<String>,
    /// axolotl's Alpaca types bring their own prompt.
    is_alpaca: bool,
}

pub(super) fn take(draft: &mut Draft, pairs: bool) {
    let value = draft.value("datasets");
    let list = value.as_ref().and_then(Value::as_array);
    let entries: Vec<Map<String, Value>> =
        list.into_iter().flatten().filter_map(|entry| entry.as_object().cloned()).collect();
    take_mask(draft, &entries);
    if entries.is_empty() {
        draft
            .leave_out("datasets", "expected a list of data sets with a `path`: give the data with `--data`");
        return;
    }
    let files: Vec<String> = entries.iter().flat_map(|entry| names(draft, entry)).collect();
    draft.take("datasets", "data.files", files);
    let shapes: Vec<Shape> = entries.iter().map(|entry| shape(draft, entry, pairs)).collect();
    let shape = shapes.first().cloned().unwrap_or_default();
    if shapes.iter().all(|other| *other == shape) {
        if let Some(columns) = shape.columns {
            draft.take("datasets", "data.columns", columns);
        } else if let Some(format) = shape.format {
            draft.take("datasets", "data.format", format);
        }
    } else {
        draft.differ(
            "datasets",
            "they differ in type or fields; lobass finds out the format of each file by its columns",
        );
    }
    if shape.is_alpaca && draft.value("chat_template").is_none() {
        draft.take("datasets", "sequences.chat_template", "alpaca");
    }
}

fn text<'a>(entry: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    entry.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// Files and data sets of the hub.
fn names(draft: &mut Draft, entry: &Map<String, Value>) -> Vec<String> {
    let Some(path) = text(entry, "path") else {
        draft.leave_out("datasets", "a data set has no `path`");
        return Vec::new();
    };
    if let Some(split) = text(entry, "split") {
        note_split(draft, "datasets.split", split);
    }
    // `path: json` is a reader of `datasets`, and the files are what is read.
    if matches!(path, "json" | "parquet" | "csv" | "text" | "arrow") {
        return entry.get("data_files").and_then(list).unwrap_or_default();
    }
    let name = data_name(path, text(entry, "name"), text(entry, "revision"));
    match entry.get("data_files").and_then(list) {
        Some(files) if name.starts_with("hf://") => {
            files.iter().map(|file| format!("{name}/{file}")).collect()
        }
        Some(files) => files,
        None => vec![name],
    }
}

fn shape(draft: &mut Draft, entry: &Map<String, Value>, pairs: bool) -> Shape {
    let Some(kind) = entry.get("type") else { return Shape::default() };
    let Some(kind) = kind.as_str() else {
        draft.leave_out("datasets.type", "lobass has formats by name: give the columns with `--columns`");
        return Shape::default();
    };
    let (kind, variant) = kind.split_once([':', '.']).unwrap_or((kind, ""));
    match kind {
        _ if pairs => {
            if variant != "default" && kind != "chat_template" {
                draft.differ("datasets.type", "lobass finds out the columns of pairs by their names");
            }
            Shape::default()
        }
        "chat_template" => {
            let field = text(entry, "field_messages");
            for key in ["message_property_mappings", "message_field_role", "message_field_content", "roles"] {
                note_field_names(draft, entry, key);
            }
            Shape { columns: field.map(|name| format!("messages={name}")), ..Shape::default() }
        }
        "sharegpt" => Shape { format: Some("sharegpt"), ..Shape::default() },
        "alpaca" | "alpaca_w_system" => {
            if !variant.is_empty() {
                draft.differ(
                    "datasets.type",
                    format!("`{kind}:{variant}` has another prompt than lobass's `alpaca`"),
                );
            }
            Shape { format: Some("alpaca"), is_alpaca: true, ..Shape::default() }
        }
        "completion" => {
            draft.leave_out("datasets.type", "lobass scores responses to prompts, and plain text has none");
            Shape::default()
        }
        _ => {
            let reason = format!(
                "lobass has no format `{kind}`: it goes by the columns, or give `--data-format` or `--columns`"
            );
            draft.leave_out("datasets.type", reason);
            Shape::default()
        }
    }
}

/// lobass knows the usual names of roles and contents.
fn note_field_names(draft: &mut Draft, entry: &Map<String, Value>, key: &str) {
    const USUAL: [&str; 12] = [
        "role",
        "content",
        "from",
        "value",
        "user",
        "assistant",
        "system",
        "human",
        "gpt",
        "tool",
        "tools",
        "reasoning_content",
    ];
    let Some(value) = entry.get(key).filter(|value| !value.is_null()) else { return };
    let words: Vec<&str> = match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(name, value)| {
                let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                [name.as_str()].into_iter().chain(values.iter().filter_map(Value::as_str)).collect::<Vec<_>>()
            })
            .collect(),
        other => other.as_str().into_iter().collect(),
    };
    if let Some(word) = words.iter().find(|word| !USUAL.contains(word)) {
        draft.leave_out(
            format!("datasets.{key}"),
            format!("lobass knows the usual names of roles and contents, not `{word}`"),
        );
    }
}

/// Which turns are trained on.
fn take_mask(draft: &mut Draft, entries: &[Map<String, Value>]) {
    let whole = draft.flag("train_on_inputs") == Some(true);
    let roles = entries.iter().find_map(|entry| entry.get("roles_to_train").filter(|roles| !roles.is_null()));
    let others = roles.and_then(list).is_some_and(|roles| {
        !roles.iter().all(|role| matches!(role.as_str(), "assistant" | "gpt" | "model" | "chatgpt"))
    });
    let eos = entries.iter().find_map(|entry| text(entry, "train_on_eos").or(text(entry, "train_on_eot")));
    let mask = match eos {
        _ if whole => "all",
        Some("none") => "text",
        _ => "response",
    };
    draft.take("train_on_inputs", "sequences.mask", mask);
    if whole {
        let effect = "axolotl trains on the texts of all turns; lobass's mask `all` has what the template writes between \
                      them too";
        draft.differ("train_on_inputs", effect);
    }
    if others && !whole {
        draft.leave_out(
            "datasets.roles_to_train",
            "lobass scores the replies of the assistant: give `--mask all` for all turns",
        );
    }
    if let Some(eos @ ("all" | "last")) = eos {
        draft.differ(
            "datasets.train_on_eos",
            format!("`{eos}`: lobass scores the end of every turn that it scores"),
        );
    }
    for (key, turns) in
        [("message_field_training", "train"), ("message_field_training_detail", "train_detail")]
    {
        if let Some(name) = entries.iter().find_map(|entry| text(entry, key)) {
            draft.differ(
                format!("datasets.{key}"),
                format!("lobass reads the key `{turns}` of turns, and the trainer reads `{name}`"),
            );
        }
    }
}
