//! Examples to sequences: one rendering, one tokenization, and a mask from its offsets.

mod borders;
mod generation;
mod markers;
mod options;
mod pair;
mod rendered;
mod reply;
mod shadow;
mod spans;
mod thought;
mod transform;
mod unread;

use std::borrow::Cow;
use std::collections::BTreeSet;

use lobass_core::{RowStatus, Sequence};

use crate::{ChatTemplate, Error, Example, Message, Role, RowFault, TextTokenizer, Unread};
pub use options::{EncodeOptions, Mask, Overlong};
use rendered::Rendered;
use spans::ResponseSpan;
pub use transform::Transform;

/// Renders and tokenizes examples; one for all rows of a run.
#[derive(Debug)]
pub struct Encoder {
    tokenizer: TextTokenizer,
    template: ChatTemplate,
    options: EncodeOptions,
}

/// The result of encoding an example.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// The status; scored statuses have a sequence.
    pub status: RowStatus,
    /// Why, for everything but [`RowStatus::Ok`].
    pub reason: Option<String>,
    /// Tokens before any cut; 0 if there was nothing to count. Of a pair those of the chosen side, unless the
    /// rejected one is why it has no sequences.
    pub n_tokens: usize,
    /// The sequence for a model; for a pair, the prompt with the chosen response.
    pub sequence: Option<Sequence>,
    /// For a pair, the prompt with the rejected response; present exactly if the other is.
    pub rejected: Option<Sequence>,
    /// Content of the example that its rendering does not show, on either side of a pair; empty without a sequence.
    pub unread: Vec<Unread>,
}

impl Encoded {
    /// A result without a sequence, and the reason.
    pub fn fault(fault: RowFault) -> Self {
        Self::without_sequence(fault.status, fault.reason, 0)
    }

    fn without_sequence(status: RowStatus, reason: String, n_tokens: usize) -> Self {
        Self { status, reason: Some(reason), n_tokens, sequence: None, rejected: None, unread: Vec::new() }
    }
}

/// An example as a model sees it, before any cut.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The rendered text.
    pub text: String,
    /// The token ids.
    pub ids: Vec<u32>,
    /// The bytes of the text that each token covers.
    pub offsets: Vec<(usize, usize)>,
    /// Whether each token is scored.
    pub scored: Vec<bool>,
    /// The first token that holds both template text and response text.
    pub border: Option<usize>,
    /// Content of the example that the text does not show.
    pub unread: Vec<Unread>,
}

