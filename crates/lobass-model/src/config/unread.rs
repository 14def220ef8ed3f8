//! Fields of `config.json` that have no effect here.

use serde_json::Value;

use super::Family;
use super::fields::{Fields, brief};
use crate::Finding;

/// Fields that every family reads.
const READ: &[&str] = &[
    "model_type",
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "hidden_act",
    "max_position_embeddings",
    "initializer_range",
    "rms_norm_eps",
    "tie_word_embeddings",
    "rope_theta",
    "rope_scaling",
    "rope_parameters",
    "partial_rotary_factor",
    "quantization_config",
    "bos_token_id",
    "eos_token_id",
];

/// Fields that say how a file was made, how a model is run, or how it generates; none of them changes a loss.
const HARMLESS: &[&str] = &[
    // Where the file is from.
    "_name_or_path",
    "name_or_path",
    "_commit_hash",
    "architectures",
    "transformers_version",
    "transformers.js_config",
    "unsloth_version",
    "unsloth_fixed",
    "is_llama_config",
    "finetuning_task",
    "task_specific_params",
    "tokenizer_class",
    "prefix",
    "model_name",
    // How it is run.
    "dtype",
    "torch_dtype",
    "torchscript",
    "use_bfloat16",
    "tf_legacy_loss",
    "use_cache",
    "return_dict",
    "output_hidden_states",
    "output_attentions",
    "attn_implementation",
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_attn_implementation_internal",
    "_flash_attn_2_enabled",
    "_experts_implementation",
    "gradient_checkpointing",
    // Parts of a product, which make the same sum.
    "pretraining_tp",
    // Heads that are not language models.
    "id2label",
    "label2id",
    "num_labels",
    "problem_type",
    // Tokens that are not scored.
    "pad_token_id",
    "unk_token_id",
    "sep_token_id",
    "cls_token_id",
    "mask_token_id",
    "decoder_start_token_id",
    // Limits for tokenizers.
    "max_sequence_length",
    "model_max_length",
    "tokenizer_model_max_length",
    "tokenizer_padding_side",
    // Generation, which transformers moves to another file.
    "bad_words_ids",
    "begin_suppress_tokens",
    "diversity_penalty",
    "do_sample",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "encoder_repetition_penalty",
    "exponential_decay_length_penalty",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "length_penalty",
    "max_length",
    "min_length",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "output_scores",
    "remove_invalid_values",
    "repetition_penalty",
    "return_dict_in_generate",
    "suppress_tokens",
    "temperature",
    "top_k",
    "top_p",
    "typical_p",
];

/// Fields that say something, that no one reads, and that are not known to be harmless.
pub(super) fn unread(family: Family, fields: Fields<'_>) -> Vec<Finding> {
    fields
        .iter()
        .filter(|(name, value)| says_something(value) && !is_read(family, fields, name))
        .filter(|(name, _)| !HARMLESS.contains(name))
        .map(|(name, value)| match name {
            "auto_map" => Finding::CustomCode,
            _ => Finding::UnreadField { field: name.to_owned(), value: brief(value) },
        })
        .collect()
}

/// Whether a value is more than a default: what Python takes for true.
pub(super) fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

fn is_read(family: Family, fields: Fields<'_>, name: &str) -> bool {
    let slides = fields.value("use_sliding_window").is_some_and(says_something);
    let qwen = matches!(family, Family::Qwen2 | Family::Qwen3);
    READ.contains(&name)
        || match name {
            "is_causal" => true,
            "attention_bias" => !matches!(family, Family::Mistral | Family::Qwen2),
            "mlp_bias" => matches!(family, Family::Llama | Family::SmolLm3),
            "original_max_position_embeddings" => reads_original(fields),
            // A switch that is off takes it away.
            "sliding_window" => {
                family != Family::Llama || fields.value("use_sliding_window").is_some() && !slides
            }
            "use_sliding_window" => qwen || family == Family::SmolLm3,
            "max_window_layers" => qwen || !slides,
            "layer_types" => qwen || family == Family::SmolLm3 || all_full(fields),
            "no_rope_layers" | "no_rope_layer_interval" => family == Family::SmolLm3,
            _ => false,
        }
}

/// Whether the rotary settings are of a kind that depends on the length of pretraining.
fn reads_original(fields: Fields<'_>) -> bool {
    ["rope_scaling", "rope_parameters"]
        .into_iter()
        .filter_map(|name| fields.value(name)?.as_object())
        .filter_map(|settings| settings.get("rope_type").or(settings.get("type"))?.as_str())
        .any(|kind| matches!(kind, "yarn" | "llama3"))
}

/// A list that says of every layer what holds without it.
fn all_full(fields: Fields<'_>) -> bool {
    let types = fields.value("layer_types").and_then(Value::as_array);
    types.is_some_and(|types| types.iter().all(|kind| kind == "full_attention"))
}
