//! A config small enough for unit tests.

pub(crate) const TINY: &str = r#"{"model_type": "llama", "vocab_size": 32, "hidden_size": 16,
    "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 64}"#;

/// [`TINY`] with further fields, written as `, "field": value`.
pub(crate) fn tiny_with(extra: &str) -> String {
    TINY.replace('}', &format!("{extra}}}"))
}
