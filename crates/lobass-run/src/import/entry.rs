//! Entries of a file of losses: which row they are about, and what they say of it.

use std::collections::HashMap;

use lobass_core::ExampleKey;
use serde::Deserialize;

/// Which response of a pair; a row that is no pair has only a chosen one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Side {
    #[default]
    Chosen,
    Rejected,
}

/// The name of a row in a file of losses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Name {
    Row(u64),
    Key(ExampleKey),
}

/// What a file says of one row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Its position in the file, from 1.
    pub(super) number: u64,
    /// The key, if the entry has one beside its row.
    pub(super) key: Option<ExampleKey>,
    /// Tokens of the whole sequence, if the file says how many there were.
    pub(super) n_tokens: Option<u32>,
    pub(super) losses: Losses,
}

/// Losses, or where they are.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Losses {
    /// Summed over the scored tokens, in nats, with the number of these; of a pair also those of the rejected response.
    Sums { chosen: Sum, rejected: Option<Sum> },
    /// Log-probabilities of tokens, in the line that begins at this byte.
    Line { offset: u64, length: usize },
}

/// A summed loss in nats, and the number of scored tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sum {
    pub(super) nll: f64,
    pub(super) n_scored: u32,
}

/// All entries of a file, by the row that they name.
#[derive(Debug, Default)]
pub(super) struct Entries {
    entries: Vec<Entry>,
    places: HashMap<(Name, Side), usize>,
    /// Which entries a row of the pool has asked for.
    taken: Vec<bool>,
    /// Whether the file has the losses of the reference too.
    pub(super) has_reference: bool,
}

impl Entries {
    /// Adds an entry; gives the number of the entry that is there already for the row.
    pub(super) fn add(&mut self, name: Name, side: Side, entry: Entry) -> Result<(), u64> {
        if let Some(&other) = self.places.get(&(name.clone(), side)) {
            return Err(self.entries[other].number);
        }
        self.places.insert((name, side), self.entries.len());
        self.entries.push(entry);
        self.taken.push(false);
        Ok(())
    }

    /// The entry of a row, which counts as taken then; both numbers if one entry names the row and another one its key.
    pub(super) fn take(
        &mut self,
        row: u64,
        key: &ExampleKey,
        side: Side,
    ) -> Result<Option<&Entry>, (u64, u64)> {
        let by_row = self.places.get(&(Name::Row(row), side)).copied();
        let by_key = self.places.get(&(Name::Key(key.clone()), side)).copied();
        let at = match (by_row, by_key) {
            (Some(one), Some(other)) => return Err((self.entries[one].number, self.entries[other].number)),
            (found, None) | (None, found) => found,
        };
        let Some(at) = at else { return Ok(None) };
        self.taken[at] = true;
        Ok(Some(&self.entries[at]))
    }

    /// The first entry that no row has asked for: its name, its side, and its number.
    pub(super) fn left_over(&self) -> Option<(&Name, Side, u64)> {
        let number = |at: usize| self.entries[at].number;
        let left = self.places.iter().filter(|(_, at)| !self.taken[**at]);
        left.map(|((name, side), &at)| (name, *side, number(at))).min_by_key(|(.., number)| *number)
    }

    /// Whether there are no entries.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether there are entries, and all of them are log-probabilities of tokens.
    pub(super) fn are_tokens(&self) -> bool {
        self.entries.iter().all(|entry| matches!(entry.losses, Losses::Line { .. }))
    }
}
