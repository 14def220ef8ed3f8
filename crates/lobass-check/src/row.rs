//! A row as checks see it.

use lobass_core::RowStatus;
use lobass_data::{Encoded, Example, Message, PoolRow};

/// One row of the pool, with what a tokenizer makes of it.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    /// The row.
    pub(crate) row: &'a PoolRow,
    /// Which of the sources it is in, in the order of the pool.
    pub(crate) source: usize,
    /// The row's encoding by tokenizer and chat template; `None` without them, or if it cannot be read.
    pub(crate) encoded: Option<Encoded>,
}

impl Row<'_> {
    /// The example, if the row can be read.
    pub(crate) fn example(&self) -> Option<&Example> {
        self.row.example.as_ref().ok()
    }

    /// Its status, and why it has that.
    pub(crate) fn status(&self) -> (RowStatus, &str) {
        match (&self.row.example, &self.encoded) {
            (Err(fault), _) => (fault.status, &fault.reason),
            (Ok(_), Some(encoded)) => (encoded.status, encoded.reason.as_deref().unwrap_or_default()),
            (Ok(_), None) => (RowStatus::Ok, ""),
        }
    }

    /// All turns, of a pair the rejected response too.
    pub(crate) fn turns(&self) -> impl Iterator<Item = &Message> {
        self.example().into_iter().flat_map(turns)
    }

    /// The scored turns that say something, of a pair on both sides.
    pub(crate) fn responses(&self) -> impl Iterator<Item = &Message> {
        self.turns().filter(|message| message.scored && !message.content.trim().is_empty())
    }

    /// The first characters of what it says.
    pub(crate) fn beginning(&self) -> Option<String> {
        self.example().map(beginning)
    }
}

/// All turns of an example, of a pair the rejected response too.
pub(crate) fn turns(example: &Example) -> impl Iterator<Item = &Message> {
    let rejected = example.rejected.as_ref().and_then(|messages| messages.last());
    example.messages.iter().chain(rejected)
}

/// The content of a conversation, for a pair on both sides, for comparing rows. System messages are left out: many rows
/// share one.
pub fn said(example: &Example) -> impl Iterator<Item = &str> {
    turns(example).filter(|message| !message.role.is_instruction()).map(|message| message.content.as_str())
}

/// Characters of a row that are shown.
const SHOWN: usize = 80;

/// The first characters of the first turn that is no system message.
pub(crate) fn beginning(example: &Example) -> String {
    let first = said(example).find(|text| !text.trim().is_empty()).unwrap_or_default().trim();
    let mut shown: String = first.chars().take(SHOWN).collect();
    if shown.len() < first.len() {
        shown.push('…');
    }
    shown
}
