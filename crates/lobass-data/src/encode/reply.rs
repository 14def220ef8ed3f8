//! Where a reply's own text is in what the template writes for its turn.

use std::ops::Range;

use super::rendered::{Rendered, Shown, leading_space};
use super::thought::{answer_of, thought_of};
use crate::Message;

impl Rendered<'_> {
    /// Looks up the reply's own text in `stretch`, which begins at `prompt_end`; `shown` is where the whole rendering
    /// shows it.
    pub(super) fn locate(
        &self,
        stretch: &str,
        prompt_end: usize,
        message: &Message,
        shown: &Shown,
    ) -> Option<Range<usize>> {
        let content = message.content.as_str();
        let said = shown.clone().place().and_then(|place| {
            let start = place.start.checked_sub(prompt_end)?;
            (place.end <= prompt_end + stretch.len()).then(|| start..place.end - prompt_end)
        });
        let said = said.filter(|place| !place.is_empty());
        let is_content = |text: &str| text == content || text == content.trim();
        let exact = said.clone().filter(|place| is_content(&stretch[place.clone()]));
        let found = || [content, content.trim()].into_iter().find_map(|text| self.find(stretch, text));
        let reply = match exact.or_else(found) {
            Some(reply) => reply,
            None => match self.overlap(prompt_end, content.trim()) {
                // The generation prompt opens the thought that the reply begins with.
                Some(end) => return Some(0..end),
                None => self
                    .find(stretch, answer_of(content).trim())
                    .or_else(|| said.filter(|_| !message.calls_tools()))?,
            },
        };
        // A thought of the data's before the reply belongs to it; an empty one that the template injects does not.
        let thought = thought_of(message).filter(|thought| stretch[..reply.start].contains(thought));
        Some(if thought.is_some() { leading_space(stretch)..reply.end } else { reply })
    }

    /// The place of a text; a short one may also stand in what the template injects, so the one that ends the turn
    /// is preferred.
    fn find(&self, stretch: &str, text: &str) -> Option<Range<usize>> {
        if text.is_empty() {
            return None;
        }
        let places = || stretch.match_indices(text).map(|(start, _)| start..start + text.len());
        places().find(|place| self.ends_turn(&stretch[place.end..])).or_else(|| places().next())
    }

    /// The end, counted from `prompt_end`, of a text that begins before `prompt_end` and ends after it.
    fn overlap(&self, prompt_end: usize, text: &str) -> Option<usize> {
        let splits = text.char_indices().map(|(at, _)| text.split_at(at)).skip(1);
        let (_, tail) = splits
            .filter(|(head, _)| self.text[..prompt_end].ends_with(head))
            .find(|(_, tail)| self.text[prompt_end..].starts_with(tail))?;
        Some(tail.len())
    }
}
