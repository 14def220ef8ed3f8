//! Content of a row that no model sees.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that a row says and that is in none of the tokens a model sees.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Unread {
    /// Where in the row it stands.
    pub kind: UnreadKind,
    /// The column, field, or argument that holds it.
    pub name: String,
}

/// Where in a row something stands that no model sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnreadKind {
    /// A column that the format does not have.
    Column,
    /// A field of a turn that the chat template does not show.
    TurnField,
    /// Tools that the chat template does not show.
    Tools,
    /// Reasoning that the chat template does not show.
    Thought,
    /// Documents that the chat template does not show.
    Documents,
    /// An argument that the chat template does not use.
    TemplateArgument,
    /// The end of a turn, which no scored token stands for: the chat template writes none.
    EndOfTurn,
}

impl Unread {
    /// Names something that no model sees.
    pub fn new(kind: UnreadKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.kind {
            UnreadKind::Column => write!(f, "column `{name}`"),
            UnreadKind::TurnField => write!(f, "field `{name}` of turns"),
            UnreadKind::Tools => write!(f, "tools (`{name}`)"),
            UnreadKind::Thought => write!(f, "thoughts (`{name}`)"),
            UnreadKind::Documents => write!(f, "documents (`{name}`)"),
            UnreadKind::TemplateArgument => write!(f, "template argument `{name}`"),
            UnreadKind::EndOfTurn => write!(f, "end of turn of the {name} (no scored token stands for it)"),
        }
    }
}

/// How many rows have each thing that no model sees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnreadCounts {
    counts: BTreeMap<Unread, u64>,
    n_rows: u64,
}

impl UnreadCounts {
    /// Counts a row, and what is unread in it; each thing counts once per row.
    pub fn add<'a>(&mut self, unread: impl IntoIterator<Item = &'a Unread>) {
        self.n_rows += 1;
        let mut seen: Vec<&Unread> = Vec::new();
        for one in unread {
            if !seen.contains(&one) {
                seen.push(one);
                *self.counts.entry(one.clone()).or_default() += 1;
            }
        }
    }

    /// Counts a column no longer.
    pub(crate) fn forget_column(&mut self, name: &str) {
        self.counts.remove(&Unread::new(UnreadKind::Column, name));
    }

    /// The rows that were counted.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Everything that is unread, with the number of rows that have it.
    pub fn iter(&self) -> impl Iterator<Item = (&Unread, u64)> {
        self.counts.iter().map(|(unread, count)| (unread, *count))
    }

    /// Whether nothing is unread.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_counts_once_for_each_thing() {
        let context = Unread::new(UnreadKind::Column, "context");
        let thought = Unread::new(UnreadKind::Thought, "reasoning_content");
        let mut counts = UnreadCounts::default();
        counts.add([]);
        assert!(counts.is_empty());
        counts.add([&context, &thought, &context]);
        counts.add([&context]);
        assert_eq!(counts.n_rows(), 3);
        assert_eq!(counts.iter().collect::<Vec<_>>(), [(&context, 2), (&thought, 1)]);
        counts.forget_column("context");
        counts.forget_column("reasoning_content");
        assert_eq!(counts.iter().collect::<Vec<_>>(), [(&thought, 1)], "which is no column");
        assert_eq!(context.to_string(), "column `context`");
        assert_eq!(
            serde_json::to_string(&thought).unwrap(),
            r#"{"kind":"thought","name":"reasoning_content"}"#
        );
    }
}
