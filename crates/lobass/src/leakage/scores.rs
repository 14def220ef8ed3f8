//! The scores of questions under one model.

use lobass_core::readable::counted;
use lobass_core::{Detail, LossEngine as _, Observer as _, ProgressUnit, Sequence, StageProgress};
use lobass_leakage::QuestionFault;
use lobass_loss::{Engine, Work};

use super::files::{Questions, Tokens};
use super::store::{Scores, Store};
use crate::error::Result;
use crate::model::Model;
use crate::runtime::Runtime;

/// Questions whose sequences are scored at once: enough to fill batches, and few to lose.
const AT_ONCE: usize = 32;

/// What was found under one model.
#[derive(Debug)]
pub(super) struct Found {
    /// Of every question; a question without texts has its fault.
    pub(super) scores: Vec<Result<Scores, QuestionFault>>,
    /// Tokens that were read, and rows that had to be computed. Without what was known before.
    pub(super) work: Work,
}

/// Scores all questions. The model is loaded only if a score is missing.
pub(super) fn under(
    model: &Model,
    questions: &Questions,
    threads: usize,
    store: &mut Store,
    runtime: &Runtime,
) -> Result<Found> {
    let name = format!("{} on {}, {}", model.key.weights_digest.as_str(), model.key.device, model.key.dtype);
    let all: Vec<&Tokens> = questions.all.iter().filter_map(|asked| asked.texts.as_ref().ok()).collect();
    let missing: Vec<&Tokens> =
        all.iter().copied().filter(|tokens| store.get(&name, &tokens.digest).is_none()).collect();
    let mut work = Work::default();
    if missing.is_empty() {
        let done = counted(all.len() as u64, "question");
        runtime.note(&format!("{:16} done before: {done}", format!("score {}", model.key.role)));
    } else {
        let engine = model.engine(threads, runtime)?;
        let stage = format!("score {}", model.key.role);
        let (n_all, before) = (all.len() as u64, (all.len() - missing.len()) as u64);
        let mut done = before;
        for some in missing.chunks(AT_ONCE) {
            runtime.go_on()?;
            store.add(&name, scored(&engine, some, &mut work)?)?;
            done += some.len() as u64;
            let n_tokens = work.n_tokens;
            let unit = ProgressUnit::Rows;
            runtime.progress(&StageProgress {
                stage: &stage,
                unit,
                done,
                before,
                all: n_all,
                n_tokens,
                facts: &[],
            });
        }
    }
    let of = |tokens: &Tokens| match store.get(&name, &tokens.digest) {
        Some(scores) if scores.orders.iter().all(|score| score.is_finite()) => Ok(scores.clone()),
        _ => Err(QuestionFault::NotFinite),
    };
    let scores = questions.all.iter().map(|asked| asked.texts.as_ref().map_err(|fault| *fault).and_then(of));
    Ok(Found { scores: scores.collect(), work })
}

/// The scores of some questions, each with its digest.
fn scored(engine: &Engine, some: &[&Tokens], work: &mut Work) -> Result<Vec<(String, Scores)>> {
    let orders: Vec<Sequence> = some.iter().flat_map(|tokens| tokens.orders.clone()).collect();
    let n_grams: Vec<Sequence> = some.iter().flat_map(|tokens| tokens.n_grams.clone()).collect();
    *work += lobass_loss::Plan::new(&orders, &engine.limits()).work(&orders);
    let mut losses = engine.losses(&orders, Detail::Sum)?.into_iter();
    let mut matches = engine.greedy_matches(&n_grams)?.into_iter();
    let of = |tokens: &&Tokens| {
        let orders = losses.by_ref().take(tokens.orders.len()).map(|loss| -loss.nll.sum).collect();
        let n = tokens.n_grams.len();
        let completed = matches.by_ref().take(n).filter(|found| found.is_exact() == Some(true)).count();
        (tokens.digest.clone(), Scores { orders, completed: (completed as u64, n as u64) })
    };
    Ok(some.iter().map(of).collect())
}
