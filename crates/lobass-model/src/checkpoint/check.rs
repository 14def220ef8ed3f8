//! Tensors against config, all misfits at once.

use std::collections::BTreeSet;

use super::coded::Coded;
use super::tensors::Tensors;
use crate::error::TensorProblem;
use crate::names::StoredTensor;
use crate::{DecoderSpec, TensorSpec};

/// Buffers that old exports store and every reader recomputes.
fn is_derived(name: &str) -> bool {
    name.ends_with(".rotary_emb.inv_freq")
}

impl Tensors {
    /// Every misfit between the files and the config, by the names in the files.
    pub(super) fn problems(&self, spec: &DecoderSpec) -> Vec<TensorProblem> {
        let expected = self.layout.stored();
        let stored: BTreeSet<&str> =
            expected.iter().map(|tensor| self.stored_name(&tensor.spec.name)).collect();
        let coded = self.names_of_coded();
        let is_spare = |name: &str| {
            !stored.contains(name)
                && !coded.contains(name)
                && !is_derived(name)
                && !self.is_tied_copy(name, spec)
                && !spec.names.is_carried(name)
        };
        let spare: Vec<&str> = self.places.keys().map(String::as_str).filter(|name| is_spare(name)).collect();

        let mut problems = Vec::new();
        for tensor in expected {
            // Looking for similar names takes a while, and of many problems only some are shown.
            let candidates = if problems.len() < TensorProblem::SHOWN { spare.as_slice() } else { &[] };
            problems.extend(match self.coded.get(&tensor.spec.name) {
                Some(coded) => self.problem_of_coded(tensor, coded),
                None => self.problem_of(&tensor.spec, candidates),
            });
        }
        problems.extend(spare.iter().map(|&name| TensorProblem::Unexpected {
            name: self.file_name(name),
            shape: self.info(name).map(|info| info.shape.clone()).unwrap_or_default(),
        }));
        if self.is_tied_copy(&self.head, spec) && self.tied_copies_differ() {
            problems.push(TensorProblem::Tied);
        }
        problems
    }

    fn problem_of(&self, spec: &TensorSpec, spare: &[&str]) -> Option<TensorProblem> {
        let (name, shape) = (self.file_name(&spec.name), spec.shape.clone());
        let Some(info) = self.info(&spec.name) else {
            let near = nearest(&name, spare);
            return Some(TensorProblem::Missing { name, shape, near });
        };
        if info.shape != shape {
            return Some(TensorProblem::Shape { name, expected: shape, found: info.shape.clone() });
        }
        let known = self.locate(&spec.name).is_some();
        (!known).then(|| TensorProblem::Dtype { name, found: format!("{:?}", info.dtype) })
    }

    fn problem_of_coded(&self, tensor: &StoredTensor, coded: &Coded) -> Option<TensorProblem> {
        let mut expected = tensor.spec.shape.clone();
        // Matrices in few bits have rows for outputs, also where plain ones have columns for them.
        if let (true, [.., rows, columns]) = (tensor.is_transposed(), expected.as_mut_slice()) {
            std::mem::swap(rows, columns);
        }
        (coded.shape != expected).then(|| TensorProblem::Shape {
            name: self.file_name(&tensor.spec.name),
            expected,
            found: coded.shape.clone(),
        })
    }

    fn info(&self, name: &str) -> Option<&safetensors::tensor::TensorInfo> {
        self.info_of_file(self.places.get(self.stored_name(name))?)
    }

    /// A tied head stored beside the embedding is a second copy, not a surprise.
    pub(super) fn is_tied_copy(&self, name: &str, spec: &DecoderSpec) -> bool {
        name == self.head
            && spec.tied
            && self.places.contains_key(&self.head)
            && self.places.contains_key(&self.embedding)
    }

    pub(super) fn tied_copies_differ(&self) -> bool {
        match (self.locate(&self.embedding), self.locate(&self.head)) {
            (Some(embedding), Some(head)) => {
                embedding.dtype != head.dtype || embedding.bytes() != head.bytes()
            }
            _ => true,
        }
    }
}

/// The most similar of the names, if it is similar at all.
fn nearest(name: &str, candidates: &[&str]) -> Option<String> {
    candidates
        .iter()
        .map(|&candidate| (strsim::normalized_levenshtein(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.6)
        .max_by(|left, right| left.0.total_cmp(&right.0).then(right.1.cmp(left.1)))
        .map(|(_, candidate)| candidate.to_owned())
}
