//! Typical configs, and the settings that they give.

use lobass_trainers::{Error, Reading, Trainer, parse, read};
use serde_json::{Value, json};

fn reading(text: &str) -> Reading {
    parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn has(keys: impl Iterator<Item = String>, key: &str) -> bool {
    keys.into_iter().any(|found| found == key)
}

fn left_out(reading: &Reading, key: &str) -> bool {
    has(reading.left_out.iter().map(|left| left.key.clone()), key)
}

fn differs(reading: &Reading, key: &str) -> bool {
    has(reading.differing.iter().map(|difference| difference.key.clone()), key)
}

#[track_caller]
fn assert_settings(reading: &Reading, expected: &[(&str, Value)]) {
    for (setting, value) in expected {
        assert_eq!(reading.get(setting), Some(value), "{setting}");
    }
}

const AXOLOTL: &str = "
base_model: org/small
revision_of_model: v2
load_in_4bit: true
strict: false
datasets:
  - path: org/talks
    type: chat_template
    field_messages: conversations
    message_property_mappings: {role: from, content: value}
    split: train[:20%]
  - path: data/more.jsonl
    type: chat_template
    field_messages: conversations
chat_template: chatml
dataset_prepared_path: last_run_prepared
val_set_size: 0.05
output_dir: ./out
adapter: qlora
lora_r: 32
lora_alpha: 16
lora_dropout: 0.05
lora_target_linear: true
sequence_len: 4096
sample_packing: true
wandb_project:
gradient_accumulation_steps: 4
micro_batch_size: 2
num_epochs: 2
optimizer: paged_adamw_8bit
lr_scheduler: cosine
learning_rate: 2e-4
bf16: auto
warmup_steps: 10
weight_decay: 0.01
special_tokens:
  pad_token: <|pad|>
made_up_key: 3
";

#[test]
fn axolotl_with_an_adapter() {
    let reading = reading(AXOLOTL);
    assert_eq!(reading.trainer, Trainer::Axolotl);
    assert_settings(
        &reading,
        &[
            ("model.base", json!("org/small@v2")),
            ("data.files", json!(["hf://datasets/org/talks", "data/more.jsonl"])),
            ("data.columns", json!("messages=conversations")),
            ("sequences.chat_template", json!("chatml")),
            ("sequences.max_length", json!(4096)),
            ("sequences.overlong", json!("drop")),
            ("sequences.mask", json!("response")),
            ("train.method", json!("lora")),
            ("train.lora.rank", json!(32)),
            ("train.lora.alpha", json!(16)),
            ("train.lora.dropout", json!(0.05)),
            ("compute.quantize_base", json!("nf4")),
            ("train.batch_size", json!(8)),
            ("train.epochs", json!(2)),
            ("train.learning_rate", json!(2e-4)),
            ("train.schedule", json!("cosine")),
            ("train.weight_decay", json!(0.01)),
            ("train.seed", json!(42)),
        ],
    );
    assert_eq!(reading.get("train.lora.target_modules"), Some(&json!(["all-linear"])));
    for key in ["datasets.split", "val_set_size", "warmup_steps", "made_up_key"] {
        assert!(left_out(&reading, key), "{key}: {:?}", reading.left_out);
    }
    for key in ["optimizer", "sample_packing", "micro_batch_size", "seed", "bf16"] {
        assert!(differs(&reading, key), "{key}: {:?}", reading.differing);
    }
    for key in ["output_dir", "wandb_project", "strict", "special_tokens", "dataset_prepared_path"] {
        assert!(!left_out(&reading, key) && !differs(&reading, key), "{key}");
    }
    assert!(reading.get("train.warmup_ratio").is_none(), "steps are no share");
}

#[test]
fn axolotl_masks_and_templates() {
    let base =
        "base_model: org/small\nlearning_rate: 1e-5\ndatasets:\n  - path: a.jsonl\n    type: chat_template\n";
    let mask = |more: &str| reading(&format!("{base}{more}")).get("sequences.mask").cloned().unwrap();
    assert_eq!(mask(""), "response");
    assert_eq!(mask("train_on_inputs: true\n"), "all");
    assert_eq!(mask("    train_on_eos: none\n"), "text");
    assert_eq!(mask("    roles_to_train: [assistant, gpt]\n"), "response");
    let users = reading(&format!("{base}    roles_to_train: [user, assistant]\n"));
    assert!(left_out(&users, "datasets.roles_to_train"), "{users:?}");

    let template = |more: &str| reading(&format!("{base}{more}"));
    assert_eq!(template("chat_template: tokenizer_default\n").get("sequences.chat_template"), None);
    assert!(left_out(&template("chat_template: gemma3\n"), "chat_template"));
    assert!(differs(&template("chat_template: tokenizer_default_fallback_chatml\n"), "chat_template"));
    let file = template("chat_template: jinja\nchat_template_jinja: mine\n");
    assert_eq!(file.get("sequences.chat_template"), Some(&json!("./mine")));
    let inline = template("chat_template: jinja\nchat_template_jinja: '{{ messages }}'\n");
    assert!(left_out(&inline, "chat_template_jinja"));
}

#[test]
fn modules_by_a_pattern() {
    let targets = |pattern: &str| {
        let config =
            format!("base_model: m\nadapter: lora\nlearning_rate: 1e-5\nlora_target_modules: '{pattern}'\n");
        reading(&config).get("train.lora.target_modules").cloned()
    };
    let all = targets(r"model.layers.[\d]+.(mlp|cross_attn|self_attn).(up|down|gate|q|k|v|o)_proj");
    assert_eq!(all.unwrap().as_array().unwrap().len(), 7);
    let some = targets(r"model.language_model.layers.[\d]+.self_attn.(q|v)_proj");
    assert_eq!(some, Some(json!(["q_proj", "v_proj"])));
    assert_eq!(targets("q_proj, o_proj"), Some(json!(["q_proj", "o_proj"])));
    assert_eq!(targets("qkv_proj, in_proj_ba"), Some(json!(["qkv_proj", "in_proj_ba"])), "other families");
    assert_eq!(targets("q_proj, lm_head"), None);
    assert_eq!(targets(r"transformer\.h\.(\d+)\.c_attn"), None);
}

/// bitsandbytes rounds the base of an adapter, and so does lobass.
#[test]
fn bases_in_four_bits() {
    let of = |text: &str| reading(text).get("compute.quantize_base").cloned();
    let axolotl = |keys: &str| of(&format!("base_model: m\nlearning_rate: 1e-5\n{keys}\n"));
    let llama_factory = |keys: &str| of(&format!("{LLAMA_FACTORY}{keys}\n"));
    let trl =
        |keys: &str| of(&format!("model_name_or_path: m\ndataset_name: org/set\nuse_peft: true\n{keys}\n"));
    let (nested, single) = (Some(json!("nf4")), Some(json!("nf4-single")));
    assert_eq!(axolotl("adapter: qlora"), nested);
    assert_eq!(axolotl("adapter: lora\nload_in_4bit: true"), nested);
    let kwargs = "bnb_config_kwargs: {bnb_4bit_use_double_quant: false}";
    assert_eq!(axolotl(&format!("adapter: qlora\n{kwargs}")), single);
    assert_eq!(axolotl("adapter: lora\nload_in_8bit: true"), None);
    assert_eq!(axolotl("load_in_4bit: true"), None, "all weights are trained");
    assert_eq!(llama_factory("quantization_bit: 4"), nested);
    assert_eq!(llama_factory("quantization_bit: 4\ndouble_quantization: false"), single);
    assert_eq!(llama_factory("quantization_bit: 8"), None);
    assert_eq!(llama_factory("quantization_bit: 4\nquantization_method: hqq"), None);
    assert_eq!(trl("load_in_4bit: true"), single);
    assert_eq!(trl("load_in_4bit: true\nuse_bnb_nested_quant: true"), nested);
    assert_eq!(trl("load_in_4bit: true\nbnb_4bit_quant_type: fp4"), None);
    let stored = "base_model: org/small-bnb-4bit\nlearning_rate: 1e-5\nadapter: qlora\n";
    assert_eq!(of(stored), None, "it is stored so");
    for (text, key) in [
        ("base_model: m\nlearning_rate: 1e-5\nload_in_4bit: true\n".to_owned(), "load_in_4bit"),
        (format!("{LLAMA_FACTORY}quantization_bit: 8\n"), "quantization_bit"),
    ] {
        assert!(differs(&reading(&text), key), "{key}");
    }
}

#[test]
fn axolotl_types_of_data() {
    let of = |kind: &str| {
        reading(&format!("base_model: m\nlearning_rate: 1e-5\ndatasets: [{{path: org/set, type: {kind}}}]\n"))
    };
    let alpaca = of("alpaca");
    assert_settings(
        &alpaca,
        &[("data.format", json!("alpaca")), ("sequences.chat_template", json!("alpaca"))],
    );
    assert!(differs(&of("alpaca:chat"), "datasets.type"));
    assert!(left_out(&of("completion"), "datasets.type"));
    assert!(left_out(&of("context_qa.load_v2"), "datasets.type"));
    let full = reading("base_model: m\nlearning_rate: 1e-5\nlora_r: 8\n");
    assert_eq!(full.get("train.method"), Some(&json!("full")));
    assert!(left_out(&full, "lora_r") && left_out(&full, "datasets"));
    let local = reading(
        "base_model: m\nlearning_rate: 1e-5\ndatasets:\n  - {path: json, data_files: [x.jsonl, y.jsonl], type: alpaca}\n",
    );
    assert_eq!(local.get("data.files"), Some(&json!(["x.jsonl", "y.jsonl"])));
}

const LLAMA_FACTORY: &str = "
### model
model_name_or_path: org/small
trust_remote_code: true
### method
stage: sft
do_train: true
finetuning_type: lora
lora_rank: 8
lora_target: all
### dataset
dataset: identity,alpaca_en_demo
template: qwen3
cutoff_len: 1024
max_samples: 1000
mask_history: true
### output
output_dir: saves
logging_steps: 10
report_to: none
### train
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
learning_rate: 1.0e-4
num_train_epochs: 3.0
lr_scheduler_type: cosine
warmup_ratio: 0.1
bf16: true
";

#[test]
fn llama_factory_with_an_adapter() {
    let reading = reading(LLAMA_FACTORY);
    assert_eq!(reading.trainer, Trainer::LlamaFactory);
    assert_settings(
        &reading,
        &[
            ("model.base", json!("org/small")),
            ("data.files", json!(["identity", "alpaca_en_demo"])),
            ("data.dataset_info", json!("data/dataset_info.json")),
            ("sequences.max_length", json!(1024)),
            ("sequences.overlong", json!("truncate")),
            ("sequences.mask", json!("response")),
            ("train.method", json!("lora")),
            ("train.lora.rank", json!(8)),
            ("train.lora.alpha", json!(16)), // twice the rank, where the file has none
            ("train.batch_size", json!(8)),
            ("train.epochs", json!(3)),
            ("train.warmup_ratio", json!(0.1)),
        ],
    );
    assert!(left_out(&reading, "mask_history") && left_out(&reading, "max_samples"));
    assert!(differs(&reading, "template") && differs(&reading, "cutoff_len"));
    let default = reading.taken.iter().find(|taken| taken.setting == "train.lora.alpha").unwrap();
    assert!(default.keys.is_empty(), "a default comes from no key");
}

#[test]
fn llama_factory_in_other_forms() {
    let whole = reading(&LLAMA_FACTORY.replace("mask_history", "train_on_prompt").replace("qwen3", "llama3"));
    assert_settings(
        &whole,
        &[("sequences.mask", json!("all")), ("sequences.chat_template", json!("llama3"))],
    );
    let pairs = reading(&LLAMA_FACTORY.replace("stage: sft", "stage: dpo\npref_beta: 0.2\npref_loss: orpo"));
    assert_settings(&pairs, &[("train.objective", json!("dpo")), ("train.beta", json!(0.2))]);
    assert!(left_out(&pairs, "pref_loss"));
    let second = reading(
        "model: org/small\nmodel_class: llm\ntrain_dataset: data.yaml\nmicro_batch_size: 2\nglobal_batch_size: 16\n\
         peft_config: {name: lora, r: 4}\ncutoff_len: 512\n",
    );
    assert_settings(&second, &[("train.batch_size", json!(16)), ("train.lora.rank", json!(4))]);
    assert!(left_out(&second, "train_dataset"));
    for other in ["stage: pt", "stage: kto", "stage: ppo"] {
        let error = parse(&LLAMA_FACTORY.replace("stage: sft", other)).unwrap_err();
        assert!(matches!(&error, Error::NotATraining { found } if found.contains(other)), "{error}");
    }
    let export = parse("model_name_or_path: org/small\ntemplate: qwen3\nexport_dir: out\n").unwrap_err();
    assert!(export.to_string().contains("exporting"), "{export}");
}

#[test]
fn trl_in_yaml_and_json() {
    let yaml = reading(
        "model_name_or_path: org/small\ndataset_name: org/set\ndataset_config: main\nlearning_rate: 1.0e-4\n\
         lr_scheduler_type: constant\nuse_peft: true\nassistant_only_loss: true\nmax_length: 2048\nreport_to: none\n",
    );
    assert_eq!(yaml.trainer, Trainer::Trl);
    assert_settings(
        &yaml,
        &[
            ("data.files", json!(["hf://datasets/org/set/main"])),
            ("sequences.mask", json!("generation")),
            ("sequences.max_length", json!(2048)),
            ("train.schedule", json!("constant")),
            ("train.warmup_ratio", json!(0.0)),
            ("train.batch_size", json!(8)),
            ("train.epochs", json!(3)),
            ("train.lora.rank", json!(16)),
            ("train.lora.dropout", json!(0.05)),
            ("train.lora.target_modules", json!(["q_proj", "v_proj"])),
        ],
    );
    let json = r#"{"model_name_or_path": "org/small", "dataset_name": "./rows.jsonl", "completion_only_loss": true,
        "num_train_epochs": 1.5, "max_steps": -1, "beta": 0.3, "datasets": null, "warmup_steps": 0.1}"#;
    let json = reading(json);
    assert_settings(
        &json,
        &[
            ("data.files", json!(["./rows.jsonl"])),
            ("sequences.mask", json!("response")),
            ("train.epochs", json!(2)),
            ("train.objective", json!("dpo")),
            ("train.beta", json!(0.3)),
            ("train.learning_rate", json!(1e-6)),
            ("train.warmup_ratio", json!(0.1)),
        ],
    );
    assert!(differs(&json, "num_train_epochs") && !left_out(&json, "max_steps"));
    let plain = reading("model_name_or_path: org/small\ndataset_name: org/set\n");
    assert!(differs(&plain, "assistant_only_loss") && plain.get("sequences.mask").is_none());
    let rewards = parse("model_name_or_path: m\nnum_generations: 8\n").unwrap_err();
    assert!(rewards.to_string().contains("num_generations"), "{rewards}");
}

