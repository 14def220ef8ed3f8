//! Whether a device computes.

use burn::tensor::activation::softmax;
use burn::tensor::{DType, Device, Tensor, TensorData};

use super::DeviceName;
use crate::{Dtype, Error};

/// Width of the matrices that are multiplied; entries of the product are at most of the order of one.
const WIDTH: usize = 64;
/// Tolerances for rounding of the factors. Cards may multiply f32 as TF32, which has as many digits as f16.
const TOLERANCES: [(Dtype, f32); 3] = [(Dtype::F32, 1e-2), (Dtype::Bf16, 5e-2), (Dtype::F16, 1e-2)];

/// The result of a device's test.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trial {
    /// As the driver calls it; nothing for the processor.
    pub name: Option<String>,
    /// The number formats that models can be held in; each of them was computed in.
    pub dtypes: Vec<Dtype>,
}

impl DeviceName {
    /// Computes a little in every number format of the device, and compares it with the processor.
    ///
    /// Compilers of drivers may fail on kernels that others accept: burn then panics, or the process crashes. So test a
    /// card in a separate process, as `lobass` does, before anything depends on it.
    ///
    /// # Errors
    /// [`Error::Device`] if it computes something else than the processor.
    ///
    /// # Panics
    /// If it cannot compute; see above.
    pub fn trial(&self) -> Result<Trial, Error> {
        let device = self.open();
        let dtypes = self.dtypes();
        for (dtype, tolerance) in TOLERANCES.into_iter().filter(|(dtype, _)| dtypes.contains(dtype)) {
            let distance = distance(&compute(&device, dtype), &compute(&Device::flex(), Dtype::F32));
            // Also if it is no number.
            if !matches!(distance, Some(distance) if distance <= tolerance) {
                let found = distance.map_or("another size".to_owned(), |distance| distance.to_string());
                let reason = format!(
                    "expected a product in {dtype} to be within {tolerance} of the processor's, found {found}"
                );
                return Err(Error::Device { name: self.to_string(), reason });
            }
        }
        Ok(Trial { name: identity(self, &device), dtypes })
    }
}

/// A product, the softmax of its rows, and means of other rows by these weights.
fn compute(device: &Device, dtype: Dtype) -> Vec<f32> {
    let values = |shift: f32| {
        let values = (0..WIDTH * WIDTH).map(|at| (at as f32 * 0.37 + shift).sin()).collect();
        Tensor::<2>::from_data(TensorData::new(values, [WIDTH, WIDTH]), device)
            .cast(crate::dtype::to_burn(dtype))
    };
    let product = values(0.0).matmul(values(1.0).transpose()).cast(DType::F32) / (WIDTH as f32).sqrt();
    let weights = softmax(product.clone(), 1);
    let means = weights.clone().cast(crate::dtype::to_burn(dtype)).matmul(values(2.0)).cast(DType::F32);
    Tensor::cat(vec![product, weights, means], 0).into_data().iter::<f32>().collect()
}

/// The largest difference of two lists; none if they are not of one length.
fn distance(found: &[f32], expected: &[f32]) -> Option<f32> {
    // `f32::max` would drop what is no number.
    let worse =
        |worst: f32, distance: f32| if distance <= worst || worst.is_nan() { worst } else { distance };
    let distances = found.iter().zip(expected).map(|(found, expected)| (found - expected).abs());
    (found.len() == expected.len()).then(|| distances.fold(0.0, worse))
}

#[cfg(feature = "gpu")]
fn identity(name: &DeviceName, device: &Device) -> Option<String> {
    (*name != DeviceName::Cpu).then(|| device.identity().map(|identity| identity.name)).flatten()
}

#[cfg(not(feature = "gpu"))]
fn identity(_: &DeviceName, _: &Device) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_far_from_everything() {
        assert_eq!(distance(&[1.0, 2.0], &[1.5, 2.0]), Some(0.5));
        assert_eq!(distance(&[1.0], &[1.0, 2.0]), None);
        assert!(distance(&[1.0, f32::NAN, 1.0], &[1.0, 1.0, 1.0]).is_some_and(f32::is_nan));
    }
}
