//! The tensors of the result, made a few rows at a time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use half::{bf16, f16};
use lobass_core::{Dtype, Observer as _, ProgressUnit, StageProgress};
use lobass_merge::{Merger, Tally, TensorMerger};
use lobass_model::{Checkpoint, TensorRows, TensorSpec};

use super::inputs::{Input, Inputs};
use crate::error::{Error, Result};
use crate::runtime::Runtime;

/// Values of one tensor that are read of each model at once.
const PIECE: usize = 1 << 18;

/// Makes the tensors of a merge when they are asked for, and counts what it changes.
pub(super) struct Tensors<'a> {
    inputs: &'a Inputs,
    merger: &'a Merger,
    /// Checkpoints that differ. Several adapters may be on one.
    checkpoints: Vec<&'a Arc<Checkpoint>>,
    runtime: &'a Runtime,
    n_bytes: u64,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    groups: BTreeMap<String, Tally>,
    n_done: u64,
    /// Why no further tensor is made.
    stopped: Option<Stop>,
}

enum Stop {
    /// The observer asked to stop.
    Interrupted,
    /// A value of this tensor is not finite, though those of the models are.
    Overflow { tensor: String, value: f32 },
}

impl<'a> Tensors<'a> {
    pub(super) fn new(inputs: &'a Inputs, merger: &'a Merger, runtime: &'a Runtime) -> Self {
        let mut checkpoints: Vec<&Arc<Checkpoint>> = Vec::new();
        for input in inputs.base.iter().chain(&inputs.models) {
            if !checkpoints.iter().any(|known| Arc::ptr_eq(known, input.checkpoint())) {
                checkpoints.push(input.checkpoint());
            }
        }
        let tensors = inputs.home().checkpoint().tensors();
        let n_values: usize = tensors.iter().map(TensorSpec::n_elements).sum();
        let n_bytes = (n_values * merger.dtype().size()) as u64;
        Self { inputs, merger, checkpoints, runtime, n_bytes, state: RefCell::default() }
    }

    /// The bytes of a tensor of the result.
    pub(super) fn bytes(&self, spec: &TensorSpec) -> Vec<u8> {
        let dtype = self.merger.dtype();
        let mut bytes = Vec::with_capacity(spec.n_elements() * dtype.size());
        // A tensor cannot be refused once its file is begun. Nothing reads it, since the file never gets its name.
        if self.state.borrow().stopped.is_some() {
            bytes.resize(spec.n_elements() * dtype.size(), 0);
            return bytes;
        }
        let rows: Vec<TensorRows<'_>> =
            self.checkpoints.iter().map(|checkpoint| checkpoint.rows(&spec.name)).collect();
        let (merger, mut tally) = (self.merger.tensor(&spec.name), Tally::default());
        let n_rows = spec.shape[0];
        let width = spec.n_elements() / n_rows.max(1);
        let step = (PIECE / width.max(1)).max(1);
        for first in (0..n_rows).step_by(step) {
            let piece = first..n_rows.min(first + step);
            append(&mut bytes, &self.piece(&merger, &rows, spec, piece, &mut tally), dtype);
        }
        self.finish(spec, &tally, bytes.len() as u64);
        bytes
    }

    fn piece(
        &self,
        merger: &TensorMerger<'_>,
        rows: &[TensorRows<'_>],
        spec: &TensorSpec,
        piece: std::ops::Range<usize>,
        tally: &mut Tally,
    ) -> Vec<f32> {
        let stored: Vec<Vec<f32>> = rows.iter().map(|rows| rows.read(piece.clone())).collect();
        let values = |input: &Input| {
            let of = |known: &&Arc<Checkpoint>| Arc::ptr_eq(known, input.checkpoint());
            let at = self.checkpoints.iter().position(of).unwrap_or_else(|| unreachable!("all are listed"));
            let mut values = stored[at].clone();
            if let Some(adapter) = &input.adapter {
                adapter.change(&spec.name, piece.clone(), &mut values);
            }
            values
        };
        let base = self.inputs.base.as_ref().map(values);
        let models: Vec<Vec<f32>> = self.inputs.models.iter().map(values).collect();
        let models: Vec<&[f32]> = models.iter().map(Vec::as_slice).collect();
        let width = spec.n_elements() / spec.shape[0].max(1);
        let merged = merger.merge((piece.start * width) as u64, base.as_deref(), &models, tally);
        let are_finite =
            |at: usize| base.as_deref().iter().chain(&models).all(|values| values[at].is_finite());
        if let Some(at) = (0..merged.len()).find(|&at| !merged[at].is_finite() && are_finite(at)) {
            let overflow = Stop::Overflow { tensor: spec.name.clone(), value: merged[at] };
            self.state.borrow_mut().stopped.get_or_insert(overflow);
        }
        merged
    }

    fn finish(&self, spec: &TensorSpec, tally: &Tally, n_bytes: u64) {
        let mut state = self.state.borrow_mut();
        state.groups.entry(group(&spec.name)).or_default().add(tally);
        state.n_done += n_bytes;
        let at = StageProgress {
            stage: "merge",
            unit: ProgressUnit::Bytes,
            done: state.n_done,
            before: 0,
            all: self.n_bytes,
            n_tokens: 0,
            facts: &[],
        };
        self.runtime.progress(&at);
        if self.runtime.is_interrupted() {
            state.stopped.get_or_insert(Stop::Interrupted);
        }
    }

    /// What was changed, by groups of tensors.
    ///
    /// # Errors
    /// If the observer asked to stop, or a tensor became infinite.
    pub(super) fn into_groups(self) -> Result<BTreeMap<String, Tally>> {
        let dtype = self.merger.dtype();
        let state = self.state.into_inner();
        match state.stopped {
            None => Ok(state.groups),
            Some(Stop::Interrupted) => Err(Error::Interrupted),
            Some(Stop::Overflow { tensor, value }) => Err(Error::Model(format!(
                "merged tensor `{tensor}`: expected finite numbers, as the models have them, found {value} in {dtype}; \
                 smaller weights or a smaller lambda help, or a number format with a wider range"
            ))),
        }
    }
}

/// The name of a tensor without the numbers of layers and experts.
fn group(name: &str) -> String {
    let parts = name.split('.').map(|part| if part.parse::<usize>().is_ok() { "*" } else { part });
    parts.collect::<Vec<_>>().join(".")
}

fn append(bytes: &mut Vec<u8>, values: &[f32], dtype: Dtype) {
    for value in values {
        match dtype {
            Dtype::F32 => bytes.extend(value.to_le_bytes()),
            Dtype::Bf16 => bytes.extend(bf16::from_f32(*value).to_le_bytes()),
            Dtype::F16 => bytes.extend(f16::from_f32(*value).to_le_bytes()),
        }
    }
}
