//! Token ids to vectors.

use std::ops::Range;

use burn::module::{Module, Param};
use burn::tensor::module::embedding;
use burn::tensor::{DType, IndexingUpdateOp, Int, Tensor, TensorData};

use super::gradients::Gradients;
use super::source::{Scope, WeightSource};
use crate::DecoderSpec;
use crate::ops::Ops;

#[derive(Module, Debug)]
pub(super) struct Embedding {
    /// `[vocab, hidden]`.
    pub(super) weight: Param<Tensor<2>>,
    /// Whether training leaves the weight as it is.
    #[module(skip)]
    pub(super) frozen: bool,
}

impl Embedding {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        spec: &DecoderSpec,
    ) -> Result<Self, S::Error> {
        let weight = scope.param("weight", [spec.vocab_size, spec.hidden_size])?;
        Ok(Self { weight, frozen: false })
    }

    /// Ids to `[rows, hidden]`, in `f32`.
    pub(super) fn forward(&self, input_ids: &[u32]) -> Tensor<2> {
        let ids = self.ids(input_ids).unsqueeze::<2>();
        embedding(self.weight.val(), ids).squeeze_dim::<2>(0).cast(DType::F32)
    }

    pub(super) fn backward(&self, input_ids: &[u32], d_output: Tensor<2>, gradients: &mut Gradients) {
        if self.frozen {
            return;
        }
        let empty = Tensor::zeros(self.weight.dims(), &d_output.device());
        let gradient = empty.select_assign(0, self.ids(input_ids), d_output, IndexingUpdateOp::Add);
        gradients.add::<2>(self.weight.id, gradient);
    }

    /// The embedding as a tied head: `[rows, hidden]` to `[rows, vocab]`, or to the columns of some tokens.
    pub(super) fn as_head(
        &self,
        hidden: &Tensor<2>,
        tokens: Option<Range<usize>>,
        ops: &dyn Ops,
    ) -> Tensor<2> {
        let weight = self.weight.val();
        let weight = match tokens {
            None => weight,
            Some(tokens) => weight.slice(tokens),
        };
        ops.product(&ops.pack(hidden.clone(), DType::F32), &weight)
    }

    /// The gradient of [`Embedding::as_head`] with respect to `hidden`.
    pub(super) fn as_head_backward(
        &self,
        hidden: Tensor<2>,
        d_logits: &Tensor<2>,
        gradients: &mut Gradients,
        ops: &dyn Ops,
    ) -> Tensor<2> {
        if !self.frozen {
            gradients.add(self.weight.id, d_logits.clone().transpose().matmul(hidden));
        }
        ops.product_backward(d_logits, self.weight.val())
    }

    fn ids(&self, input_ids: &[u32]) -> Tensor<1, Int> {
        let ids: Vec<i64> = input_ids.iter().map(|&id| i64::from(id)).collect();
        let count = ids.len();
        Tensor::from_data(TensorData::new(ids, [count]), &self.weight.val().device())
    }
}
