//! Configs of other trainers, which `lobass run --from` reads.

use super::{Target, command, remove};
use crate::mutate::Kind;

const AXOLOTL: &str = "base_model: org/name
datasets:
  - path: org/talks
    type: chat_template
    field_messages: conversations
    message_property_mappings: {role: from, content: value}
    split: train[:20%]
  - {path: more.jsonl, ds_type: json, type: alpaca}
chat_template: chatml
val_set_size: 0.05
adapter: qlora
lora_r: 32
lora_target_modules: [q_proj, v_proj]
sequence_len: 4096
gradient_accumulation_steps: 4
micro_batch_size: 2
num_epochs: 2
learning_rate: 2e-4
train_on_inputs: false
weight_decay: 0.0
warmup_ratio: 0.1
";

const LLAMA_FACTORY: &str = "model_name_or_path: org/name
stage: sft
do_train: true
finetuning_type: lora
lora_rank: 8
lora_target: all
dataset: identity,alpaca_en_demo
template: llama3
cutoff_len: 2048
max_samples: 1000
output_dir: saves/lora
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
learning_rate: 1.0e-4
num_train_epochs: 3.0
lr_scheduler_type: cosine
mask_history: true
val_size: 0.1
";

const VERSION_1: &str = "model: org/name
model_class: llm
template: qwen3
train_dataset: data/v1.yaml
kernel_config: {name: auto}
peft_config: {name: lora, r: 16}
cutoff_len: 2048
learning_rate: 1e-4
";

const TRL: &str = "model_name_or_path: org/name
dataset_name: org/talks
learning_rate: 2.0e-4
num_train_epochs: 1
packing: true
max_length: 2048
assistant_only_loss: true
use_peft: true
lora_r: 32
lora_target_modules:
  - q_proj
  - v_proj
";

const TRL_JSON: &str = r#"{"model_name_or_path": "org/name", "dataset_name": "org/talks", "beta": 0.1, "loss_type": ["sigmoid"], "max_prompt_length": 512, "datasets": [{"path": "org/more", "weight": 0.5}]}"#;

const WORDS: &[&str] = &[
    "\n",
    "\n  ",
    "\n- ",
    ": ",
    ": null",
    ": []",
    ": {}",
    ": -1",
    ": 1e400",
    ": .nan",
    ": .inf",
    ": 0x1f",
    ": 1_000",
    ": true",
    ": ~",
    "!!binary ",
    "!!str ",
    "!!int ",
    "&a ",
    "*a",
    "<<: *a",
    "? ",
    "| ",
    ">- ",
    "|\n",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "#",
    "\t",
    "\u{feff}",
    "\u{85}",
    "\\u0000",
    "a: &a [*a, *a]",
    "base_model: x\n",
    "model_name_or_path: x\n",
    "stage: dpo\n",
    "rl: dpo\n",
    "type: {field_instruction: a, format: '{instruction}'}\n",
    "chat_template_jinja: '{{ x }}'\n",
    "special_tokens: {pad_token: a}\n",
    "roles_to_train: [assistant]\n",
    "train_on_eos: turn\n",
    "max_steps: 5\n",
    "lora_target: a,b\n",
    "lora_target_modules: .*\n",
    "mix_strategy: interleave_over\n",
];

pub(super) const TRAINER_CONFIG: Target = Target {
    name: "trainer-config",
    kind: Kind::Text(WORDS),
    prepare: |_| {
        [AXOLOTL, LLAMA_FACTORY, VERSION_1, TRL, TRL_JSON].map(|config| config.as_bytes().to_vec()).to_vec()
    },
    run: |dir, input| {
        if let Ok(reading) = lobass_trainers::parse(&String::from_utf8_lossy(input)) {
            assert!(reading.settings().is_object());
            assert!(reading.left_out.iter().all(|left_out| !left_out.reason.is_empty()));
            assert!(reading.differing.iter().all(|difference| !difference.effect.is_empty()));
        }
        fs_err::write(dir.join("config.yaml"), input).unwrap();
        remove(dir.join("run"));
        // There is no model, so that it ends where the settings are known.
        let _ = command(dir, "run --from {config.yaml} --base {nothing} --data {nothing.jsonl} --out {run}");
    },
};
