//! Where weights come from: a checkpoint, a random generator, or something of the caller's.

use std::convert::Infallible;

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// Gives a model its tensors, by checkpoint name, in the order of [`crate::expected_tensors`] within a module.
pub trait WeightSource {
    /// The error of the source.
    type Error;

    /// Returns the tensor of this name and shape.
    ///
    /// # Errors
    /// If the source has no such tensor.
    fn tensor<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Result<Tensor<D>, Self::Error>;
}

/// A source seen from inside a module: prefixes names with the module's path.
pub(super) struct Scope<'a, S> {
    source: &'a mut S,
    path: String,
}

impl<'a, S: WeightSource> Scope<'a, S> {
    pub(super) fn root(source: &'a mut S) -> Self {
        Self { source, path: String::new() }
    }

    pub(super) fn child(&mut self, name: impl std::fmt::Display) -> Scope<'_, S> {
        let path = if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) };
        Scope { source: self.source, path }
    }

    pub(super) fn param<const D: usize>(
        &mut self,
        name: &str,
        shape: [usize; D],
    ) -> Result<Param<Tensor<D>>, S::Error> {
        let name = format!("{}.{name}", self.path);
        let tensor = self.source.tensor(&name, shape)?;
        // The name is the identity, so that gradients and optimizer states survive saving and loading.
        Ok(Param::initialized(parameter_id(&name), tensor))
    }
}

/// The identity of the parameter of a name.
pub(super) fn parameter_id(name: &str) -> ParamId {
    ParamId::from(fnv1a(name))
}

/// The stream of random numbers of a name.
pub(crate) fn stream_of(name: &str) -> u64 {
    fnv1a(name)
}

/// The 64-bit FNV-1a hash.
fn fnv1a(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Fresh weights: each tensor has a separate random stream, so that its values do not depend on the order of the
/// others.
pub(super) struct RandomSource {
    seed: u64,
    deviation: f64,
    device: Device,
}

impl RandomSource {
    pub(super) fn new(seed: u64, deviation: f64, device: &Device) -> Self {
        Self { seed, deviation, device: device.clone() }
    }

    fn normal(&self, name: &str, count: usize) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(fnv1a(name));
        // Box-Muller, one of each pair: fresh weights are made once.
        std::iter::repeat_with(|| {
            let (radius, angle): (f64, f64) = (rng.random(), rng.random());
            let normal = (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos();
            #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
            let value = (normal * self.deviation) as f32;
            value
        })
        .take(count)
        .collect()
    }
}

impl WeightSource for RandomSource {
    type Error = Infallible;

    fn tensor<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Result<Tensor<D>, Infallible> {
        let count = shape.iter().product();
        let values = match (D, name.ends_with(".bias")) {
            (1, true) => vec![0.0; count],
            (1, false) => vec![1.0; count],
            _ => self.normal(name, count),
        };
        Ok(Tensor::from_data(TensorData::new(values, shape), &self.device))
    }
}
