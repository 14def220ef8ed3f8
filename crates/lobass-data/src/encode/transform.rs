//! Changes of prompts, to measure how much of what they say is used.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::format::JOINED;
use crate::{Example, Message, Role};

/// A change of every prompt. Responses stay as they are.
///
/// Source: the attribute tests of V-information, arXiv 2110.08420: shuffled words, and a part of the input alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Transform {
    /// The words of each turn before and between responses, in another order. White space stays in its place.
    ShuffleWords {
        /// The seed of the order. The order of a turn depends on it and on the turn alone.
        seed: u64,
    },
    /// Without system and developer turns.
    DropSystem,
    /// Without turns before the last question. Earlier responses are no longer scored.
    DropHistory,
    /// Without the `input` of rows that have an `instruction` and an `input`.
    DropInput,
}

const SHUFFLE: &str = "shuffle-words";

impl Transform {
    /// The transforms by their names; the words of `shuffle-words=7` are shuffled by the seed 7.
    pub const NAMES: [&str; 4] = [SHUFFLE, "drop-system", "drop-history", "drop-input"];

    /// The example with its prompt changed.
    pub(super) fn of(self, example: &Example) -> Cow<'_, Example> {
        let mut changed = example.clone();
        let messages = &mut changed.messages;
        match self {
            Self::ShuffleWords { seed } => {
                for (at, message) in messages.iter_mut().enumerate().filter(|(_, message)| !message.scored) {
                    shuffle(message, seed, at);
                }
            }
            Self::DropSystem => messages.retain(|message| !message.role.is_instruction()),
            Self::DropHistory => drop_history(messages),
            Self::DropInput => messages.iter_mut().for_each(drop_input),
        }
        Cow::Owned(changed)
    }
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShuffleWords { seed: 0 } => f.pad(SHUFFLE),
            Self::ShuffleWords { seed } => f.pad(&format!("{SHUFFLE}={seed}")),
            Self::DropSystem => f.pad(Self::NAMES[1]),
            Self::DropHistory => f.pad(Self::NAMES[2]),
            Self::DropInput => f.pad(Self::NAMES[3]),
        }
    }
}

impl FromStr for Transform {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let seed = |text: &str| text.strip_prefix(SHUFFLE)?.strip_prefix('=')?.parse().ok();
        match text {
            SHUFFLE => Ok(Self::ShuffleWords { seed: 0 }),
            "drop-system" => Ok(Self::DropSystem),
            "drop-history" => Ok(Self::DropHistory),
            "drop-input" => Ok(Self::DropInput),
            _ => seed(text).map(|seed| Self::ShuffleWords { seed }).ok_or_else(|| {
                format!("expected one of {}, or {SHUFFLE}=SEED, found `{text}`", Self::NAMES.join(", "))
            }),
        }
    }
}

