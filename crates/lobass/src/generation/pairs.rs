//! Pairs of a demonstration and a sample: the rows of IRFT and SPIN, in TRL's form.
//!
//! Source: arXiv 2405.17888 and arXiv 2401.01335. A sample is kept only if its text, rendered and tokenized as training
//! does it, gives exactly the tokens that were drawn.

use std::collections::BTreeMap;
use std::path::Path;

use lobass_core::{Sample, SampleEnd, Sequence};
use lobass_data::{Encoder, Example, Message, Role};
use lobass_run::{DrawnBy, WorkDir};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::Result;
use crate::outputs::Lines;
use crate::sequences::Sequences;

/// What became a pair, and what did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PairCounts {
    /// Pairs that were written.
    pub written: u64,
    /// Samples that did not end by themselves. A pair would teach not to end.
    pub unfinished: u64,
    /// Samples that ended because the model gave a number that is not finite.
    #[serde(default)]
    pub not_finite: u64,
    /// Samples that are the demonstration. Their gradient is zero.
    pub same: u64,
    /// Samples whose text becomes other tokens, or that end with another token than the template's.
    pub other_tokens: u64,
    /// Rows whose last turn is no text of the assistant, such as a call of a tool.
    pub no_text: u64,
}

/// Writes a pair for every sample that can be one.
///
/// # Errors
/// If the pool cannot be read, or the file cannot be written.
pub(crate) fn write_pairs(
    sequences: &Sequences,
    work: &WorkDir,
    by: &DrawnBy,
    out: &Path,
) -> Result<PairCounts> {
    let (mut counts, mut lines) = (PairCounts::default(), Lines::create(out)?);
    let encoder = &sequences.encoder;
    let mut rows = sequences.pool.rows();
    for &shard in &work.plan().shards {
        let demonstrations: BTreeMap<u64, Sequence> = work.sequences_of(shard)?.into_iter().collect();
        let mut drawn: BTreeMap<u64, Vec<Sample>> =
            work.samples(by, shard)?.into_iter().map(|row| (row.row, row.samples)).collect();
        for row in rows.by_ref().take(usize::try_from(shard.n_rows).unwrap_or(usize::MAX)) {
            let row = row?;
            let (Some(samples), Ok(example)) = (drawn.remove(&row.row), &row.example) else { continue };
            let Some(demonstration) = demonstrations.get(&row.row) else { continue };
            let pairs = Pairs { encoder, example, demonstration };
            for (sample, number) in samples.iter().zip(0u32..) {
                let name = format!("{}#{number}", row.key);
                if let Some(line) = pairs.of(sample, &name, &mut counts) {
                    lines.write(&line)?;
                }
            }
        }
    }
    lines.finish()?;
    Ok(counts)
}

/// A row whose samples become pairs.
struct Pairs<'a> {
    encoder: &'a Encoder,
    example: &'a Example,
    demonstration: &'a Sequence,
}

impl Pairs<'_> {
    /// The pair of a sample, if it can be one.
    fn of(&self, sample: &Sample, name: &str, counts: &mut PairCounts) -> Option<Value> {
        let (given, end) = match self.example.messages.split_last() {
            Some((last, before)) if is_text(last) => (before, last),
            _ => {
                counts.no_text += 1;
                return None;
            }
        };
        if sample.end == SampleEnd::NotFinite {
            counts.not_finite += 1;
            return None;
        }
        if !sample.is_finished() {
            counts.unfinished += 1;
            return None;
        }
        if self.is_demonstration(sample) {
            counts.same += 1;
            return None;
        }
        let text = self.encoder.tokenizer().decode(&sample.ids).ok();
        let Some(text) = text.filter(|text| self.becomes(text, sample)) else {
            counts.other_tokens += 1;
            return None;
        };
        counts.written += 1;
        let mut line = Map::new();
        line.insert("id".to_owned(), json!(name));
        line.insert("prompt".to_owned(), json!(given));
        line.insert("chosen".to_owned(), json!([end]));
        line.insert("rejected".to_owned(), json!([Message::new(Role::Assistant, text)]));
        let beside = [("tools", &self.example.tools), ("documents", &self.example.documents)];
        line.extend(beside.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))));
        if !self.example.template_arguments.is_empty() {
            line.insert("chat_template_kwargs".to_owned(), json!(self.example.template_arguments));
        }
        Some(Value::Object(line))
    }

    /// Whether a sample has the tokens of the demonstration, with or without the token that ends it.
    fn is_demonstration(&self, sample: &Sample) -> bool {
        let shown = self.demonstration.demonstration();
        sample.ids == shown || sample.ids.split_last().is_some_and(|(_, before)| before == shown)
    }

    /// Whether a text in place of the demonstration becomes the tokens that were drawn.
    fn becomes(&self, text: &str, sample: &Sample) -> bool {
        let mut example = Example { rejected: None, ..self.example.clone() };
        if let Some(last) = example.messages.last_mut() {
            *last = Message::new(Role::Assistant, text);
        }
        let encoded = self.encoder.encode(&example);
        let Some(sequence) = encoded.sequence else { return false };
        let ids = [self.demonstration.prompt(), &sample.ids].concat();
        let scored = sequence.demonstration();
        let is_response =
            sample.ids == scored || sample.ids.split_last().is_some_and(|(_, ids)| ids == scored);
        sequence.input_ids().starts_with(&ids)
            && sequence.prompt() == self.demonstration.prompt()
            && is_response
    }
}

/// Whether a turn is a text of the assistant and nothing else.
fn is_text(turn: &Message) -> bool {
    turn.role == Role::Assistant && turn.scored && turn.extra.is_empty() && turn.parts.is_none()
}
