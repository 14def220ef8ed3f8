//! `quantization_config`: understood, or refused by name.

use serde_json::{Map, Value};

use super::ConfigError;

/// What the config says of weights in few bits. Which tensors they are, and how they are decoded, the files say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quantization {
    /// Rows and columns of a block of FP8 weights with one scale.
    pub(crate) block: Option<[usize; 2]>,
    /// Whether the reader of this format rounds values to the dtype of scales.
    pub(crate) rounds_to_scale: bool,
}

const FIELD: &str = "quantization_config";
const READ: &str = "bitsandbytes (nf4 or int8), fp8, compressed-tensors (fp8), mxfp4, or plain weights";

impl Quantization {
    /// Reads it from the fields of a config, of the model or of the wrapper around it; `None` if weights are plain.
    ///
    /// # Errors
    /// [`ConfigError`] for a method that is not read.
    pub(crate) fn read(config: &Map<String, Value>) -> Result<Option<Self>, ConfigError> {
        let inner = config.get("text_config").and_then(Value::as_object);
        let of = |map: &Map<String, Value>, field: &str| map.get(field).and_then(Value::as_object).cloned();
        // Files of old versions of compressed-tensors have the second name.
        let fields = of(config, FIELD)
            .or_else(|| inner.and_then(|inner| of(inner, FIELD)))
            .or_else(|| of(config, "compression_config"));
        fields.as_ref().map(Self::of).transpose()
    }

    fn of(fields: &Map<String, Value>) -> Result<Self, ConfigError> {
        let method = fields.get("quant_method").and_then(Value::as_str).unwrap_or("unnamed method");
        let flag = |name: &str| fields.get(name).and_then(Value::as_bool) == Some(true);
        let plain = Self { block: None, rounds_to_scale: false };
        match method {
            "bitsandbytes" if flag("load_in_4bit") || flag("_load_in_4bit") => {
                match fields.get("bnb_4bit_quant_type").and_then(Value::as_str).unwrap_or("fp4") {
                    "nf4" => Ok(plain),
                    other => Err(ConfigError::unsupported("bnb_4bit_quant_type", other, "nf4")),
                }
            }
            "bitsandbytes" | "mxfp4" => Ok(plain),
            "fp8" => Ok(Self { block: block(fields.get("weight_block_size")), ..plain }),
            "compressed-tensors" => compressed(fields),
            other => Err(ConfigError::unsupported(FIELD, other, READ)),
        }
    }
}

/// compressed-tensors has many formats; FP8 with plain scales is read.
fn compressed(fields: &Map<String, Value>) -> Result<Quantization, ConfigError> {
    let format = fields.get("format").and_then(Value::as_str).unwrap_or("dense");
    if !matches!(format, "dense" | "float-quantized" | "naive-quantized") {
        let expected = "float-quantized or naive-quantized, of 8-bit floats";
        return Err(ConfigError::unsupported("quantization_config.format", format, expected));
    }
    let mut size = None;
    for group in fields.get("config_groups").and_then(Value::as_object).into_iter().flat_map(Map::values) {
        let weights = group.get("weights").and_then(Value::as_object);
        let Some(weights) = weights else { continue };
        let is = |name: &str, expected: &Value| weights.get(name) == Some(expected);
        if !is("num_bits", &Value::from(8)) || !is("type", &Value::from("float")) {
            let found = Value::Object(weights.clone());
            return Err(ConfigError::unsupported("quantization_config.config_groups", found, "8-bit floats"));
        }
        size = size.or_else(|| block(weights.get("block_structure")));
    }
    let cache = fields.get("kv_cache_scheme").filter(|scheme| !scheme.is_null());
    if let Some(scheme) = cache {
        let expected = "null, since lobass keeps keys and values as they are";
        return Err(ConfigError::unsupported("quantization_config.kv_cache_scheme", scheme, expected));
    }
    Ok(Quantization { block: size, rounds_to_scale: true })
}

fn block(value: Option<&Value>) -> Option<[usize; 2]> {
    let [rows, columns] = value?.as_array()?.as_slice() else { return None };
    let size = |value: &Value| usize::try_from(value.as_u64()?).ok().filter(|size| *size > 0);
    Some([size(rows)?, size(columns)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &str) -> Result<Option<Quantization>, String> {
        let config = serde_json::from_str(&format!(r#"{{"quantization_config": {fields}}}"#)).unwrap();
        Quantization::read(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn methods_are_read_or_refused_by_name() {
        let block = |fields: &str| read(fields).unwrap().unwrap().block;
        let nf4 = r#"{"quant_method": "bitsandbytes", "load_in_4bit": true, "bnb_4bit_quant_type": "nf4"}"#;
        assert_eq!(block(nf4), None);
        assert_eq!(block(r#"{"quant_method": "bitsandbytes", "load_in_8bit": true}"#), None);
        assert_eq!(block(r#"{"quant_method": "fp8", "weight_block_size": [128, 64]}"#), Some([128, 64]));
        assert_eq!(read("null").unwrap(), None);
        for name in ["gptq", "awq", "modelopt", "hqq", "torchao", "quanto", "aqlm", "nvfp4"] {
            let error = read(&format!(r#"{{"quant_method": "{name}"}}"#)).unwrap_err();
            assert!(error.contains(name) && error.contains("bitsandbytes"), "{error}");
        }
        let fp4 = nf4.replace("nf4", "fp4");
        assert!(read(&fp4).unwrap_err().contains("fp4"));
        for (format, bits, kind) in
            [("nvfp4-pack-quantized", 4, "float"), ("pack-quantized", 4, "int"), ("int-quantized", 8, "int")]
        {
            let fields = format!(
                r#"{{"quant_method": "compressed-tensors", "format": "{format}",
                    "config_groups": {{"group_0": {{"weights": {{"num_bits": {bits}, "type": "{kind}"}}}}}}}}"#
            );
            assert!(read(&fields).unwrap_err().contains(format));
        }
        let int8 = r#"{"quant_method": "compressed-tensors", "format": "naive-quantized",
            "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "int"}}}}"#;
        assert!(read(int8).unwrap_err().contains("8-bit floats"));
    }
}
