//! LLaMA-Factory: one YAML, with data sets by their names in `dataset_info.json`.
//!
//! Source: `src/llamafactory/hparams` for names and defaults, and `src/llamafactory/v1/config` for its version 1.

mod keys;
mod version_1;

use serde_json::{Map, Value};

use crate::common::{
    ALL_LINEAR, Adapter, Defaults, FourBits, Keys, note_quantization, take_adapter, take_base,
    take_optimizer, take_rounding, take_targets, take_training,
};
use crate::detect::not_a_training;
use crate::draft::Draft;
use crate::place::LookUp;
use crate::{Error, Reading, Trainer};
use keys::{LEFT_OUT, has_no_effect};

pub(crate) fn read(values: Map<String, Value>, look_up: LookUp<'_>) -> Result<Reading, Error> {
    if values.get("model").is_some_and(|value| !value.is_null()) {
        return version_1::read(values, look_up);
    }
    let mut owned = Draft::new(Trainer::LlamaFactory, values, look_up);
    let draft = &mut owned;
    let stage = draft.text_or("stage", "sft");
    if !matches!(stage.as_str(), "sft" | "dpo") {
        return Err(not_a_training(format!("LLaMA-Factory's `stage: {stage}`")));
    }
    let trains = draft.flag("do_train") == Some(true);
    let dataset = draft.list("dataset").filter(|names| !names.is_empty());
    if !trains && dataset.is_none() {
        return Err(not_a_training(
            "a LLaMA-Factory config without a `dataset`, as for chatting or exporting",
        ));
    }
    take_base(draft, "model_name_or_path", "model_revision");
    take_data(draft, dataset);
    take_template(draft);
    note_rendering(draft);
    take_length(draft);
    take_mask(draft);
    let keys = Keys {
        epochs: "num_train_epochs",
        schedule: "lr_scheduler_type",
        micro_batch: "per_device_train_batch_size",
    };
    let defaults =
        Defaults { epochs: 3.0, learning_rate: 5e-5, schedule: "linear", warmup_ratio: 0.0, micro_batch: 8 };
    take_training(draft, &keys, &defaults);
    take_optimizer(draft, "optim");
    if stage == "dpo" {
        take_preference(draft);
    }
    take_method(draft);
    draft.leave_out_all(&LEFT_OUT);
    Ok(owned.finish(&has_no_effect))
}

fn take_data(draft: &mut Draft<'_>, dataset: Option<Vec<String>>) {
    let Some(names) = dataset else {
        draft.leave_out("dataset", "it is not there: give the data with `--data`");
        return;
    };
    draft.take("dataset", "data.files", names);
    let folder = draft.text_or("dataset_dir", "data");
    if folder == "ONLINE" || folder.contains(':') {
        draft.leave_out(
            "dataset_dir",
            "lobass reads a registry from a folder here: give `--dataset-info FILE`",
        );
    } else {
        let registry = format!("{}/dataset_info.json", folder.trim_end_matches('/'));
        draft.take("dataset_dir", "data.dataset_info", registry);
    }
    draft.leave_out_all(&[
        ("max_samples", "lobass reads whole data sets"),
        ("eval_dataset", "give its files with `--eval-data`"),
        ("val_size", "lobass trains on the whole pool: give `--eval-rows` to hold some out"),
        ("mix_strategy", "lobass takes every row once"),
        ("interleave_probs", "lobass takes every row once"),
        ("tokenized_path", "lobass tokenizes rows itself"),
        ("streaming", "lobass reads whole files"),
    ]);
}

/// LLaMA-Factory renders with separate code, and its names are not those of chat templates.
fn take_template(draft: &mut Draft<'_>) {
    let Some(name) = draft.text("template") else { return };
    match name.as_str() {
        "llama2" | "llama3" | "chatml" | "vicuna" => draft.take("template", "sequences.chat_template", name),
        "alpaca" => {
            draft.take("template", "sequences.chat_template", name);
            let effect = "LLaMA-Factory puts an input below its instruction; lobass has Stanford's second prompt for it";
            draft.differ("template", effect);
        }
        _ => draft.differ(
            "template",
            format!("LLaMA-Factory renders with its own `{name}`; lobass renders with the base model's chat template"),
        ),
    }
}

