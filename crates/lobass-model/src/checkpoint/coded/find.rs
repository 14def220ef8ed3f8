//! Which tensors of a checkpoint are coded, by what is beside them.

use super::{Coded, Format, mxfp4, nf4};
use crate::checkpoint::tensors::Tensors;
use crate::config::Quantization;
use crate::names::StoredTensor;

/// The JSON of NF4 beside its codes.
const NF4_STATE: &str = "quant_state.bitsandbytes__nf4";

/// The format of a stored tensor; `None` if it is not coded.
///
/// # Errors
/// What is wrong with the tensors beside it, and in which of them.
pub(in crate::checkpoint) fn find(
    tensor: &StoredTensor,
    tensors: &Tensors,
    quantization: &Quantization,
) -> Result<Option<Coded>, (String, String)> {
    let name = tensors.file_name(&tensor.spec.name);
    let seen = Seen { name: &name, tensors };
    for try_one in [Seen::nf4, Seen::int8, Seen::mxfp4] {
        if let Some(coded) = try_one(&seen)? {
            return Ok(Some(coded));
        }
    }
    seen.float8(quantization)
}

/// A stored tensor and what is beside it.
struct Seen<'a> {
    /// Its name in the files.
    name: &'a str,
    tensors: &'a Tensors,
}

/// A coded tensor, or the name of one that is wrong, and how.
type Found = Result<Option<Coded>, (String, String)>;

impl Seen<'_> {
    fn nf4(&self) -> Found {
        let beside = |end: &str| format!("{}.{end}", self.name);
        let state_name = beside(NF4_STATE);
        let Some(bytes) = self.tensors.bytes_of_file(&state_name) else { return Ok(None) };
        let state = nf4::State::read(bytes).map_err(|reason| (state_name.clone(), reason))?;
        let mut names = vec![self.name.to_owned(), beside("absmax"), beside("quant_map")];
        let [codes, scales, nested] = state.sizes();
        let mut sizes = vec![codes, scales, 16];
        if state.nested.is_some() {
            names.extend([beside("nested_absmax"), beside("nested_quant_map")]);
            sizes.extend([nested, 256]);
        }
        self.check_sizes(&names, &sizes)?;
        names.push(state_name);
        let shape = state.shape.clone();
        Ok(Some(Coded { format: Format::Nf4(state), shape, names }))
    }

    fn int8(&self) -> Found {
        let scale = format!("{}.SCB", self.module());
        if self.dtype() != Some(safetensors::Dtype::I8) || self.shape_of(&scale).is_none() {
            return Ok(None);
        }
        let shape = self.shape_of(self.name).unwrap_or_default();
        let mut names = vec![self.name.to_owned(), scale];
        self.check_sizes(&names, &[shape.iter().product(), shape.first().copied().unwrap_or_default()])?;
        // Says that rows are in order, which is the only order that is written.
        names.extend(Some(format!("{}.weight_format", self.module())).filter(|name| self.is_there(name)));
        Ok(Some(Coded { format: Format::Int8, shape, names }))
    }

    fn mxfp4(&self) -> Found {
        let (codes, exponents) = (format!("{}_blocks", self.name), format!("{}_scales", self.name));
        let Some(mut shape) = self.shape_of(&exponents).filter(|_| self.is_there(&codes)) else {
            return Ok(None);
        };
        let n_exponents = shape.iter().product::<usize>();
        if let Some(last) = shape.last_mut() {
            *last *= mxfp4::BLOCK;
        }
        let names = vec![codes, exponents];
        self.check_sizes(&names, &[n_exponents * mxfp4::BLOCK / 2, n_exponents])?;
        Ok(Some(Coded { format: Format::Mxfp4, shape, names }))
    }

    fn float8(&self, quantization: &Quantization) -> Found {
        if self.dtype() != Some(safetensors::Dtype::F8_E4M3) {
            return Ok(None);
        }
        let shape = self.shape_of(self.name).unwrap_or_default();
        let (inverse, plain) = (format!("{}_scale_inv", self.name), format!("{}_scale", self.name));
        let scale = if self.is_there(&inverse) { inverse } else { plain };
        let (Some(scales), [.., rows, columns]) = (self.shape_of(&scale), shape.as_slice()) else {
            return Err((scale, "expected the scales of FP8 weights, found none".to_owned()));
        };
        let stacked = shape.iter().product::<usize>() / (rows * columns).max(1);
        let n_scales = scales.iter().product::<usize>();
        let candidates = [quantization.block, Some([*rows, *columns]), Some([1, *columns])];
        let fits = |block: &[usize; 2]| {
            n_scales == stacked * rows.div_ceil(block[0].max(1)) * columns.div_ceil(block[1].max(1))
        };
        let Some(block) = candidates.into_iter().flatten().find(fits) else {
            let expected = "expected a scale for the tensor, for each row, or for each block of the config";
            return Err((scale, format!("{expected}, found shape {scales:?} for {shape:?}")));
        };
        let mut names = vec![self.name.to_owned(), scale];
        // Scales of inputs, which only kernels in 8 bits have.
        let inputs = ["activation_scale", "input_scale"].map(|end| format!("{}.{end}", self.module()));
        names.extend(inputs.into_iter().filter(|name| self.is_there(name)));
        let format = Format::Float8 { block, rounds_to_scale: quantization.rounds_to_scale };
        Ok(Some(Coded { format, shape, names }))
    }

    fn check_sizes(&self, names: &[String], sizes: &[usize]) -> Result<(), (String, String)> {
        for (name, &expected) in names.iter().zip(sizes) {
            let found = self.shape_of(name).map(|shape| shape.iter().product::<usize>());
            if found != Some(expected) {
                let found = found.map_or_else(|| "no such tensor".to_owned(), |found| found.to_string());
                return Err((name.clone(), format!("expected {expected} values, found {found}")));
            }
        }
        Ok(())
    }

    /// The path of its module in the files.
    fn module(&self) -> &str {
        self.name.strip_suffix(".weight").unwrap_or(self.name)
    }

    fn dtype(&self) -> Option<safetensors::Dtype> {
        Some(self.tensors.info_of_file(self.name)?.dtype)
    }

    fn shape_of(&self, name: &str) -> Option<Vec<usize>> {
        Some(self.tensors.info_of_file(name)?.shape.clone())
    }

    fn is_there(&self, name: &str) -> bool {
        self.tensors.info_of_file(name).is_some()
    }
}
