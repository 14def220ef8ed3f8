//! Settings from the config of another trainer.

use std::path::Path;

use lobass_core::Observer;
use lobass_trainers::{Reading, Taken};

use super::Settings;
use crate::error::{Context as _, Result};

/// Reads the config of axolotl, LLaMA-Factory, or TRL, and reports what is taken over, what is left out, and what has
/// another effect.
///
/// # Errors
/// If the file cannot be read or is not such a config.
pub fn settings_of_trainer(path: &Path, observer: &dyn Observer) -> Result<Settings> {
    let reading = lobass_trainers::read(path)?;
    let settings = serde_json::from_value(reading.settings())
        .with_context(|| format!("{} config `{}`", reading.trainer, path.display()))?;
    say(&reading, observer);
    Ok(settings)
}

fn say(reading: &Reading, observer: &dyn Observer) {
    for Taken { keys, setting, value } in &reading.taken {
        let origin =
            if keys.is_empty() { format!("default of {}", reading.trainer) } else { keys.join(", ") };
        observer.note(&format!("{:16} {setting} = {value} ({origin})", "taken"));
    }
    for difference in &reading.differing {
        observer.note(&format!("{:16} {}: {}", "differs", difference.key, difference.effect));
    }
    for left in &reading.left_out {
        observer.warn(&format!("not taken over: {}: {}", left.key, left.reason));
    }
}

#[cfg(test)]
mod tests {
    use lobass_trainers::parse;

    use super::*;

    /// Every setting that a trainer's config can come to is one of ours, in its type.
    #[test]
    fn settings_fit() {
        let adapter = "adapter: qlora\nlora_r: 8\nlora_alpha: 16\nlora_dropout: 0.1\nlora_target_linear: true\n\
            peft_use_rslora: true\nlora_modules_to_save: [embed_tokens]\n";
        let data = "datasets: [{path: org/set, type: chat_template, field_messages: talk}]\n";
        let axolotl = format!(
            "base_model: org/name\nlearning_rate: 2e-5\nsequence_len: 512\nchat_template: chatml\nrl: dpo\n\
             train_on_inputs: true\nexcess_length_strategy: truncate\n{data}{adapter}"
        );
        let llama_factory = "model_name_or_path: org/name\nstage: sft\ndo_train: true\ndataset: one,two\n\
            template: llama3\nfinetuning_type: lora\n";
        let trl = "model_name_or_path: org/name\ndataset_name: a.jsonl\nuse_peft: true\n\
            completion_only_loss: true\nchat_template_path: ./mine.jinja\n";
        for text in [axolotl.as_str(), llama_factory, trl] {
            let reading = parse(text).unwrap();
            let settings: Settings = serde_json::from_value(reading.settings()).unwrap();
            assert!(settings.model.base.is_some() && settings.train.learning_rate.is_some(), "{text}");
            settings.train.config(1_000_000).unwrap();
        }
    }
}
