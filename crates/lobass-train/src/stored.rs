//! Tensors of a file of states.

use std::borrow::Cow;

use safetensors::{Dtype, View};

/// A vector that is fetched when its turn to be written comes, so that a state is not in memory twice.
pub(crate) struct Stored<'a> {
    shape: [usize; 1],
    values: Box<dyn Fn() -> Cow<'a, [f32]> + 'a>,
}

impl<'a> Stored<'a> {
    pub(crate) fn new(len: usize, values: impl Fn() -> Cow<'a, [f32]> + 'a) -> Self {
        Self { shape: [len], values: Box::new(values) }
    }
}

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let values = (self.values)();
        let mut bytes = vec![0; self.data_len()];
        for (bytes, value) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(values.iter()) {
            *bytes = value.to_le_bytes();
        }
        Cow::Owned(bytes)
    }

    fn data_len(&self) -> usize {
        4 * self.shape[0]
    }
}
