//! Whole models, of which only the operations differ.

use burn::tensor::Device;

use super::assert_close;
use super::carried::CARD;
use crate::batch::Packed;
use crate::ops::{LogitForm, RouterScores, Routing};
use crate::testing::tiny_with;
use crate::{
    Decoder, DecoderSpec, EmbeddingScale, ExpertsSpec, Gradients, LinearAttentionSpec, LoraConfig,
    SharedExpertSpec, TraceOptions,
};

/// Descriptions that have little in common.
pub(super) fn specs() -> [DecoderSpec; 5] {
    let windows =
        r#", "head_dim": 4, "use_sliding_window": true, "sliding_window": 3, "max_window_layers": 1"#;
    let qwen = tiny_with(windows).replace(r#""llama""#, r#""qwen3""#);
    let [llama, qwen] = [tiny_with(""), qwen].map(|json| DecoderSpec::from_json(&json).unwrap());
    let mut scaled = llama.clone();
    scaled.embedding_scale = EmbeddingScale { factor: 3.0, is_rounded: true };
    scaled.logits = LogitForm { scale: 0.5, cap: Some(0.7) };
    scaled.layers.iter_mut().for_each(|layer| layer.residual_scale = 0.3);
    let mut experts = llama.clone();
    experts.layers[1].experts = Some(ExpertsSpec {
        count: 4,
        width: 6,
        routing: Routing { scores: RouterScores::Softmax, chosen: 2, is_normalized: true, scale: 1.5 },
        router_bias: true,
        shared: Some(SharedExpertSpec { width: 5, is_gated: true }),
    });
    let mut linear = llama.clone();
    let norm = linear.final_norm;
    linear.layers[0].linear = Some(LinearAttentionSpec {
        key_heads: 2,
        value_heads: 4,
        key_width: 3,
        value_width: 5,
        conv_size: 3,
        norm,
    });
    linear.layers[1].attention.output_gate = true;
    linear.layers[1].attention.sinks = true;
    [llama, qwen, scaled, experts, linear]
}

/// Whole models, of which only the operations differ: one with norms of heads and windows, each trained whole and with
/// an adapter.
#[test]
fn a_model_has_the_same_hidden_states_and_gradients_either_way() {
    for spec in specs() {
        for (model, on_tensors) in
            whole_and_adapted(&spec, &Device::flex()).iter().zip(whole_and_adapted(&spec, &CARD))
        {
            assert_same_passes(model, &on_tensors.on_tensors());
        }
    }
}

/// A model that is trained whole, and one with an adapter that drops inputs.
pub(super) fn whole_and_adapted(spec: &DecoderSpec, device: &Device) -> [Decoder; 2] {
    let base = Decoder::random(spec, 7, device);
    let lora = LoraConfig { rank: 3, dropout: 0.5, ..LoraConfig::default() };
    // A new adapter's second factor is zero, and so are the gradients of its first one.
    let adapted = lora.attach(&base, 3).unwrap().with_parameters(&mut |_, values| values + 0.02, &|_| true);
    [base, adapted]
}

fn assert_same_passes(model: &Decoder, on_tensors: &Decoder) {
    let ids = [1, 5, 9, 2, 7, 3];
    let mut packed = Packed::default();
    let first = packed.push(None, &ids);
    packed.push(Some(first), &ids[2..4]);
    packed.push(Some(first), &ids[1..3]);
    let hidden = |model: &Decoder| model.hidden_states_of(&packed, &[2, 5, 6, 9]);
    assert_close("hidden states", hidden(model), hidden(on_tensors));

    let apart = Packed::new([&ids[..], &ids[1..4]]);
    for recompute in [false, true] {
        let gradients = |model: &Decoder| {
            let (hidden, trace) = model.trace(&apart, TraceOptions { recompute, dropout_seed: Some(11) });
            let mut gradients = model.gradients();
            let (labels, seeds) = ([3, 1, 4, 1, 5, 9, 2, 6, 5], [0.5; 9]);
            let (_, d_hidden) = model.cross_entropy_backward(&hidden, &labels, &seeds, &mut gradients);
            model.backward(trace, d_hidden, &mut gradients);
            gradients
        };
        let (found, expected) = (gradients(model), gradients(on_tensors));
        let norm = expected.norm();
        assert!((found.norm() - norm).abs() < 1e-4 * norm, "{} {norm}", found.norm());
        for (name, id) in model.trained_parameters() {
            // An expert that no row was sent to has none.
            let gradient = |of: &Gradients| of.get(id).map(|gradient| gradient.clone() / norm);
            let (found, expected) = (gradient(&found), gradient(&expected));
            assert_eq!(found.is_some(), expected.is_some(), "{name}");
            assert!(found.is_some() || name.contains(".experts."), "{name} has no gradient");
            found
                .zip(expected)
                .into_iter()
                .for_each(|(found, expected)| assert_close(&name, found, expected));
        }
    }
}
