//! Naming rows.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use lobass_core::ExampleKey;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::{Example, RowFault};

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

/// A hash of who says what, and of the tools they have.
fn content_hash(example: &Example) -> u128 {
    let mut hash = Xxh3::new();
    let mut part = |text: &str| {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    for message in &example.messages {
        part(message.role.as_str());
        part(&message.content);
        for (name, value) in &message.extra {
            part(name);
            part(&value.to_string());
        }
    }
    if let Some(tools) = &example.tools {
        part(&tools.to_string());
    }
    hash.digest128()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, Role};

    fn example(id: Option<&str>, answer: &str) -> Example {
        let messages = vec![Message::new(Role::User, "q"), Message::new(Role::Assistant, answer)];
        Example { id: id.map(str::to_owned), messages, tools: None }
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
            content_hash(&Example { id: None, messages, tools: None })
        };
        assert_ne!(hash("ab", "c"), hash("a", "bc"));
    }
}
