//! Naming rows.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use lobass_core::ExampleKey;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::{Example, Message, RowFault};

/// Names the rows of a pool: by their `id`, else by a hash of their content, and never two of them the same.
///
/// A name that has been given already gets the row's number behind it, `name#row`. Content is the turns and whatever
/// templates are told of them, so the same conversation has the same name in every container and in every format that
/// tells as much of it.
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
    pub(crate) fn name(&mut self, row: u64, example: &Result<Example, RowFault>) -> NamedRow {
        let Ok(example) = example else {
            return NamedRow { key: self.free(format!("row-{row}"), row), duplicate_of: None };
        };
        let content = content_hash(example);
        let duplicate_of = match self.contents.entry(content) {
            Entry::Occupied(first) => Some(*first.get()),
            Entry::Vacant(free) => {
                free.insert(row);
                None
            }
        };
        let name = example.id.clone().unwrap_or_else(|| format!("{content:032x}"));
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
    /// A hash of everything that comes before the last response: who says what, and the tools they have. Rows with the
    /// same one have several responses to one prompt.
    pub fn prompt_hash(&self) -> u128 {
        let end = self.messages.iter().rposition(|message| message.scored).unwrap_or(self.messages.len());
        let mut hash = Xxh3::new();
        let mut part = |text: &str| {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        turn_parts(&self.messages[..end], &mut part);
        if let Some(tools) = &self.tools {
            part(&tools.to_string());
        }
        hash.digest128()
    }
}

/// A hash of who says what, on both sides of a pair, and of the tools they have.
fn content_hash(example: &Example) -> u128 {
    let mut hash = Xxh3::new();
    let mut part = |text: &str| {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    turn_parts(&example.messages, &mut part);
    if let Some(rejected) = &example.rejected {
        part("rejected"); // no role, so a pair is not the conversation of all its turns
        turn_parts(rejected, &mut part);
    }
    if let Some(tools) = &example.tools {
        part(&tools.to_string());
    }
    hash.digest128()
}

fn turn_parts(messages: &[Message], part: &mut impl FnMut(&str)) {
    for message in messages {
        part(message.role.as_str());
        part(&message.content);
        for (name, value) in &message.extra {
            part(name);
            part(&value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn example(id: Option<&str>, answer: &str) -> Example {
        let messages = vec![Message::new(Role::User, "q"), Message::new(Role::Assistant, answer)];
        Example { id: id.map(str::to_owned), messages, ..Example::default() }
    }

    #[test]
    fn names_are_unique_and_say_what_is_the_same() {
        let mut keys = KeyMaker::default();
        let first = keys.name(0, &Ok(example(None, "a")));
        let other = keys.name(1, &Ok(example(None, "b")));
        let again = keys.name(2, &Ok(example(None, "a")));
        assert_eq!(first.duplicate_of, None);
        assert_ne!(first.key, other.key);
        assert_eq!(again.key.as_str(), format!("{}#2", first.key));
        assert_eq!(again.duplicate_of, Some(0));

        assert_eq!(keys.name(3, &Ok(example(Some("x"), "c"))).key.as_str(), "x");
        let same_id = keys.name(4, &Ok(example(Some("x"), "d")));
        assert_eq!(same_id.key.as_str(), "x#4");
        assert_eq!(same_id.duplicate_of, None);
        assert_eq!(keys.name(5, &Err(RowFault::malformed("bad"))).key.as_str(), "row-5");
        assert_eq!(keys.name(6, &Ok(example(Some("x#7"), "e"))).key.as_str(), "x#7");
        assert_eq!(keys.name(7, &Ok(example(Some("x"), "f"))).key.as_str(), "x#7#7", "`x#7` is taken");
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
