//! Masks of tokens: which scored tokens a training is to learn from.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use lobass_core::readable::{Labelled, count, counted, percent};
use lobass_run::{MaskWriter, ScoreFile, TokenLosses};
use lobass_select::{Scope, Threshold, TokenMask, TokenScore};
use serde::Serialize;

use crate::error::{Context as _, Result, bail};
use crate::missing::Missing;
use crate::outputs;
use crate::runtime::Runtime;
use crate::sequences::{Named, check_named};
use crate::settings::available_threads;

/// The models whose losses are compared.
const MODELS: [&str; 2] = ["base", "reference"];

/// A score table whose tokens are to be masked.
#[derive(Debug)]
pub struct MaskJob<'a> {
    /// The score table, with the losses of tokens under a base and a reference.
    pub scores: &'a Path,
    /// The score of a token, the share of tokens to keep, and the tokens that it competes with.
    pub mask: TokenMask,
    /// The index of a selection (JSON lines): only its rows are written.
    pub index: Option<&'a Path>,
    /// The file of `input_ids`, `attention_mask`, and `labels`: Parquet, or JSON lines.
    pub out: &'a Path,
}

/// The report of a file of masked rows.
#[derive(Debug, Clone, Serialize)]
pub struct MaskReport {
    /// Rows that were written.
    pub n_rows: u64,
    /// Rows that were left out, since no token is kept.
    #[serde(rename = "n_rows_without_tokens")]
    pub n_empty: u64,
    /// Scored tokens.
    pub n_scored: u64,
    /// Tokens that are kept.
    pub n_kept: u64,
    /// The lowest score of a kept token in nats, if tokens compete with the whole pool.
    pub threshold: Option<f32>,
    /// The file.
    pub out: PathBuf,
    /// How tokens were chosen.
    #[serde(skip)]
    pub mask: TokenMask,
}

impl MaskJob<'_> {
    /// Chooses tokens, and writes the rows.
    ///
    /// # Errors
    /// If the table lacks losses of tokens or a reference, the selection was made from another table, no token is kept,
    /// or `out` is an input or cannot be written.
    pub fn run(self, runtime: &Runtime) -> Result<MaskReport> {
        Missing::default().file("score table", self.scores).files("index", self.index).end()?;
        let index = self.index.iter().map(|index| ("the selection", *index));
        let inputs: Vec<_> = index.chain([("the score table", self.scores)]).collect();
        let out = self.out.to_owned();
        outputs::check(std::slice::from_ref(&out), &inputs)?;
        let table = ScoreFile::open(self.scores)?;
        let chosen = self.index.map(|index| read_index(index, &table)).transpose()?;
        let threshold = match self.mask.scope {
            Scope::Row => None,
            Scope::Pool => pool_threshold(&table, &self.mask)?,
        };
        outputs::note_replaced(std::slice::from_ref(&out), runtime);
        let mut writer = MaskWriter::create(&out)?;
        let mut report =
            MaskReport { n_rows: 0, n_empty: 0, n_scored: 0, n_kept: 0, threshold, out, mask: self.mask };
        let is_wanted = |row: &TokenLosses| {
            row.status.is_eligible() && chosen.as_ref().is_none_or(|chosen| chosen.contains(&row.row))
        };
        table.token_losses(&MODELS, available_threads(), |row| {
            if !is_wanted(&row) {
                return Ok(());
            }
            let kept = report.mask.of_row(&row.losses[0], &row.losses[1], threshold);
            match report.add(&kept) {
                true => writer.write(row.row, &row.sequence, &kept),
                false => Ok(()),
            }
        })?;
        report.check(self.scores, chosen.as_ref().map(HashSet::len))?;
        writer.finish()?;
        Ok(report)
    }
}

/// The threshold over all rows that can be selected, so that it does not depend on a selection.
fn pool_threshold(table: &ScoreFile, mask: &TokenMask) -> Result<Option<f32>> {
    Ok(Threshold::of_largest(mask.keep, |take| {
        table.token_losses(&MODELS, available_threads(), |row| {
            if row.status.is_eligible() {
                let pairs = row.losses[0].iter().zip(&row.losses[1]);
                pairs.for_each(|(&base, &reference)| take(TokenMask::score(base, reference)));
            }
            Ok(())
        })
    })?)
}

/// The rows of a selection, whose keys and sources must be those of the table.
fn read_index(path: &Path, table: &ScoreFile) -> Result<HashSet<u64>> {
    let mut chosen: Vec<Named> = Vec::new();
    let mut rows = HashSet::new();
    for (line, number) in fs_err::read_to_string(path)?.lines().zip(1..) {
        let at = || format!("`{}`, line {number}", path.display());
        let named: Named = serde_json::from_str(line)
            .with_context(|| format!("{}: expected a row of a selection's list", at()))?;
        if !rows.insert(named.row) {
            bail!(Selection, "{}: row {} is there twice", at(), named.row);
        }
        chosen.push(named);
    }
    if rows.is_empty() {
        bail!(Selection, "`{}`: expected the rows of a selection, found none", path.display());
    }
    check_named(&chosen, table).with_context(|| format!("selection `{}`", path.display()))?;
    Ok(rows)
}

impl MaskReport {
    /// Counts a row; returns whether a token of it is kept.
    fn add(&mut self, kept: &[bool]) -> bool {
        let n_kept = kept.iter().filter(|&&kept| kept).count() as u64;
        self.n_scored += kept.len() as u64;
        self.n_kept += n_kept;
        *if n_kept == 0 { &mut self.n_empty } else { &mut self.n_rows } += 1;
        n_kept > 0
    }

    /// Refuses a file without rows, or with fewer rows than the selection.
    fn check(&self, scores: &Path, n_chosen: Option<usize>) -> Result<()> {
        if self.n_rows == 0 {
            bail!(Table, "`{}`: expected rows with tokens to train on, found none", scores.display());
        }
        let found = self.n_rows + self.n_empty;
        match n_chosen {
            Some(n_chosen) if found < n_chosen as u64 => bail!(
                Selection,
                "the selection has {n_chosen} rows, of which the table has losses of tokens for {found}; make it from \
                 this table"
            ),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for MaskReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Labelled::default();
        let competes = match self.mask.scope {
            Scope::Pool => "with the whole pool",
            Scope::Row => "within its row",
        };
        let method = match self.mask.score {
            TokenScore::Rho1 => "rho-1: base - reference, in nats",
            TokenScore::TokenCleaning => "token-cleaning: base - reference, in nats, above 0",
        };
        text.line("method", format!("{method}; each token competes {competes}"));
        if let Some(threshold) = self.threshold {
            text.line("threshold", format!("{threshold:.4} nats"));
        }
        let (n_kept, n_scored) = (count(self.n_kept), count(self.n_scored));
        let share = percent(self.n_kept, self.n_scored);
        text.line("tokens", format!("{n_kept} of {n_scored} ({share}) are trained on"));
        if self.n_empty > 0 {
            text.line("left out", format!("{} without a token to train on", counted(self.n_empty, "row")));
        }
        text.line("wrote", format!("{} ({})", self.out.display(), counted(self.n_rows, "row")));
        text.fmt(f)
    }
}