impl Encoder {
    /// Puts together what turns text into sequences.
    ///
    /// # Errors
    /// [`Error::NoGeneration`] for [`Mask::Generation`] with a template that marks nothing.
    pub fn new(
        tokenizer: TextTokenizer,
        template: ChatTemplate,
        options: EncodeOptions,
    ) -> Result<Self, Error> {
        if options.mask == Mask::Generation && !template.marks_generation() {
            return Err(Error::NoGeneration { template: template.name().to_owned() });
        }
        Ok(Self { tokenizer, template, options })
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &TextTokenizer {
        &self.tokenizer
    }

    /// The template.
    pub fn template(&self) -> &ChatTemplate {
        &self.template
    }

    /// The options.
    pub fn options(&self) -> &EncodeOptions {
        &self.options
    }

    /// Turns an example into a sequence, a pair into two, or says why it cannot be one.
    ///
    /// For a pair, both sides are encoded or neither: if one cannot be, its status and reason are those of the pair.
    pub fn encode(&self, example: &Example) -> Encoded {
        let chosen = self.encode_side(example);
        match example.rejected_example() {
            None => chosen,
            Some(rejected) => pair::join(chosen, self.encode_side(&rejected)),
        }
    }

    fn encode_side(&self, example: &Example) -> Encoded {
        match self.trace(example) {
            Ok(mut trace) => {
                let unread = std::mem::take(&mut trace.unread);
                let encoded = self.fit(trace);
                let unread = if encoded.sequence.is_some() { unread } else { Vec::new() };
                Encoded { unread, ..encoded }
            }
            Err(fault) => Encoded::fault(fault),
        }
    }

    /// The tokens that end a response: the one with which the template ends a turn, if it ends turns with a special token,
    /// and the tokenizer's end of sequences. Ascending.
    pub fn end_ids(&self) -> Vec<u32> {
        let mut ids: BTreeSet<u32> = self.tokenizer.eos().map(|token| token.id).into_iter().collect();
        let turns = [Message::new(Role::User, "?"), Message::new(Role::Assistant, "yes")];
        let example = Example { messages: turns.to_vec(), ..Example::default() };
        let bos = self.tokenizer.bos().map(|token| token.text.as_str());
        let suited = self.template.suited(&example);
        let rendered = Rendered::new(&self.template, &suited, self.tokenizer.special_tokens(), bos);
        let marker = rendered.ok().and_then(|rendered| {
            let span = rendered.spans().ok()?.pop().filter(|span| span.has_end)?;
            let text = rendered.text.get(span.scored)?.trim_end().to_owned();
            let specials = self.tokenizer.special_tokens().iter();
            specials.filter(|token| text.ends_with(token.as_str())).max_by_key(|token| token.len()).cloned()
        });
        ids.extend(marker.and_then(|marker| self.tokenizer.id(&marker)));
        ids.into_iter().collect()
    }

    /// Renders, tokenizes, and masks an example, and does not cut it; of a pair the side with the chosen response.
    ///
    /// A token is scored if it holds any text of a response or of the marker that ends it. A special token with `lstrip`
    /// or `rstrip` also covers the white space beside it. That white space does not count.
    ///
    /// # Errors
    /// [`RowStatus::TemplateError`] if the template rejects the example or hides its responses;
    /// [`RowStatus::Malformed`] if the tokenizer has no token for a part of the text.
    pub fn trace(&self, example: &Example) -> Result<Trace, RowFault> {
        let bos = self.tokenizer.bos().map(|token| token.text.as_str());
        let given = self.options.transform.map_or(Cow::Borrowed(example), |transform| transform.of(example));
        let given = &*given;
        let example = &*self.template.suited(given);
        let rendered = Rendered::new(&self.template, example, self.tokenizer.special_tokens(), bos)?;
        let mut spans = match self.options.mask {
            Mask::Generation => generation::spans(&rendered)?,
            _ => rendered.spans()?,
        };
        if self.options.mask == Mask::Text {
            spans.iter_mut().try_for_each(ResponseSpan::leave_out_the_marker)?;
        }
        let unread = unread::unread(&rendered, given, self.options.mask, &spans);
        let text = rendered.text;
        let tokens = self
            .tokenizer
            .encode(&text)
            .map_err(|reason| RowFault::malformed(format!("the tokenizer cannot encode it: {reason}")))?;
        let (mut scored, border) = mask(&text, &self.tokenizer.places(&text, &tokens), &spans);
        if self.options.mask == Mask::All {
            scored.iter_mut().skip(1).for_each(|counts| *counts = true);
        }
        Ok(Trace { text, ids: tokens.ids, offsets: tokens.offsets, scored, border, unread })
    }

    /// Applies the maximal length.
    fn fit(&self, mut trace: Trace) -> Encoded {
        let n_tokens = trace.ids.len();
        let limit = self.options.max_length;
        let mut status = RowStatus::Ok;
        let mut reason = None;
        if let Some(at) = trace.border {
            status = RowStatus::Border;
            let token = self.tokenizer.token(trace.ids[at]).unwrap_or_default();
            reason = Some(format!("token {at} {token:?} straddles the border between template and response"));
        }
        if n_tokens > limit {
            let length = format!("{n_tokens} tokens, above the maximum of {limit}");
            trace.ids.truncate(limit);
            trace.scored.truncate(limit);
            let cut = self.options.overlong == Overlong::Truncate;
            if !cut || !trace.scored.contains(&true) {
                let why = if cut {
                    format!("{length}; nothing of a response is left after the cut")
                } else {
                    length
                };
                return Encoded::without_sequence(RowStatus::Overlong, why, n_tokens);
            }
            status = RowStatus::Truncated;
            reason = Some(length);
        }
        if let Some(reason) = self.beyond(&trace.ids) {
            return Encoded::without_sequence(RowStatus::OutOfVocabulary, reason, n_tokens);
        }
        match Sequence::from_scored_tokens(trace.ids, &trace.scored) {
            Ok(sequence) if sequence.n_scored() > 0 => Encoded {
                status,
                reason,
                n_tokens,
                sequence: Some(sequence),
                rejected: None,
                unread: Vec::new(),
            },
            Ok(_) => {
                let reason = "no token of the sequence holds text of a response".to_owned();
                Encoded::without_sequence(RowStatus::EmptyResponse, reason, n_tokens)
            }
            Err(error) => Encoded::without_sequence(RowStatus::TemplateError, error.to_string(), n_tokens),
        }
    }

    /// The first token that the model has no embedding for, in words.
    fn beyond(&self, ids: &[u32]) -> Option<String> {
        let vocabulary = self.options.vocabulary?;
        let at = ids.iter().position(|&id| id as usize >= vocabulary)?;
        let token = self.tokenizer.token(ids[at]).unwrap_or_default();
        Some(format!(
            "token {at} {token:?} has the id {}, and the model has embeddings for {vocabulary} tokens",
            ids[at]
        ))
    }
}

/// One flag per token, and the first token that straddles a border.
fn mask(text: &str, offsets: &[(usize, usize)], spans: &[ResponseSpan]) -> (Vec<bool>, Option<usize>) {
    let mut scored = vec![false; offsets.len()];
    let mut border = None;
    let mut spans = spans.iter().peekable();
    for (token, &(start, end)) in offsets.iter().enumerate() {
        while spans.next_if(|span| span.scored.end <= start).is_some() {}
        let Some(span) = spans.peek() else { break };
        if start < end && start < span.scored.end && end > span.scored.start {
            scored[token] = true;
            let before = text.get(start.max(span.prompt_end)..span.scored.start).unwrap_or_default();
            let straddles = start < span.prompt_end || !before.trim().is_empty() || end > span.scored.end;
            border = border.or(straddles.then_some(token));
        }
    }
    (scored, border)
}
