//! Progress of stages, for observers.

use lobass_core::Observer as _;
use lobass_core::readable::counted;
use lobass_core::{ProgressUnit, StageProgress};
use lobass_run::Progress;
use lobass_train::{Event, StepReport};

use crate::runtime::Runtime;

/// Reports the progress of a stage over the rows of a pool.
pub(crate) fn stage(runtime: &Runtime, name: String, n_rows: u64) -> impl FnMut(Progress) {
    let report = move |done, before, n_tokens| {
        runtime.progress(&StageProgress {
            stage: &name,
            unit: ProgressUnit::Rows,
            done,
            before,
            all: n_rows,
            n_tokens,
            facts: &[],
        });
    };
    report(0, 0, 0);
    move |at: Progress| report(at.rows_done, at.rows_resumed, at.n_tokens)
}

/// Reports the steps of a training as progress, and held-out losses as notes.
pub(crate) fn training(runtime: &Runtime) -> impl FnMut(&Event<'_>) {
    let (mut n_tokens, mut before) = (0, 0);
    move |event: &Event<'_>| match event {
        Event::Resumed { step } => {
            before = *step as u64;
            runtime.note(&format!("{:16} resumed after step {step}", "train"));
        }
        Event::Epoch { .. } => {}
        Event::HeldOut(found) => {
            let loss = found.nll.mean().unwrap_or_default();
            let steps = counted(found.step as u64, "step");
            runtime.note(&format!("{:16} held-out loss {loss:.4} after {steps}", "train"));
        }
        Event::Step(step) => {
            n_tokens += step.n_tokens as u64;
            runtime.progress(&StageProgress {
                stage: "train",
                unit: ProgressUnit::Steps,
                done: step.step as u64,
                before,
                all: step.n_steps as u64,
                n_tokens,
                facts: &facts(step),
            });
        }
    }
}

fn facts(step: &StepReport) -> Vec<String> {
    if step.step == step.n_steps {
        return vec![format!("last loss {:.4}", step.loss)];
    }
    let mut facts = vec![format!("loss {:.4}", step.loss), format!("epoch {}", step.epoch)];
    facts.extend(step.margins.map(|margins| format!("margin {:.3}", margins.mean)));
    facts
}
