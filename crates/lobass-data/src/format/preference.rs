//! Rows with two responses, of which one was preferred.
//!
//! They differ in the place of the prompt: in separate [columns](PreferenceLayout::Columns) (TRL, LLaMA-Factory's
//! alpaca), in a separate [list of turns](PreferenceLayout::Turns) (LLaMA-Factory's sharegpt), or in
//! [both responses](PreferenceLayout::Whole), which are then whole conversations (TRL's implicit prompt, `hh-rlhf`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ConversationLayout, NamedColumns, PairLayout, dialogue, field, turns};
use crate::{Example, Message, Role, RowFault};

/// Where the prompt and the two responses of a row are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PreferenceLayout {
    /// The prompt has a column, and so has each response: text, or the messages that follow the prompt.
    Columns {
        /// The prompt and the chosen response.
        chosen: PairLayout,
        /// The column of the rejected one.
        rejected: String,
    },
    /// The prompt is a list of turns; each response is one more turn, or its text.
    Turns {
        /// The prompt.
        prompt: ConversationLayout,
        /// The column of the chosen response.
        chosen: String,
        /// The column of the rejected one.
        rejected: String,
    },
    /// Each response is a whole conversation, as a list of turns or as a text with `Human:` and `Assistant:` in it;
    /// all but their last turns is the prompt.
    Whole {
        /// The conversation with the chosen response.
        chosen: ConversationLayout,
        /// The column of the other.
        rejected: String,
    },
}

impl PreferenceLayout {
    /// Prompt columns and two response columns.
    pub fn columns_of(prompt: &str, chosen: &str, rejected: &str) -> Self {
        let pair = PairLayout::new(prompt, chosen);
        let pair = if prompt == "instruction" {
            PairLayout { query: Some("input".to_owned()), history: Some("history".to_owned()), ..pair }
        } else {
            pair
        };
        Self::Columns { chosen: pair, rejected: rejected.to_owned() }
    }

    /// The layout of the prompt of two responses in a row; `None` if the row does not show it, or has no responses.
    pub(super) fn of(row: &Map<String, Value>, chosen: &str, rejected: &str) -> Option<Self> {
        let response = row.get(chosen).filter(|response| is_response(response))?;
        row.get(rejected).filter(|response| is_response(response))?;
        if response.is_object() && turns::of(response).is_none() {
            let (column, turn) = ["messages", "conversations", "conversation"]
                .iter()
                .find_map(|column| Some((*column, turns::of_column(row.get(*column)?)?.first()?.clone())))?;
            let prompt = ConversationLayout::told_like(column, &turn)?;
            return Some(Self::Turns { prompt, chosen: chosen.to_owned(), rejected: rejected.to_owned() });
        }
        let prompts = ["prompt", "instruction", "question"];
        match prompts.iter().find(|name| row.contains_key(**name)) {
            Some(prompt) => Some(Self::with_prompt(row, prompt, chosen, rejected)),
            None => Self::whole(response, chosen, rejected),
        }
    }

    /// With a prompt column. Some data sets repeat the prompt in both responses; those are read by themselves, as
    /// TRL does.
    pub(super) fn with_prompt(row: &Map<String, Value>, prompt: &str, chosen: &str, rejected: &str) -> Self {
        let told = |name: &str| row.get(name).and_then(turns::of);
        let repeats = match (told(prompt), told(chosen)) {
            (Some(prompt), Some(turns)) => !prompt.is_empty() && turns.starts_with(&prompt),
            (None, Some(turns)) => {
                let layout = turns.first().and_then(|turn| ConversationLayout::told_like(chosen, turn));
                layout.is_some_and(|layout| layout.begins_with_user(&turns))
            }
            (_, None) => false,
        };
        let whole = row.get(chosen).filter(|_| repeats).and_then(|all| Self::whole(all, chosen, rejected));
        whole.unwrap_or_else(|| Self::columns_of(prompt, chosen, rejected))
    }

    /// Without one.
    fn whole(response: &Value, chosen: &str, rejected: &str) -> Option<Self> {
        let layout = match (turns::of_column(response), response) {
            (Some(turns), _) => ConversationLayout::told_like(chosen, turns.first()?)?,
            (None, Value::String(text)) => {
                dialogue::turns(text).map(|_| ConversationLayout::messages(chosen))?
            }
            _ => return None,
        };
        Some(Self::Whole { chosen: layout, rejected: rejected.to_owned() })
    }

    /// The columns of the two responses, the chosen one first.
    pub fn responses(&self) -> [&str; 2] {
        match self {
            Self::Columns { chosen, rejected } => [&chosen.response, rejected],
            Self::Turns { chosen, rejected, .. } => [chosen, rejected],
            Self::Whole { chosen, rejected } => [&chosen.messages, rejected],
        }
    }

