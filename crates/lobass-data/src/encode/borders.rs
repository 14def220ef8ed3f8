//! Where turns begin and end in a rendered conversation.

use std::ops::Range;

use super::rendered::{Rendered, Shown, fault};
use super::shadow::{self, Part};
use super::thought::{thought_of, without_empty_thought};
use crate::{Message, RowFault};

impl Rendered<'_> {
    /// Where the text before turn `at` ends, with the generation prompt if the template has one.
    pub(super) fn prompt_end(&self, at: usize, message: &Message) -> Result<usize, RowFault> {
        let prefixes = [true, false].into_iter().filter_map(|prompt| self.prefix(at, prompt));
        if let Some(prefix) = prefixes.into_iter().find(|prefix| self.text.starts_with(prefix)) {
            return Ok(prefix.len());
        }
        let part = if message.content.trim().is_empty() { Part::Calls } else { Part::Content };
        match self.shown(at, part) {
            Shown::At(said) => Ok(self.header_end(at, said.start)),
            Shown::Not => Err(fault(at, "the chat template does not show it")),
            Shown::Unknown => {
                Err(fault(at, "the chat template writes what comes before it differently once it is there"))
            }
        }
    }

    /// The end of the header of turn `at`, whose content begins at a place: after the generation prompt, if only white space
    /// and a thought are in between.
    fn header_end(&self, at: usize, said: usize) -> usize {
        let before = &self.text[..said];
        let header = self.generation_prompt(at).unwrap_or_default();
        let words = header.trim_end();
        if let Some(start) = before.rfind(words).filter(|_| !words.is_empty()) {
            let end = start + words.len();
            let (space, between) = (&header[words.len()..], &before[end..]);
            if between.trim().is_empty() || between.trim_start().starts_with("<think") {
                let same = space.chars().zip(between.chars()).take_while(|(one, other)| one == other);
                return end + same.map(|(c, _)| c.len_utf8()).sum::<usize>();
            }
        }
        before.trim_end().len()
    }

    /// The end of turn `at`; `None` if the template's rendering of it as the last turn does not show it.
    pub(super) fn turn_end(&self, at: usize, message: &Message, prompt_end: usize) -> Option<usize> {
        if at + 1 == self.example.messages.len() {
            return Some(self.text.len());
        }
        let as_last = self.prefix(at + 1, false)?;
        if self.text.starts_with(&as_last) {
            return Some(as_last.len());
        }
        // Some templates inject a think block into the last turn only: then the turn is what follows the block.
        let stretch = &self.text[prompt_end..];
        let turn = as_last
            .char_indices()
            .map(|(start, _)| &as_last[start..])
            .skip_while(|rest| rest.len() + prompt_end > as_last.len())
            .find(|rest| stretch.starts_with(rest))
            .filter(|turn| !turn.trim().is_empty());
        match turn {
            Some(turn) => Some(prompt_end + turn.len()),
            None => self.end_after_the_said(at, message, &as_last),
        }
    }

    /// The end of turn `at`. The template writes some text after the content of the last turn. The turn ends where the
    /// text here stops being equal to that, or before a special token that opens the next turn.
    fn end_after_the_said(&self, at: usize, message: &Message, as_last: &str) -> Option<usize> {
        let part = if message.calls_tools() { Part::Calls } else { Part::Content };
        let other_as_last = self.with_other(at, part, at + 1)?;
        let end = &as_last[shadow::difference(as_last, &other_as_last)?.end..];
        let said = self.shown(at, part).place()?;
        let after = &self.text[said.end..];
        if after.starts_with(end) {
            return Some(said.end + end.len());
        }
        let common = shadow::difference(end, after).map_or(0, |differs| differs.start);
        let is_special = |at: usize| end.is_char_boundary(at) && self.special_token(&end[at..]).is_some();
        let first = (0..common).find(|&at| is_special(at))?;
        let markers = self.markers(&end[first..], || Some(self.openers(at)));
        (first + markers <= common).then_some(said.end + first + markers)
    }

    /// Where the scored part of a turn begins that has both text and calls: with the text, or before it if the
    /// template puts the calls first.
    pub(super) fn start_with_calls(
        &self,
        at: usize,
        stretch: &str,
        prompt_end: usize,
        reply: &Range<usize>,
    ) -> Result<usize, RowFault> {
        let reply_start = prompt_end + reply.start;
        let place = [Part::Calls, Part::Names].into_iter().find_map(|part| self.shown(at, part).place());
        if place.is_none_or(|calls| calls.start >= reply_start) {
            return Ok(reply.start);
        }
        let is_between = |other: &usize| {
            self.shown(*other, Part::Content).place().is_some_and(|place| place.start < reply_start)
        };
        match (at + 1..self.example.messages.len()).find(is_between) {
            Some(other) => {
                let why = format!("the chat template puts turn {} between its calls and its text", other + 1);
                Err(fault(at, &why))
            }
            None => Ok(self.own_start(at, stretch)),
        }
    }

    /// The start of the model's own text in a turn whose text is not searched: behind the header, and behind an empty
    /// thought that the template injects.
    pub(super) fn own_start(&self, at: usize, stretch: &str) -> usize {
        // The generation prompt is no prefix where it opens a thought that the turn itself does not have.
        let header = self.generation_prompt(at).unwrap_or_default();
        let common = shadow::difference(&header, stretch).map_or(header.len(), |differs| differs.start);
        let common = &header[..common];
        let line = common.rfind('\n').map_or(0, |end| end + 1);
        let rest = &stretch[line.max(self.last_special_end(common).unwrap_or(0))..];
        let has_thought = thought_of(&self.example.messages[at]).is_some();
        stretch.len() - if has_thought { rest.trim_start() } else { without_empty_thought(rest) }.len()
    }
}
