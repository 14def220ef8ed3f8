//! Which parameters are trained, and stepping them.

use std::collections::BTreeSet;

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::Tensor;

use super::decoder::Decoder;
use super::parts::Parts as _;

impl Decoder {
    /// The name and identity of every parameter that has a gradient, in the order of the modules.
    pub fn trained_parameters(&self) -> Vec<(String, ParamId)> {
        let frozen = self.frozen_paths();
        let is_frozen = |name: &str| {
            let module = name.rsplit_once('.').map_or(name, |(module, _)| module);
            frozen.contains(module)
        };
        self.parameter_names().into_iter().filter(|(name, _)| !is_frozen(name)).collect()
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
        self.map(&mut Updater { update, wants })
    }
}

/// A parameter's values, flattened.
pub type Values = Tensor<1>;

struct Updater<'a> {
    update: &'a mut dyn FnMut(ParamId, Values) -> Values,
    wants: &'a dyn Fn(ParamId) -> bool,
}

impl ModuleMapper for Updater<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !(self.wants)(param.id) {
            return param;
        }
        let (id, tensor, _) = param.consume();
        let shape = tensor.shape();
        let count = shape.num_elements();
        let values = (self.update)(id, tensor.reshape([count]));
        Param::initialized(id, values.reshape::<D, _>(shape))
    }
}
