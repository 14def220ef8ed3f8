//! A rule on responses, turn by turn.

use lobass_data::Role;
use lobass_text::{Rule, Rules};

use crate::row::Row;

/// One rule alone.
pub(super) fn only(rule: Rule) -> Rules {
    let mut rules = Rules::none();
    rules.set(rule, true);
    rules
}

/// What the rules find first in the scored responses of a row; of a pair in the chosen one.
pub(super) fn first(rules: &Rules, row: &Row<'_>) -> Option<String> {
    let mut conversation = rules.conversation();
    for turn in &row.example()?.messages {
        match turn.role {
            Role::Assistant if turn.scored && !turn.content.trim().is_empty() => {
                if let Some(found) = conversation.answer(&turn.content).into_iter().next() {
                    return Some(found.detail);
                }
            }
            Role::Assistant => {}
            _ => conversation.hear(&turn.content),
        }
    }
    None
}
