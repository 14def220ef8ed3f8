//! One encoded row and its losses under all models as one row of the table.

use lobass_core::{Detail, Nll, RejectedRecord, RowStatus, ScoreRecord, Sequence};

use crate::Seal;
use crate::folds::fold_of;
use crate::losses::RowLoss;
use crate::rows::EncodedRow;
use crate::table::TableRow;

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
    let further = || losses.iter().skip(skipped);
    let sums = further().map(|loss| Some(loss.nll));
    let further = sums.chain(further().map(|loss| loss.rejected.map(|(nll, _)| nll))).collect();
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
    let saw = |fold_left_out: Option<usize>| match (fold, fold_left_out) {
        (Some(fold), Some(left_out)) => left_out as u64 != u64::from(fold),
        _ => false,
    };
    let references: Vec<(bool, &RowLoss)> =
        seal.references.iter().map(|reference| saw(reference.fold)).zip(&losses[1..]).collect();
    let mean = |seen: bool, value: &dyn Fn(&RowLoss) -> Option<f64>| {
        let sums: Vec<f64> =
            references.iter().filter(|(saw, _)| *saw == seen).filter_map(|(_, loss)| value(loss)).collect();
        (!sums.is_empty()).then(|| sums.iter().sum::<f64>() / sums.len() as f64)
    };
    let nll = |sum: f64, n_scored: u32| Nll { sum, n_scored: n_scored.into() };
    let (chosen, other) = (|loss: &RowLoss| Some(loss.nll), |loss: &RowLoss| Some(loss.rejected?.0));
    record.base = Some(nll(losses[0].nll, record.n_scored));
    record.reference = mean(false, &chosen).map(|sum| nll(sum, record.n_scored));
    record.in_sample = mean(true, &chosen).map(|sum| nll(sum, record.n_scored));
    if let Some(rejected) = &mut record.rejected {
        rejected.base = other(&losses[0]).map(|sum| nll(sum, rejected.n_scored));
        rejected.reference = mean(false, &other).map(|sum| nll(sum, rejected.n_scored));
    }
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
