//! The losses of the tokens of one row.

use std::path::Path;

use lobass_core::{Detail, LossEngine as _, ModelRole, Sequence};
use lobass_loss::Engine;

use crate::error::Result;
use crate::model::{Model, check_pair};
use crate::runtime::Runtime;
use crate::sequences::Sequences;

/// The loss of each scored token under one model.
#[derive(Debug, Clone)]
pub struct TokenLosses {
    /// The role of the model: `base` or `reference`.
    pub role: ModelRole,
    /// The losses in nats, in the order of the scored tokens.
    pub losses: Vec<f32>,
}

/// The losses under the base and, if it is given, the reference.
pub(super) fn losses(
    base: &Model,
    reference: Option<&Path>,
    sequences: &Sequences,
    sequence: &Sequence,
    runtime: &Runtime,
) -> Result<Vec<TokenLosses>> {
    let mut all = vec![under(base, sequence)?];
    if let Some(dir) = reference {
        let reference = base.open_tuned("reference", dir, runtime)?;
        check_pair(base, &reference, sequences.encoder.tokenizer(), runtime)?;
        all.push(under(&reference, sequence)?);
    }
    Ok(all)
}

fn under(model: &Model, sequence: &Sequence) -> Result<TokenLosses> {
    let engine = Engine::new(model.load()?, 1);
    let mut found = engine.losses(std::slice::from_ref(sequence), Detail::PerToken)?;
    let losses = found.pop().and_then(|loss| loss.per_token).unwrap_or_default();
    Ok(TokenLosses { role: model.key.role.clone(), losses })
}
