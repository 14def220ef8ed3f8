//! Where the responses are in a rendered conversation.
//!
//! The text of every turn is found by rendering prefixes of the conversation: what the template writes before a turn
//! ends where the prefix with a generation prompt ends; what it writes for the turn ends where the prefix with the
//! turn ends. Inside that stretch the reply's own text is looked up, so that what a template injects before it (an
//! empty think block, a space) is not scored as if the data had said it.

use std::ops::Range;

use lobass_core::RowStatus;

use crate::{ChatTemplate, Example, Message, RowFault};

/// The scored part of one turn, in bytes of the rendered text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResponseSpan {
    /// Where the text before the turn ends: what stands there when a model is asked to answer.
    pub(super) prompt_end: usize,
    /// The reply and the end-of-turn marker after it.
    pub(super) scored: Range<usize>,
}

/// A rendered conversation.
pub(super) struct Rendered<'a> {
    template: &'a ChatTemplate,
    example: &'a Example,
    special_tokens: &'a [String],
    pub(super) text: String,
}

impl<'a> Rendered<'a> {
    pub(super) fn new(
        template: &'a ChatTemplate,
        example: &'a Example,
        special_tokens: &'a [String],
    ) -> Result<Self, RowFault> {
        let mut rendered = Self { template, example, special_tokens, text: String::new() };
        rendered.text = rendered.prefix(example.messages.len(), false)?;
        Ok(rendered)
    }

    /// The scored part of every turn that is to be scored and has text.
    pub(super) fn spans(&self) -> Result<Vec<ResponseSpan>, RowFault> {
        let mut spans: Vec<ResponseSpan> = Vec::new();
        for (at, message) in self.example.messages.iter().enumerate() {
            if !message.scored || !has_text(message) {
                continue;
            }
            let span = self.span(at, message)?;
            if spans.last().is_some_and(|last| span.scored.start < last.scored.end) {
                return Err(fault(at, "the chat template puts it before the end of an earlier one"));
            }
            spans.push(span);
        }
        Ok(spans)
    }

    fn span(&self, at: usize, message: &Message) -> Result<ResponseSpan, RowFault> {
        let prompt_end = self.prompt_end(at)?;
        let turn_end = self.turn_end(at)?;
        let stretch = &self.text[prompt_end..turn_end.unwrap_or(self.text.len())];
        let scored = match (self.locate(stretch, message), turn_end) {
            (Some(reply), Some(_)) => reply.start..stretch.trim_end().len().max(reply.end),
            (Some(reply), None) => reply.start..reply.end + self.marker_length(&stretch[reply.end..]),
            (None, Some(_)) => stretch.len() - stretch.trim_start().len()..stretch.trim_end().len(),
            (None, None) => return Err(fault(at, "the chat template changes it, and with it where it ends")),
        };
        if scored.is_empty() {
            return Err(fault(at, "the chat template leaves it out"));
        }
        Ok(ResponseSpan { prompt_end, scored: prompt_end + scored.start..prompt_end + scored.end })
    }

    /// Where the text before turn `at` ends, with the generation prompt if the template has one.
    fn prompt_end(&self, at: usize) -> Result<usize, RowFault> {
        for add_generation_prompt in [true, false] {
            let prefix = self.prefix(at, add_generation_prompt)?;
            if self.text.starts_with(&prefix) {
                return Ok(prefix.len());
            }
        }
        Err(fault(at, "the chat template writes what comes before it differently once it is there"))
    }

    /// Where turn `at` ends; `None` if the template writes it differently when it is the last one.
    fn turn_end(&self, at: usize) -> Result<Option<usize>, RowFault> {
        if at + 1 == self.example.messages.len() {
            return Ok(Some(self.text.len()));
        }
        let prefix = self.prefix(at + 1, false)?;
        Ok(self.text.starts_with(&prefix).then_some(prefix.len()))
    }

    /// Looks up the reply's own text: as it is, without white space around it, or without a thought before it.
    fn locate(&self, stretch: &str, message: &Message) -> Option<Range<usize>> {
        let content = message.content.as_str();
        let answer = content.rsplit_once("</think>").map_or("", |(_, answer)| answer);
        let variants = [content, content.trim(), answer.trim()];
        variants.into_iter().filter(|text| !text.is_empty()).find_map(|text| {
            let places = || stretch.match_indices(text).map(|(start, _)| start..start + text.len());
            // A short reply may also stand in what the template injects; the real one is followed by the end marker.
            places().find(|place| self.ends_turn(&stretch[place.end..])).or_else(|| places().next())
        })
    }

    fn ends_turn(&self, rest: &str) -> bool {
        rest.trim().is_empty() || self.marker_length(rest) > 0
    }

    /// The length of a special token that follows at once or after white space.
    fn marker_length(&self, rest: &str) -> usize {
        let marker = rest.trim_start();
        let space = rest.len() - marker.len();
        let longest = self.special_tokens.iter().filter(|token| marker.starts_with(token.as_str())).map(String::len);
        longest.max().map_or(0, |length| space + length)
    }

    fn prefix(&self, n_messages: usize, add_generation_prompt: bool) -> Result<String, RowFault> {
        let messages = &self.example.messages[..n_messages];
        self.template
            .render(messages, self.example.tools.as_ref(), add_generation_prompt)
            .map_err(|reason| RowFault { status: RowStatus::TemplateError, reason })
    }
}

fn has_text(message: &Message) -> bool {
    !message.content.trim().is_empty() || message.extra.contains_key("tool_calls")
}

fn fault(at: usize, why: &str) -> RowFault {
    let reason = format!("cannot tell where the response of turn {} is: {why}", at + 1);
    RowFault { status: RowStatus::TemplateError, reason }
}
