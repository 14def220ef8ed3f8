//! Where the responses are in a rendered conversation.
//!
//! The text of every turn is found by rendering prefixes of the conversation: what the template writes before a turn
//! ends where the prefix with a generation prompt ends; what it writes for the turn ends where the prefix with the
//! turn ends. Where prefixes are written differently from the whole, renderings with another text in place of the
//! turn's own say where that is (`shadow`). Inside the turn the reply's own text is looked up, so that what a template
//! injects before it (an empty think block, a space) is not scored as if the data had said it.

use std::ops::Range;

use lobass_core::RowStatus;
use serde_json::Value;

use super::shadow::{self, Part};
use crate::template::{Scene, THOUGHTS};
use crate::{ChatTemplate, Example, Message, RowFault};

/// What thoughts stand between, in the templates that write an empty one where the data has none.
const EMPTY_THOUGHTS: [(&str, &str); 3] = [
    ("<think>", "</think>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought", "<channel|>"),
];

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

/// A rendered conversation.
pub(super) struct Rendered<'a> {
    pub(super) template: &'a ChatTemplate,
    pub(super) example: &'a Example,
    pub(super) scene: Scene,
    special_tokens: &'a [String],
    /// The token that sequences begin with, which ends no turn.
    bos: Option<&'a str>,
    pub(super) text: String,
}

