//! The words that rows use for who speaks.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::ConversationLayout;
use crate::Role;

/// The words for roles that public data uses, in lower case. Capitals make no difference.
const WORDS: [(&str, Role); 27] = [
    ("system", Role::System),
    ("developer", Role::Developer),
    ("user", Role::User),
    ("human", Role::User),
    ("prompter", Role::User),
    ("assistant", Role::Assistant),
    ("gpt", Role::Assistant),
    ("chatgpt", Role::Assistant),
    ("chatbot", Role::Assistant),
    ("bot", Role::Assistant),
    ("bing", Role::Assistant),
    ("bard", Role::Assistant),
    ("ai", Role::Assistant),
    ("model", Role::Assistant),
    ("function_call", Role::Assistant),
    ("tool_call", Role::Assistant),
    ("tool", Role::Tool),
    ("tool_response", Role::Tool),
    ("tool_result", Role::Tool),
    ("tool_output", Role::Tool),
    ("observation", Role::Tool),
    ("function", Role::Tool),
    ("function_response", Role::Tool),
    ("function_result", Role::Tool),
    ("function_output", Role::Tool),
    ("environment", Role::Tool),
    ("ipython", Role::Tool),
];

/// Words whose turns hold a call as JSON text: those of LLaMA-Factory and of ms-swift.
const CALLS: [&str; 2] = ["function_call", "tool_call"];

pub(super) fn known() -> BTreeMap<String, Role> {
    WORDS.iter().map(|(word, role)| ((*word).to_owned(), *role)).collect()
}

/// A further word for a role, as a person writes it: `narrator=user`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleWord {
    /// The word in the data.
    pub word: String,
    /// The role that it stands for.
    pub role: Role,
}

impl RoleWord {
    /// Reads several words.
    ///
    /// # Errors
    /// A text that is no word and role, or a word that is given two roles.
    pub fn parse_all(texts: &[String]) -> Result<Vec<Self>, String> {
        let words: Vec<Self> = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        for (at, one) in words.iter().enumerate() {
            let other = words[..at].iter().find(|other| other.word == one.word && other.role != one.role);
            if let Some(other) = other {
                let (word, first, second) = (&one.word, other.role, one.role);
                return Err(format!("`{word}`: expected one role, found two, {first} and {second}"));
            }
        }
        Ok(words)
    }
}

impl RoleWord {
    /// Whether a row has a turn of this word. Capitals make no difference.
    pub(crate) fn is_in(&self, row: &Map<String, Value>) -> bool {
        let word = self.word.to_lowercase();
        row.values().any(|value| has_turn_of(&word, value))
    }
}

/// Whether a value has an object with this word as one of its texts, as a turn has: in a list, or in JSON text.
fn has_turn_of(word: &str, value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(|value| has_turn_of(word, value)),
        Value::Object(fields) => fields.values().any(|value| match value {
            Value::String(text) => text.trim().to_lowercase() == word,
            // A struct of lists.
            Value::Array(texts) => {
                texts.iter().any(|text| text.as_str().is_some_and(|text| text.trim().to_lowercase() == word))
                    || has_turn_of(word, value)
            }
            _ => has_turn_of(word, value),
        }),
        Value::String(text) if text.trim_start().starts_with(['[', '{']) => {
            text.to_lowercase().contains(word)
        }
        _ => false,
    }
}

impl FromStr for RoleWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (word, role) =
            text.rsplit_once('=').ok_or_else(|| format!("expected `WORD=ROLE`, found `{text}`"))?;
        if word.trim().is_empty() {
            return Err(format!("expected a word before `=`, found `{text}`"));
        }
        Ok(Self { word: word.trim().to_owned(), role: role.trim().parse()? })
    }
}

impl ConversationLayout {
    /// The role that a word stands for; capitals make a difference only where the layout has both spellings.
    pub(super) fn role_of(&self, word: &str) -> Option<Role> {
        let exact = self.roles.get(word).copied();
        exact.or_else(|| {
            let word = word.trim().to_lowercase();
            let same = |known: &&String| known.to_lowercase() == word;
            self.roles.get(&word).or_else(|| self.roles.get(self.roles.keys().find(same)?)).copied()
        })
    }

    /// Whether turns of this word hold a call as JSON text.
    pub(super) fn is_call(&self, word: &str) -> bool {
        let word = word.trim();
        let known = CALLS.into_iter().chain(self.calls.iter().map(String::as_str));
        known.into_iter().any(|call| call.eq_ignore_ascii_case(word))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn capitals_make_no_difference() {
        let layout = ConversationLayout::sharegpt("conversations");
        for (word, role) in [
            ("USER", Role::User),
            ("Human", Role::User),
            (" prompter ", Role::User),
            ("Assistant", Role::Assistant),
            ("AI", Role::Assistant),
            ("Tool_Response", Role::Tool),
            ("ipython", Role::Tool),
            ("Developer", Role::Developer),
        ] {
            assert_eq!(layout.role_of(word), Some(role), "{word}");
        }
        assert_eq!(layout.role_of("narrator"), None);
        assert!(layout.is_call("function_call") && layout.is_call("Tool_Call") && !layout.is_call("gpt"));
    }

    #[test]
    fn a_word_is_looked_for_in_turns() {
        let word: RoleWord = "Narrator=user".parse().unwrap();
        let turn = |role: &str| json!([{"role": role, "content": "once"}]);
        for (row, expected) in [
            (json!({"messages": turn("narrator")}), true),
            (json!({"messages": turn("user")}), false),
            (json!({"messages": turn("narrator").to_string()}), true),
            (json!({"messages": {"role": ["NARRATOR"], "content": ["once"]}}), true),
            (json!({"prompt": "narrator", "completion": "b"}), false),
        ] {
            assert_eq!(word.is_in(row.as_object().unwrap()), expected, "{row}");
        }
    }

    #[test]
    fn further_words_are_those_of_the_layout() {
        let mut layout = ConversationLayout::messages("messages");
        layout.roles.insert("Erzähler".to_owned(), Role::User);
        assert_eq!(layout.role_of("erzähler"), Some(Role::User));
        let word = |text: &str| text.parse::<RoleWord>();
        assert_eq!(word("narrator=user"), Ok(RoleWord { word: "narrator".to_owned(), role: Role::User }));
        assert!(word("narrator").unwrap_err().starts_with("expected `WORD=ROLE`"));
        assert!(word("=user").unwrap_err().starts_with("expected a word"));
        let all = |words: &[&str]| {
            RoleWord::parse_all(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(all(&["a=user", "b=tool", "a=user"]).map(|words| words.len()), Ok(3));
        let error = all(&["a=user", "a=tool"]).unwrap_err();
        assert_eq!(error, "`a`: expected one role, found two, user and tool");
        assert!(word("narrator=human").unwrap_err().starts_with("expected one of system, developer, user"));
    }
}
