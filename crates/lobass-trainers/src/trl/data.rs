//! TRL's data: one data set by its name, or a list of them.
//!
//! Source: `scripts/sft.py` and `scripts/utils.py` of TRL.

use serde_json::Value;

use crate::draft::Draft;
use crate::fields::Fields;
use crate::place::{DataFiles, data_of, other_split};

pub(super) fn take(draft: &mut Draft<'_>) {
    let is_mixture = draft.value("datasets").is_some_and(|value| value != Value::Array(Vec::new()));
    if is_mixture {
        take_mixture(draft);
    } else {
        take_one(draft);
    }
    if draft.text("dataset_text_field").is_some_and(|name| name != "text") {
        draft.leave_out("dataset_text_field", "lobass scores responses to prompts, and plain text has none");
    }
}

/// A list of data sets. TRL then reads no other key about data.
fn take_mixture(draft: &mut Draft<'_>) {
    let look_up = draft.look_up();
    let mut files = Vec::new();
    let items = match draft.value("datasets") {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    for item in items {
        let Value::Object(entry) = item else {
            draft.leave_out("datasets", "what is no map in the list is no data set");
            continue;
        };
        let mut entry = Fields::new("datasets", entry);
        files.extend(data_of(&mut entry, look_up, DataFiles::InFolder));
        if let Some(reason) = entry.text("split").as_deref().and_then(other_split) {
            entry.leave_out("split", reason);
        }
        entry.leave_out_all(&[
            ("fraction", "lobass reads whole data sets"),
            ("columns", "lobass finds out the format by the columns: give `--columns`"),
        ]);
        draft.leave_out_also(entry.finish(&|_| false));
    }
    if files.is_empty() {
        draft
            .leave_out("datasets", "expected a list of data sets with a `path`: give the data with `--data`");
    } else {
        draft.take("datasets", "data.files", files);
    }
    for key in ["dataset_name", "dataset_config", "dataset_config_name"] {
        if draft.value(key).is_some() {
            draft.leave_out(key, "TRL does not read it where there are `datasets`");
        }
    }
    // The list is one split for TRL.
    let _unread = draft.value("dataset_train_split");
}

fn take_one(draft: &mut Draft<'_>) {
    const KEYS: [&str; 3] = ["dataset_name", "dataset_config", "dataset_config_name"];
    let look_up = draft.look_up();
    let config = draft.text("dataset_config").or(draft.text("dataset_config_name"));
    if let Some(path) = draft.text("dataset_name") {
        let mut entry = serde_json::Map::from_iter([("path".to_owned(), Value::from(path))]);
        if let Some(config) = config {
            entry.insert("name".to_owned(), Value::from(config));
        }
        let mut entry = Fields::new("dataset_name", entry);
        let files = data_of(&mut entry, look_up, DataFiles::InFolder);
        let left_out = entry.finish(&|_| false);
        for left in left_out {
            let key = if left.key.ends_with(".name") { "dataset_config" } else { "dataset_name" };
            draft.leave_out(key, left.reason);
        }
        if !files.is_empty() {
            draft.take_from(&KEYS, "data.files", files);
        }
    } else {
        draft.leave_out("dataset_name", "it is not there: give the data with `--data`");
    }
    if let Some(reason) = draft.text("dataset_train_split").as_deref().and_then(other_split) {
        draft.leave_out("dataset_train_split", reason);
    }
}
