//! Which tensors a checkpoint of a given config holds: names, shapes, and order.

use crate::LlamaConfig;

/// The name and shape of one tensor of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// As in the file, `model.layers.0.self_attn.q_proj.weight`.
    pub name: String,
    /// As in the file; projections are `[out, in]`.
    pub shape: Vec<usize>,
}

impl TensorSpec {
    fn new(name: impl Into<String>, shape: &[usize]) -> Self {
        Self { name: name.into(), shape: shape.to_vec() }
    }

    /// The number of values.
    pub fn n_elements(&self) -> usize {
        self.shape.iter().product()
    }
}

pub(crate) const EMBEDDING: &str = "model.embed_tokens.weight";
pub(crate) const HEAD: &str = "lm_head.weight";

/// Lists every tensor that a checkpoint of this config holds, in the order of the forward pass.
///
/// A tied head is not listed: it is the embedding.
pub fn expected_tensors(config: &LlamaConfig) -> Vec<TensorSpec> {
    let mut tensors = vec![TensorSpec::new(EMBEDDING, &[config.vocab_size, config.hidden_size])];
    for layer in 0..config.num_hidden_layers {
        push_layer(&mut tensors, config, layer);
    }
    tensors.push(TensorSpec::new("model.norm.weight", &[config.hidden_size]));
    if !config.tie_word_embeddings {
        tensors.push(TensorSpec::new(HEAD, &[config.vocab_size, config.hidden_size]));
    }
    tensors
}

fn push_layer(tensors: &mut Vec<TensorSpec>, config: &LlamaConfig, layer: usize) {
    let hidden = config.hidden_size;
    let queries = config.num_attention_heads * config.head_dim;
    let keys = config.num_key_value_heads * config.head_dim;
    let inner = config.intermediate_size;

    let mut projection = |name: &str, out: usize, inputs: usize, bias: bool| {
        tensors.push(TensorSpec::new(format!("model.layers.{layer}.{name}.weight"), &[out, inputs]));
        if bias {
            tensors.push(TensorSpec::new(format!("model.layers.{layer}.{name}.bias"), &[out]));
        }
    };
    projection("self_attn.q_proj", queries, hidden, config.qkv_bias);
    projection("self_attn.k_proj", keys, hidden, config.qkv_bias);
    projection("self_attn.v_proj", keys, hidden, config.qkv_bias);
    projection("self_attn.o_proj", hidden, queries, config.o_bias);
    projection("mlp.gate_proj", inner, hidden, config.mlp_bias);
    projection("mlp.up_proj", inner, hidden, config.mlp_bias);
    projection("mlp.down_proj", hidden, inner, config.mlp_bias);

    let mut norm = |name: &str, width: usize| {
        tensors.push(TensorSpec::new(format!("model.layers.{layer}.{name}.weight"), &[width]));
    };
    if config.qk_norm {
        norm("self_attn.q_norm", config.head_dim);
        norm("self_attn.k_norm", config.head_dim);
    }
    norm("input_layernorm", hidden);
    norm("post_attention_layernorm", hidden);
}
