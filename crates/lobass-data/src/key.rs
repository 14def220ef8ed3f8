//! Naming rows.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use lobass_core::ExampleKey;
use serde_json::{Map, Value};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::{Example, Message, Role};

/// Names the rows of a pool: by their `id`, or by a hash of their content. No two names are equal.
///
/// A name that exists already gets the row's number behind it, `name#row`. Content is the turns and all other variables
/// of templates. So the same conversation has the same name in every container and in every format that holds as much
/// of it.
#[derive(Debug, Default)]
pub(crate) struct KeyMaker {
    /// Hashes of the names given.
    given: HashSet<u128>,
    /// The first row of each content.
    contents: HashMap<u128, u64>,
}

/// A row's name, and the first row of the same content if there was one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedRow {
    pub(crate) key: ExampleKey,
    pub(crate) duplicate_of: Option<u64>,
}

impl KeyMaker {
    /// Names a row by its `id`, else by what it says, else, if it cannot be read, by its position.
    pub(crate) fn name(&mut self, row: u64, id: Option<String>, example: Option<&Example>) -> NamedRow {
        let content = example.map(content_hash);
        let duplicate_of = content.and_then(|content| match self.contents.entry(content) {
            Entry::Occupied(first) => Some(*first.get()),
            Entry::Vacant(free) => {
                free.insert(row);
                None
            }
        });
        let by_content = || content.map(|content| format!("{content:032x}"));
        let name = id.or_else(by_content).unwrap_or_else(|| format!("row-{row}"));
        NamedRow { key: self.free(name, row), duplicate_of }
    }

    /// A name that no row has yet.
    fn free(&mut self, mut name: String, row: u64) -> ExampleKey {
        while !self.given.insert(xxh3_128(name.as_bytes())) {
            name = format!("{name}#{row}");
        }
        ExampleKey::new(name)
    }
}

impl Example {
    /// A hash of everything that comes before the last response: who says what, and the other variables of the
    /// template. Rows with the same one have several responses to one prompt.
    pub fn prompt_hash(&self) -> u128 {
        let end = self.messages.iter().rposition(|message| message.scored).unwrap_or(self.messages.len());
        let mut hash = ContentHash::default();
        hash.turns(&self.messages[..end]);
        hash.beside(self);
        hash.0.digest128()
    }
}

/// A hash of who says what, on both sides of a pair, and of the other variables of templates.
///
/// It does not depend on the order of keys, nor on keys without a value: both are matters of the container.
fn content_hash(example: &Example) -> u128 {
    let mut hash = ContentHash::default();
    hash.turns(&example.messages);
    if let Some(rejected) = &example.rejected {
        hash.text("rejected"); // no role, so a pair is not the conversation of all its turns
        hash.turns(rejected);
    } else {
        // The same turns are another example if other ones of them are to be learned.
        for (at, message) in example.messages.iter().enumerate() {
            if message.role == Role::Assistant && !message.scored {
                hash.text("context");
                hash.text(&at.to_string());
            }
        }
    }
    hash.beside(example);
    hash.0.digest128()
}

#[derive(Default)]
struct ContentHash(Xxh3);

impl ContentHash {
    fn text(&mut self, text: &str) {
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
    }

    fn turns(&mut self, messages: &[Message]) {
        for message in messages {
            self.text(message.role.as_str());
            self.text(&message.content);
            self.fields(&message.extra);
            let parts = message.parts.iter().flatten();
            for part in parts.filter(|part| part["type"] != "text") {
                self.text(&canonical(part));
            }
        }
    }

    fn fields(&mut self, fields: &Map<String, Value>) {
        let mut fields: Vec<_> = fields.iter().filter(|(_, value)| !value.is_null()).collect();
        fields.sort_unstable_by_key(|(name, _)| *name);
        for (name, value) in fields {
            self.text(name);
            self.text(&canonical(value));
        }
    }

    fn beside(&mut self, example: &Example) {
        if let Some(tools) = &example.tools {
            self.text(&canonical(tools));
        }
        if let Some(documents) = &example.documents {
            self.text("documents");
            self.text(&canonical(documents));
        }
        self.fields(&example.template_arguments);
    }
}

