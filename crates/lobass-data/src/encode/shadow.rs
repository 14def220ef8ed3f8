//! The parts of a turn that a rendering shows, found by rendering the conversation with something else in their place.
//!
//! Two renderings that differ in one text of one turn are equal before the first place where the template shows that
//! text, and after the last. This also holds for templates that write the last turn differently, that move system
//! prompts, or that end a turn with the next one. Prefixes of the conversation do not help with those.

use std::ops::Range;

use minijinja::Value as Engine;
use serde_json::{Map, Value, json};

use crate::Message;
use crate::template::{THOUGHTS, from_json, turn_of};

/// A character that stands for nothing, so that no text of a row has it.
const NOTHING: &str = "\u{fdd2}";

/// The part of a turn that is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The content.
    Content,
    /// The arguments of tool calls.
    Calls,
    /// Which tools are called.
    Names,
    /// The thought, in a field beside the content or inside it.
    Thought,
    /// A field of text beside the content.
    Field(&'static str),
}

/// A turn with a part of it replaced.
pub(super) fn shadow(message: &Message, part: Part) -> Engine {
    let mut message = message.clone();
    match part {
        Part::Field(name) => {
            message.extra.insert(name.to_owned(), Value::from(NOTHING));
        }
        Part::Content => NOTHING.clone_into(&mut message.content),
        Part::Calls | Part::Names => {
            let calls = message.extra.get_mut("tool_calls").and_then(Value::as_array_mut);
            calls.into_iter().flatten().for_each(|call| other_call(call, part));
        }
        Part::Thought => {
            for (name, value) in &mut message.extra {
                if THOUGHTS.contains(&name.as_str()) && !value.is_null() {
                    *value = Value::from(NOTHING);
                }
            }
            if let Some((thought, answer)) = message.content.rsplit_once("</think>") {
                let open = if thought.trim_start().starts_with("<think>") { "<think>" } else { "" };
                message.content = format!("{open}{NOTHING}</think>{answer}");
            }
        }
    }
    let content = match (&message.parts, part) {
        (Some(_), Part::Content) => from_json(&json!([{"type": "text", "text": NOTHING}]), &mut 0),
        (Some(parts), _) => parts.iter().map(|part| from_json(part, &mut 0)).collect(),
        (None, _) => Engine::from(message.content.as_str()),
    };
    turn_of(&message, content, |value| from_json(value, &mut 0))
}

/// Other arguments of the same type, or another name.
fn other_call(call: &mut Value, part: Part) {
    let function =
        if call.get("function").is_some_and(Value::is_object) { &mut call["function"] } else { call };
    let Some(fields) = function.as_object_mut() else { return };
    if part == Part::Names {
        fields.insert("name".to_owned(), Value::from(NOTHING));
        return;
    }
    match fields.get_mut("arguments") {
        Some(Value::Object(arguments)) => {
            *arguments = Map::from_iter([(NOTHING.to_owned(), Value::from(NOTHING))]);
        }
        Some(Value::String(text)) if text.trim_start().starts_with('{') => {
            *text = format!("{{\"{NOTHING}\": \"{NOTHING}\"}}");
        }
        Some(arguments) => *arguments = Value::from(NOTHING),
        None => {}
    }
}

/// The bytes of `text` that differ from another rendering: from the first to the last. `None` if nothing differs.
pub(super) fn difference(text: &str, other: &str) -> Option<Range<usize>> {
    if text == other {
        return None;
    }
    let same = |(one, other): &(u8, u8)| one == other;
    let mut start = text.bytes().zip(other.bytes()).take_while(same).count();
    while !text.is_char_boundary(start) || !other.is_char_boundary(start) {
        start -= 1;
    }
    let rest = (&text[start..], &other[start..]);
    let mut after = rest.0.bytes().rev().zip(rest.1.bytes().rev()).take_while(same).count();
    while !rest.0.is_char_boundary(rest.0.len() - after) || !rest.1.is_char_boundary(rest.1.len() - after) {
        after -= 1;
    }
    Some(start..text.len() - after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_begins_and_ends_between_characters() {
        assert_eq!(difference("abc", "abc"), None);
        assert_eq!(difference("[é!]", "[\u{fdd2}]"), Some(1..4));
        assert_eq!(difference("[é]", "[è]"), Some(1..3));
        assert_eq!(difference("aa", "aXa"), Some(1..1));
        assert_eq!(difference("aXa", "aa"), Some(1..2));
    }
}
