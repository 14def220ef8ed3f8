//! Configs of mergekit, as far as they say what is computed here.
//!
//! Source: `mergekit/config.py`, and the parameters of `merge_methods/linear.py` and
//! `merge_methods/generalized_task_arithmetic.py`. The method `parameter_selection`, with `resample` and `seed`, is not
//! in mergekit.

use std::collections::BTreeMap;

use lobass_core::Dtype;
use serde::Deserialize;
use serde_json::Value;

use crate::{Error, Method, MethodName, Recipe};

/// What a file says: the models, and how they become one.
#[derive(Debug, Clone, PartialEq)]
pub struct MergeFile {
    /// The base, as the file names it.
    pub base: Option<String>,
    /// The models, in order.
    pub models: Vec<MergeInput>,
    /// The method with its settings.
    pub method: Method,
    /// The number format of the result; `None` if the file does not say it.
    pub dtype: Option<Dtype>,
}

/// A model of a merge.
#[derive(Debug, Clone, PartialEq)]
pub struct MergeInput {
    /// The model, as the file names it: a checkpoint, an adapter, or `base+adapter`.
    pub model: String,
    /// Its weight.
    pub weight: f64,
}

#[derive(Deserialize)]
struct File {
    merge_method: Option<String>,
    base_model: Option<String>,
    #[serde(default)]
    models: Vec<Entry>,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
    dtype: Option<String>,
    out_dtype: Option<String>,
    tokenizer_source: Option<String>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Entry {
    model: String,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

impl MergeFile {
    /// Reads a config in YAML.
    ///
    /// # Errors
    /// [`Error::Yaml`] for text that is not a config, [`Error::Method`] and [`Error::Unsupported`] for what is not
    /// computed here, [`Error::Value`] for a value out of range.
    pub fn read(text: &str) -> Result<Self, Error> {
        let fail =
            |reason: String| Error::Yaml { reason: reason.lines().next().unwrap_or_default().to_owned() };
        let values: Value = serde_saphyr::from_str(text).map_err(|error| fail(error.to_string()))?;
        let file: File = serde_json::from_value(values).map_err(|error| fail(error.to_string()))?;
        file.check()?;
        let method = file.method()?;
        let default =
            file.parameters.get("weight").map(|weight| number("parameters.weight", weight)).transpose()?;
        let models = file.models.iter().map(|entry| entry.input(default.unwrap_or(1.0)));
        let models = models.collect::<Result<Vec<_>, _>>()?;
        let weights = models.iter().map(|input| input.weight).collect();
        Recipe { method, weights }.check()?;
        let dtype = file.out_dtype.as_ref().or(file.dtype.as_ref());
        let dtype =
            dtype.map(|name| name.parse().map_err(|_| Error::value("dtype", DTYPES, name))).transpose()?;
        Ok(Self { base: file.base_model, models, method, dtype })
    }

    /// The recipe without the models.
    pub fn recipe(&self) -> Recipe {
        Recipe { method: self.method, weights: self.models.iter().map(|input| input.weight).collect() }
    }
}

const DTYPES: &str = "float32, bfloat16, or float16";

impl File {
    /// Refuses what would have another meaning than in mergekit, or none.
    fn check(&self) -> Result<(), Error> {
        if let Some((field, _)) = self.others.iter().next() {
            let reason = match field.as_str() {
                "slices" | "modules" => "lobass merges whole models; list them under `models`",
                "tokenizer" | "chat_template" => {
                    "the merged model has the files of the base, or of the first model"
                }
                _ => "lobass does not know it",
            };
            return Err(unsupported(field, reason));
        }
        match self.tokenizer_source.as_deref() {
            None | Some("base") => Ok(()),
            Some(_) => {
                Err(unsupported("tokenizer_source", "only `base` is, and all models need the same tokens"))
            }
        }
    }

    fn method(&self) -> Result<Method, Error> {
        let Some(name) = &self.merge_method else {
            return Err(Error::value("merge_method", "the name of a method", "nothing"));
        };
        let name: MethodName = name.parse()?;
        let known: &[&str] = match name {
            MethodName::Linear => &["normalize"],
            MethodName::TaskArithmetic => &["normalize", "lambda"],
            MethodName::ParameterSelection => &["normalize", "resample", "seed"],
        };
        for field in self.parameters.keys().filter(|field| *field != "weight") {
            if !known.contains(&field.as_str()) {
                let reason = format!("the method `{name}` does not compute with it");
                return Err(unsupported(&format!("parameters.{field}"), &reason));
            }
        }
        let normalize = |default| self.switch("normalize", default);
        Ok(match name {
            MethodName::Linear => Method::Linear { normalize: normalize(true)? },
            MethodName::TaskArithmetic => {
                let lambda = self.parameters.get("lambda").map(|value| number("parameters.lambda", value));
                Method::TaskArithmetic {
                    normalize: normalize(false)?,
                    lambda: lambda.transpose()?.unwrap_or(1.0),
                }
            }
            MethodName::ParameterSelection => {
                if !normalize(true)? {
                    let reason = "the weights of a selection are probabilities";
                    return Err(unsupported("parameters.normalize: false", reason));
                }
                let seed = match self.parameters.get("seed") {
                    None => 0,
                    Some(value) => value.as_u64().ok_or_else(|| {
                        Error::value("parameters.seed", "a whole number of at least 0", value)
                    })?,
                };
                Method::ParameterSelection { resample: self.switch("resample", false)?, seed }
            }
        })
    }

    fn switch(&self, field: &str, default: bool) -> Result<bool, Error> {
        match self.parameters.get(field) {
            None => Ok(default),
            Some(Value::Bool(value)) => Ok(*value),
            Some(other) => Err(Error::value(&format!("parameters.{field}"), "true or false", other)),
        }
    }
}

impl Entry {
    fn input(&self, default: f64) -> Result<MergeInput, Error> {
        let mut others = self.others.keys().chain(self.parameters.keys().filter(|field| *field != "weight"));
        if let Some(field) = others.next() {
            let field = format!("models.{}.{field}", self.model);
            return Err(unsupported(&field, "a model has a name and a weight"));
        }
        let weight = self.parameters.get("weight").map(|weight| number("weight", weight)).transpose()?;
        Ok(MergeInput { model: self.model.clone(), weight: weight.unwrap_or(default) })
    }
}

/// One number. A list, or a value for some tensors, would make it differ between tensors.
fn number(field: &str, value: &Value) -> Result<f64, Error> {
    let expected = "one number for all tensors";
    value.as_f64().ok_or_else(|| Error::value(field, expected, value))
}

fn unsupported(field: &str, reason: &str) -> Error {
    Error::Unsupported { field: field.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_mergekit() {
        let text = "merge_method: task_arithmetic\nbase_model: org/base\nmodels:\n  - model: org/one\n    parameters:\n      \
                    weight: 0.5\n  - model: org/base+runs/adapter\nparameters:\n  normalize: true\n  weight: 2\n  lambda: 0.3\ndtype: bfloat16\n";
        let file = MergeFile::read(text).unwrap();
        let input = |model: &str, weight| MergeInput { model: model.to_owned(), weight };
        let expected = MergeFile {
            base: Some("org/base".to_owned()),
            models: vec![input("org/one", 0.5), input("org/base+runs/adapter", 2.0)],
            method: Method::TaskArithmetic { normalize: true, lambda: 0.3 },
            dtype: Some(Dtype::Bf16),
        };
        assert_eq!(file, expected);
        assert_eq!(file.recipe().weights, [0.5, 2.0]);
    }

    #[test]
    fn defaults_are_those_of_mergekit() {
        let method = |text: &str| {
            let text = format!("models: [{{model: a}}, {{model: b}}]\n{text}");
            MergeFile::read(&text).unwrap().method
        };
        assert_eq!(method("merge_method: linear"), Method::Linear { normalize: true });
        let tasks = Method::TaskArithmetic { normalize: false, lambda: 1.0 };
        assert_eq!(method("merge_method: task_arithmetic"), tasks);
        let selection = method(
            "merge_method: parameter_selection\nparameters: {resample: true, normalize: true, seed: 4}",
        );
        assert_eq!(selection, Method::ParameterSelection { resample: true, seed: 4 });
    }

    #[test]
    fn what_is_not_computed_is_refused_by_name() {
        let models = "models: [{model: a}, {model: b}]\n";
        for (text, words) in [
            ("merge_method: ties", "`ties`: expected linear"),
            ("merge_method: dare_linear", "`dare_linear`"),
            ("dtype: float32", "`merge_method`: expected the name of a method, found nothing"),
            ("merge_method: linear\nslices: []", "`slices` is not supported"),
            ("merge_method: linear\nparameters: {density: 0.5}", "`parameters.density` is not supported"),
            ("merge_method: linear\nparameters: {lambda: 2}", "`linear` does not compute with it"),
            ("merge_method: linear\nparameters: {normalize: 1}", "expected true or false, found 1"),
            (
                "merge_method: linear\nparameters: {weight: [0, 1]}",
                "expected one number for all tensors, found [0,1]",
            ),
            ("merge_method: linear\ntokenizer_source: union", "`tokenizer_source`"),
            ("merge_method: linear\ndtype: int8", "expected float32, bfloat16, or float16, found int8"),
            ("merge_method: parameter_selection\nparameters: {normalize: false}", "are probabilities"),
            ("merge_method: parameter_selection\nparameters: {seed: -1}", "found -1"),
            ("merge_method: linear\nname: x", "`name` is not supported: lobass does not know it"),
        ] {
            let message = MergeFile::read(&format!("{models}{text}")).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
        let one = "merge_method: linear\nmodels: [{model: a, parameters: {weight: 1, density: 0.2}}]";
        let message = MergeFile::read(one).unwrap_err().to_string();
        assert!(message.contains("`models.a.density` is not supported"), "{message}");
        assert!(matches!(MergeFile::read("- a\n- b").unwrap_err(), Error::Yaml { .. }));
        let none = MergeFile::read("merge_method: linear").unwrap_err().to_string();
        assert!(none.contains("expected 1 to 64 models, found 0"), "{none}");
    }
}
