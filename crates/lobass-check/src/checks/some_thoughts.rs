//! Sources of which only some rows come with a thought.

use lobass_data::Message;

use super::Check;
use crate::row::Row;
use crate::{CheckName, Finding, RowAt, Shown, SourceReport};

/// Keys in which a turn has its thought beside its content.
const BESIDE: [&str; 3] = ["reasoning_content", "reasoning", "thinking"];

/// Whether a row comes with a thought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thought {
    /// It does not say.
    None,
    /// It marks the absence of a thought, such as by an empty `<think>` block.
    Empty,
    /// It does.
    Some,
}

/// Whether any response of a row comes with a thought.
pub(crate) fn thought(row: &Row<'_>) -> Thought {
    row.turns().filter(|turn| turn.scored).map(thought_of).max().unwrap_or(Thought::None)
}

fn thought_of(turn: &Message) -> Thought {
    let said = |text: &str| if text.trim().is_empty() { Thought::Empty } else { Thought::Some };
    let beside = BESIDE.iter().filter_map(|key| turn.extra.get(*key)?.as_str()).map(said).max();
    let parts = turn.parts.iter().flatten().filter_map(|part| {
        let kind = part.get("type")?.as_str()?;
        matches!(kind, "thinking" | "reasoning").then_some(Thought::Some)
    });
    let inside = match turn.content.split_once("</think>") {
        Some((thought, _)) => Some(said(thought.trim().trim_start_matches("<think>"))),
        None => turn.content.trim_start().starts_with("<think>").then_some(Thought::Some),
    };
    beside.into_iter().chain(parts).chain(inside).max().unwrap_or(Thought::None)
}

/// Counts rows with and without thoughts.
pub(super) struct SomeThoughts {
    n_shown: usize,
    by_source: Vec<Count>,
}

#[derive(Debug, Clone, Default)]
struct Count {
    /// Rows that do not say, and rows that do, with the first of each.
    kinds: [(u64, Vec<Shown>); 2],
}

impl SomeThoughts {
    pub(super) fn new(n_shown: usize) -> Self {
        Self { n_shown, by_source: Vec::new() }
    }
}

impl Check for SomeThoughts {
    type Seen = Option<Thought>;

    fn look(&self, row: &Row<'_>) -> Option<Thought> {
        row.example().map(|_| thought(row))
    }

    fn take(&mut self, row: &Row<'_>, sources: &[SourceReport], seen: Option<Thought>) {
        let Some(thought) = seen else { return };
        self.by_source.resize_with(sources.len(), Count::default);
        let says = thought != Thought::None;
        let (n_rows, examples) = &mut self.by_source[row.source].kinds[usize::from(says)];
        *n_rows += 1;
        if examples.len() < self.n_shown {
            let at = RowAt {
                source: sources[row.source].source.clone(),
                row: row.row.row,
                key: Some(row.row.key.to_string()),
                text: row.beginning(),
            };
            let detail = if says { "with a thought" } else { "without a thought" };
            examples.push(Shown { at, detail: detail.to_owned(), other: None });
        }
    }

    fn findings(self: Box<Self>, sources: &mut [SourceReport]) -> Vec<Finding> {
        let finding = |(count, source): (Count, &SourceReport)| {
            let [(n_without, without), (n_with, with)] = count.kinds;
            (n_with > 0 && n_without > 0).then(|| Finding {
                check: CheckName::SomeThoughts,
                source: source.source.clone(),
                what: "a thought, while the others have none".to_owned(),
                n_rows: n_with,
                n_of: n_with + n_without,
                advice: CheckName::SomeThoughts.info().advice.to_owned(),
                // The rarer kind is what one looks for.
                examples: if n_with <= n_without { with } else { without },
            })
        };
        self.by_source.into_iter().zip(&*sources).filter_map(finding).collect()
    }
}

#[cfg(test)]
mod tests {
    use lobass_data::Role;

    use super::*;

    #[test]
    fn thoughts_inside_and_beside() {
        let of = |content: &str| thought_of(&Message::new(Role::Assistant, content));
        assert_eq!(of("4"), Thought::None);
        assert_eq!(of("<think>\nhm\n</think>\n4"), Thought::Some);
        assert_eq!(of("hm\n</think>\n4"), Thought::Some);
        assert_eq!(of("<think>\n\n</think>\n\n4"), Thought::Empty);
        assert_eq!(of("<think>it goes on and on"), Thought::Some);
        assert_eq!(of("the tag <think> opens a thought"), Thought::None);
        let beside = |key: &str, thought: &str| {
            let mut turn = Message::new(Role::Assistant, "4");
            turn.extra.insert(key.to_owned(), thought.into());
            thought_of(&turn)
        };
        assert_eq!(beside("reasoning_content", "hm"), Thought::Some);
        assert_eq!(beside("thinking", ""), Thought::Empty);
        assert_eq!(beside("name", "hm"), Thought::None);
    }
}
