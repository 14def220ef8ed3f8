//! Fields of `config.json` that have no effect here.

use serde_json::Value;

use super::fields::{Fields, brief};
use crate::Finding;

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
    // transformers 5 writes the kinds of layers that follow from it too, and reads those.
    "_sliding_window_pattern",
    // Read elsewhere.
    "quantization_config",
    "compression_config",
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

/// Notes the fields that say something, that were not read, and that are not known to be harmless. To be called when
/// everything is read.
pub(crate) fn note_unread(fields: Fields<'_>) {
    // A switch that is off takes the window away.
    match fields.unread_value("use_sliding_window") {
        None => fields.knows(&["max_window_layers"]),
        Some(switch) if !says_something(switch) => fields.knows(&["max_window_layers", "sliding_window"]),
        Some(_) => {}
    }
    for (name, value) in fields.iter() {
        let is_read =
            fields.is_read(name) || HARMLESS.contains(&name) || name == "layer_types" && all_full(value);
        if is_read || !says_something(value) {
            continue;
        }
        fields.note(match name {
            "auto_map" => Finding::CustomCode,
            _ => Finding::UnreadField { field: fields.path(name), value: brief(value) },
        });
    }
}

/// Whether a value is more than a default: what Python takes for true.
pub(crate) fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// Whether a list says of every layer what holds without it.
fn all_full(types: &Value) -> bool {
    types.as_array().is_some_and(|types| types.iter().all(|kind| kind == "full_attention"))
}