/// JSON that is the same for values that differ only in the order of keys, in keys that are null, or in how a number
/// is written.
fn canonical(value: &Value) -> String {
    let joined = |values: Vec<String>| values.join(",");
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => value.to_string(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if !number.is_i64() && !number.is_u64() => float.to_string(),
            _ => number.to_string(),
        },
        Value::Array(values) => format!("[{}]", joined(values.iter().map(canonical).collect())),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().filter(|(_, value)| !value.is_null()).collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            let field = |(name, value): (&String, &Value)| {
                format!("{}:{}", Value::from(name.as_str()), canonical(value))
            };
            format!("{{{}}}", joined(fields.into_iter().map(field).collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn example(id: Option<&str>, answer: &str) -> Example {
        let messages = vec![Message::new(Role::User, "q"), Message::new(Role::Assistant, answer)];
        Example { id: id.map(str::to_owned), messages, ..Example::default() }
    }

    #[test]
    fn names_are_unique_and_say_what_is_the_same() {
        let mut keys = KeyMaker::default();
        let mut name =
            |row, id: Option<&str>, answer| keys.name(row, id.map(str::to_owned), Some(&example(id, answer)));
        let first = name(0, None, "a");
        let other = name(1, None, "b");
        let again = name(2, None, "a");
        assert_eq!(first.duplicate_of, None);
        assert_ne!(first.key, other.key);
        assert_eq!(again.key.as_str(), format!("{}#2", first.key));
        assert_eq!(again.duplicate_of, Some(0));

        assert_eq!(name(3, Some("x"), "c").key.as_str(), "x");
        let same_id = name(4, Some("x"), "d");
        assert_eq!(same_id.key.as_str(), "x#4");
        assert_eq!(same_id.duplicate_of, None);
        assert_eq!(name(6, Some("x#7"), "e").key.as_str(), "x#7");
        assert_eq!(name(7, Some("x"), "f").key.as_str(), "x#7#7", "`x#7` is taken");
        assert_eq!(keys.name(8, None, None).key.as_str(), "row-8");
        assert_eq!(
            keys.name(9, Some("y".to_owned()), None).key.as_str(),
            "y",
            "a row that cannot be read has its id"
        );
    }

    #[test]
    fn content_does_not_depend_on_how_a_container_writes_it() {
        let hash = |call: Value, tools: Value| {
            let mut told = example(None, "a");
            told.messages[1].extra.insert("tool_calls".to_owned(), call);
            content_hash(&Example { tools: Some(tools), ..told })
        };
        let call = json!([{"name": "f", "arguments": {"a": 1, "b": 2.0}}]);
        let told = hash(call.clone(), json!([{"name": "f", "strict": true}]));
        let aligned = json!([{"arguments": {"b": 2, "c": null, "a": 1.0}, "name": "f", "id": null}]);
        assert_eq!(hash(aligned, json!([{"strict": true, "name": "f", "description": null}])), told);
        assert_ne!(hash(json!([{"name": "f", "arguments": {"a": 2, "b": 1}}]), json!([{"name": "f"}])), told);
        assert_ne!(hash(call, json!([{"name": "f", "strict": "true"}])), told);
    }

    #[test]
    fn what_is_to_be_learned_and_what_the_template_is_told_are_content() {
        let told = || {
            let mut told = example(None, "a");
            told.messages.extend(example(None, "b").messages);
            told
        };
        let mut hashes = vec![content_hash(&told())];
        let mut context = told();
        context.messages[1].scored = false;
        hashes.push(content_hash(&context));
        hashes.push(content_hash(&Example { documents: Some(json!([{"text": "d"}])), ..told() }));
        let arguments = Map::from_iter([("enable_thinking".to_owned(), json!(false))]);
        hashes.push(content_hash(&Example { template_arguments: arguments, ..told() }));
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 4);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let hash = |user: &str, assistant: &str| {
            let messages = vec![Message::new(Role::User, user), Message::new(Role::Assistant, assistant)];
            content_hash(&Example { messages, ..Example::default() })
        };
        assert_ne!(hash("ab", "c"), hash("a", "bc"));
    }

    #[test]
    fn responses_to_one_prompt_share_its_hash() {
        let (one, other) = (example(None, "a"), example(Some("x"), "b"));
        assert_eq!(one.prompt_hash(), other.prompt_hash());
        let mut asked_again = example(None, "a");
        asked_again.messages.extend(example(None, "a").messages);
        assert_ne!(
            one.prompt_hash(),
            asked_again.prompt_hash(),
            "the first turns are part of the last one's prompt"
        );
        let mut closed = example(None, "a");
        closed.messages.push(Message::new(Role::User, "thanks"));
        assert_eq!(one.prompt_hash(), closed.prompt_hash());
    }

    #[test]
    fn pairs_differ_by_what_was_rejected() {
        let pair = |rejected: &str| {
            let rejected = Some(example(None, rejected).messages);
            content_hash(&Example { rejected, ..example(None, "a") })
        };
        assert_eq!(pair("b"), pair("b"));
        assert_ne!(pair("b"), pair("c"));
        assert_ne!(pair("b"), content_hash(&example(None, "a")));
        let mut both = example(None, "a");
        both.messages.extend(example(None, "b").messages);
        assert_ne!(pair("b"), content_hash(&both), "a conversation of all turns is no pair");
    }
}
