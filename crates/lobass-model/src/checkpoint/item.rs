//! One tensor of a file that is written.

use std::borrow::Cow;

use safetensors::View;
use safetensors::tensor::TensorInfo;

use super::shard::WeightShard;
use crate::names::{StoredTensor, Wrapping};
use crate::{Dtype, TensorSpec};

/// A tensor that is fetched and converted when its turn to be written comes, so that saving a model does not hold
/// it twice.
pub(super) struct Item<'a> {
    pub(super) name: String,
    dtype: safetensors::Dtype,
    content: Content<'a>,
}

/// The bytes of a tensor of the model in the number format of the file. They are asked for when its turn to be written
/// comes.
pub(super) type Values<'a> = dyn Fn(&TensorSpec) -> Vec<u8> + 'a;

enum Content<'a> {
    /// Weights of the model.
    Weights { values: &'a Values<'a>, tensor: StoredTensor, dtype: Dtype },
    /// A tensor that is no part of the model, as it was read.
    Carried { shard: &'a WeightShard, info: &'a TensorInfo },
}

impl<'a> Item<'a> {
    pub(super) fn weight(
        values: &'a Values<'a>,
        tensor: StoredTensor,
        dtype: Dtype,
        wrapping: &Wrapping,
    ) -> Self {
        let name = wrapping.outer(&tensor.spec.name);
        let content = Content::Weights { values, tensor, dtype };
        Self { name, dtype: crate::dtype::to_safetensors(dtype), content }
    }

    pub(super) fn carried((name, shard, info): (&str, &'a WeightShard, &'a TensorInfo)) -> Self {
        Self { name: name.to_owned(), dtype: info.dtype, content: Content::Carried { shard, info } }
    }
}

impl View for Item<'_> {
    fn dtype(&self) -> safetensors::Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        match &self.content {
            Content::Weights { tensor, .. } => &tensor.spec.shape,
            Content::Carried { info, .. } => &info.shape,
        }
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match &self.content {
            Content::Weights { values, tensor, dtype } => Cow::Owned(bytes_of(*values, tensor, *dtype)),
            Content::Carried { shard, info } => Cow::Borrowed(shard.bytes(info)),
        }
    }

    fn data_len(&self) -> usize {
        match &self.content {
            Content::Weights { tensor, dtype, .. } => tensor.spec.n_elements() * dtype.size(),
            Content::Carried { info, .. } => info.data_offsets.1 - info.data_offsets.0,
        }
    }
}

/// A stored tensor, joined from the tensors of the model in it.
fn bytes_of(values: &Values<'_>, tensor: &StoredTensor, dtype: Dtype) -> Vec<u8> {
    if let [part] = tensor.parts.as_slice()
        && part.piece.is_whole()
    {
        return values(&part.spec);
    }
    let mut bytes = vec![0; tensor.spec.n_elements() * dtype.size()];
    for part in &tensor.parts {
        part.piece.put(&values(&part.spec), &mut bytes, &tensor.spec.shape, dtype.size());
    }
    bytes
}
