//! The losses of tokens of format apart from those of content.

use std::collections::BTreeMap;

use lobass_core::Numbers;
use lobass_data::{Encoder, Pool, PoolRow, Trace};
use lobass_regions::Losses;
use lobass_regions::format::{Kind, Marks};
use serde::Serialize;

use super::table::{Reference, Table, Tables};
use crate::error::{Error, Result, bail};
use crate::settings::available_threads;

/// The tokens of one kind of format, in all rows that count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct KindFound {
    /// The kind.
    pub kind: Kind,
    /// The tokens.
    pub n_tokens: u64,
    /// The drop per token, the mean over the references.
    pub per_token: f64,
}

/// Tokens and drops of every row, of one part of its tokens.
pub(super) struct Part {
    n_tokens: Vec<u32>,
    drops: Vec<Numbers>,
}

impl Part {
    fn new(n_rows: usize) -> Self {
        Self { n_tokens: vec![0; n_rows], drops: Vec::new() }
    }

    pub(super) fn losses<'a>(&'a self, hashes: &'a [u64]) -> Losses<'a> {
        Losses { n_tokens: &self.n_tokens, drops: &self.drops, hashes }
    }
}

/// Both parts, and the kinds of format.
pub(super) struct Parts {
    pub(super) format: Part,
    pub(super) content: Part,
    pub(super) kinds: Vec<KindFound>,
}

impl Parts {
    /// Reads the losses of tokens of all tables, and tells tokens apart by the text of the data.
    ///
    /// # Errors
    /// If a table has no losses of tokens, or the data has other tokens than the table.
    pub(super) fn read(tables: &Tables, pool: &Pool, encoder: &Encoder) -> Result<Self> {
        let n_rows = tables.first().columns.len();
        let mut counts = vec![false; n_rows];
        for &row in &tables.rows {
            counts[row as usize] = true;
        }
        let (mut parts, mut kinds) = (Self::new(n_rows), BTreeMap::<Kind, (u64, f64)>::new());
        for table in &tables.all {
            parts.add(table, pool, encoder, &counts, &mut kinds)?;
        }
        let n = parts.format.drops.len() as u64;
        let found = |(kind, (n_tokens, drop)): (Kind, (u64, f64))| KindFound {
            kind,
            n_tokens: n_tokens / n.max(1),
            per_token: drop / n_tokens as f64,
        };
        parts.kinds = kinds.into_iter().map(found).collect();
        Ok(parts)
    }

    fn new(n_rows: usize) -> Self {
        Self { format: Part::new(n_rows), content: Part::new(n_rows), kinds: Vec::new() }
    }

