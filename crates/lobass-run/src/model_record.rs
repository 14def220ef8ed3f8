//! The models of a score table, as its manifest names them: lobass ran them, or another program did.

use std::fmt;

use lobass_core::ModelRole;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::ModelKey;

/// A model of a table, and how it was fine-tuned if it is one of several references.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRecord {
    /// The model in its role.
    #[serde(flatten)]
    pub model: RecordedModel,
    /// The seed of its training, if it is a reference whose seed is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The fold that it was not trained on, if references were cross-fitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<usize>,
}

/// A model of a table, by who computed its losses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RecordedModel {
    /// lobass computed them, with this model.
    Scored(ModelKey),
    /// Another program computed them.
    Imported(ImportedModel),
}

/// A model that lobass did not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedModel {
    /// Its role, which names its columns.
    pub role: ModelRole,
    /// Who computed its losses.
    pub imported: Provenance,
}

/// Who computed losses that lobass did not compute, as the caller says, and the file that they came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The program, such as `vllm`.
    pub program: String,
    /// The version of the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The name of the model.
    pub model: String,
    /// The number format that it ran in, such as `bfloat16`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtype: Option<String>,
    /// Where the losses were; no part of any digest.
    pub losses: String,
    /// SHA-256 of the bytes of the losses.
    pub sha256: String,
}

/// Such as: vllm 0.11.0, bfloat16, `org/name`.
impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        if let Some(version) = &self.version {
            write!(f, " {version}")?;
        }
        if let Some(dtype) = &self.dtype {
            write!(f, ", {dtype}")?;
        }
        write!(f, ", `{}`", self.model)
    }
}

impl<'de> Deserialize<'de> for RecordedModel {
    /// Reads one or the other by the field `imported`, so that an error names the field that is wrong.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Value::deserialize(deserializer)?;
        let model = match fields.get("imported") {
            Some(_) => serde_json::from_value(fields).map(Self::Imported),
            None => serde_json::from_value(fields).map(Self::Scored),
        };
        model.map_err(D::Error::custom)
    }
}

impl ModelRecord {
    /// The role of the model, which names its columns.
    pub fn role(&self) -> &ModelRole {
        match &self.model {
            RecordedModel::Scored(key) => &key.role,
            RecordedModel::Imported(model) => &model.role,
        }
    }

    /// The model, if lobass computed its losses.
    pub fn key(&self) -> Option<&ModelKey> {
        match &self.model {
            RecordedModel::Scored(key) => Some(key),
            RecordedModel::Imported(_) => None,
        }
    }

    /// Who computed its losses, if lobass did not.
    pub fn imported(&self) -> Option<&Provenance> {
        match &self.model {
            RecordedModel::Scored(_) => None,
            RecordedModel::Imported(model) => Some(&model.imported),
        }
    }

    /// Its path, or the name that the caller gave.
    pub fn name(&self) -> &str {
        match &self.model {
            RecordedModel::Scored(key) => &key.path,
            RecordedModel::Imported(model) => &model.imported.model,
        }
    }
}

impl From<ModelKey> for ModelRecord {
    fn from(model: ModelKey) -> Self {
        Self { model: RecordedModel::Scored(model), seed: None, fold: None }
    }
}

impl From<ImportedModel> for ModelRecord {
    fn from(model: ImportedModel) -> Self {
        Self { model: RecordedModel::Imported(model), seed: None, fold: None }
    }
}

#[cfg(test)]
mod tests {
    use lobass_core::{DeviceId, Dtype};
    use serde_json::json;

    use super::*;

    #[test]
    fn both_kinds_come_back() {
        let key = ModelKey::new("base".into(), "a", "0123456789abcdef".into(), Dtype::Bf16, DeviceId::CPU);
        let scored = ModelRecord { seed: Some(3), ..ModelRecord::from(key.clone()) };
        let provenance = Provenance {
            program: "vllm".to_owned(),
            version: None,
            model: "org/name".to_owned(),
            dtype: Some("bfloat16".to_owned()),
            losses: "base.jsonl".to_owned(),
            sha256: "0".repeat(64),
        };
        let imported =
            ModelRecord::from(ImportedModel { role: ModelRole::Base, imported: provenance.clone() });
        for record in [&scored, &imported] {
            let json = serde_json::to_string(record).unwrap();
            assert_eq!(serde_json::from_str::<ModelRecord>(&json).unwrap(), *record, "{json}");
            assert_eq!(*record.role(), ModelRole::Base);
        }
        assert_eq!((scored.key(), scored.imported(), scored.name()), (Some(&key), None, "a"));
        assert_eq!(
            (imported.key(), imported.imported(), imported.name()),
            (None, Some(&provenance), "org/name")
        );
        // What was written before there were imports.
        let old = json!({
            "role": "base", "path": "a", "weights_digest": "0123456789abcdef", "dtype": "bf16", "device": "cpu", "seed": 3,
        });
        assert_eq!(serde_json::from_value::<ModelRecord>(old.clone()).unwrap(), scored);
        assert_eq!(serde_json::to_value(&scored).unwrap(), old);
    }

    #[test]
    fn errors_name_the_field() {
        let error = serde_json::from_value::<ModelRecord>(json!({"role": "base", "path": "a"})).unwrap_err();
        assert!(error.to_string().contains("weights_digest"), "{error}");
        let error =
            serde_json::from_value::<ModelRecord>(json!({"role": "base", "imported": {"program": "p"}}));
        assert!(error.as_ref().unwrap_err().to_string().contains("model"), "{error:?}");
    }
}
