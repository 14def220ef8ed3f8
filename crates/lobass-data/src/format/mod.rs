//! The meaning of the columns of a row.
//!
//! Every format is one of three shapes: a [pair](PairLayout) of prompt and response columns, a
//! [conversation](ConversationLayout) in a list column, or a prompt with [two responses](PreferenceLayout). Rows of an
//! evaluation may have [no response](PromptLayout). The named formats are layouts that are recognized by their columns;
//! `--columns` and `dataset_info.json` make others.

mod beside;
mod calls;
mod columns;
mod conversation;
mod count;
mod dataset_info;
mod detect;
mod dialogue;
mod field;
mod media;
mod names;
mod pair;
mod parts;
mod preference;
mod prompt;
mod roles;
mod turn;
mod turns;
mod unread;
mod weight;

use std::fmt;
use std::str::FromStr;

pub use beside::NamedColumns;
pub use columns::ColumnMap;
pub use conversation::ConversationLayout;
pub(crate) use count::is_list as is_list_of_weights;
pub use dataset_info::{DatasetEntry, read_dataset_info};
pub use detect::detect;
pub(crate) use detect::{detect_preference, detect_prompts, not_turns};
pub(crate) use media::is_media;
pub(crate) use names::texts_that_count;
pub(crate) use pair::JOINED;
pub use pair::PairLayout;
pub use preference::PreferenceLayout;
pub use prompt::PromptLayout;
pub use roles::RoleWord;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
pub(crate) use turns::in_text as turns_in_text;

use crate::{Example, Role, RowFault};

/// The formats that are known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FormatName {
    /// `instruction`, `input`, `output`.
    Alpaca,
    /// `instruction`, `context`, `response`.
    Dolly,
    /// `conversations` of `from` and `value`.
    ShareGpt,
    /// `messages` of `role` and `content`.
    Messages,
    /// `prompt` and `completion`, as text or as messages.
    PromptCompletion,
    /// `question` and `answer`.
    QuestionAnswer,
    /// `chosen` and `rejected`, with the prompt beside or inside them.
    Preference,
}

impl FormatName {
    const ALL: [(&'static str, Self, &'static str); 7] = [
        ("alpaca", Self::Alpaca, "instruction, output"),
        ("dolly", Self::Dolly, "instruction, response"),
        ("sharegpt", Self::ShareGpt, "conversations"),
        ("messages", Self::Messages, "messages"),
        ("prompt-completion", Self::PromptCompletion, "prompt, completion"),
        ("question-answer", Self::QuestionAnswer, "question, answer"),
        ("preference", Self::Preference, "chosen, rejected"),
    ];

    /// The known formats and their columns, for messages.
    pub(crate) fn expected() -> String {
        let known: Vec<_> = Self::ALL.iter().map(|(name, _, columns)| format!("{name}: {columns}")).collect();
        known.join("; ")
    }

    /// The layout of rows in this format; of pairs the one with a prompt column, though the rows may tell another.
    pub fn layout(self) -> Layout {
        match self {
            Self::Alpaca => Layout::Pair(PairLayout {
                query: Some("input".to_owned()),
                history: Some("history".to_owned()),
                ..PairLayout::new("instruction", "output")
            }),
            Self::Dolly => Layout::Pair(PairLayout {
                query: Some("context".to_owned()),
                ..PairLayout::new("instruction", "response")
            }),
            Self::PromptCompletion => Layout::Pair(PairLayout::new("prompt", "completion")),
            Self::QuestionAnswer => Layout::Pair(PairLayout::new("question", "answer")),
            Self::ShareGpt => Layout::Conversation(ConversationLayout::sharegpt("conversations")),
            Self::Messages => Layout::Conversation(ConversationLayout::messages("messages")),
            Self::Preference => {
                Layout::Preference(PreferenceLayout::columns_of("prompt", "chosen", "rejected"))
            }
        }
    }
}

impl fmt::Display for FormatName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find_map(|(name, format, _)| (format == self).then_some(*name));
        f.pad(name.unwrap_or("unnamed"))
    }
}

impl FromStr for FormatName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().find_map(|(name, format, _)| (*name == text).then_some(*format)).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|(name, ..)| *name).collect();
            format!("expected one of {}, found `{text}`", known.join(", "))
        })
    }
}

/// How rows become examples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One column with the prompt, one with the response.
    Pair(PairLayout),
    /// One list column with all turns.
    Conversation(ConversationLayout),
    /// Two responses to one prompt.
    Preference(PreferenceLayout),
    /// A prompt without a response.
    Prompt(PromptLayout),
}

