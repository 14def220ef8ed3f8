//! One example, whatever file it came from.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use lobass_core::RowStatus;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sets the scene.
    System,
    /// Sets the scene too, in models that tell the two apart; elsewhere it stands for a system message.
    Developer,
    /// Asks.
    User,
    /// Answers; the part a model is trained on.
    Assistant,
    /// Returns the result of a call.
    Tool,
}

impl Role {
    /// The name that chat templates know.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] = [Self::System, Self::Developer, Self::User, Self::Assistant, Self::Tool];

    /// Whether its turns set the scene, and ask nothing.
    pub fn is_instruction(self) -> bool {
        matches!(self, Self::System | Self::Developer)
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|role| role.as_str()).collect();
            format!("expected one of {}, found `{text}`", known.join(", "))
        })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One turn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// The content as one text.
    pub content: String,
    /// The content as a list of parts, if the row has one; templates see these instead of `content`.
    #[serde(skip)]
    pub parts: Option<Vec<Value>>,
    /// The calls as the text that the row has for them, if it has one; for templates that know no calls.
    #[serde(skip)]
    pub call_text: Option<String>,
    /// Whatever else the row says of the turn, for templates that know it: `tool_calls`, `name`, Alpaca's `input`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
    /// Whether the turn is a response to be scored; only assistant turns are.
    #[serde(skip)]
    pub scored: bool,
}

impl Message {
    /// A turn without extras; assistant turns are scored.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
            parts: None,
            call_text: None,
            extra: Map::new(),
            scored: role == Role::Assistant,
        }
    }

    /// Whether it has any text, or calls a tool.
    pub(crate) fn says_anything(&self) -> bool {
        !self.content.trim().is_empty() || self.calls_tools()
    }

    /// Whether it calls a tool; an empty list of calls is no call.
    pub(crate) fn calls_tools(&self) -> bool {
        match self.extra.get("tool_calls") {
            None | Some(Value::Null) => false,
            Some(Value::Array(calls)) => !calls.is_empty(),
            Some(_) => true,
        }
    }
}

/// One example: a conversation, of which the scored assistant turns are what a model learns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Example {
    /// The row's own `id`, if it has one.
    pub id: Option<String>,
    /// The turns, in order; of a pair those with the chosen response.
    pub messages: Vec<Message>,
    /// For a pair, all turns with the rejected response. They differ in the last turn only, and only that one is
    /// scored.
    pub rejected: Option<Vec<Message>>,
    /// The row's `tools`, for templates that know them.
    pub tools: Option<Value>,
    /// The row's `documents`, for templates that know them.
    pub documents: Option<Value>,
    /// The row's `chat_template_kwargs`: further variables for the template, such as `enable_thinking`.
    pub template_arguments: Map<String, Value>,
}

/// The reason of a pair whose responses are the same text.
pub const SAME_RESPONSE: &str = "chosen and rejected are the same response";

/// Why one row is not scored: a status and a sentence that a person can act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// The status of the row.
    pub status: RowStatus,
    /// Why, naming the place in the file or the field.
    pub reason: String,
}

impl RowFault {
    /// A row that cannot be read as an example.
    pub fn malformed(reason: impl Into<String>) -> Self {
        Self { status: RowStatus::Malformed, reason: reason.into() }
    }

    /// This fault, named for one response of a pair.
    pub(crate) fn of_side(self, side: &str) -> Self {
        Self { reason: format!("{side}: {}", self.reason), ..self }
    }
}

impl Example {
    /// The rejected response of a pair after the same prompt, as a separate example.
    pub fn rejected_example(&self) -> Option<Self> {
        let messages = self.rejected.clone()?;
        Some(Self { messages, rejected: None, ..self.clone() })
    }

