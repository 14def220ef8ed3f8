//! Content that is given as a list of parts.
//!
//! Templates get the parts as the row has them, as in transformers. Three other forms are recognized, and templates get
//! their text: bare strings, `OpenAI`'s `input_text`, `output_text`, and `refusal`, and LLaMA-Factory's parts with a
//! `value`. Thoughts and calls among the parts become those of the turn, since templates look for them there.

use serde_json::{Map, Value, json};

use super::{calls, media};
use crate::RowFault;
use crate::json::kind_of;

/// The content of a list of parts.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Content {
    /// The text of all parts.
    pub(super) text: String,
    /// The parts for templates; `None` if templates get one text.
    pub(super) parts: Option<Vec<Value>>,
    /// A thought that templates would not find among the parts.
    pub(super) thought: Option<String>,
    /// Calls that templates would not find among the parts.
    pub(super) calls: Vec<Value>,
}

/// The keys that the text of a part stands under.
const TEXT: [&str; 5] = ["text", "value", "content", "refusal", "input_text"];
const THOUGHT: [&str; 5] = ["thinking", "reasoning", "text", "value", "content"];

/// Reads the parts of the field `name`.
///
/// # Errors
/// [`Media`](lobass_core::RowStatus::Media) for parts that are no text; malformed for others, with
/// the type or the keys of the part.
pub(super) fn read(parts: &[Value], name: &str) -> Result<Content, RowFault> {
    let mut content = Content::default();
    let mut shown = Vec::new();
    for part in parts {
        match part {
            Value::String(text) => content.text.push_str(text),
            Value::Object(fields) => content.part(&present(fields), name, &mut shown)?,
            other => {
                let reason = format!("field `{name}`: expected parts of text, found {}", kind_of(other));
                return Err(RowFault::malformed(reason));
            }
        }
    }
    // Parts that are not spelled as templates know them are given as one text.
    content.parts = (shown.len() == parts.len() && !shown.is_empty()).then_some(shown);
    Ok(content)
}

impl Content {
    fn part(
        &mut self,
        part: &Map<String, Value>,
        name: &str,
        shown: &mut Vec<Value>,
    ) -> Result<(), RowFault> {
        if let Some(fault) = media::part(name, part) {
            return Err(fault);
        }
        let fault = |reason: String| RowFault::malformed(format!("field `{name}`: {reason}"));
        let kind = part.get("type").and_then(Value::as_str).unwrap_or("text");
        match kind {
            "text" | "input_text" | "output_text" | "refusal" => {
                let text = text_of(part, &TEXT).map_err(fault)?;
                let is_usual = kind == "text" && part.contains_key("type") && part.contains_key("text");
                self.text.push_str(&text);
                shown.extend(is_usual.then(|| json!(part)));
            }
            "thinking" if part.contains_key("thinking") => shown.push(json!(part)),
            "thinking" | "reasoning" | "thought" => {
                let thought = text_of(part, &THOUGHT).map_err(fault)?;
                self.thought.get_or_insert_default().push_str(&thought);
            }
            "tool_call" | "tool_use" | "function_call" => {
                let call = part.get("value").or_else(|| part.get(kind));
                let call = calls::function(call.unwrap_or(&json!(part)));
                self.calls.push(call.ok_or_else(|| {
                    fault(format!(
                        "expected a call with a `name` in a part of type `{kind}`, found {}",
                        keys(part)
                    ))
                })?);
            }
            other => return Err(fault(format!("expected parts of text, found a part of type `{other}`"))),
        }
        Ok(())
    }
}

/// The text under the first of the keys that a part has; text that is null is empty.
fn text_of(part: &Map<String, Value>, names: &[&str]) -> Result<String, String> {
    match names.iter().find_map(|name| Some((name, part.get(*name)?))) {
        Some((_, Value::String(text))) => Ok(text.clone()),
        Some((name, other)) => Err(format!("expected text in `{name}` of a part, found {}", kind_of(other))),
        None if part.len() <= usize::from(part.contains_key("type")) => Ok(String::new()),
        None => Err(format!("expected a part with `text`, found one with {}", keys(part))),
    }
}

