//! TRL: the arguments of `trl sft` and `trl dpo`, as `--config` takes them or as a script writes them down.
//!
//! Source: `SFTConfig`, `DPOConfig`, `ModelConfig`, and `ScriptArguments` of TRL, and `TrainingArguments` of
//! transformers, for names and defaults.

mod keys;

use serde_json::{Map, Value};

use crate::common::{
    Adapter, Defaults, Keys, data_name, note_quantization, note_split, take_adapter, take_base,
    take_optimizer, take_targets, take_training,
};
use crate::detect::not_a_training;
use crate::draft::Draft;
use crate::{Error, Reading, Trainer};
use keys::{LEFT_OUT, has_no_effect};

/// Keys of TRL's trainers that learn from rewards.
const REWARDS: [&str; 5] =
    ["num_generations", "reward_funcs", "reward_model_path", "max_completion_length", "num_mini_batches"];

pub(crate) fn read(values: Map<String, Value>) -> Result<Reading, Error> {
    if let Some(key) = REWARDS.iter().find(|key| values.contains_key(**key)) {
        return Err(not_a_training(format!("`{key}` of a trainer that learns from rewards")));
    }
    let mut owned = Draft::new(Trainer::Trl, values);
    let draft = &mut owned;
    let beta = draft.number("beta");
    let is_dpo = beta.is_some() || draft.value("precompute_ref_log_probs").is_some();
    take_base(draft, "model_name_or_path", "model_revision");
    take_data(draft);
    take_length(draft);
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
        draft.take("beta", "train.beta", beta.unwrap_or(0.1));
    }
    if let Some(loss) = draft.value("loss_type").filter(|loss| *loss != "nll" && *loss != "sigmoid") {
        draft.leave_out(
            "loss_type",
            format!("lobass minimizes the plain loss, or DPO's `sigmoid`, not {loss}"),
        );
    }
    take_method(draft);
    note_quantization(draft, &["load_in_8bit", "load_in_4bit"]);
    draft.leave_out_all(&LEFT_OUT);
    Ok(owned.finish(&has_no_effect))
}

fn take_data(draft: &mut Draft) {
    let config = draft.text("dataset_config").or(draft.text("dataset_config_name"));
    if let Some(name) = draft.text("dataset_name") {
        let data = data_name(&name, config.as_deref(), None);
        draft.take_from(&["dataset_name", "dataset_config"], "data.files", vec![data]);
    } else if let Some(mixture) = draft.value("datasets") {
        let entries = mixture.as_array().cloned().unwrap_or_default();
        let files = entries.iter().filter_map(|entry| {
            let text = |key: &str| entry.get(key).and_then(Value::as_str);
            Some(data_name(text("path")?, text("name"), None))
        });
        draft.take("datasets", "data.files", files.collect::<Vec<_>>());
        for key in ["split", "fraction", "data_files", "data_dir", "columns"] {
            let value = entries.iter().find_map(|entry| entry.get(key).filter(|value| !value.is_null()));
            if value.is_some_and(|value| *value != "train") {
                draft.leave_out(
                    format!("datasets.{key}"),
                    "lobass reads whole splits `train`: give files with `--data`",
                );
            }
        }
    } else {
        draft.leave_out("dataset_name", "it is not there: give the data with `--data`");
    }
    if let Some(split) = draft.text("dataset_train_split") {
        note_split(draft, "dataset_train_split", &split);
    }
    if draft.text("dataset_text_field").is_some_and(|name| name != "text") {
        draft.leave_out("dataset_text_field", "lobass scores responses to prompts, and plain text has none");
    }
}

fn take_length(draft: &mut Draft) {
    match draft.whole("max_length").or(draft.whole("max_seq_length")) {
        Some(length) => draft.take_from(&["max_length", "max_seq_length"], "sequences.max_length", length),
        None => draft.take("max_length", "sequences.max_length", 1024),
    }
    draft.take("truncation_mode", "sequences.overlong", "truncate");
    if let Some(mode) = draft.text("truncation_mode").filter(|mode| mode != "keep_start") {
        draft.differ("truncation_mode", format!("`{mode}`: lobass cuts the end of a row"));
    }
    if draft.flag("packing") == Some(true) {
        draft.differ("packing", "a batch of packed sequences holds several rows; lobass counts rows");
    }
}

/// TRL trains on whole conversations, and on the completion alone where there is a `prompt` and a `completion`.
fn take_mask(draft: &mut Draft) {
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

fn take_template(draft: &mut Draft) {
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

fn take_method(draft: &mut Draft) {
    if draft.flag("use_peft") != Some(true) {
        draft.take("use_peft", "train.method", "full");
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
    // PEFT's default for models of the LLaMA family.
    take_targets(draft, "lora_target_modules", &["q_proj", "v_proj"]);
    draft.leave_out_all(&[
        ("use_dora", "lobass trains LoRA, not DoRA"),
        ("lora_target_parameters", "lobass's adapters update projections, not parameters"),
    ]);
}
