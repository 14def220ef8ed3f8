//! Which tensors a model of a given config has: names, shapes, and order.

use std::convert::Infallible;

use burn::tensor::{Device, Tensor};

use crate::{Decoder, DecoderSpec, TensorSpec, WeightSource};

pub(crate) const EMBEDDING: &str = "model.embed_tokens.weight";
pub(crate) const HEAD: &str = "lm_head.weight";

/// Lists every tensor of a model of this config, in the order in which it asks for them.
///
/// A tied head is not listed: it is the embedding. Names are those of the model; the files of some families have others.
pub fn expected_tensors(spec: &DecoderSpec) -> Vec<TensorSpec> {
    skeleton(spec).1
}

/// A model of this description without weights, and the tensors that it asks for.
pub(crate) fn skeleton(spec: &DecoderSpec) -> (Decoder, Vec<TensorSpec>) {
    let mut recorder = Recorder::default();
    match Decoder::from_source(spec, &mut recorder) {
        Ok(model) => (model, recorder.tensors),
        Err(never) => match never {},
    }
}

impl DecoderSpec {
    /// The number of parameters; a tied head counts once.
    pub fn n_parameters(&self) -> usize {
        expected_tensors(self).iter().map(TensorSpec::n_elements).sum()
    }
}

/// Writes down what a model asks for; nothing computes with what it gets.
#[derive(Debug, Default)]
struct Recorder {
    tensors: Vec<TensorSpec>,
}

impl WeightSource for Recorder {
    type Error = Infallible;

    fn tensor<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Result<Tensor<D>, Infallible> {
        self.tensors.push(TensorSpec { name: name.to_owned(), shape: shape.to_vec() });
        Ok(Tensor::zeros([1; D], &Device::flex()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::tiny_with;

    /// Digests of weights depend on this order.
    #[test]
    fn the_order_is_projections_then_norms_of_each_layer() {
        let json = tiny_with(r#", "head_dim": 4, "attention_bias": true"#);
        let json = json.replace(r#""num_hidden_layers": 2"#, r#""num_hidden_layers": 1"#);
        let names = |json: &str| -> Vec<String> {
            let tensors = expected_tensors(&DecoderSpec::from_json(json).unwrap());
            tensors.into_iter().map(|spec| spec.name.replace("model.layers.0.", "")).collect()
        };
        let attention = ["q_proj", "k_proj", "v_proj", "o_proj"];
        let with_biases =
            attention.iter().flat_map(|name| ["weight", "bias"].map(|of| format!("self_attn.{name}.{of}")));
        let mlp = ["gate_proj", "up_proj", "down_proj"].map(|name| format!("mlp.{name}.weight"));
        let of_layer = ["input_layernorm.weight", "post_attention_layernorm.weight"].map(str::to_owned);
        let ends = ["model.norm.weight", "lm_head.weight"].map(str::to_owned);
        let mut expected = vec![EMBEDDING.to_owned()];
        expected.extend(with_biases.chain(mlp.clone()).chain(of_layer.clone()).chain(ends));
        assert_eq!(names(&json), expected);

        let qwen = tiny_with(r#", "head_dim": 4, "tie_word_embeddings": true"#);
        let qwen = qwen
            .replace("\"llama\"", "\"qwen3\"")
            .replace(r#""num_hidden_layers": 2"#, r#""num_hidden_layers": 1"#);
        let of_heads = ["self_attn.q_norm.weight", "self_attn.k_norm.weight"].map(str::to_owned);
        let mut expected = vec![EMBEDDING.to_owned()];
        expected.extend(attention.iter().map(|name| format!("self_attn.{name}.weight")));
        expected
            .extend(mlp.into_iter().chain(of_heads).chain(of_layer).chain(["model.norm.weight".to_owned()]));
        assert_eq!(names(&qwen), expected);
    }
}
