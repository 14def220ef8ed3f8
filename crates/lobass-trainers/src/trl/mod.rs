//! TRL: the arguments of `trl sft` and `trl dpo`, as `--config` takes them or as a script writes them down.
//!
//! Source: `SFTConfig`, `DPOConfig`, `ModelConfig`, and `ScriptArguments` of TRL, and `TrainingArguments` of
//! transformers, for names and defaults.

mod data;
mod keys;

use serde_json::{Map, Value};

use crate::common::{
    Adapter, Defaults, FourBits, Keys, note_quantization, take_adapter, take_base, take_optimizer,
    take_rounding, take_targets, take_training,
};
use crate::detect::not_a_training;
use crate::draft::Draft;
use crate::place::LookUp;
use crate::{Error, Reading, Trainer};
use keys::{LEFT_OUT, LEFT_OUT_OF_DPO, has_no_effect};

/// Keys of TRL's trainers that learn from rewards.
const REWARDS: [&str; 5] =
    ["num_generations", "reward_funcs", "reward_model_path", "max_completion_length", "num_mini_batches"];

pub(crate) fn read(values: Map<String, Value>, look_up: LookUp<'_>) -> Result<Reading, Error> {
    let is_there = |key: &&&str| values.get(**key).is_some_and(|value| !value.is_null());
    if let Some(key) = REWARDS.iter().find(is_there) {
        return Err(not_a_training(format!("`{key}` of a trainer that learns from rewards")));
    }
    let mut owned = Draft::new(Trainer::Trl, values, look_up);
    let draft = &mut owned;
    let is_dpo = DPO.iter().any(|key| draft.has(key)) || has_loss_of_dpo(draft);
    take_base(draft, "model_name_or_path", "model_revision");
    data::take(draft);
    take_length(draft);
    if draft.flag("packing") == Some(true) {
        draft.differ("packing", "a batch of packed sequences holds several rows; lobass counts rows");
    }
    take_mask(draft);
    take_template(draft);
    let keys = Keys {
        epochs: "num_train_epochs",
        schedule: "lr_scheduler_type",
        micro_batch: "per_device_train_batch_size",
    };
    let learning_rate = if is_dpo { 1e-6 } else { 2e-5 };
    take_training(
        draft,
        &keys,
        &Defaults { epochs: 3.0, learning_rate, schedule: "linear", warmup_ratio: 0.0, micro_batch: 8 },
    );
    take_optimizer(draft, "optim");
    if is_dpo {
        draft.take("beta", "train.objective", "dpo");
        let beta = draft.number_or("beta", 0.1);
        draft.take("beta", "train.beta", beta);
        draft.leave_out_unless("loss_type", &["sigmoid"], "lobass has the loss `sigmoid` of DPO");
        draft.leave_out_all(&LEFT_OUT_OF_DPO);
    } else {
        // In pieces it is the same loss.
        draft.leave_out_unless("loss_type", &["nll", "chunked_nll"], "lobass minimizes the plain loss");
    }
    take_method(draft);
    note_quantization(draft, &["load_in_8bit"]);
    draft.leave_out_all(&LEFT_OUT);
    Ok(owned.finish(&has_no_effect))
}

/// Keys that only DPO has.
const DPO: [&str; 11] = [
    "beta",
    "precompute_ref_log_probs",
    "precompute_ref_batch_size",
    "loss_weights",
    "f_divergence_type",
    "reference_free",
    "ld_alpha",
    "rpo_alpha",
    "label_smoothing",
    "sync_ref_model",
    "use_weighting",
];

/// Losses that supervised fine-tuning has; all others are of DPO.
const PLAIN_LOSSES: [&str; 3] = ["nll", "chunked_nll", "dft"];

