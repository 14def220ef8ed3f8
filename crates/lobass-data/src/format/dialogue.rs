//! Conversations told as one text, as those of Anthropic's `hh-rlhf`.

use crate::{Message, Role};

/// The beginnings of turns.
const SPEAKERS: [(&str, Role); 2] = [("\n\nHuman:", Role::User), ("\n\nAssistant:", Role::Assistant)];

/// The turns of a text that begins with one, without the space around them; `None` for any other text.
pub(super) fn turns(text: &str) -> Option<Vec<Message>> {
    // A text that was trimmed has lost what its first turn begins with.
    let text = format!("\n\n{}", text.trim_start());
    let mut starts: Vec<(usize, usize, Role)> = SPEAKERS
        .iter()
        .flat_map(|(word, role)| text.match_indices(word).map(|(at, word)| (at, at + word.len(), *role)))
        .collect();
    starts.sort_unstable_by_key(|(at, ..)| *at);
    if starts.first()?.0 > 0 {
        return None;
    }
    let ends = starts.iter().skip(1).map(|(at, ..)| *at).chain([text.len()]);
    let turns = starts.iter().zip(ends);
    Some(turns.map(|((_, start, role), end)| Message::new(*role, text[*start..end].trim())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<Vec<(Role, String)>> {
        let turns = turns(text)?;
        Some(turns.into_iter().map(|turn| (turn.role, turn.content)).collect())
    }

    #[test]
    fn turns_begin_with_a_speaker_after_an_empty_line() {
        let text = "\n\nHuman: who?\n\nAssistant: me\n\nand\nHuman: nature\n\nHuman:  why? \n\nAssistant:";
        let expected = [
            (Role::User, "who?"),
            (Role::Assistant, "me\n\nand\nHuman: nature"),
            (Role::User, "why?"),
            (Role::Assistant, ""),
        ];
        let expected = expected.map(|(role, text)| (role, text.to_owned())).to_vec();
        assert_eq!(told(text), Some(expected.clone()));
        assert_eq!(told(text.trim_start()), Some(expected));
    }

    #[test]
    fn other_texts_have_no_turns() {
        assert_eq!(told(""), None);
        assert_eq!(told("The sky is blue."), None);
        assert_eq!(told("Preface\n\nHuman: who?\n\nAssistant: me"), None);
        assert_eq!(told("\n\nHuman:\n\nAssistant:").unwrap().len(), 2);
    }
}