    /// The column of the row's name.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Columns { chosen, .. } => &chosen.id,
            Self::Turns { prompt: layout, .. } | Self::Whole { chosen: layout, .. } => &layout.id,
        }
    }

    pub(super) fn beside(&self) -> &NamedColumns {
        match self {
            Self::Columns { chosen, .. } => &chosen.beside,
            Self::Turns { prompt: layout, .. } | Self::Whole { chosen: layout, .. } => &layout.beside,
        }
    }

    pub(super) fn roles_mut(&mut self) -> &mut BTreeMap<String, Role> {
        match self {
            Self::Columns { chosen, .. } => &mut chosen.roles,
            Self::Turns { prompt: layout, .. } | Self::Whole { chosen: layout, .. } => &mut layout.roles,
        }
    }

    /// The column of the prompt, if there is a separate one.
    pub fn prompt(&self) -> Option<&str> {
        match self {
            Self::Columns { chosen, .. } => Some(&chosen.prompt),
            Self::Turns { prompt, .. } => Some(&prompt.messages),
            Self::Whole { .. } => None,
        }
    }

    pub(super) fn columns(&self) -> Vec<&str> {
        let mut columns = match self {
            Self::Columns { chosen, .. } => chosen.columns(),
            Self::Turns { prompt, chosen, .. } => [prompt.columns(), vec![chosen]].concat(),
            Self::Whole { chosen, .. } => chosen.columns(),
        };
        columns.push(self.responses()[1]);
        columns
    }

    pub(super) fn example(&self, row: &Map<String, Value>) -> Result<Example, RowFault> {
        let [chosen, rejected] = self.responses();
        let (messages, rejected) = match self {
            Self::Columns { chosen: pair, .. } => {
                let prompt = pair.prompt_messages(row)?;
                let whole = |column| Ok([prompt.clone(), pair.response_messages(row, column)?].concat());
                (whole(chosen)?, whole(rejected)?)
            }
            Self::Turns { prompt: layout, .. } => {
                let prompt = layout.example(row)?.messages;
                let whole = |column| Ok([prompt.clone(), next_turns(layout, row, column)?].concat());
                (whole(chosen)?, whole(rejected)?)
            }
            Self::Whole { chosen: layout, .. } => {
                let whole = |column| conversation(layout, row, column);
                (whole(chosen)?, whole(rejected)?)
            }
        };
        pair(Example {
            id: field::identity(row, self.id()),
            messages,
            rejected: Some(rejected),
            ..Example::default()
        })
    }
}

/// Whether a value can be a response: a rating or a flag of the same name cannot.
fn is_response(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Array(_) | Value::Object(_))
}

/// A response after a list of turns.
fn next_turns(
    layout: &ConversationLayout,
    row: &Map<String, Value>,
    column: &str,
) -> Result<Vec<Message>, RowFault> {
    let value = row.get(column);
    // If the prompt is JSON text, the responses are too.
    let is_text = row.get(&layout.messages).is_some_and(Value::is_string);
    let read = if is_text { turns::of_column } else { turns::of };
    match value {
        Some(_) if value.and_then(read).is_some() => layout.turns_in(row, column),
        Some(turn @ Value::Object(_)) => {
            let turn = layout.turn(turn);
            turn.map(|turn| vec![turn])
                .map_err(|fault| RowFault { reason: format!("`{column}`: {}", fault.reason), ..fault })
        }
        _ => Ok(vec![Message::new(Role::Assistant, field::required_text(row, column)?)]),
    }
}

/// A response with all that comes before it.
fn conversation(
    layout: &ConversationLayout,
    row: &Map<String, Value>,
    column: &str,
) -> Result<Vec<Message>, RowFault> {
    let mut messages = match row.get(column) {
        Some(value @ Value::String(text)) if turns::of_column(value).is_none() => dialogue::turns(text)
            .ok_or_else(|| {
                RowFault::malformed(format!(
                    "field `{column}`: expected a text that begins with `Human:`, since the row has no prompt"
                ))
            })?,
        _ => layout.turns_in(row, column)?,
    };
    layout.insert_system(row, &mut messages)?;
    Ok(messages)
}

/// Leaves only the last turns to be scored, and refuses conversations that differ before.
fn pair(mut example: Example) -> Result<Example, RowFault> {
    let rejected = example.rejected.get_or_insert_default();
    for side in [&mut example.messages, &mut *rejected] {
        let last = side.len().saturating_sub(1);
        for turn in &mut side[..last] {
            turn.scored = false;
        }
    }
    let (chosen, rejected) = (&example.messages, &*rejected);
    let prompt = |side: &[Message]| side.len().saturating_sub(1);
    let (left, right) = (&chosen[..prompt(chosen)], &rejected[..prompt(rejected)]);
    if left == right {
        return Ok(example);
    }
    let same = left.iter().zip(right).take_while(|(left, right)| left == right).count();
    Err(RowFault::malformed(format!(
        "chosen and rejected: expected conversations that differ in their last turn only, found a difference in \
         turn {} of {} and {}",
        same + 1,
        chosen.len(),
        rejected.len()
    )))
}
