//! The examples that trainings are measured on. None of them is in the pool.

use std::collections::BTreeMap;

use lobass_core::Observer as _;
use lobass_core::readable::{count, counted};
use lobass_core::{Digest, RowStatus, Sequence};
use lobass_data::{Example, Message, Pool};
use lobass_evidence::{ALL, HeldOutRecord, SourceCount};
use lobass_text::{Overlap, OverlapOptions, Said, Twin};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::wrong::WrongResponses;
use crate::error::{Result, bail};
use crate::runtime::Runtime;
use crate::sequences::Sequences;
use crate::settings::OverlapPolicy;

/// The held-out examples that are measured on, and how many were left out.
pub(super) struct HeldOut {
    pub(super) sequences: Vec<Sequence>,
    /// The wrong responses to the prompt of each sequence, after that prompt.
    pub(super) wrong: Vec<Vec<Sequence>>,
    /// The source of each sequence, as an index of `sources`.
    pub(super) of_example: Vec<usize>,
    pub(super) sources: Vec<String>,
    pub(super) record: HeldOutRecord,
    /// SHA-256 of all tokens that are measured on, as hexadecimal digits.
    pub(super) digest: String,
}

/// Where held-out examples come from, and what happens to those that are in the pool.
#[derive(Debug, Clone, Copy)]
pub struct HeldOutRequest<'a> {
    /// Rows to measure on; each source has separate results. Without any, the held-out rows of the table.
    pub rows: Option<&'a Pool>,
    /// The policy for examples that the pool contains.
    pub policy: OverlapPolicy,
    /// The column with a list of wrong responses to the prompt of a row, to measure how often a model finds the right one
    /// the most likely.
    pub wrong_responses: Option<&'a str>,
}

/// One held-out example before it is looked for in the pool.
struct Candidate {
    source: usize,
    /// The prompt and the responses.
    texts: [String; 2],
    sequence: Sequence,
    wrong: Vec<Sequence>,
}

impl HeldOut {
    pub(super) fn open(
        request: HeldOutRequest<'_>,
        sequences: &Sequences,
        statuses: &[RowStatus],
        runtime: &Runtime,
    ) -> Result<Self> {
        let is_aside = |row: u64| {
            let status = usize::try_from(row).ok().and_then(|row| statuses.get(row));
            request.rows.is_none() && status == Some(&RowStatus::HeldOut)
        };
        let (mut found, mut n_unscorable) = (Vec::new(), 0);
        let (from, wanted): (&Pool, &dyn Fn(u64) -> bool) = match request.rows {
            None => (&sequences.pool, &is_aside),
            Some(rows) => (rows, &|_| true),
        };
        let (names, source_of) = sources(from)?;
        let wrong = request.wrong_responses.map(|column| WrongResponses::read(from, column)).transpose()?;
        for row in from.rows() {
            let row = row?;
            if !wanted(row.row) {
                continue;
            }
            let candidate = match &row.example {
                Err(_) => None,
                Ok(example) => {
                    let wrong = wrong.as_ref().map(|wrong| wrong.of(row.row, example, &sequences.encoder));
                    let wrong = wrong.transpose()?.unwrap_or_else(|| Some(Vec::new()));
                    let sequence = sequences.encoder.encode(example).sequence;
                    let source = source_of[row.file];
                    sequence.zip(wrong).map(|(sequence, wrong)| Candidate {
                        source,
                        texts: texts(example),
                        sequence,
                        wrong,
                    })
                }
            };
            n_unscorable += u64::from(candidate.is_none());
            found.extend(candidate);
        }
        if found.is_empty() && request.rows.is_none() {
            bail!(
                Comparison,
                "no row of the table was held out; train the reference with `--eval-rows N`, or name held-out files \
                 with `--eval`"
            );
        }
        let texts: Vec<&[String; 2]> = found.iter().map(|one| &one.texts).collect();
        let twins = twins(&texts, &sequences.pool, &is_aside)?;
        Self::of(found, &twins, names, n_unscorable, request.policy, runtime)
    }

