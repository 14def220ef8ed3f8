//! Which columns of a row say something that no model sees.
//!
//! Text and nested values count, metadata does not. A name says which it is by its last word that is known:
//! `system_prompt` is a prompt, `prompt_id` an id. Text under the name of a prompt always counts; under the name of
//! metadata, and without a known word, the value decides. What an example says already counts nowhere.

use serde_json::{Map, Value};

use super::Layout;
use super::count;
use super::names::{all_texts, collect, is_response, last_word, words};
use super::pair::JOINED;
use super::weight::is_weight;
use crate::{Example, Message, Unread, UnreadCounts, UnreadKind};

impl Layout {
    /// Content of the columns of a row that its example lacks.
    pub fn unread(&self, row: &Map<String, Value>, example: &Example) -> Vec<Unread> {
        let read = self.columns();
        let says = |name: &str, value: &Value| {
            count::asks_for_more(name, value, row) || says_more(name, value, example)
        };
        let is_read = |name: &str| match name {
            "documents" => example.documents.is_some(),
            "functions" => example.tools.is_some() && row.get("tools").is_none_or(Value::is_null),
            _ => read.contains(&name),
        };
        let columns = row.iter().filter(|(name, value)| !is_read(name) && says(name, value));
        columns.map(|(name, _)| Unread::new(UnreadKind::Column, name)).collect()
    }

    /// Content of the columns of rows that their examples lack, for rows that can be read.
    pub(crate) fn unread_in(&self, rows: &[Map<String, Value>]) -> UnreadCounts {
        let mut counts = UnreadCounts::default();
        for row in rows {
            if let Ok(example) = self.example(row) {
                counts.add(&self.unread(row, &example));
            }
        }
        counts
    }

    /// The flag that would have something read, or shown by a template; `None` if there is none.
    pub fn flag_for(&self, unread: &Unread) -> Option<String> {
        let name = &unread.name;
        match unread.kind {
            UnreadKind::Column => {}
            UnreadKind::EndOfTurn => return None,
            UnreadKind::TurnField if is_weight(name) => return None,
            _ => return Some("--chat-template FILE".to_owned()),
        }
        let last = last_word(name);
        let is_system = words(name).any(|word| word == "system");
        if last.is_some_and(|word| word == "chosen" || word == "rejected") && !self.is_preference() {
            return Some("--data-format preference".to_owned());
        }
        let slot = match self {
            _ if self.columns().contains(&name.as_str()) || name.trim().is_empty() => None,
            _ if count::is_count(name) => None,
            _ if is_system => Some("system"),
            Self::Pair(pair) if pair.history.is_none() && last == Some("history") => Some("history"),
            Self::Pair(pair) if pair.query.is_none() && !is_said(name) => Some("query"),
            _ => None,
        };
        slot.map(|slot| format!("--columns {slot}={name}"))
    }
}

impl Message {
    /// The fields of a turn that say something a template may show, with their texts: all but its calls, its thoughts,
    /// and metadata.
    pub(crate) fn further_texts(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        let is_known = |name: &str| {
            name == "tool_calls" || JOINED.contains(&name) || super::turn::THOUGHTS.contains(&name)
        };
        let extra = self.extra.iter().filter(move |(name, _)| !is_known(name));
        extra.filter_map(|(name, value)| {
            // Such as a turn of another role that asks to be trained on.
            if super::weight::is_open_question(name, value) {
                return Some((name.as_str(), Vec::new()));
            }
            let mut texts = Vec::new();
            match name.as_str() {
                // What can be called, down to its names.
                "tools" | "functions" => texts = all_texts(value),
                _ => collect(name, value, &mut texts),
            }
            (!texts.is_empty()).then_some((name.as_str(), texts))
        })
    }
}

/// Whether a name is that of something that the model is to say.
fn is_said(name: &str) -> bool {
    last_word(name).is_some_and(is_response) || words(name).any(|word| word != "text" && is_response(&word))
}

fn says_more(name: &str, value: &Value, example: &Example) -> bool {
    let mut texts = Vec::new();
    collect(name, value, &mut texts);
    texts.into_iter().any(|text| !repeats(text, example))
}

/// Whether an example says a text already: in a turn, or as a rendering of its prompt and its response.
fn repeats(text: &str, example: &Example) -> bool {
    let text = text.trim();
    let turns = || example.messages.iter().chain(example.rejected.iter().flatten().last());
    if turns().any(|turn| turn.content.trim() == text || fields_of(turn).any(|field| field.trim() == text)) {
        return true;
    }
    let contains = |turn: &Message| {
        let content = turn.content.trim();
        !content.is_empty() && text.contains(content)
    };
    let mut responses = turns().filter(|turn| turn.scored && turn.says_anything()).peekable();
    let mut prompts = turns().filter(|turn| !turn.scored && !turn.role.is_instruction());
    responses.peek().is_some() && responses.all(contains) && prompts.any(contains)
}

