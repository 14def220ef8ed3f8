//! Where the responses are in a rendered conversation.
//!
//! The text of every turn is found by rendering prefixes of the conversation: what the template writes before a turn
//! ends where the prefix with a generation prompt ends; what it writes for the turn ends where the prefix with the
//! turn ends. Inside that stretch the reply's own text is looked up, so that what a template injects before it (an
//! empty think block, a space) is not scored as if the data had said it.

use std::ops::Range;

use lobass_core::RowStatus;
use serde_json::Value;

use crate::{ChatTemplate, Example, Message, RowFault};

/// The scored part of one turn, in bytes of the rendered text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResponseSpan {
    /// Where the text before the turn ends: what stands there when a model is asked to answer.
    pub(super) prompt_end: usize,
    /// The reply and the end-of-turn marker after it.
    pub(super) scored: Range<usize>,
    /// Where the reply ends, if that can be told.
    text_end: Option<usize>,
    /// The turn, in the order of the conversation.
    turn: usize,
}

impl ResponseSpan {
    /// Scores the reply alone.
    pub(super) fn leave_out_the_marker(&mut self) -> Result<(), RowFault> {
        let hides = "the chat template changes it, so where its text ends and the end-of-turn marker begins is unknown";
        self.scored.end = self.text_end.ok_or_else(|| fault(self.turn, hides))?;
        Ok(())
    }
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
        let prompt_end = self.prompt_end(at)?;
        let turn_end = self.turn_end(at, prompt_end)?;
        let stretch = &self.text[prompt_end..turn_end.unwrap_or(self.text.len())];
        if let Some(name) = called(message).find(|name| !stretch.contains(name)) {
            return Err(fault(at, &format!("the chat template does not show its call of `{name}`")));
        }
        let reply = self.locate(stretch, prompt_end, message);
        let text_end = reply.as_ref().map(|reply| prompt_end + reply.end);
        let scored = match (reply, turn_end) {
            (Some(reply), turn_end) => {
                let marker = self.marker_length(&stretch[reply.end..]);
                let marked = turn_end.is_none() || marker > 0 && !message.calls_tools();
                reply.start..if marked { reply.end + marker } else { stretch.trim_end().len().max(reply.end) }
            }
            (None, Some(_)) => leading_space(stretch)..stretch.trim_end().len(),
            (None, None) => return Err(fault(at, "the chat template changes it, and with it where it ends")),
        };
        if scored.is_empty() {
            return Err(fault(at, "the chat template leaves it out"));
        }
        let scored = prompt_end + scored.start..prompt_end + scored.end;
        Ok(ResponseSpan { prompt_end, scored, text_end, turn: at })
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

    /// Where turn `at` ends; `None` if that cannot be told from how the template writes it as the last one.
    fn turn_end(&self, at: usize, prompt_end: usize) -> Result<Option<usize>, RowFault> {
        if at + 1 == self.example.messages.len() {
            return Ok(Some(self.text.len()));
        }
        let as_last = self.prefix(at + 1, false)?;
        if self.text.starts_with(&as_last) {
            return Ok(Some(as_last.len()));
        }
        // Some templates inject a think block into the last turn only: then the turn is what follows the block.
        let stretch = &self.text[prompt_end..];
        let turn = as_last
            .char_indices()
            .map(|(start, _)| &as_last[start..])
            .skip_while(|rest| rest.len() + prompt_end > as_last.len())
            .find(|rest| stretch.starts_with(rest));
        Ok(turn.filter(|turn| !turn.trim().is_empty()).map(|turn| prompt_end + turn.len()))
    }

    /// Looks up the reply's own text in what the template writes for the turn.
    fn locate(&self, stretch: &str, prompt_end: usize, message: &Message) -> Option<Range<usize>> {
        let content = message.content.as_str();
        let reply = match [content, content.trim()].into_iter().find_map(|text| self.find(stretch, text)) {
            Some(reply) => reply,
            None => match self.overlap(prompt_end, content.trim()) {
                // The generation prompt opens the thought that the reply begins with.
                Some(end) => return Some(0..end),
                None => self.find(stretch, answer_of(content).trim())?,
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

    fn ends_turn(&self, rest: &str) -> bool {
        rest.trim().is_empty() || self.marker_length(rest) > 0
    }

    /// The length of a special token that follows at once or after white space.
    fn marker_length(&self, rest: &str) -> usize {
        let marker = rest.trim_start();
        let space = rest.len() - marker.len();
        let longest =
            self.special_tokens.iter().filter(|token| marker.starts_with(token.as_str())).map(String::len);
        longest.max().map_or(0, |length| space + length)
    }

    fn prefix(&self, n_messages: usize, add_generation_prompt: bool) -> Result<String, RowFault> {
        let messages = &self.example.messages[..n_messages];
        self.template
            .render(messages, self.example.tools.as_ref(), add_generation_prompt)
            .map_err(|reason| RowFault { status: RowStatus::TemplateError, reason })
    }
}

fn leading_space(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// What a reasoning model says after it has thought.
fn answer_of(content: &str) -> &str {
    content.rsplit_once("</think>").map_or("", |(_, answer)| answer)
}

/// What it thought, in the reply or beside it.
fn thought_of(message: &Message) -> Option<&str> {
    let beside = ["reasoning_content", "reasoning", "thinking"]
        .iter()
        .find_map(|name| message.extra.get(*name)?.as_str());
    let inside = message
        .content
        .rsplit_once("</think>")
        .map(|(thought, _)| thought.trim().trim_start_matches("<think>"));
    beside.or(inside).map(str::trim).filter(|thought| !thought.is_empty())
}

/// The names of the functions that a turn calls.
fn called(message: &Message) -> impl Iterator<Item = &str> {
    let calls = message.extra.get("tool_calls").and_then(Value::as_array);
    calls.into_iter().flatten().filter_map(|call| call.get("function").unwrap_or(call).get("name")?.as_str())
}

fn fault(at: usize, why: &str) -> RowFault {
    let reason = format!("cannot tell where the response of turn {} is: {why}", at + 1);
    RowFault { status: RowStatus::TemplateError, reason }
}
