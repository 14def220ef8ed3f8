//! Embedding, layers, and the last norm.

use burn::module::{Module, Param};
use burn::tensor::module::embedding;
use burn::tensor::{Device, Int, Tensor};

use super::attention::Attention;
use super::mlp::Mlp;
use super::norm::RmsNorm;
use super::rope::RopeTables;
use super::source::{Scope, WeightSource};
use crate::{LayerConfig, LlamaConfig};

#[derive(Module, Debug)]
pub(super) struct Decoder {
    pub(super) embed_tokens: Embedding,
    layers: Vec<DecoderLayer>,
    norm: RmsNorm,
}

impl Decoder {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        config: &LlamaConfig,
    ) -> Result<Self, S::Error> {
        let embed_tokens = Embedding::load(&mut scope.child("embed_tokens"), config)?;
        let layers = config
            .layers
            .iter()
            .enumerate()
            .map(|(at, &layer)| DecoderLayer::load(&mut scope.child("layers").child(at), config, layer))
            .collect::<Result<_, _>>()?;
        let norm = RmsNorm::load(&mut scope.child("norm"), config.hidden_size, config.rms_norm_eps)?;
        Ok(Self { embed_tokens, layers, norm })
    }

    pub(super) fn device(&self) -> Device {
        self.embed_tokens.weight.val().device()
    }

    /// `[B, T]` token ids to `[B, T, hidden]`.
    pub(super) fn forward(&self, input_ids: Tensor<2, Int>, config: &LlamaConfig) -> Tensor<3> {
        let seq = input_ids.dims()[1];
        let hidden = self.embed_tokens.forward(input_ids);
        let rope = RopeTables::new(config, seq, hidden.dtype(), &hidden.device());
        let hidden = self.layers.iter().fold(hidden, |hidden, layer| layer.forward(hidden, &rope));
        self.norm.forward(hidden)
    }
}

#[derive(Module, Debug)]
pub(super) struct Embedding {
    /// `[vocab, hidden]`.
    weight: Param<Tensor<2>>,
}

impl Embedding {
    fn load<S: WeightSource>(scope: &mut Scope<'_, S>, config: &LlamaConfig) -> Result<Self, S::Error> {
        Ok(Self { weight: scope.param("weight", [config.vocab_size, config.hidden_size])? })
    }

    fn forward(&self, input_ids: Tensor<2, Int>) -> Tensor<3> {
        embedding(self.weight.val(), input_ids)
    }

    /// The embedding as a tied head: `[rows, hidden]` to `[rows, vocab]`.
    pub(super) fn as_head(&self, hidden: Tensor<2>) -> Tensor<2> {
        hidden.matmul(self.weight.val().transpose())
    }
}

#[derive(Module, Debug)]
struct DecoderLayer {
    self_attn: Attention,
    mlp: Mlp,
    input_layernorm: RmsNorm,
    post_attention_layernorm: RmsNorm,
}

impl DecoderLayer {
    fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        config: &LlamaConfig,
        layer: LayerConfig,
    ) -> Result<Self, S::Error> {
        let self_attn = Attention::load(&mut scope.child("self_attn"), config, layer)?;
        let mlp = Mlp::load(&mut scope.child("mlp"), config)?;
        let mut norm =
            |name: &str| RmsNorm::load(&mut scope.child(name), config.hidden_size, config.rms_norm_eps);
        let (input_layernorm, post_attention_layernorm) =
            (norm("input_layernorm")?, norm("post_attention_layernorm")?);
        Ok(Self { self_attn, mlp, input_layernorm, post_attention_layernorm })
    }

    fn forward(&self, hidden: Tensor<3>, rope: &RopeTables) -> Tensor<3> {
        let hidden = hidden.clone() + self.self_attn.forward(self.input_layernorm.forward(hidden), rope);
        hidden.clone() + self.mlp.forward(self.post_attention_layernorm.forward(hidden))
    }
}
