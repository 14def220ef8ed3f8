//! A low-rank update of a projection.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};

use super::Gradients;
use crate::ops;

/// `s (dropout(x) A^T) B^T`: the product is never made dense.
///
/// Source: LoRA (Hu et al., 2021), eq. 3; `Linear.forward` of PEFT's `lora/layer.py`.
#[derive(Module, Debug)]
pub(super) struct Lora {
    /// `[rank, in]`.
    pub(super) a: Param<Tensor<2>>,
    /// `[out, rank]`.
    pub(super) b: Param<Tensor<2>>,
    #[module(skip)]
    pub(super) scale: f64,
    /// The share of inputs that training leaves out.
    #[module(skip)]
    pub(super) dropout: f64,
}

impl Lora {
    pub(super) fn forward(&self, x: &Tensor<2>, dropout_seed: Option<u64>) -> Tensor<2> {
        let low = ops::project(&self.dropped(x.clone(), dropout_seed), &self.a.val(), false) * self.scale;
        ops::project(&low, &self.b.val(), false)
    }

    pub(super) fn backward(
        &self,
        x: &Tensor<2>,
        d_output: &Tensor<2>,
        dropout_seed: Option<u64>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        let x = self.dropped(x.clone(), dropout_seed);
        let low = x.clone().matmul(self.a.val().transpose()) * self.scale;
        gradients.add(self.b.id, d_output.clone().transpose().matmul(low));
        let d_low = d_output.clone().matmul(self.b.val()) * self.scale;
        gradients.add(self.a.id, d_low.clone().transpose().matmul(x));
        self.dropped(d_low.matmul(self.a.val()), dropout_seed)
    }

    /// `B A`, scaled: what the update adds to the weight, `[out, in]`.
    pub(super) fn dense(&self) -> Tensor<2> {
        self.b.val().matmul(self.a.val()) * self.scale
    }

    /// Inverted dropout, while training. The mask is a function of the pass, the layer, and the place, so that a
    /// recomputed, resumed, or backward pass finds the same.
    fn dropped(&self, x: Tensor<2>, dropout_seed: Option<u64>) -> Tensor<2> {
        let Some(seed) = dropout_seed.filter(|_| self.dropout > 0.0) else { return x };
        let shape = x.dims();
        let layer = mixed(seed ^ self.a.id.val());
        #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
        let kept = (1.0 - self.dropout).recip() as f32;
        let mask = (0..(shape[0] * shape[1]) as u64).map(|at| {
            let uniform = (mixed(layer.wrapping_add(at)) >> 11) as f64 / (1u64 << 53) as f64;
            if uniform < self.dropout { 0.0 } else { kept }
        });
        let mask = TensorData::new(mask.collect::<Vec<f32>>(), shape);
        let device = x.device();
        x * Tensor::from_data(mask, &device)
    }
}

/// The finaliser of SplitMix64.
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