impl<'a> Rendered<'a> {
    pub(super) fn new(
        template: &'a ChatTemplate,
        example: &'a Example,
        special_tokens: &'a [String],
        bos: Option<&'a str>,
    ) -> Result<Self, RowFault> {
        let scene = Scene::new(example)?;
        let mut rendered = Self { template, example, scene, special_tokens, bos, text: String::new() };
        rendered.text = rendered.prefix(example.messages.len(), false)?;
        Ok(rendered)
    }

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
        if let (None, Shown::At(place)) = (&reply, &shown)
            && place.start >= prompt_end + stretch.len()
            && !place.is_empty()
        {
            return Err(fault(at, "the chat template puts its text behind another turn"));
        }
        let scored = match (&reply, turn_end) {
            (Some(reply), turn_end) => {
                let start =
                    if calls { self.start_with_calls(at, stretch, prompt_end, reply)? } else { reply.start };
                let marker = self.markers(&stretch[reply.end..], || turn_end.map(|_| self.openers(at)));
                let marked = turn_end.is_none() || marker > 0 && !calls;
                start..if marked { reply.end + marker } else { stretch.trim_end().len().max(reply.end) }
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
        Ok(self.ended(at, prompt_end, scored, text_end))
    }

    /// A span with the marker of the next turn, if the template ends turns with that.
    fn ended(
        &self,
        at: usize,
        prompt_end: usize,
        scored: Range<usize>,
        text_end: Option<usize>,
    ) -> ResponseSpan {
        let mut scored = prompt_end + scored.start..prompt_end + scored.end;
        let text_end = text_end.map(|end| prompt_end + end);
        let mut has_end = text_end.is_none_or(|end| end < scored.end);
        if !has_end && let Some(length) = self.end_in_next(at, scored.end) {
            scored.end += length;
            has_end = true;
        }
        // What closes a call may be what ends its turn.
        let has_end = has_end || self.example.messages[at].calls_tools();
        ResponseSpan { prompt_end, scored, text_end, has_end, turn: at }
    }

    /// Where the scored part of a turn begins that has both text and calls: with the text, or before it if the
    /// template puts the calls first.
    fn start_with_calls(
        &self,
        at: usize,
        stretch: &str,
        prompt_end: usize,
        reply: &Range<usize>,
    ) -> Result<usize, RowFault> {
        let shown = [Part::Calls, Part::Names].into_iter().map(|part| self.shown(at, part));
        let place =
            shown.into_iter().find_map(|shown| if let Shown::At(place) = shown { Some(place) } else { None });
        let Some(calls) = place else { return Ok(reply.start) };
        if calls.start >= prompt_end + reply.start {
            return Ok(reply.start);
        }
        let between = |other: usize| matches!(self.shown(other, Part::Content), Shown::At(place) if place.start < prompt_end + reply.start);
        match (at + 1..self.example.messages.len()).find(|&other| between(other)) {
            Some(other) => {
                let why = format!("the chat template puts turn {} between its calls and its text", other + 1);
                Err(fault(at, &why))
            }
            None => Ok(self.own_start(at, stretch)),
        }
    }

    /// Where what the model says begins in a turn whose text is not looked up: behind the header, and behind a thought
    /// that the template injects because there is none.
    fn own_start(&self, at: usize, stretch: &str) -> usize {
        // The generation prompt is no prefix where it opens a thought that the turn itself does not have.
        let header = self.generation_prompt(at).unwrap_or_default();
        let common =
            &header[..shadow::difference(&header, stretch).map_or(header.len(), |differs| differs.start)];
        let line = common.rfind('\n').map_or(0, |end| end + 1);
        let rest = stretch[line.max(self.last_special_end(common).unwrap_or(0))..].trim_start();
        let injected = EMPTY_THOUGHTS
            .iter()
            .find_map(|(open, close)| {
                rest.strip_prefix(open).unwrap_or(rest).trim_start().strip_prefix(close)
            })
            .filter(|_| thought_of(&self.example.messages[at]).is_none());
        stretch.len() - injected.unwrap_or(rest).trim_start().len()
    }

    /// Where the last special token of a text ends.
    fn last_special_end(&self, text: &str) -> Option<usize> {
        let tokens = self.special_tokens.iter().filter(|token| !token.is_empty());
        tokens.filter_map(|token| text.rfind(token.as_str()).map(|start| start + token.len())).max()
    }

    /// Where the text before turn `at` ends, with the generation prompt if the template has one.
    fn prompt_end(&self, at: usize, message: &Message) -> Result<usize, RowFault> {
        for add_generation_prompt in [true, false] {
            let prefix = self.prefix(at, add_generation_prompt);
            // Templates may refuse a conversation that ends before this turn; the whole one they accepted.
            if let Ok(prefix) = prefix
                && self.text.starts_with(&prefix)
            {
                return Ok(prefix.len());
            }
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

    /// Where the header of turn `at` ends, of which what is said begins at a place: behind the generation prompt, if
    /// nothing but white space and a thought stands between.
    fn header_end(&self, at: usize, said: usize) -> usize {
        let before = &self.text[..said];
        let header = self.generation_prompt(at).unwrap_or_default();
        if let Some(start) = before.rfind(header.trim_end()).filter(|_| !header.trim().is_empty()) {
            let end = start + header.trim_end().len();
            let between = &before[end..];
            if between.trim().is_empty() || between.trim_start().starts_with("<think") {
                let space = header[header.trim_end().len()..].chars().zip(between.chars());
                return end
                    + space
                        .take_while(|(one, other)| one == other)
                        .map(|(c, _)| c.len_utf8())
                        .sum::<usize>();
            }
        }
        before.trim_end().len()
    }

    /// What the template writes to ask for turn `at`.
    fn generation_prompt(&self, at: usize) -> Option<String> {
        let (without, with) = (self.prefix(at, false).ok()?, self.prefix(at, true).ok()?);
        with.strip_prefix(without.as_str()).map(str::to_owned)
    }

    /// Where turn `at` ends; `None` if that cannot be told from how the template writes it as the last one.
    fn turn_end(&self, at: usize, message: &Message, prompt_end: usize) -> Option<usize> {
        if at + 1 == self.example.messages.len() {
            return Some(self.text.len());
        }
        // A template may refuse a conversation that ends here; the whole one it accepted.
        let as_last = self.prefix(at + 1, false).ok()?;
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

    /// Where turn `at` ends, by what the template writes behind what is said in the last turn; as far as that is the
    /// same here, and up to a special token that opens the next turn.
    fn end_after_the_said(&self, at: usize, message: &Message, as_last: &str) -> Option<usize> {
        let part = if message.calls_tools() { Part::Calls } else { Part::Content };
        let scene = self.scene.with_turn(at, shadow::shadow(message, part));
        let shadow_as_last = self.template.render_turns(&scene, at + 1, false).ok()?;
        let end = &as_last[shadow::difference(as_last, &shadow_as_last)?.end..];
        let Shown::At(said) = self.shown(at, part) else { return None };
        let after = &self.text[said.end..];
        if after.starts_with(end) {
            return Some(said.end + end.len());
        }
        let common = shadow::difference(end, after).map_or(0, |differs| differs.start);
        let first =
            (0..common).find(|&at| end.is_char_boundary(at) && self.special_token(&end[at..]).is_some())?;
        let markers = self.markers(&end[first..], || Some(self.openers(at)));
        (first + markers <= common).then_some(said.end + first + markers)
    }

    /// The special tokens with which the template asks for turn `at`, which therefore end none.
    fn openers(&self, at: usize) -> Vec<&'a str> {
        let header = self.generation_prompt(at).unwrap_or_default();
        let tokens = self.special_tokens.iter().map(String::as_str);
        tokens.filter(|token| !token.is_empty() && header.contains(token)).collect()
    }

    /// Where the whole rendering shows a part of turn `at`.
    pub(super) fn shown(&self, at: usize, part: Part) -> Shown {
        let scene = self.scene.with_turn(at, shadow::shadow(&self.example.messages[at], part));
        match self.template.render_turns(&scene, scene.turns.len(), false) {
            Err(_) => Shown::Unknown,
            Ok(other) => shadow::difference(&self.text, &other).map_or(Shown::Not, Shown::At),
        }
    }

    /// Looks up the reply's own text in what the template writes for the turn.
    fn locate(
        &self,
        stretch: &str,
        prompt_end: usize,
        message: &Message,
        shown: &Shown,
    ) -> Option<Range<usize>> {
        let content = message.content.as_str();
        let within = |place: &Range<usize>| {
            let start = place.start.checked_sub(prompt_end)?;
            (place.end <= prompt_end + stretch.len()).then(|| start..place.end - prompt_end)
        };
        let said = if let Shown::At(place) = shown { within(place) } else { None };
        let is_content = |place: &Range<usize>| {
            let text = &stretch[place.clone()];
            text == content || text == content.trim()
        };
        let exact = said.clone().filter(|place| !place.is_empty() && is_content(place));
        let found = || [content, content.trim()].into_iter().find_map(|text| self.find(stretch, text));
        let reply = match exact.or_else(found) {
            Some(reply) => reply,
            None => match self.overlap(prompt_end, content.trim()) {
                // The generation prompt opens the thought that the reply begins with.
                Some(end) => return Some(0..end),
                None => self
                    .find(stretch, answer_of(content).trim())
                    .or_else(|| said.filter(|place| !place.is_empty() && !message.calls_tools()))?,
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
        rest.trim().is_empty() || self.special_token(rest.trim_start()).is_some()
    }

    /// The length of a special token that follows at once or after white space, and of a second one that follows it at
    /// once and does not open the next turn, if it is known what opens it. No known template ends a turn with three.
    fn markers(&self, rest: &str, openers: impl FnOnce() -> Option<Vec<&'a str>>) -> usize {
        let Some(first) = self.special_token(rest.trim_start()) else { return 0 };
        let length = leading_space(rest) + first.len();
        let Some(second) = self.special_token(&rest[length..]) else { return length };
        match openers() {
            Some(openers) if !openers.contains(&second) => length + second.len(),
            _ => length,
        }
    }

    /// The length of a special token that begins the next turn and ends this one, which has none of its own.
    fn end_in_next(&self, at: usize, end: usize) -> Option<usize> {
        let rest = &self.text[end..];
        let token = self.special_token(rest.trim_start())?;
        let ends = Some(token) != self.bos && !self.openers(at).contains(&token);
        ends.then(|| leading_space(rest) + token.len())
    }

    /// The length of a text without the special tokens and the white space that end it.
    fn without_markers(&self, text: &str) -> usize {
        let mut rest = text.trim_end();
        while let Some(token) =
            self.special_tokens.iter().find(|token| !token.is_empty() && rest.ends_with(token.as_str()))
        {
            rest = rest[..rest.len() - token.len()].trim_end();
        }
        rest.len()
    }

    /// The longest special token that a text begins with.
    fn special_token(&self, text: &str) -> Option<&'a str> {
        let tokens = self.special_tokens.iter().map(String::as_str);
        tokens.filter(|token| !token.is_empty() && text.starts_with(token)).max_by_key(|token| token.len())
    }

    fn prefix(&self, n_turns: usize, add_generation_prompt: bool) -> Result<String, RowFault> {
        self.template
            .render_turns(&self.scene, n_turns, add_generation_prompt)
            .map_err(|reason| RowFault { status: RowStatus::TemplateError, reason })
    }
}

/// What a rendering shows of a part of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// These bytes of the text.
    At(Range<usize>),
    /// Nothing: another text there makes no difference.
    Not,
    /// The template does not accept another text.
    Unknown,
}

fn leading_space(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// What a reasoning model says after it has thought.
fn answer_of(content: &str) -> &str {
    content.rsplit_once("</think>").map_or("", |(_, answer)| answer)
}

/// What it thought, in the reply or beside it.
pub(super) fn thought_of(message: &Message) -> Option<&str> {
    let beside = THOUGHTS.iter().find_map(|name| message.extra.get(*name)?.as_str());
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
