//! Opening a model whose layers are read when they are needed, and the memory that it takes.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use lobass_core::Arithmetic;

use super::{Checkpoint, EMBEDDING, HEAD, Reader, expected_tensors};
use crate::model::{HELD, LayerStream};
use crate::{Decoder, DecoderSpec, DeviceName, Dtype, Error, WeightSource};

const LAYERS: &str = "model.layers.";

/// The memory that the weights of a model take, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeightBytes {
    /// All of them.
    pub whole: u64,
    /// Those in memory at once if layers are read from disk: embedding, head, and three times the largest layer.
    pub streamed: u64,
    /// Those of all layers.
    pub layers: u64,
}

impl WeightBytes {
    /// The memory for weights of a model of this description in a number format. A head counts as `f32`, which
    /// is more than it takes where it is multiplied in parts of bf16.
    pub fn of(spec: &DecoderSpec, dtype: Dtype) -> Self {
        let (mut ends, mut layers) = (0, vec![0; spec.layers.len()]);
        for tensor in expected_tensors(spec) {
            let is_head = tensor.name == if spec.tied { EMBEDDING } else { HEAD };
            let size = if is_head { Dtype::F32.size() } else { dtype.size() };
            let bytes = (tensor.n_elements() * size) as u64;
            match place(&tensor.name).and_then(|at| layers.get_mut(at)) {
                Some(layer) => *layer += bytes,
                None => ends += bytes,
            }
        }
        let largest = layers.iter().max().copied().unwrap_or_default();
        let held = HELD.min(layers.len()) as u64;
        let layers: u64 = layers.iter().sum();
        Self { whole: ends + layers, streamed: ends + held * largest, layers }
    }
}

/// The layer that a tensor of the model belongs to.
fn place(name: &str) -> Option<usize> {
    name.strip_prefix(LAYERS)?.split('.').next()?.parse().ok()
}

impl Checkpoint {
    /// Reads embedding, last norm, and head onto a device in the given dtype. Layers are read when a pass comes to them,
    /// one ahead of it, and dropped after it. It computes what [`Checkpoint::load`] computes, to the bit. Their norms and
    /// biases stay in memory, since an adapter may replace them.
    ///
    /// # Errors
    /// The errors of [`Checkpoint::load`].
    pub fn stream(self: &Arc<Self>, dtype: Dtype, device: &Device) -> Result<Decoder, Error> {
        self.stream_in(dtype, false, device)
    }

    /// Reads what [`Checkpoint::stream`] reads onto the processor in `f32`, with another arithmetic of products. It
    /// computes what [`Checkpoint::load_with`] computes, to the bit.
    ///
    /// # Errors
    /// The errors of [`Checkpoint::load`].
    pub fn stream_with(self: &Arc<Self>, arithmetic: Arithmetic) -> Result<Decoder, Error> {
        let decoder = self.stream_in(Dtype::F32, !arithmetic.is_plain(), &DeviceName::Cpu.open())?;
        Ok(decoder.with_arithmetic(arithmetic))
    }

    fn stream_in(
        self: &Arc<Self>,
        dtype: Dtype,
        keeps_bf16: bool,
        device: &Device,
    ) -> Result<Decoder, Error> {
        let mut ends = Ends { reader: Reader { checkpoint: self, dtype, keeps_bf16, device } };
        let decoder = Decoder::from_source(&self.spec, &mut ends)?;
        let (checkpoint, device) = (Arc::clone(self), device.clone());
        let read = move |at| {
            let mut reader = Reader { checkpoint: &checkpoint, dtype, keeps_bf16, device: &device };
            let layer = Decoder::layer_from_source(&checkpoint.spec, &mut reader, at);
            layer.unwrap_or_else(|error| unreachable!("layer {at} of a checked checkpoint: {error}"))
        };
        Ok(decoder.with_stream(LayerStream::new(self.spec.layers.len(), Box::new(read))))
    }
}

/// Reads all tensors except the matrices of layers. Each of these gets a tensor with one value.
struct Ends<'a> {
    reader: Reader<'a>,
}

impl WeightSource for Ends<'_> {
    type Error = Error;

    fn tensor<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Result<Tensor<D>, Error> {
        if D == 1 || place(name).is_none() {
            return self.reader.tensor(name, shape);
        }
        let dtype = crate::dtype::to_burn(self.reader.dtype_of(name));
        Ok(Tensor::<D>::zeros([1; D], self.reader.device).cast(dtype))
    }
}