/// What else the trainer writes into rows.
fn note_rendering(draft: &mut Draft<'_>) {
    // Its default is yes; no value at all leaves the reasoning of each row as it is.
    let thinking = "lobass renders with the template's defaults: give template arguments";
    match draft.flag("enable_thinking") {
        Some(false) => draft.leave_out("enable_thinking", thinking),
        None if draft.is_empty("enable_thinking") => draft.leave_out("enable_thinking", thinking),
        _ => {}
    }
    draft.leave_out_all(&[
        ("default_system", "lobass adds no system prompt to rows"),
        ("preserve_thinking", "lobass renders with the template's defaults: give template arguments"),
        ("tool_format", "lobass writes tools as the chat template does"),
        ("efficient_eos", "lobass ends turns as the chat template does"),
        ("add_tokens", "lobass takes the tokenizer that the base model brings"),
        ("add_special_tokens", "lobass takes the tokenizer that the base model brings"),
        ("new_special_tokens_config", "lobass takes the tokenizer that the base model brings"),
        ("split_special_tokens", "lobass reads the names of special tokens in texts as the tokenizer does"),
    ]);
}

pub(super) fn take_length(draft: &mut Draft<'_>) {
    let length = draft.whole_or("cutoff_len", 2048);
    draft.take("cutoff_len", "sequences.max_length", length);
    draft.take("cutoff_len", "sequences.overlong", "truncate");
    draft.differ("cutoff_len", "LLaMA-Factory cuts prompt and response in proportion; lobass cuts the end");
    if draft.flag("packing") == Some(true) || draft.flag("neat_packing") == Some(true) {
        draft.differ("packing", "a batch of packed sequences holds several rows; lobass counts rows");
    }
}

fn take_mask(draft: &mut Draft<'_>) {
    let whole = draft.flag("train_on_prompt") == Some(true);
    draft.take("train_on_prompt", "sequences.mask", if whole { "all" } else { "response" });
    if draft.flag("mask_history") == Some(true) {
        draft.leave_out("mask_history", "lobass scores the replies of all turns, not the last one alone");
    }
}

fn take_preference(draft: &mut Draft<'_>) {
    draft.take("stage", "train.objective", "dpo");
    let beta = draft.number_or("pref_beta", 0.1);
    draft.take("pref_beta", "train.beta", beta);
    draft.leave_out_unless("pref_loss", &["sigmoid"], "lobass has the loss `sigmoid` of DPO");
    draft.leave_out_all(&[
        ("pref_ftx", "lobass adds no fine-tuning loss to DPO's"),
        ("dpo_label_smoothing", "lobass does not smooth labels"),
        ("ref_model", "lobass's reference for DPO is the base model"),
    ]);
}

/// Keys of adapters.
const LORA: [&str; 6] =
    ["lora_rank", "lora_alpha", "lora_dropout", "lora_target", "use_rslora", "additional_target"];

fn take_method(draft: &mut Draft<'_>) {
    match draft.text("finetuning_type").as_deref() {
        Some("full") => {
            draft.take("finetuning_type", "train.method", "full");
            note_quantization(draft, &["quantization_bit"]);
            for key in LORA {
                if draft.value(key).is_some() {
                    draft.leave_out(key, "the config trains all weights");
                }
            }
        }
        None | Some("lora") => {
            draft.take("finetuning_type", "train.method", "lora");
            let rank = draft.number("lora_rank").unwrap_or(8.0); // twice the rank is the default of alpha
            take_adapter(
                draft,
                &Adapter {
                    rank: ("lora_rank", 8.0),
                    alpha: ("lora_alpha", 2.0 * rank),
                    dropout: ("lora_dropout", 0.0),
                    rslora: "use_rslora",
                    modules_to_save: "additional_target",
                },
            );
            take_targets(draft, "lora_target", &[ALL_LINEAR]);
            take_quantization(draft);
        }
        Some(other) => {
            draft.leave_out("finetuning_type", format!("lobass trains all weights or LoRA, not `{other}`"));
        }
    }
}

/// The weights of the base under an adapter.
fn take_quantization(draft: &mut Draft<'_>) {
    let method = draft.text("quantization_method").unwrap_or_else(|| "bnb".to_owned());
    let is_of_bitsandbytes = matches!(method.to_lowercase().as_str(), "bnb" | "bitsandbytes");
    if draft.whole("quantization_bit") != Some(4) || !is_of_bitsandbytes {
        note_quantization(draft, &["quantization_bit"]);
        return;
    }
    let bits = FourBits {
        key: "quantization_bit",
        base: "model_name_or_path",
        kind: draft.text("quantization_type"),
        is_nested: draft.flag("double_quantization").unwrap_or(true),
    };
    take_rounding(draft, &bits);
}