fn fields_of(turn: &Message) -> impl Iterator<Item = &str> {
    JOINED.iter().filter_map(|name| turn.extra.get(*name)?.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::format::detect;

    fn unread(row: &Value) -> Vec<String> {
        let row = row.as_object().unwrap();
        let layout = detect(row).unwrap().1;
        let example = layout.example(row).unwrap();
        layout.unread(row, &example).into_iter().map(|unread| unread.name).collect()
    }

    fn beside(columns: &Value) -> Vec<String> {
        let mut row = json!({"question": "How many are red?", "answer": "There are two red ones."});
        row.as_object_mut().unwrap().extend(columns.as_object().unwrap().clone());
        unread(&row)
    }

    #[test]
    fn text_and_nested_text_count() {
        for (name, value) in [
            ("context", json!("CREATE TABLE dog (n INTEGER)")),
            ("context", json!("Paris")),
            ("system_prompt", json!("Be kind.")),
            ("systemPrompt", json!("Be kind.")),
            ("rationale", json!("because")),
            ("source_document", json!("short")),
            ("remark", json!("this one is about the color")),
            ("bemerkung", json!("eins\nzwei")),
            ("备注", json!("这一行说的是红色的东西")),
            ("passages", json!(["one", "two"])),
            ("meta", json!({"url": "https://a.org", "hint": "look"})),
            ("choices", json!({"text": ["a", "b"], "label": ["A", "B"]})),
            ("options", json!({"A": "red", "B": "blue"})),
            ("source", json!("a b c d e f g h i j k l m n o p")),
            ("loss_weight", json!(0.5)),
            ("weight", json!("0.5")),
            ("label", json!(false)),
            ("label", json!("False")),
            ("loss_mask", json!([0, 0, 1])),
            ("weights", json!([0.5, 1.0])),
            ("assistant_masks", json!([true, false])),
        ] {
            assert_eq!(beside(&json!({name: value})), [name], "{value}");
        }
    }

    #[test]
    fn metadata_does_not() {
        for (name, value) in [
            ("id", json!("a b c d")),
            ("prompt_id", json!("d41d8cd98f00b204e9800998ecf8427e")),
            ("x", json!("d41d8cd98f00b204e9800998ecf8427e")),
            ("seen", json!("2024-01-02 03:04:05")),
            ("day", json!("Jan 2 2024, 10:00:00.000")),
            ("page", json!("https://example.org/a/b")),
            ("category", json!("open question answering")),
            ("task_type", json!("closed qa")),
            ("source", json!("Stack Exchange dump of 2023")),
            ("tags", json!(["easy question to answer", "maths"])),
            ("score", json!(0.5)),
            ("is_safe", json!(true)),
            ("label", json!(true)),
            ("embedding", json!([0.5, 0.25])),
            ("meta", json!({"lang": "en", "quality": {"score": 1.5}})),
            ("context", json!("  ")),
            ("context", json!(null)),
            ("contexts", json!([])),
            ("weight", json!(1)),
            ("weight", json!("1.0")),
            ("label", json!("true")),
            ("label", json!(0)),
            ("attention_mask", json!([1, 0])),
            ("loss_mask", json!([1, 1])),
        ] {
            assert_eq!(beside(&json!({name: value})), [""; 0], "{name} {value}");
        }
    }

    #[test]
    fn labels_of_undesirable_responses() {
        for label in [json!(false), json!(0), json!("0")] {
            assert_eq!(unread(&json!({"prompt": "p", "completion": "c", "label": label})), ["label"]);
        }
    }

    #[test]
    fn what_the_turns_say_does_not_count_twice() {
        let turns =
            json!([{"role": "user", "content": "How many?"}, {"role": "assistant", "content": "Two."}]);
        let text = "User: How many?\nBot: Two.";
        let row = json!({"messages": turns, "prompt": "How many?", "text": text, "chosen": turns});
        assert_eq!(unread(&row), [""; 0]);
        let other = json!([turns[0], {"role": "assistant", "content": "Three."}]);
        let row = json!({"messages": turns, "rejected": other, "text": "How many?\nThree."});
        assert_eq!(unread(&row), ["rejected", "text"]);
    }

    #[test]
    fn flags_name_the_column() {
        let flag = |row: Value, name: &str| {
            let layout = detect(row.as_object().unwrap()).unwrap().1;
            layout.flag_for(&Unread::new(UnreadKind::Column, name))
        };
        let sql = json!({"question": "q", "answer": "a"});
        assert_eq!(flag(sql.clone(), "context").as_deref(), Some("--columns query=context"));
        assert_eq!(flag(sql.clone(), "system_prompt").as_deref(), Some("--columns system=system_prompt"));
        assert_eq!(flag(sql.clone(), "history").as_deref(), Some("--columns history=history"));
        assert_eq!(flag(sql.clone(), "rejected").as_deref(), Some("--data-format preference"));
        assert_eq!(flag(sql.clone(), "rationale"), None);
        for name in ["label", "weight", "loss_mask", "", "reasoning_content"] {
            assert_eq!(flag(sql.clone(), name), None, "{name}");
        }
        let chat = json!({"messages": [{"role": "user", "content": "q"}]});
        assert_eq!(flag(chat.clone(), "system_prompt").as_deref(), Some("--columns system=system_prompt"));
        assert_eq!(flag(chat, "context"), None);
    }
}
