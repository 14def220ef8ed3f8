//! The tokens of rows, for a program that computes their losses.

use std::fmt;
use std::path::{Path, PathBuf};

use lobass_core::readable::{Labelled, count, counted};
use lobass_core::{RowStatus, Sequence};
use lobass_data::{Overlong, PoolRow};
use lobass_run::{IGNORE_INDEX, UnreadRecord, UnreadTally};
use serde::Serialize;

use crate::error::{Result, bail};
use crate::missing::Missing;
use crate::outputs::{self, Lines};
use crate::runtime::Runtime;
use crate::sequences::{Sequences, open_pool};
use crate::settings::{DataSettings, EncodeSettings};

/// A pool whose rows are to be written as tokens.
#[derive(Debug)]
pub struct EncodeJob<'a> {
    /// The data files and how they are read.
    pub data: &'a DataSettings,
    /// The chat template, the mask, and the maximal length.
    pub sequences: &'a EncodeSettings,
    /// The model whose tokenizer and chat template are used: a checkpoint directory, or a model of the hub.
    pub tokenizer: &'a Path,
    /// The time that the chat template is to see, if it asks for one; the current time without it.
    pub template_time: Option<String>,
    /// The file: JSON lines of `row`, `key`, `input_ids`, and `labels`, and of `side` for pairs.
    pub out: &'a Path,
}

/// The report of a file of tokens.
#[derive(Debug, Clone, Serialize)]
pub struct EncodeReport {
    /// The file.
    pub out: PathBuf,
    /// Rows of the pool.
    pub n_rows: u64,
    /// Rows that are written; the others have no tokens to score.
    pub n_written: u64,
    /// Tokens that are written.
    pub n_tokens: u64,
    /// Scored tokens.
    pub n_scored: u64,
    /// Content of the written rows that their tokens do not have.
    pub unread: Vec<UnreadRecord>,
    /// The time that the chat template saw, if it asked for one.
    pub template_time: Option<String>,
}

/// The tokens of a row, or of one response of a pair.
#[derive(Debug, Serialize)]
struct Tokens<'a> {
    row: u64,
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<&'static str>,
    input_ids: &'a [u32],
    /// The ids of scored tokens, and [`IGNORE_INDEX`] for the others.
    labels: Vec<i64>,
}

impl EncodeJob<'_> {
    /// Writes a line for each row that has tokens to score, two for a pair. The file appears whole or not at all.
    ///
    /// # Errors
    /// If the data or the tokenizer cannot be read, the file cannot be written, or the observer asks to stop.
    pub fn run(self, runtime: &Runtime) -> Result<EncodeReport> {
        check_ending(self.out)?;
        let missing = Missing::default().model("base", self.tokenizer);
        missing.data(self.data, runtime).apart(self.out, self.data).sequences(self.sequences).end()?;
        let pool = open_pool(self.data, runtime)?;
        outputs::check_for_pool(&[self.out.to_owned()], &pool)?;
        outputs::note_replaced(&[self.out.to_owned()], runtime);
        let told = self.template_time.clone();
        let sequences = Sequences::of_tokenizer(pool, self.sequences, self.tokenizer, told, runtime)?;
        let mut lines = Lines::create(self.out)?;
        let mut report = EncodeReport {
            out: self.out.to_owned(),
            n_rows: 0,
            n_written: 0,
            n_tokens: 0,
            n_scored: 0,
            unread: Vec::new(),
            template_time: sequences.template_time(),
        };
        let mut unread = UnreadTally::default();
        for row in sequences.pool.rows() {
            runtime.go_on()?;
            report.write(&mut lines, &sequences, &row?, &mut unread)?;
        }
        lines.finish()?;
        let files = sequences.pool.files().iter();
        report.unread = unread.records(files.map(|file| (file.source(), file.layout())));
        Ok(report)
    }
}

/// Refuses names that promise another format.
fn check_ending(out: &Path) -> Result<()> {
    let ending = out.extension().map(|ending| ending.to_string_lossy().into_owned()).unwrap_or_default();
    match ending.as_str() {
        "parquet" | "arrow" | "feather" | "csv" | "tsv" | "gz" | "zst" | "npy" | "safetensors" => bail!(
            Settings,
            "output `{}`: expected the ending `.jsonl`, since tokens are written as JSON lines, found `.{ending}`",
            out.display()
        ),
        _ => Ok(()),
    }
}

impl EncodeReport {
    /// Whether there are rows without tokens to score.
    pub fn falls_short(&self) -> bool {
        self.n_written < self.n_rows
    }

    fn write(
        &mut self,
        lines: &mut Lines,
        sequences: &Sequences,
        row: &PoolRow,
        unread: &mut UnreadTally,
    ) -> Result<()> {
        self.n_rows += 1;
        let Ok(example) = &row.example else { return Ok(()) };
        let encoded = sequences.encoder.encode(example);
        if encoded.status == RowStatus::Overlong && sequences.encoder.options().overlong == Overlong::Error {
            bail!(Data, "row {} (`{}`): {}", row.row, row.key, encoded.reason.unwrap_or_default());
        }
        let Some(chosen) = encoded.sequence.filter(|_| RowStatus::is_scored(encoded.status)) else {
            return Ok(());
        };
        self.n_written += 1;
        let source = sequences.pool.files()[row.file].source();
        unread.add(source, row.unread.iter().chain(&encoded.unread));
        let is_pair = encoded.rejected.is_some();
        self.line(lines, row, is_pair.then_some("chosen"), &chosen)?;
        match &encoded.rejected {
            Some(rejected) => self.line(lines, row, Some("rejected"), rejected),
            None => Ok(()),
        }
    }

    fn line(
        &mut self,
        lines: &mut Lines,
        row: &PoolRow,
        side: Option<&'static str>,
        sequence: &Sequence,
    ) -> Result<()> {
        self.n_tokens += sequence.n_tokens() as u64;
        self.n_scored += sequence.n_scored() as u64;
        let label = |(at, id): (usize, &u32)| match sequence.is_scored(at) {
            true => i64::from(*id),
            false => IGNORE_INDEX.into(),
        };
        let labels = sequence.input_ids().iter().enumerate().map(label).collect();
        let (row, key, input_ids) = (row.row, row.key.as_str(), sequence.input_ids());
        lines.write(&Tokens { row, key, side, input_ids, labels })
    }
}

impl fmt::Display for EncodeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Labelled::default();
        text.line("wrote", format!("{} ({})", self.out.display(), counted(self.n_written, "row")));
        text.line("tokens", format!("{}, {} of them scored", count(self.n_tokens), count(self.n_scored)));
        if self.falls_short() {
            let left_out = counted(self.n_rows - self.n_written, "row");
            text.line("left out", format!("{left_out} without tokens to score; `lobass check` says why"));
        }
        self.unread.iter().for_each(|record| text.line("not read", record));
        if let Some(time) = &self.template_time {
            text.line(
                "time",
                format!("{time}: what the chat template saw; give it to `lobass import --template-time`"),
            );
        }
        text.fmt(f)
    }
}