/// A config without other keys of DPO tells it by its loss: a list, or a name that supervised fine-tuning does not have.
fn has_loss_of_dpo(draft: &mut Draft<'_>) -> bool {
    match draft.value("loss_type") {
        Some(Value::Array(_)) => true,
        Some(Value::String(name)) => !PLAIN_LOSSES.contains(&name.as_str()),
        _ => false,
    }
}

fn take_length(draft: &mut Draft<'_>) {
    let named = draft.whole("max_length").or(draft.whole("max_seq_length"));
    let is_named = draft.has("max_length") || draft.has("max_seq_length");
    match named {
        Some(length) => draft.take_from(&["max_length", "max_seq_length"], "sequences.max_length", length),
        None if draft.is_empty("max_length") && !is_named => {
            draft.differ(
                "max_length",
                "it has no value, so TRL cuts nothing; lobass leaves out rows that are longer than the model was made for",
            );
            return;
        }
        None => draft.take("max_length", "sequences.max_length", 1024),
    }
    draft.take("truncation_mode", "sequences.overlong", "truncate");
    if let Some(mode) = draft.text("truncation_mode").filter(|mode| mode != "keep_start") {
        draft.differ("truncation_mode", format!("`{mode}`: lobass cuts the end of a row"));
    }
}

/// TRL trains on whole conversations, and on the completion alone where there is a `prompt` and a `completion`.
fn take_mask(draft: &mut Draft<'_>) {
    if draft.flag("assistant_only_loss") == Some(true) {
        draft.take("assistant_only_loss", "sequences.mask", "generation");
        return;
    }
    match draft.flag("completion_only_loss") {
        Some(true) => draft.take("completion_only_loss", "sequences.mask", "response"),
        Some(false) => draft.take("completion_only_loss", "sequences.mask", "all"),
        None => draft.differ(
            "assistant_only_loss",
            "TRL trains on all tokens of a conversation unless it is set; lobass scores the replies: give `--mask all` \
             for all",
        ),
    }
}

fn take_template(draft: &mut Draft<'_>) {
    let Some(path) = draft.text("chat_template_path") else { return };
    if path.ends_with(".jinja") || path.ends_with(".j2") {
        let path = if path.contains('/') { path } else { format!("./{path}") };
        draft.take("chat_template_path", "sequences.chat_template", path);
    } else {
        draft.leave_out(
            "chat_template_path",
            "the template of another model: give its `chat_template.jinja` with `--chat-template FILE`",
        );
    }
}

fn take_method(draft: &mut Draft<'_>) {
    if draft.flag("use_peft") != Some(true) {
        draft.take("use_peft", "train.method", "full");
        note_quantization(draft, &["load_in_4bit"]);
        for key in [
            "lora_r",
            "lora_alpha",
            "lora_dropout",
            "lora_target_modules",
            "lora_modules_to_save",
            "use_rslora",
        ] {
            if draft.value(key).is_some() {
                draft.leave_out(key, "TRL trains an adapter only with `use_peft: true`");
            }
        }
        return;
    }
    draft.take("use_peft", "train.method", "lora");
    take_adapter(
        draft,
        &Adapter {
            rank: ("lora_r", 16.0),
            alpha: ("lora_alpha", 32.0),
            dropout: ("lora_dropout", 0.05),
            rslora: "use_rslora",
            modules_to_save: "lora_modules_to_save",
        },
    );
    if draft.flag("load_in_4bit") == Some(true) {
        let bits = FourBits {
            key: "load_in_4bit",
            base: "model_name_or_path",
            kind: draft.text("bnb_4bit_quant_type"),
            is_nested: draft.flag("use_bnb_nested_quant").unwrap_or(false),
        };
        take_rounding(draft, &bits);
    }
    // PEFT's default for models of the LLaMA family.
    take_targets(draft, "lora_target_modules", &["q_proj", "v_proj"]);
    draft.leave_out_all(&[
        ("use_dora", "lobass trains LoRA, not DoRA"),
        ("lora_target_parameters", "lobass's adapters update projections, not parameters"),
    ]);
}
