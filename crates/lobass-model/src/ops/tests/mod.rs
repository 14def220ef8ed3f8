//! Kernels against tensor operations, through both passes.

mod attention;
mod carried;
mod experts;
mod half;
mod learning;
mod linear;
mod models;
mod rows;
mod transfers;

use burn::tensor::{DType, Device, Tensor, TensorData};
use proptest::test_runner::Config;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::host::HostOps;
use crate::batch::Packed;
use carried::{CarriedOps, back};

/// Activations are of order one, and both sides are f32.
const TOLERANCE: f32 = 2e-5;

/// How many cases a property is tested with. A card compiles kernels for each of them, so that one must do.
fn config() -> Config {
    Config::with_cases(if cfg!(feature = "wgpu") { 1 } else { 24 })
}

/// Both implementations: kernels, and tensor operations on a card if the build has a back end for one.
fn both() -> (HostOps, CarriedOps) {
    (HostOps::default(), CarriedOps::new())
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn random(seed: u64, shape: [usize; 2]) -> Tensor<2> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    tensor((0..shape[0] * shape[1]).map(|_| 2.0 * rng.random::<f32>() - 1.0).collect(), shape)
}

fn vector(seed: u64, length: usize) -> Tensor<1> {
    random(seed, [1, length]).squeeze_dim(0)
}

fn worst<const D: usize>(found: Tensor<D>, expected: Tensor<D>) -> f32 {
    let wide = |x: Tensor<D>| back(x).cast(DType::F32);
    (wide(found) - wide(expected)).abs().max().into_scalar::<f32>()
}

fn assert_close<const D: usize>(what: &str, found: Tensor<D>, expected: Tensor<D>) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let worst = worst(found, expected);
    assert!(worst < TOLERANCE, "{what} differs by {worst}");
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
/// Sequences that share nothing.
fn apart(lengths: &[usize]) -> Packed {
    let ids: Vec<Vec<u32>> = lengths.iter().map(|&length| vec![0; length]).collect();
    Packed::new(ids.iter().map(Vec::as_slice))
}
