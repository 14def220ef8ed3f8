//! Responses after which no end marker is scored.

use std::collections::HashSet;

use lobass_core::{RowStatus, Sequence};
use lobass_data::{Encoder, Trace};

use crate::row::Row;
use crate::tally::Found;

/// Characters at the end of a response by which it is recognised.
const TAIL: usize = 40;

/// Tells whether responses end with a marker that is scored.
#[derive(Debug)]
pub(super) struct Stops<'a> {
    encoder: &'a Encoder,
    special: HashSet<&'a str>,
}

impl<'a> Stops<'a> {
    pub(super) fn new(encoder: &'a Encoder) -> Self {
        let special = encoder.tokenizer().special_tokens().iter().map(String::as_str).collect();
        Self { encoder, special }
    }

    /// A row of which a scored stretch ends with the text of a response. Of a pair the chosen side is looked at.
    pub(super) fn find(&self, row: &Row<'_>) -> Vec<Found> {
        let sequence = row.encoded.as_ref().and_then(|encoded| encoded.sequence.as_ref());
        let Some((example, sequence)) = row.example().zip(sequence) else { return Vec::new() };
        let is_cut = row.status().0 == RowStatus::Truncated;
        // Nearly always the last token tells, and the text need not be rendered again.
        if is_cut || self.every_stretch_ends_with_a_special_token(sequence) {
            return Vec::new();
        }
        let Ok(trace) = self.encoder.trace(example) else { return Vec::new() };
        let tails: Vec<&str> = row.responses().map(|response| tail(response.content.trim())).collect();
        let stops_short = |end: &usize| {
            let is_special = self.is_special(trace.ids[*end - 1]);
            let text = scored_text(&trace, *end);
            !is_special && tails.iter().any(|tail| text.ends_with(tail))
        };
        let Some(end) = ends(&trace.scored).find(stops_short) else { return Vec::new() };
        let what = "responses whose end marker is not scored".to_owned();
        vec![Found { what, detail: format!("the last scored text is `{}`", tail(scored_text(&trace, end))) }]
    }

    fn every_stretch_ends_with_a_special_token(&self, sequence: &Sequence) -> bool {
        let scored: Vec<bool> = (0..sequence.n_tokens()).map(|at| sequence.is_scored(at)).collect();
        ends(&scored).all(|end| self.is_special(sequence.input_ids()[end - 1]))
    }

    fn is_special(&self, id: u32) -> bool {
        self.encoder.tokenizer().token(id).is_some_and(|token| self.special.contains(token.as_str()))
    }
}

/// Where stretches of scored tokens end.
fn ends(scored: &[bool]) -> impl Iterator<Item = usize> + '_ {
    (1..=scored.len()).filter(|&end| scored[end - 1] && scored.get(end) != Some(&true))
}

/// The text of all tokens before `end`, without the space after it.
fn scored_text(trace: &Trace, end: usize) -> &str {
    trace.text.get(..trace.offsets[end - 1].1).unwrap_or_default().trim_end()
}

/// The last characters of a text.
fn tail(text: &str) -> &str {
    text.char_indices().rev().nth(TAIL - 1).map_or(text, |(at, _)| &text[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_and_tails() {
        assert_eq!(ends(&[false, true, true, false, true]).collect::<Vec<_>>(), [3, 5]);
        assert_eq!(ends(&[false, false]).count(), 0);
        assert_eq!(tail("short"), "short");
        assert_eq!(tail(&format!("{}é", "ü".repeat(50))), format!("{}é", "ü".repeat(39)));
    }
}
