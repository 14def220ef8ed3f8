//! Language models inside wrappers, such as models that see: the fields and the names of the one inside.
//!
//! On text a wrapper computes what its language model computes. The tensors of its other parts are carried along into
//! saved models.
//!
//! Source: the configuration classes and `conversion_mapping.py` of transformers 5.24.

use serde_json::{Map, Value, json};

use crate::ConfigError;
use crate::config::Fields;
use crate::names::NameRules;

/// A wrapper, as its configuration class has it.
struct Wrapper {
    model_type: &'static str,
    /// The family inside, where `text_config` does not say it.
    family: &'static str,
    /// Old files have the fields of the language model beside those of the wrapper.
    may_be_flat: bool,
    /// `tie_word_embeddings` where the file leaves it out.
    tied: bool,
    /// The head is tied too if the language model says so.
    forwards_tie: bool,
    /// Defaults of the language model that are not those of its family.
    defaults: fn() -> Value,
}

const LLAVA: Wrapper = Wrapper {
    model_type: "llava",
    family: "llama",
    may_be_flat: false,
    tied: false,
    forwards_tie: true,
    defaults: llama,
};

/// As LLaVA, but the file says whether the head is tied, or it is not.
const NEXT: Wrapper = Wrapper { model_type: "llava_next", forwards_tie: false, ..LLAVA };

/// As LLaVA, but the head is tied unless the file says otherwise.
const TIED: Wrapper = Wrapper { tied: true, forwards_tie: false, defaults: none, ..LLAVA };

const QWEN2_VL: Wrapper =
    Wrapper { model_type: "qwen2_vl", family: "qwen2", may_be_flat: true, defaults: qwen2_vl, ..LLAVA };

const WRAPPERS: [Wrapper; 14] = [
    LLAVA,
    NEXT,
    Wrapper { model_type: "vipllava", ..NEXT },
    Wrapper { model_type: "llava_onevision", family: "qwen2", defaults: none, ..LLAVA },
    Wrapper { model_type: "internvl", family: "qwen2", ..TIED },
    Wrapper { model_type: "mistral3", family: "mistral", ..TIED },
    Wrapper { model_type: "gemma3", family: "gemma3_text", defaults: gemma3, ..TIED },
    Wrapper { model_type: "gemma4", family: "gemma4_text", defaults: gemma4, ..TIED },
    Wrapper { model_type: "gemma4_unified", family: "gemma4_text", defaults: gemma4_unified, ..TIED },
    QWEN2_VL,
    Wrapper { model_type: "qwen2_5_vl", ..QWEN2_VL },
    Wrapper { model_type: "qwen3_vl", family: "qwen3", defaults: qwen3_vl, ..NEXT },
    Wrapper { model_type: "qwen3_5", family: "qwen3_5_text", defaults: none, ..NEXT },
    Wrapper { model_type: "qwen3_5_moe", family: "qwen3_5_moe_text", defaults: none, ..NEXT },
];

/// Language models that have a name of their wrapper.
const INNER: [(&str, &str); 4] = [
    ("gemma4_unified_text", "gemma4_text"),
    ("qwen2_vl_text", "qwen2"),
    ("qwen2_5_vl_text", "qwen2"),
    ("qwen3_vl_text", "qwen3"),
];

/// Parts of wrappers that text does not run through, by the beginnings of their names.
const OUTSIDE: [&str; 16] = [
    "model.audio_tower.",
    "model.embed_audio.",
    "model.embed_vision.",
    "model.vision_embedder.",
    "vision_tower.",
    "model.vision_tower.",
    "vision_model.",
    "model.vision_model.",
    "visual.",
    "model.visual.",
    "multi_modal_projector.",
    "model.multi_modal_projector.",
    "image_newline",
    "model.image_newline",
    "mtp.",
    "model.mtp.",
];

fn none() -> Value {
    json!({})
}

/// Files of LLaVA leave out the sizes of Llama 7B.
fn llama() -> Value {
    json!({
        "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
        "num_attention_heads": 32,
    })
}

