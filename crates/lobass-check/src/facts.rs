//! Facts about each source.

use lobass_data::{Pool, Role};

use crate::checks::{Thought, thought};
use crate::row::Row;
use crate::{SourceReport, Spread};

/// Counts over the rows of each source.
///
/// Memory: 12 bytes a row.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) sources: Vec<SourceReport>,
    lengths: Vec<Lengths>,
    /// For each file of the pool, the index of its source.
    of_file: Vec<usize>,
}

#[derive(Debug, Default)]
struct Lengths {
    response_characters: Vec<u32>,
    tokens: Vec<u32>,
    scored_tokens: Vec<u32>,
}

impl Facts {
    pub(crate) fn new(pool: &Pool) -> Self {
        let mut facts = Self { sources: Vec::new(), lengths: Vec::new(), of_file: Vec::new() };
        for file in pool.files() {
            let known = facts.sources.iter().position(|source| source.source == file.source());
            let source = known.unwrap_or_else(|| {
                facts.sources.push(SourceReport::new(file.source()));
                facts.lengths.push(Lengths::default());
                facts.sources.len() - 1
            });
            facts.sources[source].files.push(file.to_string());
            facts.of_file.push(source);
        }
        facts
    }

    /// The source of a file of the pool.
    pub(crate) fn source_of(&self, file: usize) -> usize {
        self.of_file[file]
    }

    /// Counts a row.
    pub(crate) fn take(&mut self, row: &Row<'_>) {
        let (source, lengths) = (&mut self.sources[row.source], &mut self.lengths[row.source]);
        source.n_rows += 1;
        *source.statuses.entry(row.status().0).or_default() += 1;
        source.n_duplicates += u64::from(row.row.duplicate_of.is_some());
        let Some(example) = row.example() else { return };
        for message in &example.messages {
            *source.roles.entry(message.role.to_string()).or_default() += 1;
        }
        let calls =
            |role: Role| row.turns().any(|turn| turn.role == role || turn.extra.contains_key("tool_calls"));
        source.n_tools += u64::from(example.tools.is_some() || calls(Role::Tool));
        source.n_thoughts += u64::from(thought(row) == Thought::Some);
        source.n_several_responses +=
            u64::from(example.messages.iter().filter(|message| message.scored).count() > 1);
        let characters = row.responses().map(|response| response.content.chars().count()).sum();
        lengths.response_characters.push(capped(characters));
        if let Some(encoded) = row.encoded.as_ref().filter(|encoded| encoded.n_tokens > 0) {
            lengths.tokens.push(capped(encoded.n_tokens));
            lengths
                .scored_tokens
                .extend(encoded.sequence.as_ref().map(|sequence| capped(sequence.n_scored())));
        }
    }

    /// The report of each source, without near duplicates.
    pub(crate) fn finish(self) -> Vec<SourceReport> {
        let mut sources = self.sources;
        for (source, lengths) in sources.iter_mut().zip(self.lengths) {
            source.response_characters = Spread::of(lengths.response_characters);
            source.tokens = Spread::of(lengths.tokens);
            source.scored_tokens = Spread::of(lengths.scored_tokens);
        }
        sources
    }
}

/// The stored form of a length.
fn capped(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
