//! Which parameters are trained, and stepping them.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::Tensor;

use super::decoder::Decoder;
use super::parts::Parts as _;

impl Decoder {
    /// The name and identity of every parameter that has a gradient, in the order of the modules. One that several
    /// modules share is there once, by its first name.
    pub fn trained_parameters(&self) -> Vec<(String, ParamId)> {
        let frozen = self.frozen_paths();
        let is_frozen = |name: &str| {
            let module = name.rsplit_once('.').map_or(name, |(module, _)| module);
            frozen.contains(module) || frozen.contains(name)
        };
        let mut seen = BTreeSet::new();
        let is_first = |(_, id): &(String, ParamId)| seen.insert(id.val());
        let trained = self.parameter_names().into_iter().filter(|(name, _)| !is_frozen(name));
        trained.filter(is_first).collect()
    }

    fn frozen_paths(&self) -> BTreeSet<String> {
        let mut frozen = BTreeSet::new();
        self.parts("", &mut |path, part| {
            if part.is_frozen() {
                frozen.insert(path);
            }
        });
        frozen
    }

    /// Gives every parameter that `update` returns something for these values, in the order they have in memory.
    #[must_use]
    pub fn with_parameters(
        self,
        update: &mut dyn FnMut(ParamId, Values) -> Values,
        wants: &dyn Fn(ParamId) -> bool,
    ) -> Self {
        let shared = self.shared_parameters();
        self.map(&mut Updater { update, wants, shared, updated: BTreeMap::new() })
    }

    /// Parameters that several modules have.
    fn shared_parameters(&self) -> BTreeSet<u64> {
        let mut seen = BTreeSet::new();
        let ids = self.parameter_names().into_iter().map(|(_, id)| id.val());
        ids.filter(|id| !seen.insert(*id)).collect()
    }
}

/// A parameter's values, flattened.
pub type Values = Tensor<1>;

struct Updater<'a> {
    update: &'a mut dyn FnMut(ParamId, Values) -> Values,
    wants: &'a dyn Fn(ParamId) -> bool,
    /// Parameters that come more than once, and those of them that have been updated.
    shared: BTreeSet<u64>,
    updated: BTreeMap<u64, Values>,
}

impl ModuleMapper for Updater<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !(self.wants)(param.id) {
            return param;
        }
        let (id, tensor, _) = param.consume();
        let shape = tensor.shape();
        let count = shape.num_elements();
        let values = match self.updated.get(&id.val()) {
            Some(values) => values.clone(),
            None => (self.update)(id, tensor.reshape([count])),
        };
        if self.shared.contains(&id.val()) {
            self.updated.insert(id.val(), values.clone());
        }
        Param::initialized(id, values.reshape::<D, _>(shape))
    }
}
