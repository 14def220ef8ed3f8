//! Questions from files, with their texts as tokens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lobass_core::Sequence;
use lobass_core::readable::{count, counted};
use lobass_data::TextTokenizer;
use lobass_leakage::{Format, Question, QuestionFault, Texts, orders, starts};
use sha2::{Digest as _, Sha256};

use super::input::QuestionInput;
use crate::error::{Error, Result, bail};

/// Tokens of an n-gram, and n-grams of a question, as in arXiv 2505.24263.
pub(super) const N_GRAM: usize = 5;
const N_GRAMS: usize = 5;

/// How questions are read.
#[derive(Debug, Clone)]
pub(super) struct Reading<'a> {
    /// How they stand in rows; `None` goes by the columns of each row.
    pub(super) format: Option<Format>,
    /// The most orders of a question.
    pub(super) orders: Option<usize>,
    /// The seed of orders that are drawn.
    pub(super) seed: u64,
    pub(super) tokenizer: &'a TextTokenizer,
    /// The longest sequence of the model.
    pub(super) max_tokens: usize,
}

/// One question.
#[derive(Debug)]
pub(super) struct Asked {
    /// The index of its file.
    pub(super) file: usize,
    /// Its row in the file, from 0.
    pub(super) row: u64,
    pub(super) subject: Option<String>,
    pub(super) refers: bool,
    /// What models read, or why nothing can be said.
    pub(super) texts: Result<Tokens, QuestionFault>,
}

/// What models read of a question.
#[derive(Debug)]
pub(super) struct Tokens {
    /// One sequence per order, the original first; the block of options is scored.
    pub(super) orders: Vec<Sequence>,
    /// The text up to the end of an n-gram, which is scored.
    pub(super) n_grams: Vec<Sequence>,
    /// A hash of all of them.
    pub(super) digest: String,
}

/// The questions of all files.
#[derive(Debug, Default)]
pub(super) struct Questions {
    pub(super) files: Vec<PathBuf>,
    pub(super) all: Vec<Asked>,
}

impl Questions {
    /// Reads all rows of files.
    pub(super) fn read(inputs: &[QuestionInput], reading: &Reading<'_>) -> Result<Self> {
        let mut questions = Self::default();
        for input in inputs {
            let path = input.path();
            let name = path.display();
            let columns = reading.format.as_ref().and_then(Format::columns);
            let rows = match columns {
                None => input.rows()?,
                Some(names) => input.rows_without_names(names)?,
            };
            for (row, raw) in (0u64..).zip(rows) {
                let at_row = |reason: String| Error::Data(format!("`{name}`, row {row}: {reason}"));
                let fields = raw?.fields.map_err(|fault| at_row(fault.reason))?;
                let Some(format) = reading.format.clone().or_else(|| Format::detect(&fields)) else {
                    let found: Vec<&str> = fields.keys().map(String::as_str).collect();
                    bail!(
                        Data,
                        "`{name}`, row {row}: expected the columns of a benchmark (question and choices, or question, \
                         A, B, ..), found {}; name them with `--benchmark question=COLUMN,options=A+B+C`, or read MMLU's \
                         CSV files, which have no column names, with `--benchmark mmlu-csv`",
                        found.join(", ")
                    );
                };
                let question = format.read(&fields).map_err(at_row)?;
                questions.all.push(Asked {
                    file: questions.files.len(),
                    row,
                    subject: question.subject.clone().or_else(|| columns.and(subject_of(path))),
                    refers: question.refers(),
                    texts: tokens(&question, reading).map_err(at_row)?,
                });
            }
            questions.files.push(path.to_owned());
        }
        Ok(questions)
    }

    /// Adds those of further files.
    pub(super) fn append(&mut self, more: Self) {
        let n_files = self.files.len();
        self.files.extend(more.files);
        self.all.extend(more.all.into_iter().map(|asked| Asked { file: asked.file + n_files, ..asked }));
    }

