//! Tensors against config, all misfits at once.

use std::collections::BTreeSet;

use super::{Checkpoint, EMBEDDING, HEAD, TensorSpec};
use crate::error::TensorProblem;

/// Buffers that old exports store and every reader recomputes.
fn is_derived(name: &str) -> bool {
    name.ends_with(".rotary_emb.inv_freq")
}

impl Checkpoint {
    pub(super) fn problems(&self, expected: &[TensorSpec]) -> Vec<TensorProblem> {
        let stored: BTreeSet<&str> = expected.iter().map(|spec| self.stored_name(&spec.name)).collect();
        let spare: Vec<&str> = self
            .places
            .keys()
            .map(String::as_str)
            .filter(|name| !stored.contains(name) && !is_derived(name) && !self.is_tied_copy(name))
            .collect();

        let mut problems = Vec::new();
        for spec in expected {
            // Looking for similar names takes a while, and of many problems only some are shown.
            let candidates = if problems.len() < TensorProblem::SHOWN { spare.as_slice() } else { &[] };
            problems.extend(self.problem_of(spec, candidates));
        }
        problems.extend(spare.iter().map(|&name| TensorProblem::Unexpected {
            name: name.to_owned(),
            shape: self.info(name).map(|info| info.shape.clone()).unwrap_or_default(),
        }));
        if self.is_tied_copy(HEAD) && self.tied_copies_differ() {
            problems.push(TensorProblem::Tied);
        }
        problems
    }

    fn problem_of(&self, spec: &TensorSpec, spare: &[&str]) -> Option<TensorProblem> {
        let TensorSpec { name, shape } = spec.clone();
        let Some(info) = self.info(self.stored_name(&name)) else {
            let near = nearest(&name, spare);
            return Some(TensorProblem::Missing { name, shape, near });
        };
        if info.shape != shape {
            return Some(TensorProblem::Shape { name, expected: shape, found: info.shape.clone() });
        }
        let known = self.locate(self.stored_name(&name)).is_some();
        (!known).then(|| TensorProblem::Dtype { name, found: format!("{:?}", info.dtype) })
    }

    fn info(&self, name: &str) -> Option<&safetensors::tensor::TensorInfo> {
        let place = self.places.get(name)?;
        self.shards[place.shard].info(&place.name)
    }

    /// A tied head stored beside the embedding is a second copy, not a surprise.
    fn is_tied_copy(&self, name: &str) -> bool {
        name == HEAD
            && self.spec.tied
            && self.places.contains_key(HEAD)
            && self.places.contains_key(EMBEDDING)
    }

    fn tied_copies_differ(&self) -> bool {
        match (self.locate(EMBEDDING), self.locate(HEAD)) {
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