#[test]
fn what_is_not_a_config_is_said() {
    let error = |text: &str| parse(text).unwrap_err().to_string();
    assert!(error("compute_environment: LOCAL_MACHINE\n").contains("accelerate"));
    assert!(error("name: x\nsteps: 3\n").contains("found `name`, `steps`"));
    assert!(error("- a\n- b\n").contains("found a list"));
    assert!(error("").contains("found nothing"));
    let broken = error("base_model: [a\nb: }\n");
    assert!(broken.contains("neither") && !broken.contains('\n'), "{broken}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.yaml");
    fs_err::write(&path, "a: 1\n").unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("x.yaml"));
    assert!(read(&dir.path().join("none.yaml")).unwrap_err().to_string().contains("none.yaml"));
}

#[test]
fn values_of_another_kind_are_left_out_by_name() {
    let odd =
        reading("base_model: org/small\nlearning_rate: fast\nsequence_len: 12.5\ntrain_on_inputs: maybe\n");
    for key in ["learning_rate", "sequence_len", "train_on_inputs"] {
        assert!(left_out(&odd, key), "{key}: {:?}", odd.left_out);
    }
    assert!(odd.get("sequences.max_length").is_none());
    let old = reading(
        "base_model: org/small\nlearning_rate: 1e-5\ntrain_on_inputs: yes\ndatasets: [{path: a.jsonl}]\n",
    );
    assert_eq!(old.get("sequences.mask"), Some(&json!("all")), "YAML 1.1 has `yes`");
}

#[test]
fn settings_nest_as_in_the_config_of_lobass() {
    let settings = reading(AXOLOTL).settings();
    assert_eq!(settings["train"]["lora"]["rank"], 32);
    assert_eq!(settings["sequences"]["max_length"], 4096);
    assert_eq!(settings["model"]["base"], "org/small@v2");
}
