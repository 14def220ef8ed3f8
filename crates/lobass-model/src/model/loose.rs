//! Parameters that are not projections: numbers for each head, and the weights of convolutions.

use burn::module::{Module, Param};
use burn::tensor::{DType, Tensor};

use super::gradients::Gradients;
use super::source::{Scope, WeightSource};

/// A number for each head. In files it is a tensor without `.weight`.
#[derive(Module, Debug)]
pub(super) struct Numbers {
    /// `[heads]`.
    pub(super) weight: Param<Tensor<1>>,
    /// Whether training leaves them as they are.
    #[module(skip)]
    pub(super) frozen: bool,
}

impl Numbers {
    pub(super) fn load<S: WeightSource>(scope: &mut Scope<'_, S>, count: usize) -> Result<Self, S::Error> {
        Ok(Self { weight: scope.param("weight", [count])?, frozen: false })
    }

    /// In `f32`, `[heads]`.
    pub(super) fn values(&self) -> Tensor<1> {
        self.weight.val().cast(DType::F32)
    }

    pub(super) fn backward(&self, gradient: Tensor<1>, gradients: &mut Gradients) {
        if !self.frozen {
            gradients.add(self.weight.id, gradient);
        }
    }
}

/// The weights of a convolution of each channel by itself.
#[derive(Module, Debug)]
pub(super) struct Filters {
    /// `[channels, 1, size]`.
    pub(super) weight: Param<Tensor<3>>,
    /// Whether training leaves them as they are.
    #[module(skip)]
    pub(super) frozen: bool,
}

impl Filters {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        channels: usize,
        size: usize,
    ) -> Result<Self, S::Error> {
        Ok(Self { weight: scope.param("weight", [channels, 1, size])?, frozen: false })
    }

    /// In `f32`, `[channels, size]`.
    pub(super) fn values(&self) -> Tensor<2> {
        self.weight.val().cast(DType::F32).squeeze_dim(1)
    }

    pub(super) fn backward(&self, gradient: Tensor<2>, gradients: &mut Gradients) {
        if !self.frozen {
            gradients.add(self.weight.id, gradient);
        }
    }
}