impl TryFrom<String> for Transform {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Transform> for String {
    fn from(transform: Transform) -> Self {
        transform.to_string()
    }
}

/// Shuffles the words of a turn, in each form that a template may show.
fn shuffle(message: &mut Message, seed: u64, at: usize) {
    message.content = shuffled(&message.content, seed, at);
    for part in message.parts.iter_mut().flatten() {
        if let Some(Value::String(text)) = part.get_mut("text") {
            *text = shuffled(text, seed, at);
        }
    }
    for name in JOINED {
        if let Some(Value::String(text)) = message.extra.get_mut(name) {
            *text = shuffled(text, seed, at);
        }
    }
}

/// A text with its words in another order.
fn shuffled(text: &str, seed: u64, at: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut start = Sha256::new();
    start.update(seed.to_le_bytes());
    start.update((at as u64).to_le_bytes());
    start.update(text.as_bytes());
    let mut order: Vec<usize> = (0..words.len()).collect();
    order.sort_by_cached_key(|place| {
        let mut hash = start.clone();
        hash.update((*place as u64).to_le_bytes());
        hash.finalize()
    });
    let mut order = order.into_iter();
    let mut shuffled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(|c: char| !c.is_whitespace()) {
        let end = rest[begin..].find(char::is_whitespace).map_or(rest.len(), |length| begin + length);
        shuffled.push_str(&rest[..begin]);
        shuffled.push_str(order.next().map_or("", |place| words[place]));
        rest = &rest[end..];
    }
    shuffled + rest
}

/// Leaves what instructs, the last question, and all that follows it.
fn drop_history(messages: &mut Vec<Message>) {
    let response = messages.iter().rposition(|message| message.role == Role::Assistant);
    let before = &messages[..response.unwrap_or(messages.len())];
    let Some(question) = before.iter().rposition(|message| message.role == Role::User) else { return };
    let mut place = 0..;
    messages.retain(|message| place.next() >= Some(question) || message.role.is_instruction());
}

/// Leaves the instruction of a turn that was joined of an instruction and an input.
fn drop_input(message: &mut Message) {
    let [instruction, input] = JOINED;
    if let (Some(Value::String(text)), true) =
        (message.extra.get(instruction).cloned(), message.extra.contains_key(input))
    {
        message.content = text;
        for name in JOINED {
            message.extra.shift_remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example(turns: &[(Role, &str)]) -> Example {
        let messages = turns.iter().map(|(role, text)| Message::new(*role, *text)).collect();
        Example { messages, ..Example::default() }
    }

    fn texts(example: &Example) -> Vec<&str> {
        example.messages.iter().map(|message| message.content.as_str()).collect()
    }

    const TURNS: [(Role, &str); 5] = [
        (Role::System, "be kind"),
        (Role::User, "one two"),
        (Role::Assistant, "first"),
        (Role::User, "a b  c\nd e f g"),
        (Role::Assistant, "the last answer"),
    ];

    #[test]
    fn what_is_dropped_is_gone_and_nothing_else() {
        let whole = example(&TURNS);
        assert_eq!(texts(&Transform::DropSystem.of(&whole)), ["one two", "first", TURNS[3].1, TURNS[4].1]);
        assert_eq!(texts(&Transform::DropHistory.of(&whole)), ["be kind", TURNS[3].1, TURNS[4].1]);
        assert_eq!(*Transform::DropInput.of(&whole), whole);
        let short = example(&[(Role::User, "q"), (Role::Assistant, "a")]);
        for transform in [Transform::DropSystem, Transform::DropHistory, Transform::DropInput] {
            assert_eq!(*transform.of(&short), short);
        }
        let mut joined = short.clone();
        joined.messages[0].content = "q\nmore".to_owned();
        joined.messages[0].extra.insert("instruction".to_owned(), "q".into());
        joined.messages[0].extra.insert("input".to_owned(), "more".into());
        assert_eq!(*Transform::DropInput.of(&joined), short);
    }

    #[test]
    fn a_seed_makes_another_order_and_responses_stay() {
        let whole = example(&TURNS);
        let by = |seed| Transform::ShuffleWords { seed }.of(&whole).into_owned();
        let found = by(1);
        assert_ne!(texts(&found)[3], TURNS[3].1);
        assert_ne!(texts(&found)[3], texts(&by(2))[3]);
        assert_eq!([texts(&found)[2], texts(&found)[4]], ["first", "the last answer"]);
        assert_eq!(found, by(1));
    }

    #[test]
    fn names_come_back() {
        for name in Transform::NAMES.into_iter().chain(["shuffle-words=7"]) {
            assert_eq!(name.parse::<Transform>().unwrap().to_string(), name);
        }
        for wrong in ["shuffle-words=", "shuffle", "drop-input=1", ""] {
            assert!(wrong.parse::<Transform>().unwrap_err().contains("shuffle-words=SEED"));
        }
    }

    proptest! {
        #[test]
        fn shuffling_keeps_words_and_white_space(text in "[ab \\n\\u{3000}é]{0,40}", seed: u64) {
            let found = shuffled(&text, seed, 0);
            let sorted = |text: &str| {
                let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
                words.sort();
                words
            };
            prop_assert_eq!(sorted(&found), sorted(&text));
            let blanks = |text: &str| text.chars().filter(|c| c.is_whitespace()).collect::<String>();
            prop_assert_eq!(blanks(&found), blanks(&text));
        }
    }
}
