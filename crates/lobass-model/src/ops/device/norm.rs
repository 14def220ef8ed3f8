//! Normalization in tensor operations.

use burn::tensor::Tensor;

use super::wide::{wide, widely};
use crate::ops::norm::{NormForm, NormGradients, NormKind, NormWeights};

pub(super) fn norm(form: NormForm, x: Tensor<2>, weights: &NormWeights) -> (Tensor<2>, Tensor<2>) {
    let y = widely(x.clone(), |x| {
        let (normed, _) = normalized(form, x.clone());
        let y = match &weights.weight {
            None => normed,
            Some(_) => normed * factors(form, &x, weights),
        };
        match &weights.bias {
            None => y,
            Some(bias) => y + bias.clone().unsqueeze(),
        }
    });
    (y, x)
}

pub(super) fn norm_backward(
    form: NormForm,
    x: Tensor<2>,
    weights: &NormWeights,
    d_output: &Tensor<2>,
    wants_weights: bool,
) -> NormGradients {
    let d_normed = match &weights.weight {
        None => d_output.clone(),
        Some(_) => d_output.clone() * factors(form, &x, weights),
    };
    let (normed, divisor) = normalized(form, wide(x));
    let summed = |of: &Option<Tensor<1>>, gradient: &dyn Fn() -> Tensor<2>| {
        of.as_ref().filter(|_| wants_weights).map(|_| gradient().sum_dim(0).squeeze_dim::<1>(0))
    };
    let weight = summed(&weights.weight, &|| d_output.clone() * normed.clone());
    let bias = summed(&weights.bias, &|| d_output.clone());
    let along = (d_normed.clone() * normed.clone()).mean_dim(1);
    let d_centered = match form.kind {
        NormKind::Rms => d_normed,
        NormKind::Layer => d_normed.clone() - d_normed.mean_dim(1),
    };
    NormGradients { input: (d_centered - normed * along) / divisor, weight, bias }
}

/// `[1, width]`.
fn factors(form: NormForm, x: &Tensor<2>, weights: &NormWeights) -> Tensor<2> {
    weights.factors(form, x.dims()[1], &x.device()).unsqueeze()
}

/// Rows without weights, and what each was divided by, `[rows, 1]`.
fn normalized(form: NormForm, x: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let x = match form.kind {
        NormKind::Rms => x,
        NormKind::Layer => x.clone() - x.mean_dim(1),
    };
    let divisor = (x.clone().square().mean_dim(1) + form.eps).sqrt();
    (x / divisor.clone(), divisor)
}
