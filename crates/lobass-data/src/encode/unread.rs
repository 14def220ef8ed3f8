//! Content of an example that its rendering does not show.

use serde_json::Value;

use super::Mask;
use super::rendered::{Rendered, Shown};
use super::shadow::Part;
use super::spans::ResponseSpan;
use super::thought::thought_of;
use crate::format::{JOINED, texts_that_count};
use crate::template::{Scene, THOUGHTS};
use crate::{Example, Message, Unread, UnreadKind};

/// Everything of an example that its rendering does not show, in order and without repetition. `given` is the example
/// before its parts became text.
pub(super) fn unread(
    rendered: &Rendered<'_>,
    given: &Example,
    mask: Mask,
    spans: &[ResponseSpan],
) -> Vec<Unread> {
    let mut unread = turn_fields(rendered.example, &rendered.text);
    if given.messages.iter().any(|message| hidden_in_parts(rendered, message)) {
        unread.push(Unread::new(UnreadKind::TurnField, "content"));
    }
    for (at, message) in rendered.example.messages.iter().enumerate() {
        unread.extend(thought(rendered, at, message));
        if thought_parts(message).any(|thought| !rendered.text.contains(thought.trim())) {
            unread.push(Unread::new(UnreadKind::Thought, "content"));
        }
        if hides_content(rendered, at, message) {
            unread.push(Unread::new(UnreadKind::TurnField, "content"));
        }
    }
    unread.extend(beside_turns(rendered));
    if mask == Mask::Response && spans.iter().any(|span| !span.has_end) {
        unread.push(Unread::new(UnreadKind::EndOfTurn, "assistant"));
    }
    unread.sort_unstable();
    unread.dedup();
    unread
}

/// Whether the rendering leaves out the content of a turn. The template may show the whole, or the parts it was joined
/// from.
fn hides_content(rendered: &Rendered<'_>, at: usize, message: &Message) -> bool {
    let content = message.content.trim();
    if content.is_empty()
        || rendered.text.contains(content)
        || rendered.shown(at, Part::Content) != Shown::Not
    {
        return false;
    }
    let said = |name: &&str| {
        message.extra.get(*name).and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty())
    };
    let mut parts = JOINED.into_iter().filter(said).peekable();
    parts.peek().is_none() || parts.any(|name| rendered.shown(at, Part::Field(name)) == Shown::Not)
}

/// A thought that the rendering does not show.
fn thought(rendered: &Rendered<'_>, at: usize, message: &Message) -> Option<Unread> {
    if let Some(name) = listed_thought(rendered, message) {
        return Some(Unread::new(UnreadKind::Thought, name));
    }
    let thought = thought_of(message)?;
    let hidden = !rendered.text.contains(thought) && rendered.shown(at, Part::Thought) == Shown::Not;
    let name = THOUGHTS.into_iter().find(|name| message.extra.contains_key(*name)).unwrap_or("content");
    hidden.then(|| Unread::new(UnreadKind::Thought, name))
}

/// Whether parts of a turn say something beside their text that is not shown, such as `citations`.
fn hidden_in_parts(rendered: &Rendered<'_>, message: &Message) -> bool {
    let fields = message.parts.iter().flatten().filter_map(Value::as_object).flatten();
    let beside = fields.filter(|(name, _)| !["type", "text", "thinking"].contains(&name.as_str()));
    let mut texts = beside.flat_map(|(name, value)| texts_that_count(name, value));
    texts.any(|text| !rendered.text.contains(text.trim()))
}

/// The field of a thought that is no text, if some of its texts are not shown: templates look for text there.
fn listed_thought<'a>(rendered: &Rendered<'_>, message: &'a Message) -> Option<&'a str> {
    THOUGHTS.into_iter().find_map(|name| {
        let (name, value) = message.extra.get_key_value(name)?;
        let mut texts = Vec::new();
        texts_of(value, &mut texts);
        let is_hidden = |text: &&str| !rendered.text.contains(text.trim());
        (!value.is_string() && texts.iter().any(is_hidden)).then_some(name.as_str())
    })
}

/// All texts in a value.
fn texts_of<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(values) => values.iter().for_each(|value| texts_of(value, texts)),
        Value::Object(fields) => fields.values().for_each(|value| texts_of(value, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Thoughts among the parts of a turn: text, or parts of text.
fn thought_parts(message: &Message) -> impl Iterator<Item = &str> {
    let thoughts = message.parts.iter().flatten().filter_map(|part| part.get("thinking"));
    thoughts.flat_map(|thought| match thought {
        Value::Array(parts) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        other => Vec::from_iter(other.as_str()),
    })
}

/// Tools, documents, and arguments: what a rendering without them does not differ in.
fn beside_turns(rendered: &Rendered<'_>) -> Vec<Unread> {
    let mut unread = Vec::new();
    let scene = &rendered.scene;
    let mut compare = |kind, name: &str, without: Scene| {
        let text = rendered.template.render_turns(&without, scene.turns.len(), false);
        if text.is_ok_and(|text| text == rendered.text) {
            unread.push(Unread::new(kind, name));
        }
    };
    if scene.tools.is_true() {
        compare(UnreadKind::Tools, "tools", scene.without_tools());
    }
    if scene.documents.is_true() {
        compare(UnreadKind::Documents, "documents", scene.without_documents());
    }
    let unused = scene.arguments.iter().filter(|(name, _)| !rendered.template.reads(name));
    unread.extend(unused.map(|(name, _)| Unread::new(UnreadKind::TemplateArgument, name)));
    unread
}

/// Fields of turns that the rendered text shows nothing of. Calls and thoughts are no such fields.
fn turn_fields(example: &Example, rendered: &str) -> Vec<Unread> {
    let fields = example.messages.iter().flat_map(Message::further_texts);
    fields
        .filter(|(_, texts)| texts.is_empty() || texts.iter().any(|text| !rendered.contains(text.trim())))
        .map(|(name, _)| Unread::new(UnreadKind::TurnField, name))
        .collect()
}
