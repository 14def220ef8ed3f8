//! What layers send to a device and read from it: nothing.

use burn::tensor::Device;

use super::models::whole_and_adapted;
use crate::batch::Packed;
use crate::ops::transfer::count;
use crate::testing::tiny_with;
use crate::{Decoder, DecoderSpec, Gradients, TraceOptions};

/// The families whose layers are counted: one with nothing special, one with norms of heads and windows, one with norms
/// after its blocks.
fn families() -> [DecoderSpec; 3] {
    let windows =
        r#", "head_dim": 4, "use_sliding_window": true, "sliding_window": 3, "max_window_layers": 1"#;
    let of = |fields: &str, family: &str| tiny_with(fields).replace(r#""llama""#, &format!("{family:?}"));
    [of("", "llama"), of(windows, "qwen3"), of("", "olmo2")]
        .map(|json| DecoderSpec::from_json(&json).unwrap())
}

/// The same model with more layers of the same kinds.
fn deeper(spec: &DecoderSpec, n_layers: usize) -> DecoderSpec {
    let layers = spec.layers.iter().cycle().take(n_layers).cloned().collect();
    DecoderSpec { layers, ..spec.clone() }
}

const IDS: [u32; 6] = [1, 5, 9, 2, 7, 3];

/// The crossings of a pass that scores, whose sequences share a beginning.
fn scoring(model: &Decoder) -> usize {
    let mut packed = Packed::default();
    let first = packed.push(None, &IDS);
    packed.push(Some(first), &IDS[2..4]);
    packed.push(Some(first), &IDS[1..3]);
    count::of(|| model.hidden_states_of(&packed, &[2, 5, 6, 9])).0
}

/// The crossings of a step of training, and its gradients.
fn training(model: &Decoder, recompute: bool) -> (usize, Gradients) {
    let apart = Packed::new([&IDS[..], &IDS[1..4]]);
    count::of(|| {
        let (hidden, trace) = model.trace(&apart, TraceOptions { recompute, dropout_seed: Some(11) });
        let mut gradients = model.gradients();
        let (labels, seeds) = ([3, 1, 4, 1, 5, 9, 2, 6, 5], [0.5; 9]);
        let (_, d_hidden) = model.cross_entropy_backward(&hidden, &labels, &seeds, &mut gradients);
        model.backward(trace, d_hidden, &mut gradients);
        gradients
    })
}

#[test]
fn a_pass_sends_and_reads_the_same_however_many_layers_it_has() {
    for spec in families() {
        let models =
            |n_layers| whole_and_adapted(&deeper(&spec, n_layers), &Device::flex()).map(Decoder::on_tensors);
        for (few, many) in models(4).iter().zip(&models(6)) {
            let counted = scoring(few);
            assert!(counted > 0, "ids and tables are sent");
            assert_eq!(scoring(many), counted, "scoring");
            for recompute in [false, true] {
                let (counted, gradients) = training(few, recompute);
                assert!(counted > 0 && gradients.norm() > 0.0);
                assert_eq!(training(many, recompute).0, counted, "training, recompute: {recompute}");
            }
        }
    }
}

#[test]
fn all_gradients_are_one_read() {
    let [spec, ..] = families();
    for model in whole_and_adapted(&spec, &Device::flex()).map(Decoder::on_tensors) {
        let (_, mut gradients) = training(&model, false);
        assert_eq!(count::of(|| gradients.norm()).0, 1);
        let parameters = model.trained_parameters();
        let sizes = parameters.iter().map(|(_, id)| (*id, gradients.get(*id).unwrap().dims()[0]));
        let sizes: Vec<_> = sizes.collect();
        let (n_reads, values) = count::of(|| gradients.take_values(sizes.iter().copied()));
        assert_eq!(n_reads, 1);
        assert_eq!(values.len(), sizes.iter().map(|(_, size)| size).sum::<usize>());
    }
}

/// The calls that cross, and are not counted.
const UNCOUNTED: [&str; 5] = ["from_data(", "into_data(", "to_data(", "into_scalar", "one_hot"];

#[test]
fn nothing_crosses_uncounted() {
    let src = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    // Loading and saving are not parts of a pass.
    let apart = ["source.rs", "weights.rs"];
    let mut places = ["ops/device", "model"].map(|dir| src.join(dir)).to_vec();
    while let Some(path) = places.pop() {
        if path.is_dir() {
            places.extend(fs_err::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        if apart.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        let text = fs_err::read_to_string(&path).unwrap();
        let found = UNCOUNTED.iter().find(|call| text.contains(**call));
        assert!(found.is_none(), "{}: `{found:?}` belongs in ops/transfer.rs", path.display());
    }
}