    /// The example for a template that knows no calls, or no parts: with the text that the row has for them.
    pub(crate) fn as_text(&self, calls: bool, parts: bool) -> Cow<'_, Self> {
        let changes =
            |message: &Message| calls && message.call_text.is_some() || parts && message.parts.is_some();
        if !self.messages.iter().any(changes) {
            return Cow::Borrowed(self);
        }
        let mut example = self.clone();
        for message in &mut example.messages {
            if let Some(text) = message.call_text.take().filter(|_| calls) {
                message.content = text;
                message.extra.shift_remove("tool_calls");
            }
            if parts && let Some(parts) = message.parts.take() {
                let thoughts: Vec<&str> =
                    parts.iter().filter_map(|part| part.get("thinking")?.as_str()).collect();
                if !thoughts.is_empty() {
                    message
                        .extra
                        .entry("reasoning_content")
                        .or_insert_with(|| Value::from(thoughts.concat()));
                }
            }
        }
        Cow::Owned(example)
    }

    /// The example with every text as a list of one part, the form that processors take.
    pub(crate) fn with_parts(mut self) -> Self {
        for message in self.messages.iter_mut().chain(self.rejected.iter_mut().flatten()) {
            let text = &message.content;
            message.parts.get_or_insert_with(|| vec![json!({"type": "text", "text": text})]);
        }
        self
    }

    /// Says whether there is something to score, and something that it responds to; of a pair, on both sides, and
    /// whether its responses differ.
    ///
    /// # Errors
    /// [`RowStatus::EmptyResponse`] without a scored turn that says anything, [`RowStatus::NoPrompt`] if nothing
    /// comes before the first, [`RowStatus::Malformed`] for a pair of the same response twice.
    pub fn check(&self) -> Result<(), RowFault> {
        let Some(rejected) = &self.rejected else { return check(&self.messages) };
        check(&self.messages).map_err(|fault| fault.of_side("chosen"))?;
        check(rejected).map_err(|fault| fault.of_side("rejected"))?;
        if *rejected == self.messages {
            return Err(RowFault::malformed(SAME_RESPONSE));
        }
        Ok(())
    }
}

fn check(messages: &[Message]) -> Result<(), RowFault> {
    let Some(first) = messages.iter().position(|message| message.scored && message.says_anything()) else {
        let reason = if messages.iter().any(|message| message.scored) {
            "the response is empty"
        } else if messages.iter().any(|message| message.role == Role::Assistant) {
            "every response is marked as not to be trained on"
        } else {
            "there is no response"
        };
        return Err(RowFault { status: RowStatus::EmptyResponse, reason: reason.to_owned() });
    };
    if messages[..first].iter().any(|m| !m.role.is_instruction() && m.says_anything()) {
        return Ok(());
    }
    Err(RowFault { status: RowStatus::NoPrompt, reason: "nothing comes before the response".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(messages: &[(Role, &str)]) -> Option<RowStatus> {
        let messages = messages.iter().map(|(role, text)| Message::new(*role, *text)).collect();
        Example { messages, ..Example::default() }.check().err().map(|fault| fault.status)
    }

    #[test]
    fn both_responses_of_a_pair_have_to_be_there_and_to_differ() {
        let turns = |text: &str| vec![Message::new(Role::User, "q"), Message::new(Role::Assistant, text)];
        let fault = |chosen: &str, rejected: &str| {
            let pair =
                Example { messages: turns(chosen), rejected: Some(turns(rejected)), ..Example::default() };
            pair.check().err().map(|fault| (fault.status, fault.reason))
        };
        assert_eq!(fault("a", "b"), None);
        let empty = |side: &str| Some((RowStatus::EmptyResponse, format!("{side}: the response is empty")));
        assert_eq!(fault(" ", "b"), empty("chosen"));
        assert_eq!(fault("a", ""), empty("rejected"));
        let same = "chosen and rejected are the same response".to_owned();
        assert_eq!(fault("a", "a"), Some((RowStatus::Malformed, same)));
    }

    #[test]
    fn what_can_be_scored() {
        use Role::{Assistant, System, User};
        assert_eq!(status(&[(User, "q"), (Assistant, "a")]), None);
        assert_eq!(status(&[(User, "q"), (Assistant, ""), (User, "q"), (Assistant, "a")]), None);
        assert_eq!(status(&[(User, "q"), (Assistant, " \n")]), Some(RowStatus::EmptyResponse));
        assert_eq!(status(&[(User, "q")]), Some(RowStatus::EmptyResponse));
        assert_eq!(status(&[]), Some(RowStatus::EmptyResponse));
        assert_eq!(status(&[(System, "be kind"), (User, ""), (Assistant, "a")]), Some(RowStatus::NoPrompt));
        assert_eq!(status(&[(Assistant, "a")]), Some(RowStatus::NoPrompt));
    }
}
