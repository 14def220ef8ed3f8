//! Adapters of bases whose files have other modules than the model.

use burn::tensor::Tensor;
use safetensors::SafeTensors;

use super::{AdapterCheckpoint, LoraConfig, save_adapter};
use crate::names::{NameRules, RotaryHead};
use crate::{Decoder, DecoderSpec, DeviceName, Packed, testing};

/// A model whose files have q, k, and v in one tensor, gate and up in another, and pairs of neighbors, in a wrapper.
fn fused() -> DecoderSpec {
    let mut spec = DecoderSpec::from_json(testing::TINY).unwrap();
    let layer = |path: &str| format!("model.layers.*.{path}");
    let [q, k, v] = ["q_proj", "k_proj", "v_proj"].map(|name| layer(&format!("self_attn.{name}")));
    let [gate, up] = ["gate_proj", "up_proj"].map(|name| layer(&format!("mlp.{name}")));
    let head = RotaryHead { width: 4, rotary: 4 };
    spec.names = NameRules::default()
        .fused(&layer("self_attn.qkv_proj"), &[&q, &k, &v])
        .fused(&layer("mlp.gate_up_proj"), &[&gate, &up])
        .interleaved_rotary(&q, head)
        .interleaved_rotary(&k, head)
        .wrapped(&[("model.language_model.", "model."), ("lm_head.", "lm_head.")])
        .carried(&["model.visual."]);
    spec
}

fn trained(base: &Decoder, config: &LoraConfig) -> Decoder {
    let mut step = 0.0;
    config.attach(base, 3).unwrap().with_parameters(
        &mut |_, values| {
            step += 0.01;
            let ramp = Tensor::arange(0..i64::try_from(values.dims()[0]).unwrap(), &values.device()).float();
            values + (ramp + step).sin() * 0.1
        },
        &|id| config.attach(base, 3).unwrap().trained_parameters().iter().any(|(_, trained)| *trained == id),
    )
}

fn logits(model: &Decoder) -> Vec<f32> {
    let packed = Packed::new([[1, 5, 9, 4].as_slice(), &[1, 4, 7]]);
    model.logits(&model.hidden_states(&packed)).into_data().iter().collect()
}

#[test]
fn fused_projections_have_one_update_in_files() {
    let base = Decoder::random(&fused(), 1, &DeviceName::Cpu.open());
    let config = LoraConfig { rank: 2, modules_to_save: vec!["norm".to_owned()], ..LoraConfig::default() };
    let model = trained(&base, &config);
    // q, k, and v share A and have rows of B each; norms and the head are not fused.
    let n_low_rank = model.trained_parameters().iter().filter(|(name, _)| name.contains("lora_A")).count();
    assert_eq!(n_low_rank, 2 * 4);

    let dir = tempfile::tempdir().unwrap();
    save_adapter(&model, &config, "base", dir.path()).unwrap();
    let bytes = fs_err::read(dir.path().join("adapter_model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let shape = |name: &str| {
        let path = "base_model.model.model.language_model.layers.1";
        file.tensor(&format!("{path}.{name}.weight")).unwrap().shape().to_vec()
    };
    assert_eq!(shape("self_attn.qkv_proj.lora_A"), [2, 16]);
    assert_eq!(shape("self_attn.qkv_proj.lora_B"), [32, 2]);
    assert_eq!(shape("mlp.gate_up_proj.lora_B"), [48, 2]);
    assert_eq!(shape("input_layernorm"), [16]);
    let text = fs_err::read_to_string(dir.path().join("adapter_config.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let names = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"];
    assert_eq!(json["target_modules"], serde_json::json!(names));

    let adapter = AdapterCheckpoint::open(dir.path()).unwrap();
    assert_eq!(logits(&adapter.apply(&base).unwrap()), logits(&model));
    assert_ne!(logits(&model), logits(&base));
}

/// A low-rank update of a fused tensor is the sum of A and B there, whatever its rows mean.
#[test]
fn rows_of_b_go_where_rows_of_the_weight_go() {
    let spec = fused();
    let base = Decoder::random(&spec, 1, &DeviceName::Cpu.open());
    let config = LoraConfig { rank: 2, ..LoraConfig::default() };
    let model = trained(&base, &config);
    let dir = tempfile::tempdir().unwrap();
    save_adapter(&model, &config, "base", dir.path()).unwrap();
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let save = |model: &Decoder, dir: &std::path::Path| {
        crate::save(model, testing::TINY, crate::Dtype::F32, dir).unwrap();
        fs_err::read(dir.join("model.safetensors")).unwrap()
    };
    let (before, after) = (save(&base, before.path()), save(&model.merged(), after.path()));
    let weights = fs_err::read(dir.path().join("adapter_model.safetensors")).unwrap();
    let values = |bytes: &[u8], name: &str| -> Vec<f32> {
        let file = SafeTensors::deserialize(bytes).unwrap();
        let view = file.tensor(name).unwrap();
        view.data().as_chunks::<4>().0.iter().map(|&value| f32::from_le_bytes(value)).collect()
    };
    let path = "model.language_model.layers.0.self_attn.qkv_proj";
    let a = values(&weights, &format!("base_model.model.{path}.lora_A.weight"));
    let b = values(&weights, &format!("base_model.model.{path}.lora_B.weight"));
    let (old, new) = (values(&before, &format!("{path}.weight")), values(&after, &format!("{path}.weight")));
    for (at, (old, new)) in old.iter().zip(&new).enumerate() {
        let (row, column) = (at / 16, at % 16);
        let update: f32 = (0..2).map(|rank| b[2 * row + rank] * a[16 * rank + column]).sum();
        #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
        let expected = old + update * config.scale() as f32;
        assert!((new - expected).abs() < 1e-5, "{row}, {column}: {new} and {expected}");
    }
}

#[test]
fn targets_are_modules_of_the_files() {
    let base = Decoder::random(&fused(), 1, &DeviceName::Cpu.open());
    let with = |names: &[&str]| {
        let target_modules = names.iter().map(|&name| name.to_owned()).collect();
        let config = LoraConfig { rank: 2, target_modules, ..LoraConfig::default() };
        config.attach(&base, 0).map(|model| model.trained_parameters().len())
    };
    assert_eq!(with(&["qkv_proj"]).unwrap(), 2 * 4);
    assert_eq!(with(&["q_proj", "k_proj", "v_proj"]).unwrap(), 2 * 4);
    let error = with(&["q_proj", "o_proj"]).unwrap_err().to_string();
    assert!(
        error.contains("expected `target_modules` to be some of qkv_proj, o_proj, gate_up_proj, down_proj"),
        "{error}"
    );
    assert!(error.ends_with("found q_proj"), "{error}");
}
