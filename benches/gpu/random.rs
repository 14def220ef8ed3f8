//! Weights that are drawn where they are used: those of large models need not pass through the host.

use std::convert::Infallible;

use burn::tensor::{DType, Device, Distribution, Tensor};
use lobass_benches::SEED;
use lobass_model::{Decoder, DecoderSpec, WeightSource};

/// Draws weights on a device, in the number format in which they are held.
struct OnDevice {
    deviation: f64,
    dtype: DType,
    /// The name of the head's weight.
    head: &'static str,
    device: Device,
}

impl WeightSource for OnDevice {
    type Error = Infallible;

    fn tensor<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Result<Tensor<D>, Infallible> {
        let weights: Tensor<D> = match (D, name.ends_with(".bias")) {
            (1, true) => Tensor::zeros(shape, &self.device),
            (1, false) => Tensor::ones(shape, &self.device),
            _ => Tensor::random(shape, Distribution::Normal(0.0, self.deviation), &self.device),
        };
        // As when a checkpoint is loaded, the head is f32.
        Ok(weights.cast(if name == self.head { DType::F32 } else { self.dtype }))
    }
}

/// A model with fresh weights. Other devices draw other numbers.
pub(crate) fn model(config: &DecoderSpec, dtype: DType, device: &Device) -> Decoder {
    device.seed(SEED);
    let deviation = config.initializer_range;
    let head = if config.tied { "model.embed_tokens.weight" } else { "lm_head.weight" };
    let mut source = OnDevice { deviation, dtype, head, device: device.clone() };
    match Decoder::from_source(config, &mut source) {
        Ok(model) => model,
        Err(never) => match never {},
    }
}
