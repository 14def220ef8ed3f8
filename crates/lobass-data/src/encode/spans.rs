//! Where the responses are in a rendered conversation.
//!
//! The text of every turn is found by rendering prefixes of the conversation (`borders`). The prefix with a generation
//! prompt ends where the template's text before the turn ends. The prefix with the turn ends where the template's text
//! for the turn ends.
//!
//! Some templates write prefixes differently from the whole. Then the border is found by rendering another text in
//! place of the turn's own (`shadow`). Inside the turn, the reply's own text is searched (`reply`). So text that a
//! template injects before it, such as an empty think block or a space, is not scored as if it were in the data.

use std::ops::Range;

use serde_json::Value;

use super::rendered::{Rendered, Shown, fault};
use super::shadow::Part;
use crate::{Message, RowFault};

/// The scored part of one turn, in bytes of the rendered text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResponseSpan {
    /// Where the text before the turn ends: what stands there when a model is asked to answer.
    pub(super) prompt_end: usize,
    /// The reply and the markers that end its turn.
    pub(super) scored: Range<usize>,
    /// Where the reply ends, if that can be told.
    text_end: Option<usize>,
    /// Whether anything behind the reply ends the turn and is scored.
    pub(super) has_end: bool,
    /// The turn, in the order of the conversation.
    turn: usize,
}

impl ResponseSpan {
    /// A part that the template itself marks.
    pub(super) fn marked(block: Range<usize>, turn: usize) -> Self {
        Self { prompt_end: block.start, scored: block, text_end: None, has_end: true, turn }
    }

    /// Scores the reply alone.
    pub(super) fn leave_out_the_marker(&mut self) -> Result<(), RowFault> {
        let hides = "the chat template changes it, so where its text ends and the end-of-turn marker begins is unknown";
        self.scored.end = self.text_end.ok_or_else(|| fault(self.turn, hides))?;
        Ok(())
    }
}

impl Rendered<'_> {
    /// The scored part of every turn that is to be scored and says anything.
    pub(super) fn spans(&self) -> Result<Vec<ResponseSpan>, RowFault> {
        let mut spans: Vec<ResponseSpan> = Vec::new();
        for (at, message) in self.example.messages.iter().enumerate() {
            if !message.scored || !message.says_anything() {
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
        let shown = self.shown(at, Part::Content);
        let calls = message.calls_tools();
        if shown == Shown::Not && !calls {
            return Err(fault(at, "the chat template does not show it"));
        }
        let prompt_end = self.prompt_end(at, message)?;
        let turn_end = self.turn_end(at, message, prompt_end);
        let stretch = &self.text[prompt_end..turn_end.unwrap_or(self.text.len())];
        if let Some(name) = called(message).find(|name| !stretch.contains(name)) {
            return Err(fault(at, &format!("the chat template does not show its call of `{name}`")));
        }
        let reply = self.locate(stretch, prompt_end, message, &shown);
        let scored = match (&reply, turn_end) {
            (Some(reply), turn_end) => {
                let start =
                    if calls { self.start_with_calls(at, stretch, prompt_end, reply)? } else { reply.start };
                let marker = self.markers(&stretch[reply.end..], || turn_end.map(|_| self.openers(at)));
                let marked = turn_end.is_none() || marker > 0 && !calls;
                start..if marked { reply.end + marker } else { stretch.trim_end().len().max(reply.end) }
            }
            (None, _)
                if shown
                    .place()
                    .is_some_and(|said| said.start >= prompt_end + stretch.len() && !said.is_empty()) =>
            {
                return Err(fault(at, "the chat template puts its text behind another turn"));
            }
            (None, Some(_)) => self.own_start(at, stretch)..stretch.trim_end().len(),
            (None, None) => return Err(fault(at, "the chat template changes it, and with it where it ends")),
        };
        if scored.is_empty() {
            return Err(fault(at, "the chat template leaves it out"));
        }
        let text_end = match reply {
            _ if calls => Some(self.without_markers(&stretch[..scored.end]).max(scored.start)),
            reply => reply.map(|reply| reply.end),
        };
        let scored = prompt_end + scored.start..prompt_end + scored.end;
        let text_end = text_end.map(|end| prompt_end + end);
        Ok(self.ended(ResponseSpan { prompt_end, scored, text_end, has_end: false, turn: at }))
    }

    /// The span with the marker of the next turn, if the template ends turns with that.
    fn ended(&self, mut span: ResponseSpan) -> ResponseSpan {
        span.has_end = span.text_end.is_none_or(|end| end < span.scored.end);
        if !span.has_end
            && let Some(length) = self.end_in_next(span.turn, span.scored.end)
        {
            span.scored.end += length;
            span.has_end = true;
        }
        // What closes a call may be what ends its turn.
        span.has_end |= self.example.messages[span.turn].calls_tools();
        span
    }
}

/// The names of the functions that a turn calls.
fn called(message: &Message) -> impl Iterator<Item = &str> {
    let calls = message.extra.get("tool_calls").and_then(Value::as_array);
    calls.into_iter().flatten().filter_map(|call| call.get("function").unwrap_or(call).get("name")?.as_str())
}
