//! Rows with a prompt and no response that can be learned: those of an evaluation.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{NamedColumns, field};
use crate::{Example, Message, Role, RowFault};

/// One column with the prompt. The row has no response, or one of another kind than text, such as the number of a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptLayout {
    /// The question or task; text.
    pub prompt: String,
    /// The name of the row.
    pub id: String,
    /// Columns beside it that a person named.
    #[serde(default, skip_serializing_if = "NamedColumns::is_empty")]
    pub beside: NamedColumns,
}

/// Usual names of the column, the likeliest first; capitals do not count.
const NAMES: [&str; 8] =
    ["question", "prompt", "problem", "instruction", "query", "input", "text", "content"];

impl PromptLayout {
    /// The layout of rows that have a column of text with a usual name.
    pub(super) fn of(rows: &[Map<String, Value>]) -> Option<Self> {
        let holds_text = |name: &str| {
            rows.iter().find_map(|row| {
                let mut fields =
                    row.iter().filter(|(key, value)| key.eq_ignore_ascii_case(name) && value.is_string());
                Some(fields.next()?.0.clone())
            })
        };
        let prompt = NAMES.into_iter().find_map(holds_text)?;
        Some(Self { prompt, id: "id".to_owned(), beside: NamedColumns::default() })
    }

    pub(super) fn columns(&self) -> Vec<&str> {
        vec![&self.prompt, &self.id]
    }

    pub(super) fn example(&self, row: &Map<String, Value>) -> Result<Example, RowFault> {
        let prompt = field::required_text(row, &self.prompt)?;
        let messages = vec![Message::new(Role::User, prompt)];
        Ok(Example { id: field::identity(row, &self.id), messages, ..Example::default() })
    }
}
