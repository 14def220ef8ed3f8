//! One encoded row and its losses under all models as one row of the table.

use lobass_core::{Detail, Nll, RejectedRecord, RowStatus, ScoreRecord, Sequence};

use crate::folds::fold_of;
use crate::losses::RowLoss;
use crate::rows::EncodedRow;
use crate::table::TableRow;
use crate::{ReferenceModel, Seal};

/// One row of the table; `None` if the losses, in the order of [`Seal::models`], are not those of this row's tokens.
pub(crate) fn join(row: EncodedRow, losses: Vec<Option<RowLoss>>, seal: &Seal) -> Option<TableRow> {
    let (fold, is_scored) = (fold(row.sequence.as_ref(), seal), row.sequence.is_some());
    let sequence = row.sequence.clone().filter(|_| seal.detail == Detail::PerToken);
    let mut record = ScoreRecord { fold, ..unscored_record(row) };
    let n_scored = record.n_scored;
    if !is_scored {
        return losses.iter().all(Option::is_none).then(|| TableRow::without_losses(record));
    }
    let losses: Vec<RowLoss> = losses.into_iter().collect::<Option<_>>()?;
    let counts = (n_scored, record.rejected.map(|rejected| rejected.n_scored));
    if losses.iter().any(|loss| (loss.n_scored, loss.rejected.map(|(_, count)| count)) != counts) {
        return None;
    }
    if let Some(bad) = losses.iter().find_map(RowLoss::not_finite) {
        record.status = RowStatus::NonFinite;
        record.reason = Some(format!("a model gave a loss of {bad}"));
        return Some(TableRow::without_losses(record));
    }
    fill(&mut record, &losses, seal);
    let skipped = if seal.is_combined() { 1 } else { 1 + seal.references.len() };
    let further = |of: Loss| -> Vec<Option<f64>> {
        let mut sums: Vec<Option<f64>> = losses.iter().skip(skipped).map(of).collect();
        if seal.combines_nulls() {
            let nulls = seal.nulls();
            let models = nulls.iter().zip(&losses[losses.len() - nulls.len()..]);
            sums.insert(sums.len() - nulls.len(), mean(models, record.fold, false, of));
        }
        sums
    };
    let further = [further(chosen), further(rejected)].concat();
    let tokens = losses.into_iter().map(|loss| loss.per_token).collect();
    Some(TableRow { record, further, tokens, sequence })
}

/// The record of a row before any model has scored it.
pub(crate) fn unscored_record(row: EncodedRow) -> ScoreRecord {
    let (sequence, rejected) = (row.sequence.as_ref(), row.rejected.as_ref());
    ScoreRecord {
        n_tokens: sequence.map_or(row.n_tokens, n_tokens),
        n_scored: sequence.map_or(0, n_scored),
        base: None,
        reference: None,
        in_sample: None,
        fold: None,
        rejected: rejected.map(|rejected| RejectedRecord {
            n_tokens: n_tokens(rejected),
            n_scored: n_scored(rejected),
            base: None,
            reference: None,
        }),
        row: row.row,
        key: row.key,
        status: row.status,
        reason: row.reason,
        source: row.source,
    }
}

/// The losses of the base, and what the references say together.
fn fill(record: &mut ScoreRecord, losses: &[RowLoss], seal: &Seal) {
    let fold = record.fold;
    let mean = |seen: bool, of: Loss| mean(seal.references.iter().zip(&losses[1..]), fold, seen, of);
    let nll = |sum: f64, n_scored: u32| Nll { sum, n_scored: n_scored.into() };
    record.base = Some(nll(losses[0].nll, record.n_scored));
    record.reference = mean(false, chosen).map(|sum| nll(sum, record.n_scored));
    record.in_sample = mean(true, chosen).map(|sum| nll(sum, record.n_scored));
    if let Some(other) = &mut record.rejected {
        other.base = rejected(&losses[0]).map(|sum| nll(sum, other.n_scored));
        other.reference = mean(false, rejected).map(|sum| nll(sum, other.n_scored));
    }
}

/// A loss of one side of a row.
type Loss = fn(&RowLoss) -> Option<f64>;

#[expect(clippy::unnecessary_wraps, reason = "the other side of a row may be absent")]
fn chosen(loss: &RowLoss) -> Option<f64> {
    Some(loss.nll)
}

fn rejected(loss: &RowLoss) -> Option<f64> {
    Some(loss.rejected?.0)
}

/// The mean over the models that saw the fold of a row, or over those that did not; `None` over no model.
fn mean<'a>(
    models: impl Iterator<Item = (&'a ReferenceModel, &'a RowLoss)>,
    fold: Option<u32>,
    seen: bool,
    of: Loss,
) -> Option<f64> {
    let saw = |left_out: Option<usize>| match (fold, left_out) {
        (Some(fold), Some(left_out)) => left_out as u64 != u64::from(fold),
        _ => false,
    };
    let sums: Vec<f64> =
        models.filter(|(model, _)| saw(model.fold) == seen).filter_map(|(_, loss)| of(loss)).collect();
    (!sums.is_empty()).then(|| sums.iter().sum::<f64>() / sums.len() as f64)
}

fn fold(sequence: Option<&Sequence>, seal: &Seal) -> Option<u32> {
    let fold = fold_of(sequence?, seal.folds?.n_folds, seal.folds?.seed);
    Some(u32::try_from(fold).expect("far fewer folds than 2^32"))
}

fn n_tokens(sequence: &Sequence) -> u32 {
    u32::try_from(sequence.n_tokens()).unwrap_or(u32::MAX)
}

fn n_scored(sequence: &Sequence) -> u32 {
    u32::try_from(sequence.n_scored()).unwrap_or(u32::MAX)
}