    fn of(
        found: Vec<Candidate>,
        twins: &[Option<Twin>],
        sources: Vec<String>,
        n_unscorable: u64,
        policy: OverlapPolicy,
        runtime: &Runtime,
    ) -> Result<Self> {
        let n_twins = twins.iter().flatten().count() as u64;
        let n_same_prompt = twins.iter().filter(|twin| **twin == Some(Twin::SamePrompt)).count() as u64;
        let n_near = n_twins - n_same_prompt;
        let n_found = found.len() as u64;
        let what = format!(
            "{} of {} held-out examples are in the pool too: {} have the prompt of a row, {} have nearly its text",
            count(n_same_prompt + n_near),
            count(n_found),
            count(n_same_prompt),
            count(n_near)
        );
        if n_same_prompt + n_near > 0 {
            match policy {
                OverlapPolicy::Refuse => {
                    bail!(Comparison, "{what}; remove them, or leave them out with `--overlap drop`")
                }
                OverlapPolicy::Drop => runtime.warn(&format!("{what}; they are left out")),
            }
        }
        if n_unscorable > 0 {
            runtime.warn(&format!(
                "{} cannot be scored and are left out",
                counted(n_unscorable, "held-out row")
            ));
        }
        let kept: Vec<Candidate> =
            found.into_iter().zip(twins).filter(|(_, twin)| twin.is_none()).map(|(one, _)| one).collect();
        if kept.is_empty() {
            bail!(
                Comparison,
                "no held-out example is left to measure on: {what}, {n_unscorable} cannot be scored"
            );
        }
        let mut n_rows: BTreeMap<usize, u64> = BTreeMap::new();
        for one in &kept {
            *n_rows.entry(one.source).or_default() += 1;
        }
        let counts = n_rows.iter().map(|(&at, &n_rows)| SourceCount { source: sources[at].clone(), n_rows });
        let n_scored = kept.iter().map(|one| one.sequence.n_scored() as u64).sum();
        let record =
            HeldOutRecord { sources: counts.collect(), n_scored, n_unscorable, n_same_prompt, n_near };
        let of_example = kept.iter().map(|one| one.source).collect();
        let (sequences, wrong): (Vec<Sequence>, Vec<Vec<Sequence>>) =
            kept.into_iter().map(|one| (one.sequence, one.wrong)).unzip();
        let digest = digest(sequences.iter().chain(wrong.iter().flatten()));
        Ok(Self { sequences, wrong, of_example, sources, record, digest })
    }
}

/// The sources of a pool, and for each of its files the index of its source.
pub(super) fn sources(pool: &Pool) -> Result<(Vec<String>, Vec<usize>)> {
    let mut names: Vec<String> = Vec::new();
    let mut of_file = Vec::new();
    for file in pool.files() {
        let known = names.iter().position(|name| name == file.source());
        of_file.push(known.unwrap_or(names.len()));
        if known.is_none() {
            names.push(file.source().to_owned());
        }
    }
    if names.len() > 1 && names.iter().any(|name| name == ALL) {
        bail!(
            Comparison,
            "held-out source `{ALL}`: this name is reserved for all sources; give it another one, as in `NAME=FILE`"
        );
    }
    Ok((names, of_file))
}

/// The held-out examples that the pool also has: with the same prompt, or else with nearly the same text.
pub(super) fn twins(
    found: &[&[String; 2]],
    pool: &Pool,
    is_aside: &dyn Fn(u64) -> bool,
) -> Result<Vec<Option<Twin>>> {
    let examples: Vec<Said<'_>> = found.iter().map(|texts| said(texts)).collect();
    let overlap = Overlap::new(&examples, &OverlapOptions::default())?;
    let mut twins: Vec<Option<Twin>> = vec![None; found.len()];
    for row in pool.rows() {
        let row = row?;
        if let Ok(example) = &row.example
            && !is_aside(row.row)
        {
            for (at, twin) in overlap.find(&said(&texts(example))) {
                if twin == Twin::SamePrompt || twins[at].is_none() {
                    twins[at] = Some(twin);
                }
            }
        }
    }
    Ok(twins)
}

fn said([prompt, responses]: &[String; 2]) -> Said<'_> {
    Said { prompt: vec![prompt], responses: vec![responses] }
}

/// The text before the responses, and the responses.
pub(super) fn texts(example: &Example) -> [String; 2] {
    let say = |text: &mut String, message: &Message| {
        text.push_str(&message.content);
        for value in message.extra.values() {
            text.push('\n');
            match value {
                Value::String(value) => text.push_str(value),
                value => text.push_str(&value.to_string()),
            }
        }
        text.push('\n');
    };
    let mut texts = [String::new(), String::new()];
    for message in &example.messages {
        say(&mut texts[usize::from(message.scored)], message);
    }
    texts
}

/// SHA-256 of token ids and loss masks, as hexadecimal digits.
pub(super) fn digest<'a>(sequences: impl IntoIterator<Item = &'a Sequence>) -> String {
    let mut hash = Sha256::new();
    for sequence in sequences {
        hash.update((sequence.n_tokens() as u64).to_le_bytes());
        sequence.input_ids().iter().for_each(|id| hash.update(id.to_le_bytes()));
        sequence.loss_mask().iter().for_each(|&counts| hash.update([u8::from(counts)]));
    }
    Digest::of_hash(&hash.finalize()).to_string()
}
