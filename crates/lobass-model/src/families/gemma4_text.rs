//! Gemma 4, the dense text models: layers that see everything have other heads than those with a window, and the values of
//! heads are normalized.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::gemma2;
use crate::config::rope::{Around, read_kind};
use crate::config::{Defaults, Fields, Said, check_heads, decoder_with, types, windows_of};
use crate::{Biases, ConfigError, DecoderSpec, EmbeddingScale, Placement, QkNorm, RopeSpec};

const DEFAULTS: Defaults = Defaults { positions: 131_072, has_layer_configs: true, ..gemma2::FAMILY };
const FULL: &str = "full_attention";
const SLIDING: &str = "sliding_attention";

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    refuse_other_parts(fields)?;
    let wide = WideHeads::read(fields)?;
    let mut spec = decoder_with(fields, name, DEFAULTS, |around| {
        let width = wide.width.unwrap_or(around.head_width);
        let around = Around { has_proportional: true, ..around };
        let full = rope(fields, FULL, Around { head_width: width, ..around })?;
        Ok(vec![full, rope(fields, SLIDING, around)?])
    })?;
    let slides = slides(fields, spec.layers.len())?;
    wide.check(&slides)?;
    let windows = windows_of(fields, &slides, Some(512))?;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    let keys_are_values = fields.flag("attention_k_eq_v")?.unwrap_or(false);
    #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
    let factor = (spec.hidden_size as f64).sqrt() as f32;
    spec.embedding_scale = EmbeddingScale { factor, is_rounded: true };
    spec.logits.cap = gemma2::cap(fields, "final_logit_softcapping", None)?;
    for (layer, window) in spec.layers.iter_mut().zip(windows) {
        layer.placement = Placement::Around;
        layer.has_scalar = true;
        let attention = &mut layer.attention;
        attention.window = window;
        attention.rope = Some(usize::from(window.is_some()));
        attention.scale = 1.0;
        attention.qk_norm = Some(QkNorm { norm: layer.norm, per_head: true, after_rope: false });
        attention.value_norm = Some(layer.norm.form);
        attention.biases = Biases { inputs: bias, output: bias };
        if window.is_none() {
            attention.keys_are_values = keys_are_values;
            attention.head_width = wide.width.unwrap_or(attention.head_width);
            attention.kv_heads = wide.kv_heads.unwrap_or(attention.kv_heads);
            check_heads(attention)?;
        }
    }
    Ok(spec)
}

/// Refuses what only the other models of Gemma 4 have.
fn refuse_other_parts(fields: Fields<'_>) -> Result<(), ConfigError> {
    for (name, default) in [("hidden_size_per_layer_input", 256), ("num_kv_shared_layers", 0)] {
        let found = fields.count(name)?.value().unwrap_or(default);
        if found > 0 {
            return Err(ConfigError::unsupported(name, found, "0, since only the dense models are read"));
        }
    }
    if fields.flag("enable_moe_block")?.unwrap_or(false) {
        return Err(ConfigError::unsupported("enable_moe_block", true, "false, a model without experts"));
    }
    if let Said::Value("all") = fields.text("use_bidirectional_attention")? {
        let expected = "null or vision, since lobass scores each token from the tokens before it";
        return Err(ConfigError::unsupported("use_bidirectional_attention", "all", expected));
    }
    // They say something of parts that are not there.
    fields.knows(&["vocab_size_per_layer_input", "use_double_wide_mlp"]);
    Ok(())
}

/// Which layers slide: five of six, or as `layer_types` says. The last layer never does.
fn slides(fields: Fields<'_>, n_layers: usize) -> Result<Vec<bool>, ConfigError> {
    let mut slides = match types(fields, n_layers)? {
        Some(slides) => slides,
        None => (1..=n_layers).map(|layer| !layer.is_multiple_of(6)).collect(),
    };
    if let Some(last) = slides.last_mut() {
        *last = false;
    }
    Ok(slides)
}

/// The rotary embedding of one kind of layers.
fn rope(fields: Fields<'_>, kind: &str, around: Around) -> Result<RopeSpec, ConfigError> {
    let default = json!({
        SLIDING: {"rope_type": "default", "rope_theta": 1e4},
        FULL: {"rope_type": "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1e6},
    });
    let parameters = fields.object("rope_parameters")?.or(default.as_object());
    let path = format!("rope_parameters.{kind}");
    let settings = parameters.and_then(|map| map.get(kind)).and_then(Value::as_object);
    let settings = settings.ok_or_else(|| ConfigError::missing(&path))?;
    if settings.get("rope_theta").is_none_or(Value::is_null) {
        return Err(ConfigError::missing(&format!("{path}.rope_theta")));
    }
    read_kind(fields, &path, settings, around)
}

/// The heads of layers that see everything, where they are unlike those of the others.
struct WideHeads {
    width: Option<usize>,
    kv_heads: Option<usize>,
    /// The layers that have them, if the config names them.
    layers: Option<BTreeSet<usize>>,
}

impl WideHeads {
    const NAME: &str = "per_layer_config";

    fn read(fields: Fields<'_>) -> Result<Self, ConfigError> {
        fields.knows(&["global_head_dim", "num_global_key_value_heads"]);
        let Some(layers) = fields.object(Self::NAME)? else {
            let width = fields.count("global_head_dim")?.value().unwrap_or(512);
            let shares = fields.flag("attention_k_eq_v")?.unwrap_or(false);
            let kv_heads = fields.count("num_global_key_value_heads")?.value().filter(|_| shares);
            return Ok(Self { width: Some(width), kv_heads, layers: None });
        };
        let mut entries = layers.values().filter_map(Value::as_object);
        let empty = Map::new();
        let first = entries.next().unwrap_or(&empty);
        if entries.any(|entry| entry != first) {
            let expected = "the same settings for all layers of full_attention";
            return Err(ConfigError::unsupported(Self::NAME, "different settings", expected));
        }
        let known = ["head_dim", "num_key_value_heads"];
        if let Some(other) = first.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(ConfigError::unsupported(Self::NAME, other, "head_dim and num_key_value_heads only"));
        }
        let inside = fields.within(Self::NAME, first);
        let [width, kv_heads] = [inside.count(known[0])?.value(), inside.count(known[1])?.value()];
        let number = |name: &String| {
            let expected = "numbers of layers";
            name.parse().map_err(|_| ConfigError::unsupported(Self::NAME, name, expected))
        };
        let layers = layers.keys().map(number).collect::<Result<_, _>>()?;
        Ok(Self { width, kv_heads, layers: Some(layers) })
    }

    /// Refuses a config that gives them to other layers than those that see everything.
    fn check(&self, slides: &[bool]) -> Result<(), ConfigError> {
        let full: BTreeSet<usize> = (0..slides.len()).filter(|&layer| !slides[layer]).collect();
        match &self.layers {
            Some(layers) if *layers != full => {
                let expected = "an entry for each layer of full_attention, and no other";
                Err(ConfigError::unsupported(Self::NAME, "entries for other layers", expected))
            }
            _ => Ok(()),
        }
    }
}
