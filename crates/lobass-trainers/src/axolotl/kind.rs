//! axolotl's `type` of a data set.

use serde_json::{Map, Value};

use super::template::Template;
use crate::draft::Draft;
use crate::fields::Fields;

/// How the rows of one data set are read, as lobass has it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Shape {
    pub(super) format: Option<&'static str>,
    /// Columns as `role=column`.
    columns: Vec<(&'static str, String)>,
}

impl Shape {
    /// The columns as lobass writes them.
    pub(super) fn columns(&self) -> Option<String> {
        let columns: Vec<String> = self.columns.iter().map(|(role, name)| format!("{role}={name}")).collect();
        (!columns.is_empty()).then(|| columns.join(","))
    }
}

/// What a type says of its rows.
#[derive(Default)]
pub(super) struct Kind {
    pub(super) shape: Shape,
    /// The template that the type brings, whatever the file says.
    pub(super) template: Option<Template>,
    /// Whether rows are conversations of which some turns may be trained on.
    pub(super) has_turns: bool,
}

pub(super) fn of_kind(draft: &mut Draft<'_>, entry: &mut Fields, pairs: bool) -> Kind {
    let name = match entry.value("type") {
        None => {
            entry.leave_out("type", "a data set has none; lobass finds out the format by its columns");
            return Kind::default();
        }
        Some(Value::Object(fields)) => return of_fields(draft, fields),
        Some(value) => value.as_str().map(str::to_owned),
    };
    let Some(name) = name else {
        entry.leave_out("type", "expected the name of a type, or a map of fields and texts");
        return Kind::default();
    };
    let (kind, variant) = name.split_once([':', '.']).unwrap_or((&name, ""));
    if pairs {
        return of_pairs(draft, entry, kind, variant);
    }
    match kind {
        "chat_template" => {
            let columns = columns(entry, &[("messages", "field_messages"), ("tools", "field_tools")]);
            Kind { shape: Shape { format: None, columns }, template: None, has_turns: true }
        }
        "sharegpt" => {
            let shape = Shape { format: Some("sharegpt"), ..Shape::default() };
            Kind { shape, template: None, has_turns: true }
        }
        "alpaca" | "alpaca_w_system" => {
            note_alpaca(draft, kind, variant);
            let shape = Shape { format: Some("alpaca"), ..Shape::default() };
            Kind { shape, template: Some(Template::Alpaca), has_turns: false }
        }
        "completion" => {
            entry.leave_out("type", "lobass scores responses to prompts, and plain text has none");
            Kind::default()
        }
        _ => {
            let reason = format!(
                "lobass has no format `{kind}`: it goes by the columns, or give `--data-format` or `--columns`"
            );
            entry.leave_out("type", reason);
            Kind::default()
        }
    }
}

fn note_alpaca(draft: &mut Draft<'_>, kind: &str, variant: &str) {
    if kind == "alpaca_w_system" {
        draft.differ(
            "datasets.type",
            "`alpaca_w_system` writes a system prompt below `### System:`; lobass's `alpaca` puts it in the place of \
             Stanford's first sentence",
        );
    } else if !variant.is_empty() {
        draft
            .differ("datasets.type", format!("`{kind}:{variant}` has another prompt than lobass's `alpaca`"));
    }
}

/// Types of rows with two responses. Some of them write their prompts themselves.
fn of_pairs(draft: &mut Draft<'_>, entry: &mut Fields, kind: &str, variant: &str) -> Kind {
    let names = [("messages", "field_messages"), ("chosen", "field_chosen"), ("rejected", "field_rejected")];
    let shape = Shape { format: None, columns: columns(entry, &names) };
    if kind == "chat_template" {
        return Kind { shape, template: None, has_turns: true };
    }
    if variant != "default" {
        draft.differ("datasets.type", "lobass finds out the columns of pairs by their names");
    }
    let template = match kind {
        "chatml" | "llama3" => {
            draft.differ(
                "datasets.type",
                format!("`{kind}` writes its prompts itself; lobass renders them with its template `{kind}`"),
            );
            Some(Template::Named(kind.to_owned()))
        }
        _ => {
            let reason =
                format!("`{kind}` writes its prompts itself; lobass renders them with a chat template");
            entry.leave_out("type", reason);
            None
        }
    };
    Kind { shape, template, has_turns: false }
}

/// The columns that an entry names.
fn columns(entry: &mut Fields, names: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    names.iter().filter_map(|(role, key)| Some((*role, entry.text(key)?))).collect()
}

/// A type as a map: columns by their names, and texts that rows are filled into.
fn of_fields(draft: &mut Draft<'_>, fields: Map<String, Value>) -> Kind {
    let mut fields = Fields::new("datasets.type", fields);
    let columns = columns(
        &mut fields,
        &[
            ("prompt", "field_instruction"),
            ("prompt", "field_prompt"),
            ("query", "field_input"),
            ("response", "field_output"),
            ("chosen", "field_chosen"),
            ("rejected", "field_rejected"),
            ("system", "field_system"),
        ],
    );
    for key in [
        "format",
        "no_input_format",
        "system_format",
        "system_prompt",
        "prompt_format",
        "chosen_format",
        "rejected_format",
    ] {
        if fields.value(key).is_some() {
            fields.leave_out(key, "lobass renders rows with a chat template: give `--chat-template`");
        }
    }
    draft.leave_out_also(fields.finish(&|_| false));
    Kind { shape: Shape { format: None, columns }, ..Kind::default() }
}