fn keys(part: &Map<String, Value>) -> String {
    part.keys().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

/// The fields that are not null, since Arrow gives every part the fields of all others.
fn present(fields: &Map<String, Value>) -> Map<String, Value> {
    fields
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use lobass_core::RowStatus;

    use super::*;

    fn read_of(parts: &Value) -> Result<Content, String> {
        read(parts.as_array().unwrap(), "content")
            .map_err(|fault| format!("{}: {}", fault.status, fault.reason))
    }

    #[test]
    fn parts_of_text_stay_as_they_are() {
        let parts =
            json!([{"type": "text", "text": "Hi"}, {"type": "text", "text": " there.", "cache": {"a": 1}}]);
        let content = read_of(&parts).unwrap();
        assert_eq!(content.text, "Hi there.");
        assert_eq!(content.parts, parts.as_array().cloned());
        let thinking = json!([{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hi"}]);
        let content = read_of(&thinking).unwrap();
        assert_eq!((content.text.as_str(), content.parts), ("Hi", thinking.as_array().cloned()));
    }

    #[test]
    fn other_spellings_of_text_are_text() {
        for part in [
            json!("Hi"),
            json!({"text": "Hi"}),
            json!({"type": "input_text", "text": "Hi"}),
            json!({"type": "output_text", "text": "Hi"}),
            json!({"type": "text", "value": "Hi"}),
            json!({"type": "text", "content": "Hi"}),
            json!({"type": "text", "text": "Hi", "image_url": null}),
            json!({"type": "refusal", "refusal": "Hi"}),
        ] {
            let content = read_of(&json!([part])).unwrap();
            assert_eq!(content.text, "Hi", "{part}");
            let is_usual = part["type"] == "text" && part["text"] == "Hi";
            assert_eq!(content.parts.is_some(), is_usual, "{part}");
        }
        assert_eq!(read_of(&json!([{"type": "text", "text": null}])).unwrap().text, "");
        assert_eq!(read_of(&json!([])), Ok(Content::default()));
    }

    #[test]
    fn thoughts_and_calls_become_those_of_the_turn() {
        let parts = json!([
            {"type": "reasoning", "value": "A ball."},
            {"type": "text", "value": "Let me see."},
            {"type": "tool_call", "value": "{\"name\": \"size\", \"arguments\": {\"feet\": 2}}"},
            {"type": "tool_use", "id": "c2", "name": "size", "input": {"feet": 3}},
        ]);
        let content = read_of(&parts).unwrap();
        assert_eq!((content.text.as_str(), content.thought.as_deref()), ("Let me see.", Some("A ball.")));
        assert_eq!(content.parts, None);
        let call =
            |feet: u8| json!({"type": "function", "function": {"name": "size", "arguments": {"feet": feet}}});
        let mut second = call(3);
        second["id"] = json!("c2");
        assert_eq!(content.calls, [call(2), second]);
    }

    #[test]
    fn what_is_no_text_is_named() {
        let fault = |part: Value| read_of(&json!([part])).unwrap_err();
        for kind in ["image", "image_url", "input_audio", "video", "file"] {
            let reason = fault(json!({"type": kind, kind: {"url": "x"}}));
            assert!(reason.starts_with(RowStatus::Media.as_str()) && reason.contains(kind), "{reason}");
        }
        assert!(fault(json!({"image": "x.png"})).starts_with("media"));
        assert_eq!(
            fault(json!({"type": "poem", "lines": []})),
            "malformed: field `content`: expected parts of text, found a part of type `poem`"
        );
        assert!(fault(json!({"type": "text", "body": "x"})).ends_with("found one with `type`, `body`"));
        assert!(
            fault(json!({"type": "text", "text": 7}))
                .ends_with("expected text in `text` of a part, found a number")
        );
        assert!(fault(json!({"type": "tool_use", "input": {}})).contains("`tool_use`"));
        assert!(fault(json!(7)).ends_with("expected parts of text, found a number"));
    }
}
