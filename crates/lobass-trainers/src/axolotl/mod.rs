//! axolotl: one YAML with everything.
//!
//! Source: `src/axolotl/utils/schemas` of axolotl, and its builders for defaults.

mod data;
mod keys;
mod kind;
mod mask;
mod template;
mod turns;

use serde_json::{Map, Value};

use crate::common::{
    ALL_LINEAR, Adapter, Defaults, FourBits, Keys, OTHER_TARGETS, named_targets, note_quantization,
    take_adapter as take_adapter_numbers, take_base, take_optimizer, take_rounding, take_targets,
    take_training,
};
use crate::detect::not_a_training;
use crate::draft::Draft;
use crate::place::LookUp;
use crate::{Error, Reading, Trainer};
use keys::{LEFT_OUT, has_no_effect};

pub(crate) fn read(values: Map<String, Value>, look_up: LookUp<'_>) -> Result<Reading, Error> {
    let mut owned = Draft::new(Trainer::Axolotl, values, look_up);
    let draft = &mut owned;
    let rl = draft.text("rl");
    if let Some(method) = rl.as_deref().filter(|method| *method != "dpo") {
        return Err(not_a_training(format!("axolotl's `rl: {method}`")));
    }
    for key in ["reward_model", "process_reward_model"] {
        if draft.flag(key) == Some(true) {
            return Err(not_a_training(format!("axolotl's `{key}`")));
        }
    }
    take_base(draft, "base_model", "revision_of_model");
    let entries = data::take(draft, rl.is_some());
    mask::take(draft, &entries);
    template::take(draft, entries.into_iter().map(|entry| entry.template).collect());
    if let Some(arguments) = draft.fields().map("chat_template_kwargs") {
        draft.take("chat_template_kwargs", "sequences.template_arguments", arguments);
    }
    take_length(draft);
    let defaults =
        Defaults { epochs: 1.0, learning_rate: 5e-5, schedule: "cosine", warmup_ratio: 0.03, micro_batch: 1 };
    take_training(
        draft,
        &Keys { epochs: "num_epochs", schedule: "lr_scheduler", micro_batch: "micro_batch_size" },
        &defaults,
    );
    take_batch(draft);
    take_optimizer(draft, "optimizer");
    if rl.is_some() {
        draft.take("rl", "train.objective", "dpo");
        let beta = draft.number("rl_beta").or(draft.number("dpo_beta")).unwrap_or(0.1);
        draft.take_from(&["rl_beta", "dpo_beta"], "train.beta", beta);
    }
    take_adapter(draft);
    note_what_differs(draft);
    draft.leave_out_all(&LEFT_OUT);
    Ok(owned.finish(&has_no_effect))
}

fn take_length(draft: &mut Draft<'_>) {
    /// axolotl's, which is short.
    const DEFAULT: u64 = 512;
    let is_named = draft.has("sequence_len");
    match draft.whole("sequence_len") {
        None if is_named => {}
        length => draft.take("sequence_len", "sequences.max_length", length.unwrap_or(DEFAULT)),
    }
    let overlong = match draft.text_or("excess_length_strategy", "drop").as_str() {
        "truncate" => "truncate",
        "raise" => "error",
        "drop" => "drop",
        other => {
            let reason = format!("expected drop, truncate, or raise, found `{other}`; lobass takes `drop`");
            draft.leave_out("excess_length_strategy", reason);
            "drop"
        }
    };
    draft.take("excess_length_strategy", "sequences.overlong", overlong);
}

/// A whole batch in the place of steps, which are then as many as fit in it.
fn take_batch(draft: &mut Draft<'_>) {
    let micro = draft.whole("micro_batch_size").unwrap_or(1).max(1);
    match draft.whole("batch_size") {
        Some(batch) if batch >= micro && !draft.has("gradient_accumulation_steps") => {
            draft.take_from(&["batch_size", "micro_batch_size"], "train.batch_size", batch / micro * micro);
        }
        Some(_) => {
            draft.leave_out(
                "batch_size",
                "`micro_batch_size` times `gradient_accumulation_steps` says it too",
            );
        }
        None => {}
    }
}

