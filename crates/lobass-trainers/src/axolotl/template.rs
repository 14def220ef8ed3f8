//! axolotl's chat templates: one for the file, and one for each data set that brings another.

use crate::draft::Draft;
use crate::fields::Fields;
use crate::place::{LookUp, Place};

/// Templates that are the same in axolotl and in lobass.
const SAME: [&str; 2] = ["chatml", "llama3"];

/// How rows are rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Template {
    /// With the base model's own template, or the one of the file if this is of a data set.
    Default,
    /// The same, but with this template of axolotl where the tokenizer has none.
    DefaultOr(String),
    /// With one that lobass has by name.
    Named(String),
    /// With a file.
    File(String),
    /// With Stanford's prompt, which axolotl's Alpaca types bring.
    Alpaca,
    /// With one that lobass does not have.
    Unknown {
        /// The template in words.
        name: String,
        /// The key that names it, with the path to it.
        key: String,
        /// What to do.
        advice: &'static str,
    },
}

impl Template {
    fn setting(&self) -> Option<&str> {
        match self {
            Self::Default | Self::DefaultOr(_) | Self::Unknown { .. } => None,
            Self::Named(name) | Self::File(name) => Some(name),
            Self::Alpaca => Some("alpaca"),
        }
    }

    fn in_words(&self) -> &str {
        match self {
            Self::Default | Self::DefaultOr(_) => "the base model's own",
            Self::Named(name) | Self::File(name) | Self::Unknown { name, .. } => name,
            Self::Alpaca => "alpaca",
        }
    }
}

/// The template of a file or a data set.
pub(super) fn of(fields: &mut Fields, look_up: LookUp<'_>) -> Template {
    let name = fields.text("chat_template");
    let jinja = fields.text("chat_template_jinja");
    match (name.as_deref(), jinja) {
        (None | Some("jinja"), Some(jinja)) => of_jinja(fields, jinja, look_up),
        (Some("jinja"), None) => Template::Unknown {
            name: "jinja".to_owned(),
            key: fields.name("chat_template"),
            advice: "it needs a `chat_template_jinja`: give `--chat-template FILE`",
        },
        (name, jinja) => {
            if jinja.is_some() {
                fields.leave_out(
                    "chat_template_jinja",
                    "axolotl reads it only with `chat_template: jinja`, or without a `chat_template`",
                );
            }
            name.map_or(Template::Default, |name| of_name(fields, name))
        }
    }
}

/// `chat_template_jinja` is the name of a file if there is such a file, and else a template.
fn of_jinja(fields: &Fields, jinja: String, look_up: LookUp<'_>) -> Template {
    if look_up(&jinja) != Some(Place::File) && jinja.contains(['{', '\n']) {
        return Template::Unknown {
            name: "the template in the config".to_owned(),
            key: fields.name("chat_template_jinja"),
            advice: "write the template to a file and give it with `--chat-template FILE`",
        };
    }
    // A name without a slash or a point would be the name of a template.
    Template::File(if jinja.contains(['/', '.']) { jinja } else { format!("./{jinja}") })
}

fn of_name(fields: &Fields, name: &str) -> Template {
    if name == "tokenizer_default" {
        Template::Default
    } else if let Some(fallback) = name.strip_prefix("tokenizer_default_fallback_") {
        Template::DefaultOr(fallback.to_owned())
    } else if SAME.contains(&name) {
        Template::Named(name.to_owned())
    } else {
        Template::Unknown {
            name: name.to_owned(),
            key: fields.name("chat_template"),
            advice: "it is a template of axolotl; lobass takes the base model's own: give `--chat-template FILE` for \
                     another",
        }
    }
}

/// Takes the template of the data sets, or of the file where a data set names none.
///
/// axolotl gives the tokenizer the template of the file, and that is then the default of a data set.
pub(super) fn take(draft: &mut Draft<'_>, wanted: Vec<Template>) {
    let look_up = draft.look_up();
    let of_file = of(draft.fields(), look_up);
    let wanted = if wanted.is_empty() { vec![Template::Default] } else { wanted };
    let mut distinct: Vec<Template> = Vec::new();
    let mut reads_file = false;
    for template in wanted {
        let template = match template {
            Template::Default | Template::DefaultOr(_) if of_file != Template::Default => {
                reads_file = true;
                of_file.clone()
            }
            template => template,
        };
        let template = say(draft, template);
        if !distinct.contains(&template) {
            distinct.push(template);
        }
    }
    let first = distinct[0].clone();
    if let Some(setting) = first.setting() {
        let keys: &[&str] =
            if first == of_file { &["chat_template", "chat_template_jinja"] } else { &["datasets"] };
        draft.take_from(keys, "sequences.chat_template", setting);
    }
    if distinct.len() > 1 {
        let all: Vec<&str> = distinct.iter().map(Template::in_words).collect();
        let effect = format!(
            "axolotl renders the data sets with different templates ({}), and lobass renders all rows with one ({}): \
             run them one by one, or give `--chat-template`",
            all.join(", "),
            first.in_words()
        );
        draft.differ("datasets.chat_template", effect);
    }
    if !reads_file && of_file != Template::Default {
        let key = if draft.has("chat_template") { "chat_template" } else { "chat_template_jinja" };
        draft.leave_out(
            key,
            "axolotl renders no data set with it: their types or their own templates come first",
        );
    }
}

/// Says what is missing for a template. What is left is the one that lobass takes.
fn say(draft: &mut Draft<'_>, template: Template) -> Template {
    match &template {
        Template::DefaultOr(fallback) => {
            draft.differ(
                "chat_template",
                format!(
                    "where the tokenizer has no template, axolotl takes `{fallback}`; lobass asks for one"
                ),
            );
            return Template::Default;
        }
        Template::Unknown { name, key, advice } => draft.leave_out(key, format!("`{name}`: {advice}")),
        _ => {}
    }
    template
}