/// Files of Gemma leave out the sizes that are those of its class.
fn gemma4() -> Value {
    json!({
        "vocab_size": 262_144, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 30,
        "num_attention_heads": 8,
    })
}

fn gemma4_unified() -> Value {
    let mut defaults = gemma4();
    defaults["max_position_embeddings"] = json!(262_144);
    defaults["sliding_window"] = json!(1024);
    defaults["hidden_size_per_layer_input"] = json!(0);
    defaults
}

fn gemma3() -> Value {
    json!({
        "vocab_size": 262_208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
        "num_attention_heads": 8,
    })
}

fn qwen2_vl() -> Value {
    json!({
        "num_key_value_heads": 8, "rms_norm_eps": 1e-5, "rope_theta": 1_000_000.0, "max_window_layers": 80,
        "use_sliding_window": false,
    })
}

fn qwen3_vl() -> Value {
    json!({"max_position_embeddings": 128_000, "rope_theta": 500_000.0})
}

/// The language model of a wrapper.
pub(super) struct Inner {
    wrapper: &'static Wrapper,
    /// Its fields, with the defaults of the wrapper.
    pub(super) fields: Map<String, Value>,
    /// The name of the object that has them; `None` if it is the config itself.
    pub(super) of: Option<&'static str>,
    /// Its family.
    pub(super) family: String,
    /// `tie_word_embeddings` of the wrapper, if it says it.
    tied: Option<bool>,
}

/// Finds the language model in the config of a wrapper; `None` if the config is that of a language model.
///
/// # Errors
/// [`ConfigError`] for a wrapper without one.
pub(super) fn inner(config: &Map<String, Value>, model_type: &str) -> Result<Option<Inner>, ConfigError> {
    let Some(wrapper) = WRAPPERS.iter().find(|wrapper| wrapper.model_type == model_type) else {
        return Ok(None);
    };
    let text = config.get("text_config").and_then(Value::as_object);
    let (mut fields, of) = match text {
        Some(text) => (text.clone(), Some("text_config")),
        None if wrapper.may_be_flat => (config.clone(), None),
        None => return Err(ConfigError::missing("text_config")),
    };
    let said = fields.get("model_type").and_then(Value::as_str).filter(|_| of.is_some());
    let said = said.unwrap_or(wrapper.family);
    let family = INNER.iter().find(|(name, _)| *name == said).map_or(said, |(_, family)| family).to_owned();
    if let Value::Object(defaults) = (wrapper.defaults)() {
        for (name, value) in defaults {
            fields.entry(name).or_insert(value);
        }
    }
    if wrapper.family == "qwen3" {
        // Its class knows no windows.
        fields.insert("use_sliding_window".to_owned(), Value::from(false));
    }
    let tied = config.get("tie_word_embeddings").and_then(Value::as_bool);
    Ok(Some(Inner { wrapper, fields, of, family, tied }))
}

impl Inner {
    /// Takes fields for read that say nothing of the language model.
    pub(super) fn knows(&self, fields: Fields<'_>) {
        fields.knows(&["model_type", "tie_word_embeddings"]);
        if self.of.is_none() {
            fields.knows(&[
                "text_config",
                "vision_config",
                "image_token_id",
                "video_token_id",
                "vision_token_id",
                "vision_start_token_id",
                "vision_end_token_id",
            ]);
        }
    }

    /// Whether the head is tied, given what the language model says.
    pub(super) fn is_tied(&self, inside: bool) -> bool {
        let outside = self.tied.unwrap_or(self.wrapper.tied);
        outside || self.wrapper.forwards_tie && inside
    }

