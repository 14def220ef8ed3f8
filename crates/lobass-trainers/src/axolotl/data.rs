//! axolotl's `datasets`: where rows are, and how they are read.
//!
//! Source: `src/axolotl/utils/schemas/datasets.py` for keys and defaults, `src/axolotl/utils/data` for where data is
//! looked for, and `src/axolotl/prompt_strategies` for types.

use serde_json::{Map, Value};

use super::kind::{Shape, of_kind};
use super::template::{self, Template};
use super::turns::{ends, note_properties, note_turns, roles_of};
use crate::draft::Draft;
use crate::fields::Fields;
use crate::place::{DataFiles, data_of, other_split};

/// A data set, as lobass has it.
pub(super) struct Entry {
    files: Vec<String>,
    shape: Shape,
    /// Further words for roles, as `WORD=ROLE`.
    roles: Vec<String>,
    pub(super) template: Template,
    /// The ends of turns that are trained on.
    pub(super) ends: String,
}

/// Keys of data sets that lobass does not follow.
#[rustfmt::skip]
const LEFT_OUT: [(&str, &str); 14] = [
    ("shards", "lobass reads whole data sets"),
    ("input_transform", "lobass reads rows as they are"),
    ("input_format", "lobass reads rows as they are"),
    ("conversation", "lobass takes a chat template: give `--chat-template`"),
    ("field", "lobass scores responses to prompts, and plain text has none"),
    ("field_human", "give the columns with `--columns`"),
    ("field_model", "give the columns with `--columns`"),
    ("logprobs_field", "lobass learns from texts, not from the probabilities of another model"),
    ("temperature", "lobass learns from texts, not from the probabilities of another model"),
    ("split_thinking", "lobass leaves the reasoning where the row has it"),
    ("drop_system_message", "lobass keeps system turns"),
    ("step_separator", "lobass scores responses, not steps of them"),
    ("max_completion_length", "lobass has one limit, for whole rows"),
    ("train_on_last_step_only", "lobass scores responses, not steps of them"),
];

/// Keys of data sets that change no row: how files are opened and how fast.
const WITHOUT_EFFECT: [&str; 4] = ["ds_type", "preprocess_shards", "shards_idx", "trust_remote_code"];

/// Takes over where the rows are and how they are read, and gives the data sets for their templates and masks.
pub(super) fn take(draft: &mut Draft<'_>, pairs: bool) -> Vec<Entry> {
    let entries: Vec<Entry> = maps(draft).into_iter().map(|entry| read(draft, entry, pairs)).collect();
    if entries.is_empty() {
        draft
            .leave_out("datasets", "expected a list of data sets with a `path`: give the data with `--data`");
        return entries;
    }
    let files: Vec<String> = entries.iter().flat_map(|entry| entry.files.clone()).collect();
    draft.take("datasets", "data.files", files);
    let first = &entries[0];
    if entries.iter().all(|other| other.shape == first.shape) {
        if let Some(columns) = first.shape.columns() {
            draft.take("datasets", "data.columns", columns);
        } else if let Some(format) = first.shape.format {
            draft.take("datasets", "data.format", format);
        }
    } else {
        draft.differ(
            "datasets",
            "they differ in type or fields; lobass finds out the format of each file by its columns",
        );
    }
    take_roles(draft, &entries);
    entries
}

/// The maps of the list; anything else in it is left out.
fn maps(draft: &mut Draft<'_>) -> Vec<Map<String, Value>> {
    let Some(Value::Array(items)) = draft.value("datasets") else { return Vec::new() };
    let count = items.len();
    let maps: Vec<Map<String, Value>> =
        items.into_iter().filter_map(|item| item.as_object().cloned()).collect();
    if !maps.is_empty() && maps.len() < count {
        draft.leave_out("datasets", "what is no map in the list is no data set");
    }
    maps
}

fn read(draft: &mut Draft<'_>, entry: Map<String, Value>, pairs: bool) -> Entry {
    let look_up = draft.look_up();
    let mut entry = Fields::new("datasets", entry);
    let files = data_of(&mut entry, look_up, DataFiles::Here);
    if let Some(reason) = entry.text("split").as_deref().and_then(other_split) {
        entry.leave_out("split", reason);
    }
    let kind = of_kind(draft, &mut entry, pairs);
    let has_turns = kind.has_turns;
    let template = match kind.template {
        None => template::of(&mut entry, look_up),
        Some(template) => {
            let reason = "rows of this type bring their own prompt";
            entry.leave_out_all(&[("chat_template", reason), ("chat_template_jinja", reason)]);
            template
        }
    };
    let roles = roles_of(&mut entry);
    note_properties(&mut entry);
    note_turns(&mut entry);
    let ends = ends(&mut entry);
    entry.leave_out_all(&LEFT_OUT);
    draft.leave_out_also(entry.finish(&|key| WITHOUT_EFFECT.contains(&key)));
    // Other types end a response with the token that ends texts, and train on it.
    let ends = if has_turns { ends } else { "turn".to_owned() };
    Entry { files, shape: kind.shape, roles, template, ends }
}

/// Words for roles, which lobass has once for all files.
fn take_roles(draft: &mut Draft<'_>, entries: &[Entry]) {
    let mut words: Vec<String> = Vec::new();
    for word in entries.iter().flat_map(|entry| &entry.roles) {
        if !words.contains(word) {
            words.push(word.clone());
        }
    }
    let of = |word: &str| word.rsplit_once('=').map(|(name, _)| name.to_owned());
    let contradict =
        words.iter().enumerate().any(|(at, word)| words[..at].iter().any(|other| of(other) == of(word)));
    if contradict {
        draft.leave_out("datasets.roles", "a word stands for two roles: give `--role WORD=ROLE`");
    } else if !words.is_empty() {
        draft.take("datasets", "data.roles", words);
    }
}
