//! Token ids to vectors.

use std::ops::Range;

use burn::module::{Module, Param};
use burn::tensor::module::embedding;
use burn::tensor::{DType, Int, Tensor, bf16, f16};

use super::gradients::Gradients;
use super::source::{Scope, WeightSource};
use crate::ops::{Input, Ops, sent_tokens};
use crate::{DecoderSpec, EmbeddingScale};

#[derive(Module, Debug)]
pub(super) struct Embedding {
    /// `[vocab, hidden]`.
    pub(super) weight: Param<Tensor<2>>,
    #[module(skip)]
    scale: EmbeddingScale,
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
        Ok(Self { weight, scale: spec.embedding_scale, frozen: false })
    }

    /// The vectors times the factor of embeddings.
    fn scaled(&self, vectors: Tensor<2>, dtype: DType) -> Tensor<2> {
        let EmbeddingScale { factor, is_rounded } = self.scale;
        let factor = match dtype {
            DType::BF16 if is_rounded => bf16::from_f32(factor).to_f32(),
            DType::F16 if is_rounded => f16::from_f32(factor).to_f32(),
            _ => factor,
        };
        if factor == 1.0 { vectors } else { vectors * factor }
    }

    /// Ids to `[rows, hidden]`, in `f32`; `dtype` is the format of the model's weights.
    pub(super) fn forward(&self, input_ids: &[u32], dtype: DType) -> Tensor<2> {
        let ids = self.ids(input_ids).unsqueeze::<2>();
        self.scaled(embedding(self.weight.val(), ids).squeeze_dim::<2>(0).cast(DType::F32), dtype)
    }

    pub(super) fn backward(
        &self,
        input_ids: &[u32],
        d_output: Tensor<2>,
        dtype: DType,
        gradients: &mut Gradients,
    ) {
        if self.frozen {
            return;
        }
        let d_output = self.scaled(d_output, dtype);
        gradients.add_by_token(self.weight.id, self.weight.dims(), input_ids, d_output);
    }

    /// The number format of the weight.
    pub(super) fn dtype(&self) -> DType {
        self.weight.val().dtype()
    }

    /// The embedding as a tied head: `[rows, hidden]` to `[rows, vocab]`, or to the columns of some tokens.
    pub(super) fn as_head(&self, hidden: &Input, tokens: Option<Range<usize>>, ops: &dyn Ops) -> Tensor<2> {
        let weight = self.weight.val();
        let weight = match tokens {
            None => weight,
            Some(tokens) => weight.slice(tokens),
        };
        ops.product(hidden, &weight)
    }

    /// The gradient of [`Embedding::as_head`] with respect to `hidden`.
    pub(super) fn as_head_backward(
        &self,
        hidden: &Tensor<2>,
        d_logits: &Tensor<2>,
        gradients: &mut Gradients,
        ops: &dyn Ops,
    ) -> Tensor<2> {
        if !self.frozen {
            gradients.add(self.weight.id, ops.weight_backward(d_logits, hidden));
        }
        ops.product_backward(d_logits, self.weight.val())
    }

    fn ids(&self, input_ids: &[u32]) -> Tensor<1, Int> {
        sent_tokens(input_ids, &self.weight.val().device())
    }
}
