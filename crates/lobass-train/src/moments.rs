//! AdamW's moments at the end of an epoch, in memory and on disk.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use lobass_files::WholeFile;
use lobass_model::Decoder;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use crate::adamw::Moments;
use crate::stored::Stored;
use crate::{Error, TrainConfig};

/// AdamW's running means after some steps, and what else decides how it would scale a gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct AdamState {
    /// Steps taken.
    pub n_steps: usize,
    /// The mean learning rate of the steps of the latest epoch.
    pub learning_rate: f64,
    /// Decay of the mean of gradients.
    pub beta_1: f64,
    /// Decay of the mean of squared gradients.
    pub beta_2: f64,
    /// Added to the root of the latter.
    pub epsilon: f64,
    /// By the name of each trained parameter.
    pub means: BTreeMap<String, RunningMeans>,
}

/// Running means of the gradients of one parameter, in the order of its values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunningMeans {
    /// Means of gradients: `exp_avg`.
    pub gradients: Vec<f32>,
    /// Means of squared gradients: `exp_avg_sq`.
    pub squares: Vec<f32>,
}

/// The optimizer at the end of an epoch, to be copied if anybody wants it.
#[derive(Debug, Clone, Copy)]
pub struct Optimizer<'a> {
    pub(crate) model: &'a Decoder,
    pub(crate) config: &'a TrainConfig,
    pub(crate) moments: &'a BTreeMap<u64, Moments>,
    pub(crate) n_steps: usize,
    pub(crate) learning_rate: f64,
}

impl Optimizer<'_> {
    /// Copies its state.
    pub fn state(&self) -> AdamState {
        let values = |tensor: &burn::tensor::Tensor<1>| tensor.clone().into_data().iter::<f32>().collect();
        let parameters = self.model.trained_parameters();
        let means = parameters.into_iter().filter_map(|(name, id)| {
            let Moments { means, squares } = self.moments.get(&id.val())?;
            Some((name, RunningMeans { gradients: values(means), squares: values(squares) }))
        });
        let TrainConfig { beta_1, beta_2, epsilon, .. } = *self.config;
        let (n_steps, learning_rate) = (self.n_steps, self.learning_rate);
        AdamState { n_steps, learning_rate, beta_1, beta_2, epsilon, means: means.collect() }
    }
}

/// The metadata of a file.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    version: u32,
    n_steps: usize,
    learning_rate: f64,
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
}

const VERSION: u32 = 1;
const KEY: &str = "lobass";
const MEAN: &str = "exp_avg.";
const SQUARE: &str = "exp_avg_sq.";

impl AdamState {
    /// Writes it as safetensors, whole or not at all: `exp_avg.NAME` and `exp_avg_sq.NAME` of every parameter,
    /// flattened, in `f32`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let fail = |reason: String| Error::State { path: path.to_owned(), reason };
        let Self { n_steps, learning_rate, beta_1, beta_2, epsilon, .. } = *self;
        let header = Header { version: VERSION, n_steps, learning_rate, beta_1, beta_2, epsilon };
        let header = serde_json::to_string(&header).map_err(|error| fail(error.to_string()))?;
        let tensors = self.means.iter().flat_map(|(name, RunningMeans { gradients, squares })| {
            [(MEAN, gradients), (SQUARE, squares)].map(|(kind, values)| {
                (format!("{kind}{name}"), Stored::new(values.len(), || Cow::Borrowed(values)))
            })
        });
        let file = WholeFile::create(path)?;
        let metadata = HashMap::from([(KEY.to_owned(), header)]);
        safetensors::serialize_to_file(tensors, Some(metadata), file.partial())
            .map_err(|error| fail(error.to_string()))?;
        Ok(file.finish()?)
    }

    /// Reads what [`AdamState::write`] wrote.
    ///
    /// # Errors
    /// [`Error::State`] if the file is something else, or if it cannot be read.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let fail = |reason: String| Error::State { path: path.to_owned(), reason };
        let bytes = fs_err::read(path)?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| fail(error.to_string()))?;
        let header = metadata.metadata().as_ref().and_then(|pairs| pairs.get(KEY));
        let header = header.ok_or_else(|| fail(format!("expected metadata `{KEY}`, found none")))?;
        let header: Header = serde_json::from_str(header).map_err(|error| fail(error.to_string()))?;
        if header.version != VERSION {
            return Err(fail(format!("expected version {VERSION}, found {}", header.version)));
        }
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| fail(error.to_string()))?;
        let mut means: BTreeMap<String, RunningMeans> = BTreeMap::new();
        for (name, view) in tensors.tensors() {
            if view.dtype() != safetensors::Dtype::F32 {
                return Err(fail(format!("expected `{name}` in F32, found {:?}", view.dtype())));
            }
            let (values, _) = view.data().as_chunks::<4>();
            let values: Vec<f32> = values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
            if let Some(name) = name.strip_prefix(SQUARE) {
                means.entry(name.to_owned()).or_default().squares = values;
            } else if let Some(name) = name.strip_prefix(MEAN) {
                means.entry(name.to_owned()).or_default().gradients = values;
            } else {
                return Err(fail(format!("expected moments of parameters, found `{name}`")));
            }
        }
        let Header { n_steps, learning_rate, beta_1, beta_2, epsilon, .. } = header;
        Ok(Self { n_steps, learning_rate, beta_1, beta_2, epsilon, means })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_survives_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("optimizer.safetensors");
        let of = |gradients: &[f32], squares: &[f32]| RunningMeans {
            gradients: gradients.to_vec(),
            squares: squares.to_vec(),
        };
        let state = AdamState {
            n_steps: 7,
            learning_rate: 1.25e-5,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            means: [("a".to_owned(), of(&[1.5, -2.0], &[0.25, 4.0])), ("b.c".to_owned(), of(&[0.0], &[1.0]))]
                .into_iter()
                .collect(),
        };
        state.write(&path).unwrap();
        assert_eq!(AdamState::read(&path).unwrap(), state);
        fs_err::write(&path, b"something else, and longer than a length").unwrap();
        assert!(AdamState::read(&path).unwrap_err().to_string().contains("optimizer.safetensors"));
    }
}
