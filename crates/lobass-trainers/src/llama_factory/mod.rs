//! LLaMA-Factory: one YAML, with data sets by their names in `dataset_info.json`.
//!
//! Source: `src/llamafactory/hparams` for names and defaults, and `src/llamafactory/v1/config` for its version 1.

mod keys;
mod version_1;

use serde_json::{Map, Value};

use crate::common::{
    Adapter, Defaults, Keys, PROJECTIONS, note_quantization, take_adapter, take_base, take_optimizer,
    take_targets, take_training,
};
use crate::detect::not_a_training;
use crate::draft::Draft;
use crate::{Error, Reading, Trainer};
use keys::{LEFT_OUT, has_no_effect};

pub(crate) fn read(values: Map<String, Value>) -> Result<Reading, Error> {
    if values.get("model").is_some_and(|value| !value.is_null()) {
        return version_1::read(values);
    }
    let mut owned = Draft::new(Trainer::LlamaFactory, values);
    let draft = &mut owned;
    let stage = draft.text("stage").unwrap_or_else(|| "sft".to_owned());
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
    note_quantization(draft, &["quantization_bit"]);
    draft.leave_out_all(&LEFT_OUT);
    Ok(owned.finish(&has_no_effect))
}

fn take_data(draft: &mut Draft, dataset: Option<Vec<String>>) {
    let Some(names) = dataset else {
        draft.leave_out("dataset", "it is not there: give the data with `--data`");
        return;
    };
    draft.take("dataset", "data.files", names);
    let folder = draft.text("dataset_dir").unwrap_or_else(|| "data".to_owned());
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
fn take_template(draft: &mut Draft) {
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
    for (key, effect) in [
        ("default_system", "lobass adds no system prompt to rows"),
        ("enable_thinking", "lobass renders with the template's defaults: give template arguments"),
        ("tool_format", "lobass writes tools as the chat template does"),
        ("efficient_eos", "lobass ends turns as the chat template does"),
    ] {
        if draft.value(key).is_some() {
            draft.leave_out(key, effect);
        }
    }
    for key in ["add_tokens", "add_special_tokens", "new_special_tokens_config"] {
        if draft.value(key).is_some() {
            draft.leave_out(key, "lobass takes the tokenizer that the base model brings");
        }
    }
}

pub(super) fn take_length(draft: &mut Draft) {
    let length = draft.whole("cutoff_len").unwrap_or(2048);
    draft.take("cutoff_len", "sequences.max_length", length);
    draft.take("cutoff_len", "sequences.overlong", "truncate");
    draft.differ("cutoff_len", "LLaMA-Factory cuts prompt and response in proportion; lobass cuts the end");
    if draft.flag("packing") == Some(true) || draft.flag("neat_packing") == Some(true) {
        draft.differ("packing", "a batch of packed sequences holds several rows; lobass counts rows");
    }
}

fn take_mask(draft: &mut Draft) {
    let whole = draft.flag("train_on_prompt") == Some(true);
    draft.take("train_on_prompt", "sequences.mask", if whole { "all" } else { "response" });
    if draft.flag("mask_history") == Some(true) {
        draft.leave_out("mask_history", "lobass scores the replies of all turns, not the last one alone");
    }
}

fn take_preference(draft: &mut Draft) {
    draft.take("stage", "train.objective", "dpo");
    let beta = draft.number("pref_beta").unwrap_or(0.1);
    draft.take("pref_beta", "train.beta", beta);
    if let Some(loss) = draft.text("pref_loss").filter(|loss| loss != "sigmoid") {
        draft.leave_out("pref_loss", format!("lobass has the loss `sigmoid` of DPO, not `{loss}`"));
    }
    draft.leave_out_all(&[
        ("pref_ftx", "lobass adds no fine-tuning loss to DPO's"),
        ("dpo_label_smoothing", "lobass does not smooth labels"),
        ("ref_model", "lobass's reference for DPO is the base model"),
    ]);
}

fn take_method(draft: &mut Draft) {
    match draft.text("finetuning_type").as_deref() {
        Some("full") => draft.take("finetuning_type", "train.method", "full"),
        None | Some("lora") => {
            draft.take("finetuning_type", "train.method", "lora");
            let rank = draft.number("lora_rank").unwrap_or(8.0);
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
            take_targets(draft, "lora_target", &PROJECTIONS);
        }
        Some(other) => {
            draft.leave_out("finetuning_type", format!("lobass trains all weights or LoRA, not `{other}`"));
        }
    }
}
