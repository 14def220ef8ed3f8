//! The words that rows use for who speaks.

use std::collections::BTreeMap;

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
