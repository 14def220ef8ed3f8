//! axolotl's `chat_template`.

use crate::draft::Draft;

/// Templates that are the same in axolotl and in lobass.
const SAME: [&str; 2] = ["chatml", "llama3"];

pub(super) fn take(draft: &mut Draft) {
    let name = draft.text("chat_template");
    let jinja = draft.text("chat_template_jinja");
    match name.as_deref() {
        None | Some("tokenizer_default") => {}
        Some("jinja") => match jinja {
            Some(path) if !path.contains(['{', '\n']) => {
                draft.take_from(
                    &["chat_template", "chat_template_jinja"],
                    "sequences.chat_template",
                    as_path(&path),
                );
            }
            _ => draft.leave_out(
                "chat_template_jinja",
                "write the template to a file and give it with `--chat-template FILE`",
            ),
        },
        Some(name) if SAME.contains(&name) => draft.take("chat_template", "sequences.chat_template", name),
        Some(name) => match name.strip_prefix("tokenizer_default_fallback_") {
            Some(fallback) => draft.differ(
                "chat_template",
                format!("where the tokenizer has no template, axolotl takes `{fallback}`; lobass asks for one"),
            ),
            None => draft.leave_out(
                "chat_template",
                format!(
                    "`{name}` is a template of axolotl; lobass takes the base model's own: give `--chat-template FILE` \
                     for another"
                ),
            ),
        },
    }
}

/// A name without a slash or a point would be the name of a template.
fn as_path(path: &str) -> String {
    if path.contains(['/', '.']) { path.to_owned() } else { format!("./{path}") }
}
