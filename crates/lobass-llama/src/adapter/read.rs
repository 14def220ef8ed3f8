//! Reading an adapter directory as PEFT writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};

use super::config::{PeftConfig, ends_in, scale};
use super::{CONFIG, LoraConfig, PREFIX, PROJECTIONS, WEIGHTS};
use crate::checkpoint::tensor_data;
use crate::error::TensorProblem;
use crate::model::LoraWeights;
use crate::{Dtype, Error, Llama};

/// An opened adapter directory: PEFT's `adapter_config.json` and `adapter_model.safetensors`.
#[derive(Debug)]
pub struct AdapterCheckpoint {
    dir: PathBuf,
    peft: PeftConfig,
    config_json: String,
    bytes: Vec<u8>,
}

/// What a file holds.
#[derive(Default)]
struct Found {
    /// By the path of the projection.
    updates: BTreeMap<String, Halves>,
    /// Weights that replace those of a module, by its path.
    wholes: Vec<(String, Tensor<2>)>,
}

/// One update on its way: both halves, as they are found.
#[derive(Default)]
struct Halves {
    a: Option<Tensor<2>>,
    b: Option<Tensor<2>>,
}

impl AdapterCheckpoint {
    /// Reads the directory and checks that it is a LoRA adapter of a kind that is computed here.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Shard`] for files that cannot be read, [`Error::Adapter`] for what is not
    /// supported.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, Error> {
        let dir = dir.as_ref().to_owned();
        let fail = |reason: String| Error::Adapter { path: dir.clone(), reason };
        let config_json = fs_err::read_to_string(dir.join(CONFIG))?;
        let peft: PeftConfig =
            serde_json::from_str(&config_json).map_err(|error| fail(format!("{CONFIG}: {error}")))?;
        if let Some(reason) = peft.unsupported() {
            return Err(fail(format!("{CONFIG}: {reason}")));
        }
        if !dir.join(WEIGHTS).exists() && dir.join("adapter_model.bin").exists() {
            return Err(fail(format!(
                "expected `{WEIGHTS}`, found `adapter_model.bin` (save it again with `safe_serialization=True`)"
            )));
        }
        let bytes = fs_err::read(dir.join(WEIGHTS))?;
        let path = dir.join(WEIGHTS);
        SafeTensors::deserialize(&bytes).map_err(|source| Error::Shard { path, source })?;
        Ok(Self { dir, peft, config_json, bytes })
    }

    /// Whether a directory looks like an adapter's.
    pub fn is_at(dir: &Path) -> bool {
        dir.join(CONFIG).is_file()
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A hash of its config and weights, and of the weights that it is put on.
    pub fn digest_on(&self, base: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(base.as_bytes());
        hash.update(self.config_json.as_bytes());
        hash.update(&self.bytes);
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The rank, alpha, and modules that the config names.
    pub fn config(&self) -> LoraConfig {
        let names = |value: Option<&serde_json::Value>| match value {
            Some(serde_json::Value::Array(names)) => {
                names.iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
            }
            Some(serde_json::Value::String(name)) if name == "all-linear" => {
                PROJECTIONS.map(str::to_owned).to_vec()
            }
            Some(serde_json::Value::String(pattern)) => vec![pattern.clone()],
            _ => Vec::new(),
        };
        LoraConfig {
            rank: self.peft.r.unwrap_or(8),
            alpha: self.peft.lora_alpha.unwrap_or(8.0),
            rslora: self.peft.use_rslora,
            dropout: self.peft.lora_dropout.unwrap_or(0.0),
            target_modules: names(self.peft.target_modules.as_ref()),
            modules_to_save: self.peft.modules_to_save.clone().unwrap_or_default(),
        }
    }

    /// Puts the adapter on a model, which shares its weights and is frozen but for the adapter. Weights are `f32`.
    ///
    /// # Errors
    /// [`Error::Tensors`], listing every tensor that the model has no place for, that lacks its other half, or that
    /// has another shape; [`Error::Adapter`] for a pattern that cannot be read.
    pub fn apply(&self, base: &Llama) -> Result<Llama, Error> {
        let mut model = base.clone();
        model.freeze();
        let mut problems = Vec::new();
        let Found { mut updates, wholes } = self.tensors(base, &mut problems)?;
        for (path, tensor) in wholes {
            // A second name for the one matrix of a model that stays tied.
            let tied = self.peft.ensure_weight_tying && base.config().tie_word_embeddings;
            match (tied, path.as_str()) {
                (true, "lm_head") => {}
                (true, "model.embed_tokens") => model.replace_embedding(tensor),
                _ => model.replace_whole(&path, tensor),
            }
        }
        let listed = self.peft.lists_modules().unwrap_or_default();
        for (path, shape) in base.projections() {
            if listed.iter().any(|name| ends_in(&path, name)) {
                updates.entry(path.clone()).or_default();
            }
            if let Some(halves) = updates.remove(&path) {
                match self.update(&path, shape, halves)? {
                    Ok(update) => model.put_lora(&path, update),
                    Err(problem) => problems.push(problem),
                }
            }
        }
        if problems.is_empty() { Ok(model) } else { Err(Error::Tensors { path: self.dir.clone(), problems }) }
    }

    /// The tensors of the file in their roles; those without one are problems.
    fn tensors(&self, base: &Llama, problems: &mut Vec<TensorProblem>) -> Result<Found, Error> {
        let paths: BTreeSet<String> = base.projections().into_iter().map(|(path, _)| path).collect();
        let replaceable = base.replaceable();
        let mut found = Found::default();
        let tensors = SafeTensors::deserialize(&self.bytes)
            .map_err(|source| Error::Shard { path: self.dir.join(WEIGHTS), source })?;
        let mut views = tensors.tensors();
        views.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        for (name, view) in views {
            let Some(tensor) = matrix(&view, &base.device()) else {
                problems.push(TensorProblem::Dtype { name, found: format!("{:?}", view.dtype()) });
                continue;
            };
            let inner = name.strip_prefix(PREFIX).unwrap_or(&name).replace(".modules_to_save", "");
            let path = inner.strip_suffix(".weight").unwrap_or(&inner);
            let half = |suffix: &str| path.strip_suffix(suffix).filter(|path| paths.contains(*path));
            if let Some(path) = half(".lora_A") {
                found.updates.entry(path.to_owned()).or_default().a = Some(tensor);
            } else if let Some(path) = half(".lora_B") {
                found.updates.entry(path.to_owned()).or_default().b = Some(tensor);
            } else if replaceable.iter().any(|known| known == path) {
                let expected = base.whole_weight(path).map(|weight| weight.dims()).unwrap_or_default();
                if tensor.dims() == expected {
                    found.wholes.push((path.to_owned(), tensor));
                } else {
                    problems.push(shape_problem(&name, &expected, view.shape()));
                }
            } else {
                problems.push(TensorProblem::Unexpected { name, shape: view.shape().to_vec() });
            }
        }
        Ok(found)
    }

    fn update(
        &self,
        path: &str,
        [out, inputs]: [usize; 2],
        halves: Halves,
    ) -> Result<Result<LoraWeights, TensorProblem>, Error> {
        let peft = &self.peft;
        let fail =
            |reason: String| Error::Adapter { path: self.dir.clone(), reason: format!("{CONFIG}: {reason}") };
        let rank: Option<usize> = PeftConfig::of_pattern(peft.rank_pattern.as_ref(), path).map_err(fail)?;
        let alpha: Option<f64> = PeftConfig::of_pattern(peft.alpha_pattern.as_ref(), path).map_err(fail)?;
        let rank = rank.or(peft.r).unwrap_or(8);
        let alpha = alpha.or(peft.lora_alpha).unwrap_or(8.0);
        let whole = |half: &str, tensor: Option<Tensor<2>>, expected: [usize; 2]| {
            let name = format!("{PREFIX}{path}.{half}.weight");
            match tensor {
                None => Err(TensorProblem::Missing { name, shape: expected.to_vec(), near: None }),
                Some(tensor) if tensor.dims() != expected => {
                    Err(shape_problem(&name, &expected, &tensor.dims()))
                }
                Some(tensor) => Ok(tensor),
            }
        };
        let halves = whole("lora_A", halves.a, [rank, inputs])
            .and_then(|a| Ok((a, whole("lora_B", halves.b, [out, rank])?)));
        Ok(halves.map(|(a, b)| LoraWeights {
            a,
            b,
            scale: scale(alpha, rank, peft.use_rslora),
            dropout: peft.lora_dropout.unwrap_or(0.0),
        }))
    }
}

fn shape_problem(name: &str, expected: &[usize], found: &[usize]) -> TensorProblem {
    TensorProblem::Shape { name: name.to_owned(), expected: expected.to_vec(), found: found.to_vec() }
}

/// A tensor of the file in `f32`; a vector is a matrix of one row. `None` if it holds no floats.
fn matrix(view: &safetensors::tensor::TensorView<'_>, device: &Device) -> Option<Tensor<2>> {
    let dtype = Dtype::from_safetensors(view.dtype())?;
    let shape = match *view.shape() {
        [width] => [1, width],
        [rows, width] => [rows, width],
        _ => return None,
    };
    Some(Tensor::from_data(tensor_data(view.data(), dtype, Dtype::F32, shape), device))
}