impl Layout {
    /// Reads one row.
    ///
    /// # Errors
    /// A [`RowFault`] that names the field: missing, of the wrong type, or with a role that no one knows.
    pub fn example(&self, row: &Map<String, Value>) -> Result<Example, RowFault> {
        media::refuse(row, &self.columns(), &self.beside().media)?;
        let mut example = match self {
            Self::Pair(layout) => layout.example(row),
            Self::Conversation(layout) => layout.example(row),
            Self::Preference(layout) => layout.example(row),
            Self::Prompt(layout) => layout.example(row),
        }?;
        beside::read(row, self.beside(), &mut example)?;
        Ok(example)
    }

    /// The row's own name, whether or not it can be read as an example.
    pub fn id(&self, row: &Map<String, Value>) -> Option<String> {
        field::identity(
            row,
            match self {
                Self::Pair(layout) => &layout.id,
                Self::Conversation(layout) => &layout.id,
                Self::Preference(layout) => layout.id(),
                Self::Prompt(layout) => &layout.id,
            },
        )
    }

    /// Reads a further word for a role.
    pub fn add_role(&mut self, word: &str, role: Role) {
        let roles = match self {
            Self::Pair(layout) => &mut layout.roles,
            Self::Conversation(layout) => &mut layout.roles,
            Self::Preference(layout) => layout.roles_mut(),
            Self::Prompt(_) => return,
        };
        roles.insert(word.to_owned(), role);
    }

    /// The columns the layout reads; rows may lack some of them.
    pub fn columns(&self) -> Vec<&str> {
        let mut columns = match self {
            Self::Pair(layout) => layout.columns(),
            Self::Conversation(layout) => layout.columns(),
            Self::Preference(layout) => layout.columns(),
            Self::Prompt(layout) => layout.columns(),
        };
        columns.push(self.beside().tools());
        columns.extend(beside::COLUMNS);
        columns
    }

    fn beside(&self) -> &NamedColumns {
        match self {
            Self::Pair(layout) => &layout.beside,
            Self::Conversation(layout) => &layout.beside,
            Self::Preference(layout) => layout.beside(),
            Self::Prompt(layout) => &layout.beside,
        }
    }

    /// The columns without which there is no example.
    pub fn required_columns(&self) -> Vec<&str> {
        match self {
            Self::Pair(layout) => vec![&layout.prompt, &layout.response],
            Self::Conversation(layout) => vec![&layout.messages],
            Self::Preference(layout) => layout.prompt().into_iter().chain(layout.responses()).collect(),
            Self::Prompt(layout) => vec![&layout.prompt],
        }
    }

    /// A column that has two meanings.
    pub(crate) fn repeated_column(&self) -> Option<&str> {
        let mut columns = self.required_columns();
        columns.sort_unstable();
        columns.array_windows().find(|[one, other]| one == other).map(|[column, _]| *column)
    }

    /// Whether rows have two responses each.
    pub fn is_preference(&self) -> bool {
        matches!(self, Self::Preference(_))
    }

    /// Columns of text that hold turns as JSON in some rows, with the number of these rows.
    pub(crate) fn texts_like_turns(&self, rows: &[Map<String, Value>]) -> Vec<(String, usize)> {
        let may_be_text = match self {
            Self::Pair(layout) => vec![&layout.prompt, &layout.response],
            Self::Preference(PreferenceLayout::Columns { chosen, rejected }) => {
                vec![&chosen.prompt, &chosen.response, rejected]
            }
            _ => Vec::new(),
        };
        let is_like = |row: &Map<String, Value>, name: &str| {
            row.get(name).and_then(Value::as_str).is_some_and(|text| turns::in_text(text).is_some())
        };
        let counted = may_be_text
            .into_iter()
            .map(|name| (name.clone(), rows.iter().filter(|row| is_like(row, name)).count()));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    /// Whether rows are a text in `prompt` and texts in `completion`, or in `chosen` and `rejected`.
    pub(crate) fn is_plain_pair(&self, rows: &[Map<String, Value>]) -> bool {
        let told = self.required_columns();
        let is_turns =
            |row: &Map<String, Value>| told.iter().any(|name| row.get(*name).and_then(turns::of).is_some());
        let is_plain = match self {
            Self::Pair(layout) => layout.prompt == "prompt" && layout.response == "completion",
            Self::Preference(layout) => layout.prompt() == Some("prompt"),
            Self::Conversation(_) | Self::Prompt(_) => false,
        };
        is_plain && !rows.iter().any(is_turns)
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pair(layout) => write!(f, "`{}` -> `{}`", layout.prompt, layout.response),
            Self::Conversation(layout) => write!(f, "turns in `{}`", layout.messages),
            Self::Prompt(layout) => write!(f, "prompts in `{}`", layout.prompt),
            Self::Preference(layout) => {
                let [chosen, rejected] = layout.responses();
                match layout.prompt() {
                    Some(prompt) => write!(f, "`{prompt}` -> `{chosen}` over `{rejected}`"),
                    None => write!(f, "whole conversations in `{chosen}` over `{rejected}`"),
                }
            }
        }
    }
}
