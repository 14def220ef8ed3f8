//! Checkpoints, adapters, tokenizers.

use std::path::Path;

use lobass_data::TextTokenizer;
use lobass_model::{AdapterCheckpoint, Checkpoint, Decoder, DecoderSpec, DeviceName, Dtype, Packed};
use lobass_tests::fixture;

use super::{Target, copy, of_each};
use crate::mutate::Kind;

const BASE: &str = "models/llama-gqa";

/// Some rows of the model, so that what a config or file asks for is computed.
fn compute(model: &Decoder) {
    let last = u32::try_from(model.spec().vocab_size - 1).unwrap_or(u32::MAX);
    let ids: Vec<u32> = (0..9).map(|id| (id % 5).min(last)).collect();
    let hidden = model.hidden_states(&Packed::new([ids.as_slice(), &ids[..3]]));
    assert_eq!(model.logits(&hidden).dims()[0], 12);
}

pub(super) const CONFIG: Target = Target {
    name: "config",
    kind: Kind::Json,
    prepare: |_| of_each("models", "config.json"),
    run: |_, input| configure(input),
};

pub(super) fn configure(input: &[u8]) {
    let Ok((config, findings)) = DecoderSpec::with_findings(&String::from_utf8_lossy(input)) else {
        return;
    };
    assert!(findings.iter().all(|finding| !finding.to_string().is_empty()));
    if config.n_parameters() < 100_000 && config.layers.len() < 8 {
        compute(&Decoder::random(&config, 0, &DeviceName::Cpu.open()));
    }
}

fn open(dir: &Path) {
    let Ok(checkpoint) = Checkpoint::open(dir) else { return };
    checkpoint.weights_digest();
    for dtype in [Dtype::F32, Dtype::Bf16] {
        compute(&checkpoint.load(dtype, &DeviceName::Cpu.open()).unwrap());
    }
}

pub(super) const WEIGHTS: Target = Target {
    name: "weights",
    kind: Kind::Framed,
    prepare: |dir| {
        copy(BASE, dir);
        vec![fs_err::read(dir.join("model.safetensors")).unwrap()]
    },
    run: |dir, input| {
        fs_err::write(dir.join("model.safetensors"), input).unwrap();
        open(dir);
    },
};

pub(super) const INDEX: Target = Target {
    name: "index",
    kind: Kind::Json,
    prepare: |dir| {
        copy("models/llama-sharded", dir);
        vec![fs_err::read(dir.join("model.safetensors.index.json")).unwrap()]
    },
    run: |dir, input| {
        fs_err::write(dir.join("model.safetensors.index.json"), input).unwrap();
        open(dir);
    },
};

pub(super) fn adapt(dir: &Path) {
    let Ok(adapter) = AdapterCheckpoint::open(dir) else { return };
    let base = Checkpoint::open(fixture(BASE)).unwrap();
    adapter.config();
    let Ok(findings) = adapter.check_on(&base, "base") else { return };
    assert!(findings.iter().all(|finding| !finding.to_string().is_empty()));
    let model = base.load(Dtype::F32, &DeviceName::Cpu.open()).unwrap();
    let adapted = adapter.apply(&model).unwrap();
    compute(&adapted);
    compute(&adapted.merged());
}

pub(super) const ADAPTER_CONFIG: Target = Target {
    name: "adapter-config",
    kind: Kind::Json,
    prepare: |dir| {
        copy("lora/llama-gqa-saved", dir);
        of_each("lora", "adapter_config.json")
    },
    run: |dir, input| {
        fs_err::write(dir.join("adapter_config.json"), input).unwrap();
        adapt(dir);
    },
};

pub(super) const ADAPTER_WEIGHTS: Target = Target {
    name: "adapter-weights",
    kind: Kind::Framed,
    prepare: |dir| {
        copy("lora/llama-gqa-saved", dir);
        vec![fs_err::read(dir.join("adapter_model.safetensors")).unwrap()]
    },
    run: |dir, input| {
        fs_err::write(dir.join("adapter_model.safetensors"), input).unwrap();
        adapt(dir);
    },
};

pub(super) fn tokenize(dir: &Path) {
    let Ok(tokenizer) = TextTokenizer::from_dir(dir) else { return };
    for text in ["", "The dog ran.\n\n  It was 12,345 happy \u{1f600}!", "<s>a</s> <|im_start|>e\u{301}\u{0}"]
    {
        // An error is right where a text cannot be cut.
        let _ = tokenizer.encode(text);
    }
}

pub(super) const TOKENIZER: Target = Target {
    name: "tokenizer",
    kind: Kind::Json,
    prepare: |dir| {
        copy("chat/llama", dir);
        of_each("chat", "tokenizer.json")
    },
    run: |dir, input| {
        fs_err::write(dir.join("tokenizer.json"), input).unwrap();
        tokenize(dir);
    },
};

pub(super) const TOKENIZER_CONFIG: Target = Target {
    name: "tokenizer-config",
    kind: Kind::Json,
    prepare: |dir| {
        copy("chat/llama", dir);
        of_each("chat", "tokenizer_config.json")
    },
    run: |dir, input| {
        fs_err::write(dir.join("tokenizer_config.json"), input).unwrap();
        tokenize(dir);
    },
};
