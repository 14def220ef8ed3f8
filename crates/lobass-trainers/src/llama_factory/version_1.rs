//! LLaMA-Factory's version 1, which has other names, and its data in a separate YAML.

use serde_json::{Map, Value};

use super::keys::has_no_effect;
use super::take_length;
use crate::common::{Defaults, Keys, OTHER_TARGETS, named_targets, take_base, take_training};
use crate::detect::not_a_training;
use crate::draft::Draft;
use crate::fields::Fields;
use crate::place::{LookUp, data_name};
use crate::values::whole_if_possible;
use crate::{Error, Reading, Trainer};

pub(super) fn read(values: Map<String, Value>, look_up: LookUp<'_>) -> Result<Reading, Error> {
    let mut owned = Draft::new(Trainer::LlamaFactory, values, look_up);
    let draft = &mut owned;
    let Some(data) = draft.text("train_dataset") else {
        return Err(not_a_training(
            "a LLaMA-Factory config without a `train_dataset`, as for chatting or merging",
        ));
    };
    take_base(draft, "model", "model_revision");
    if data.ends_with(".yaml") || data.ends_with(".yml") {
        draft.leave_out(
            "train_dataset",
            "a list of data sets in a further YAML: give their files with `--data`",
        );
    } else {
        draft.take("train_dataset", "data.files", vec![data_name(&data, None, None, look_up)]);
    }
    take_length(draft);
    let keys =
        Keys { epochs: "num_train_epochs", schedule: "lr_scheduler_type", micro_batch: "micro_batch_size" };
    let defaults = Defaults {
        epochs: 3.0,
        learning_rate: 1e-4,
        schedule: "constant",
        warmup_ratio: 0.0,
        micro_batch: 1,
    };
    take_training(draft, &keys, &defaults);
    if let Some(size) = draft.whole("global_batch_size") {
        draft.take("global_batch_size", "train.batch_size", size);
    }
    take_adapter(draft);
    if draft.value("quant_config").is_some() {
        draft.differ(
            "quant_config",
            "the trainer quantizes the base's weights; lobass takes them as they are stored",
        );
    }
    draft.leave_out_all(&[
        ("optim_config", "lobass trains with AdamW"),
        ("lr_scheduler_config", "give `--schedule` and `--warmup-ratio`"),
    ]);
    Ok(owned.finish(&has_no_effect))
}

/// The adapter, which is a map; without one, all weights are trained.
fn take_adapter(draft: &mut Draft<'_>) {
    let Some(config) = draft.fields().map("peft_config") else {
        draft.take("peft_config", "train.method", "full");
        return;
    };
    let mut config = Fields::new("peft_config", config);
    match config.text("name").as_deref() {
        None | Some("lora") => {
            draft.take("peft_config", "train.method", "lora");
            for (key, setting) in [
                ("r", "train.lora.rank"),
                ("lora_alpha", "train.lora.alpha"),
                ("lora_dropout", "train.lora.dropout"),
            ] {
                if let Some(value) = config.number(key) {
                    draft.take("peft_config", setting, whole_if_possible(value));
                }
            }
            if let Some(value) = config.value("target_modules") {
                match named_targets(&value) {
                    Some(targets) => draft.take("peft_config", "train.lora.target_modules", targets),
                    None => config.leave_out("target_modules", OTHER_TARGETS),
                }
            }
        }
        Some(other) => {
            config.leave_out("name", format!("lobass trains all weights or LoRA, not `{other}`"));
        }
    }
    draft.leave_out_also(config.finish(&|_| false));
}
