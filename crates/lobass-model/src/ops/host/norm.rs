//! Normalization by kernels.

use burn::tensor::{Device, Tensor};

use super::buffers::buffer;
use super::lent::{Lent, Read, tensor};
use crate::ops::norm::{NormForm, NormGradients, NormKind, NormWeights};

#[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
pub(super) fn norm(form: NormForm, x: Tensor<2>, weights: &NormWeights) -> (Tensor<2>, Tensor<2>) {
    let shape = x.dims();
    let factors = Lent::new(weights.factors(form, shape[1], &Device::flex()));
    let (x, eps) = (Lent::new(x), form.eps as f32);
    let mut y = buffer(x.values().len());
    match form.kind {
        NormKind::Rms => lobass_kernels::rms_norm(x.values(), factors.values(), eps, &mut y),
        NormKind::Layer => {
            let bias = weights.bias.as_ref().map(Read::new);
            let bias = bias.as_ref().map(Read::values::<f32>);
            lobass_kernels::layer_norm(x.values(), factors.values(), bias, eps, &mut y);
        }
    }
    (tensor(y, shape), x.back())
}

#[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
pub(super) fn norm_backward(
    form: NormForm,
    x: Tensor<2>,
    weights: &NormWeights,
    d_output: Tensor<2>,
    wants_weights: bool,
) -> NormGradients {
    let shape = x.dims();
    let factors = Lent::new(weights.factors(form, shape[1], &Device::flex()));
    let (x, d_output, eps) = (Lent::new(x), Lent::new(d_output), form.eps as f32);
    let mut dx = buffer(x.values().len());
    let zeros = |of: &Option<Tensor<1>>| of.as_ref().filter(|_| wants_weights).map(|_| vec![0.0; shape[1]]);
    let (mut d_weight, mut d_bias) = (zeros(&weights.weight), zeros(&weights.bias));
    let (x, factors, dy) = (x.values(), factors.values(), d_output.values());
    match form.kind {
        NormKind::Rms => {
            lobass_kernels::rms_norm_backward(x, factors, eps, dy, &mut dx, d_weight.as_deref_mut());
        }
        NormKind::Layer => lobass_kernels::layer_norm_backward(
            x,
            factors,
            eps,
            dy,
            &mut dx,
            d_weight.as_deref_mut(),
            d_bias.as_deref_mut(),
        ),
    }
    let vector = |values: Option<Vec<f32>>| values.map(|values| tensor(values, [shape[1]]));
    NormGradients { input: tensor(dx, shape), weight: vector(d_weight), bias: vector(d_bias) }
}