fn take_adapter(draft: &mut Draft<'_>) {
    note_quantization(
        draft,
        &["load_in_8bit", "quantize_moe_experts", "model_quantization_config", "use_onebitllms"],
    );
    match draft.text("adapter").as_deref() {
        None => {
            draft.take("adapter", "train.method", "full");
            note_quantization(draft, &["load_in_4bit"]);
            for key in LORA {
                if draft.value(key).is_some() {
                    draft.leave_out(key, "the config trains all weights, since it names no `adapter`");
                }
            }
        }
        Some(name @ ("lora" | "qlora")) => {
            draft.take("adapter", "train.method", "lora");
            if draft.flag("load_in_4bit").unwrap_or(name == "qlora") {
                take_four_bits(draft);
            }
            take_adapter_numbers(
                draft,
                &Adapter {
                    rank: ("lora_r", 8.0),
                    alpha: ("lora_alpha", 8.0),
                    dropout: ("lora_dropout", 0.0),
                    rslora: "peft_use_rslora",
                    modules_to_save: "lora_modules_to_save",
                },
            );
            if draft.flag("lora_target_linear") == Some(true) {
                if draft.value("lora_target_modules").is_some_and(|value| named_targets(&value).is_none()) {
                    draft.leave_out("lora_target_modules", OTHER_TARGETS);
                }
                draft.take("lora_target_linear", "train.lora.target_modules", vec![ALL_LINEAR]);
            } else {
                take_targets(draft, "lora_target_modules", &["q_proj", "v_proj"]);
            }
            draft.leave_out_all(&[
                ("lora_model_dir", "lobass begins with a new adapter"),
                ("lora_target_parameters", "lobass's adapters update projections, not parameters"),
                ("lora_layers_to_transform", "lobass's adapters are on every layer"),
                ("peft_use_dora", "lobass trains LoRA, not DoRA"),
                ("loraplus_lr_ratio", "both halves of an adapter have one learning rate"),
            ]);
        }
        Some(other) => draft.leave_out("adapter", format!("lobass trains LoRA adapters, not `{other}`")),
    }
}

/// axolotl's own settings of bitsandbytes, and those of the file.
fn take_four_bits(draft: &mut Draft<'_>) {
    let given = draft.fields().map("bnb_config_kwargs").unwrap_or_default();
    let of = |name: &str| given.get(name);
    let bits = FourBits {
        key: "load_in_4bit",
        base: "base_model",
        kind: of("bnb_4bit_quant_type").and_then(Value::as_str).map(str::to_owned),
        is_nested: of("bnb_4bit_use_double_quant").and_then(Value::as_bool).unwrap_or(true),
    };
    take_rounding(draft, &bits);
}

const LORA: [&str; 6] = [
    "lora_r",
    "lora_alpha",
    "lora_dropout",
    "lora_target_linear",
    "lora_target_modules",
    "lora_modules_to_save",
];

fn note_what_differs(draft: &mut Draft<'_>) {
    for key in ["special_tokens", "tokens"] {
        let Some(value) = draft.value(key) else { continue };
        let only_padding =
            value.as_object().is_some_and(|tokens| tokens.keys().all(|name| name == "pad_token"));
        if !only_padding {
            draft.differ(
                key,
                "the trainer changes the tokenizer; lobass takes the one that the base model brings",
            );
        }
    }
    if draft.value("tokenizer_config").is_some() {
        draft.differ("tokenizer_config", "lobass takes the tokenizer of the base model");
    }
    draft.leave_out_all(&[(
        "val_set_size",
        "lobass trains on the whole pool unless told otherwise: give `--eval-rows`",
    )]);
    if draft.flag("sample_packing") == Some(true) {
        draft.differ("sample_packing", "a batch of packed sequences holds several rows; lobass counts rows");
    }
    if draft.value("eot_tokens").is_some() {
        draft.differ("eot_tokens", "lobass finds the ends of turns in what the template writes");
    }
}