    /// Adds the references of a table.
    fn add(
        &mut self,
        table: &Table,
        pool: &Pool,
        encoder: &Encoder,
        counts: &[bool],
        kinds: &mut BTreeMap<Kind, (u64, f64)>,
    ) -> Result<()> {
        let roles: Vec<&str> = table.references.iter().flat_map(Reference::roles).collect();
        let models: Vec<&str> = std::iter::once("base").chain(roles).collect();
        let first = self.format.drops.len();
        for part in [&mut self.format, &mut self.content] {
            part.drops.resize_with(first + table.references.len(), || Numbers::missing(counts.len()));
        }
        let mut rows = pool.rows();
        let mut failed = None;
        let read = table.file.token_losses(&models, available_threads(), |row| {
            let at = usize::try_from(row.row).unwrap_or(usize::MAX);
            if !counts.get(at).copied().unwrap_or_default() {
                return Ok(());
            }
            let found =
                next(&mut rows, row.row).and_then(|found| kinds_of(&found, encoder, row.sequence.n_scored()));
            match found {
                Ok(found) => {
                    self.add_row(at, &found, table, first, &row.losses, kinds);
                    Ok(())
                }
                Err(error) => {
                    // The error is kept apart, since a table cannot fail in this way.
                    failed = Some(error);
                    Err(lobass_run::Error::NoTokenLosses { path: table.path.clone() })
                }
            }
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(read?),
        }
    }

    /// - `losses`: of each token, under the base and then under the models of all references
    fn add_row(
        &mut self,
        at: usize,
        found: &[Option<Kind>],
        table: &Table,
        first: usize,
        losses: &[Vec<f32>],
        kinds: &mut BTreeMap<Kind, (u64, f64)>,
    ) {
        let n_format = found.iter().flatten().count();
        self.format.n_tokens[at] = u32::try_from(n_format).unwrap_or(u32::MAX);
        self.content.n_tokens[at] = u32::try_from(found.len() - n_format).unwrap_or(u32::MAX);
        let mut begin = 1;
        for (number, reference) in (first..).zip(&table.references) {
            let model = reference.model_of(at, &table.columns);
            if let Some(model) = model {
                let (mut format, mut content) = (0.0, 0.0);
                for ((kind, base), tuned) in found.iter().zip(&losses[0]).zip(&losses[begin + model]) {
                    let drop = f64::from(*base) - f64::from(*tuned);
                    match kind {
                        None => content += drop,
                        Some(kind) => {
                            format += drop;
                            let (n, sum) = kinds.entry(*kind).or_default();
                            (*n, *sum) = (*n + 1, *sum + drop);
                        }
                    }
                }
                self.format.drops[number].set(at, Some(format));
                self.content.drops[number].set(at, Some(content));
            }
            begin += reference.roles().count();
        }
    }
}

/// A row of the data, which comes after those that were read.
fn next(rows: &mut dyn Iterator<Item = Result<PoolRow, lobass_data::Error>>, wanted: u64) -> Result<PoolRow> {
    for row in rows {
        let row = row?;
        if row.row == wanted {
            return Ok(row);
        }
    }
    bail!(Table, "the data: expected row {wanted} of the score table, found fewer rows")
}

/// The kind of every scored token of a row; `None` for tokens of content.
fn kinds_of(row: &PoolRow, encoder: &Encoder, n_scored: usize) -> Result<Vec<Option<Kind>>> {
    let example = row.example.as_ref().map_err(|fault| {
        Error::Table(format!(
            "row {}: the score table has its losses, but the data is faulty: {}",
            row.row, fault.reason
        ))
    })?;
    let trace =
        encoder.trace(example).map_err(|fault| Error::Table(format!("row {}: {}", row.row, fault.reason)))?;
    let length = encoder.options().max_length.min(trace.ids.len());
    let found = kinds_in(&trace, length, encoder.tokenizer().special_tokens());
    if found.len() != n_scored {
        bail!(
            Table,
            "row {}: expected {n_scored} scored tokens as in the score table, found {}; was the table made with another \
             chat template?",
            row.row,
            found.len()
        );
    }
    Ok(found)
}

/// The kind of every scored token. Each stretch of scored tokens is looked at alone: what a prompt says changes no mark.
fn kinds_in(trace: &Trace, length: usize, special: &[String]) -> Vec<Option<Kind>> {
    let scored: Vec<usize> = (0..length).filter(|&at| trace.scored[at]).collect();
    let mut found = Vec::with_capacity(scored.len());
    for stretch in scored.chunk_by(|one, other| one + 1 == *other) {
        let spans = || stretch.iter().map(|&at| trace.offsets[at]).filter(|(start, end)| start < end);
        let from = spans().map(|(start, _)| start).min().unwrap_or_default();
        let to = spans().map(|(_, end)| end).max().unwrap_or_default();
        let text = trace.text.get(from..to).unwrap_or_default();
        let marks = Marks::of(text);
        for &at in stretch {
            let (start, end) = trace.offsets[at];
            let shown = trace.text.get(start..end).unwrap_or_default();
            let kind = match special.iter().any(|token| token == shown.trim()) {
                true => Some(Kind::Role),
                false if start >= end => Some(Kind::Role),
                false => marks.token(text, start - from..end - from),
            };
            found.push(kind);
        }
    }
    found
}