    /// The names of the language model in the files of the wrapper.
    pub(super) fn names(&self, inside: NameRules) -> NameRules {
        let names = inside
            // The modules of transformers 5, and files of it.
            .wrapped(&[("model.language_model.", "model."), ("lm_head.", "lm_head.")])
            // Files of transformers 4, and modules of its first versions.
            .wrapped(&[("language_model.model.", "model."), ("language_model.lm_head.", "lm_head.")])
            .carried(&OUTSIDE);
        let names = match self.wrapper.may_be_flat {
            true => names.wrapped(&[("model.", "model."), ("lm_head.", "lm_head.")]),
            false => names,
        };
        // transformers ties no head that is stored and differs. Here the file does not say that it is tied.
        match self.tied {
            None => names.with_head_that_may_differ(),
            Some(_) => names,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{DecoderSpec, Finding};

    const TEXT: &str = r#""vocab_size": 32, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64"#;

    fn read(json: &str) -> Result<(DecoderSpec, Vec<Finding>), String> {
        DecoderSpec::with_findings(&json.replace("TEXT", TEXT)).map_err(|error| error.to_string())
    }

    #[test]
    fn fields_are_those_of_the_language_model() {
        let (spec, findings) = read(
            r#"{"model_type": "mistral3", "image_token_index": 10, "spatial_merge_size": 2,
                "text_config": {TEXT, "model_type": "mistral", "sliding_window": 7, "odd": 1}}"#,
        )
        .unwrap();
        assert_eq!((spec.model_type, spec.hidden_size), ("mistral", 16));
        assert_eq!(spec.layers[0].attention.window, Some(7));
        let odd = Finding::UnreadField { field: "text_config.odd".to_owned(), value: "1".to_owned() };
        assert_eq!(findings, [odd]);
    }

    #[test]
    fn old_files_have_the_fields_beside_those_of_the_wrapper() {
        let (spec, findings) = read(
            r#"{TEXT, "model_type": "qwen2_5_vl", "vision_config": {"depth": 32}, "image_token_id": 5,
                "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 0]}, "tie_word_embeddings": true}"#,
        )
        .unwrap();
        assert_eq!((spec.model_type, spec.tied), ("qwen2", true));
        assert_eq!(spec.ropes[0].theta, 1_000_000.0);
        assert_eq!(findings, []);
    }

    /// A file as it is published leaves out what its class has.
    #[test]
    fn sizes_that_a_file_leaves_out_are_those_of_its_class() {
        let (spec, findings) = read(
            r#"{"model_type": "gemma3", "mm_tokens_per_image": 256, "text_config": {"hidden_size": 2560,
                "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34,
                "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024}}"#,
        )
        .unwrap();
        let attention = &spec.layers[5].attention;
        assert_eq!((spec.vocab_size, spec.layers.len(), spec.tied), (262_208, 34, true));
        assert_eq!((attention.heads, attention.kv_heads, attention.head_width), (8, 4, 256));
        assert_eq!((spec.layers[0].attention.window, attention.window), (Some(1024), None));
        assert_eq!(findings, []);
    }

    #[test]
    fn who_ties_the_head_depends_on_the_wrapper() {
        let tied = |wrapper: &str, outer: &str, inner: &str| {
            let json = r#"{"model_type": "WRAPPER" OUTER, "text_config": {TEXT INNER}}"#;
            let json = json.replace("WRAPPER", wrapper).replace("OUTER", outer).replace("INNER", inner);
            read(&json).unwrap().0
        };
        let (yes, no) = (r#", "tie_word_embeddings": true"#, r#", "tie_word_embeddings": false"#);
        assert!(!tied("llava", "", "").tied && tied("llava", no, yes).tied);
        assert!(!tied("llava_next", "", yes).tied && tied("llava_next", yes, "").tied);
        assert!(tied("mistral3", "", no).tied && !tied("mistral3", no, yes).tied);
        // What the file does not say, a stored head may say.
        assert!(tied("mistral3", "", "").names.head_may_differ);
        assert!(!tied("mistral3", yes, "").names.head_may_differ);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = |json: &str| read(json).unwrap_err();
        assert!(error(r#"{"model_type": "llava"}"#).contains("`text_config`"));
        let other = error(r#"{"model_type": "llava", "text_config": {TEXT, "model_type": "opt"}}"#);
        assert!(other.contains("`text_config.model_type`") && other.contains("`opt`"), "{other}");
        let size = error(r#"{"model_type": "mistral3", "text_config": {"hidden_size": 0}}"#);
        assert!(size.contains("`text_config.hidden_size`"), "{size}");
    }
}