    /// How many there are, and what is not tested, of those before the control.
    pub(super) fn in_words(&self, n_data: usize) -> String {
        let tested = self.all[..n_data].iter().filter(|asked| asked.texts.is_ok()).count() as u64;
        let mut words = format!("{} of {}", count(tested), count(n_data as u64));
        if tested < n_data as u64 {
            words += &format!(" ({})", self.why_not(n_data));
        }
        let refers = self.all[..n_data].iter().filter(|asked| asked.refers && asked.texts.is_ok()).count();
        if refers > 0 {
            words += &format!("; {} whose options refer to others", counted(refers as u64, "question"));
        }
        words
    }

    /// How many have each fault, of those before the control.
    pub(super) fn why_not(&self, n_data: usize) -> String {
        let mut faults = BTreeMap::<String, u64>::new();
        for fault in self.all[..n_data].iter().filter_map(|asked| asked.texts.as_ref().err()) {
            *faults.entry(fault.to_string()).or_default() += 1;
        }
        let faults: Vec<_> = faults.into_iter().map(|(fault, n)| format!("{} {fault}", count(n))).collect();
        if faults.is_empty() { "the files have no rows".to_owned() } else { faults.join(", ") }
    }
}

/// The subject of a file of MMLU, which its name has: `abstract_algebra_test.csv`.
fn subject_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    let subject = ["_test", "_dev", "_val"].iter().find_map(|split| stem.strip_suffix(split));
    Some(subject.unwrap_or(stem).to_owned())
}

/// The sequences of a question, or why it has none.
fn tokens(question: &Question, reading: &Reading<'_>) -> Result<Result<Tokens, QuestionFault>, String> {
    let Reading { orders: limit, seed, tokenizer, max_tokens, .. } = *reading;
    if let Err(fault) = question.check() {
        return Ok(Err(fault));
    }
    let Some(orders) = orders(question.options.len(), limit, seed) else {
        return Ok(Err(QuestionFault::TooManyOrders));
    };
    let texts = Texts::of(question, &orders);
    let encode = |text: &str| tokenizer.encode(text);
    let prefix = encode(&texts.prefix)?.ids;
    let n_leading = tokenizer.leading().len();
    // Both parts are tokenized apart, so that the block begins at the same token in every order. A tokenizer that puts
    // BOS before a text puts it before the block too, where it does not belong.
    let block =
        |text: &String| encode(text).map(|block| block.ids[n_leading.min(block.ids.len())..].to_vec());
    let blocks = texts.blocks.iter().map(block).collect::<Result<Vec<_>, String>>()?;
    if prefix.is_empty() || blocks.iter().any(|block| prefix.len() + block.len() > max_tokens) {
        return Ok(Err(QuestionFault::TooLong));
    }
    let whole = |block: &Vec<u32>| [prefix.as_slice(), block].concat();
    let orders = blocks.iter().map(|block| scored_from(whole(block), prefix.len()));
    let original = whole(&blocks[0]);
    let n_grams = starts(original.len(), N_GRAM, N_GRAMS).into_iter();
    let n_grams = n_grams.map(|start| scored_from(original[..start + N_GRAM].to_vec(), start));
    let (orders, n_grams) =
        (orders.collect::<Result<Vec<_>, String>>()?, n_grams.collect::<Result<Vec<_>, String>>()?);
    let digest = digest(orders.iter().chain(&n_grams));
    Ok(Ok(Tokens { orders, n_grams, digest }))
}

/// A sequence whose tokens from one on are scored.
fn scored_from(ids: Vec<u32>, start: usize) -> Result<Sequence, String> {
    let scored: Vec<bool> = (0..ids.len()).map(|at| at >= start).collect();
    Sequence::from_scored_tokens(ids, &scored).map_err(|error| error.to_string())
}

fn digest<'a>(sequences: impl Iterator<Item = &'a Sequence>) -> String {
    let mut hash = Sha256::new();
    for sequence in sequences {
        hash.update((sequence.n_tokens() as u64).to_le_bytes());
        hash.update((sequence.n_scored() as u64).to_le_bytes());
        for id in sequence.input_ids() {
            hash.update(id.to_le_bytes());
        }
    }
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
