//! A short convolution with an activation, and perhaps heads of a given length after it.

use burn::tensor::Tensor;

use super::gradients::Gradients;
use super::loose::Filters;
use super::pass::Pass;
use crate::ops::{Activation, NormForm, NormWeights, Ops, StatePath};

/// `silu(conv(x))`, and perhaps each head divided by its length.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShortConv<'a> {
    filters: &'a Filters,
    length: Option<Length>,
}

/// The length of heads.
#[derive(Debug, Clone, Copy)]
struct Length {
    width: usize,
    /// What heads are multiplied with after they are divided by the root of their mean square.
    factor: f32,
    form: NormForm,
}

/// Values for the backward pass: what is convolved, after the convolution, and after the activation if heads get a
/// length.
#[derive(Debug)]
pub(super) struct Convolved {
    x: Tensor<2>,
    convolved: Tensor<2>,
    activated: Option<Tensor<2>>,
}

impl Convolved {
    /// Keeps the buffers of a pass that has no backward pass.
    pub(super) fn recycle(self, ops: &dyn Ops) {
        for tensor in [self.x, self.convolved].into_iter().chain(self.activated) {
            ops.recycle(tensor);
        }
    }
}

impl<'a> ShortConv<'a> {
    pub(super) fn new(filters: &'a Filters) -> Self {
        Self { filters, length: None }
    }

    /// Heads of `width` values get the length `scale`: `scale x / sqrt(sum(x^2) + eps)`.
    ///
    /// This is an RMS norm: `sum(x^2) + eps` is `width (mean(x^2) + eps / width)`.
    #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
    pub(super) fn with_length(self, width: usize, scale: f64, eps: f64) -> Self {
        let form = NormForm::rms(eps / width as f64);
        let factor = (scale / (width as f64).sqrt()) as f32;
        Self { length: Some(Length { width, factor, form }), ..self }
    }

    /// `[rows, channels]` to the same.
    pub(super) fn forward(
        self,
        x: Tensor<2>,
        path: &mut StatePath,
        pass: &Pass<'_>,
    ) -> (Tensor<2>, Convolved) {
        let ops = pass.ops;
        let (convolved, x) = ops.convolved(x, &self.filters.values(), &pass.all, path);
        let (activated, convolved) = ops.activated(Activation::Silu, convolved);
        let Some(length) = self.length else {
            return (activated, Convolved { x, convolved, activated: None });
        };
        let shape = activated.dims();
        let heads = length.heads(activated);
        let (y, heads) = ops.norm(length.form, heads, &length.weights(&x));
        (y.reshape(shape), Convolved { x, convolved, activated: Some(heads.reshape(shape)) })
    }

    /// The gradient of what is convolved.
    pub(super) fn backward(
        self,
        trace: Convolved,
        d_output: Tensor<2>,
        pass: &Pass<'_>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        let (ops, Convolved { x, convolved, activated }) = (pass.ops, trace);
        let d_activated = match self.length.zip(activated) {
            None => d_output,
            Some((length, activated)) => {
                let (shape, weights) = (activated.dims(), length.weights(&x));
                let (heads, d_heads) = (length.heads(activated), length.heads(d_output));
                ops.norm_backward(length.form, heads, &weights, d_heads, false).input.reshape(shape)
            }
        };
        let d_convolved = ops.activated_backward(Activation::Silu, convolved, d_activated);
        let (dx, d_filters) = ops.convolved_backward(x, &self.filters.values(), d_convolved, &pass.all);
        self.filters.backward(d_filters, gradients);
        dx
    }
}

impl Length {
    fn heads(self, x: Tensor<2>) -> Tensor<2> {
        let count = x.shape().num_elements() / self.width;
        x.reshape([count, self.width])
    }

    fn weights(self, beside: &Tensor<2>) -> NormWeights {
        let weight = Tensor::full([self.width], self.factor, &beside.device());
        NormWeights { weight: Some(weight), bias: None }
    }
}
