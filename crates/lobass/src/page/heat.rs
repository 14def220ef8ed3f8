//! The losses of single tokens of the example rows: from the table, or from the models.

use std::collections::BTreeMap;

use lobass_core::{Detail, LossEngine as _, Sequence};
use lobass_data::{Encoder, Example};
use lobass_loss::Engine;

use super::shown::{Pair, Shown};
use crate::error::{Context as _, Result, bail};
use crate::model::Model;

/// The losses of single tokens, if they can be had.
#[derive(Debug)]
pub(crate) enum Heat<'a> {
    /// There are no losses; the text says how to get them.
    Missing(String),
    /// The encoder that made the tokens, and the source of their losses.
    Of(&'a Encoder, Tokens<'a>),
}

/// The source of the losses of tokens.
#[derive(Debug)]
pub(crate) enum Tokens<'a> {
    /// The score table, which has the losses of tokens.
    Table,
    /// The models, which compute them.
    Models {
        /// The base.
        base: &'a Model,
        /// The references, each with the fold that it was not trained on, if there are folds.
        references: &'a [(Model, Option<usize>)],
        /// Threads; at least 1.
        threads: usize,
    },
}

impl Heat<'_> {
    /// The reason why there are no losses.
    pub(super) fn missing(&self) -> Option<String> {
        match self {
            Self::Missing(why) => Some(why.clone()),
            Self::Of(..) => None,
        }
    }

    pub(super) fn encoder(&self) -> Option<&Encoder> {
        match self {
            Self::Missing(_) => None,
            Self::Of(encoder, _) => Some(encoder),
        }
    }

    /// The losses of the tokens of some rows; `None` for a row that has none.
    pub(super) fn losses(
        &self,
        shown: &Shown<'_>,
        examples: &BTreeMap<u64, Result<Example, String>>,
    ) -> Result<Vec<Option<Pair>>> {
        let Self::Of(encoder, tokens) = self else { return Ok(vec![None; shown.rows.len()]) };
        match tokens {
            Tokens::Table => from_table(shown),
            Tokens::Models { base, references, threads } => {
                let sequences = shown.rows.iter().map(|row| {
                    let example = examples[row].as_ref().ok()?;
                    encoder.encode(example).sequence
                });
                from_models(shown, &sequences.collect::<Vec<_>>(), base, references, *threads)
            }
        }
    }
}

fn from_table(shown: &Shown<'_>) -> Result<Vec<Option<Pair>>> {
    let threads = crate::settings::available_threads();
    let found = shown.table.token_losses_of(shown.rows, &["base", "reference"], threads)?;
    let pair = |lists: Vec<Vec<f32>>| {
        let mut lists = lists.into_iter();
        Some((lists.next()?, lists.next()?))
    };
    Ok(found.into_iter().map(|lists| lists.and_then(pair)).collect())
}

/// Computes the losses. Those of the reference are the mean over the references that were not trained on the row, as in
/// the table.
fn from_models(
    shown: &Shown<'_>,
    sequences: &[Option<Sequence>],
    base: &Model,
    references: &[(Model, Option<usize>)],
    threads: usize,
) -> Result<Vec<Option<Pair>>> {
    let n = sequences.len();
    let of_base = token_losses(base, sequences, &vec![true; n], threads)?;
    let mut sums: Vec<Option<(Vec<f32>, u8)>> = vec![None; n];
    for (model, fold) in references {
        let unseen: Vec<bool> = shown
            .rows
            .iter()
            .map(|&row| {
                let of_row = usize::try_from(row).ok().and_then(|row| shown.columns.fold(row));
                fold.is_none_or(|fold| of_row.is_some_and(|of| of as usize == fold))
            })
            .collect();
        for (sum, found) in sums.iter_mut().zip(token_losses(model, sequences, &unseen, threads)?) {
            let Some(found) = found else { continue };
            match sum {
                None => *sum = Some((found, 1)),
                Some((sum, n)) => {
                    sum.iter_mut().zip(found).for_each(|(sum, found)| *sum += found);
                    *n += 1;
                }
            }
        }
    }
    let mean = |(sum, n): (Vec<f32>, u8)| sum.into_iter().map(|sum| sum / f32::from(n)).collect();
    Ok(of_base.into_iter().zip(sums).map(|(base, sum)| Some((base?, mean(sum?)))).collect())
}

/// The losses of the wanted sequences under one model.
fn token_losses(
    model: &Model,
    sequences: &[Option<Sequence>],
    wanted: &[bool],
    threads: usize,
) -> Result<Vec<Option<Vec<f32>>>> {
    let places: Vec<usize> =
        (0..sequences.len()).filter(|&at| wanted[at] && sequences[at].is_some()).collect();
    let batch: Vec<Sequence> = places.iter().filter_map(|&at| sequences[at].clone()).collect();
    let mut losses = vec![None; sequences.len()];
    if batch.is_empty() {
        return Ok(losses);
    }
    let found = Engine::new(model.load()?, threads).losses(&batch, Detail::PerToken)?;
    for (at, found) in places.into_iter().zip(found) {
        let per_token = found.per_token.context("losses of tokens, which were requested")?;
        if per_token.iter().any(|loss| !loss.is_finite()) {
            bail!(
                Table,
                "{} model `{}`: expected finite losses of tokens, found others",
                model.key.role,
                model.key.path
            );
        }
        losses[at] = Some(per_token);
    }
    Ok(losses)
}
