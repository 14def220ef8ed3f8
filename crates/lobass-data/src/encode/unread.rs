//! What an example says and its rendering does not show.

use crate::{Example, Unread, UnreadKind};

/// Fields of turns that the rendered text shows nothing of. Calls and thoughts are no such fields.
pub(super) fn turn_fields(example: &Example, rendered: &str) -> Vec<Unread> {
    let fields = example.messages.iter().flat_map(|message| message.further_texts());
    let mut unread: Vec<Unread> = fields
        .filter(|(_, texts)| texts.is_empty() || texts.iter().any(|text| !rendered.contains(text.trim())))
        .map(|(name, _)| Unread::new(UnreadKind::TurnField, name))
        .collect();
    unread.sort_unstable();
    unread.dedup();
    unread
}
