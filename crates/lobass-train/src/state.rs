//! The state of an unfinished training, on disk: trained weights, moments, and what was reported.
//!
//! One safetensors file per state, written whole or not at all. A training that is taken up from one ends with the
//! same bits as one that was never interrupted.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use burn::module::ParamId;
use burn::tensor::{Device, Tensor, TensorData};
use lobass_files::{WholeFile, is_partial};
use lobass_mixture::MixerState;
use lobass_model::{Decoder, Values};
use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};

use crate::adamw::Moments;
use crate::stored::Stored;
use crate::{Error, Every, TrainReport};

/// Where states are kept, and how often they are written.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoints {
    /// A directory of their own.
    pub dir: PathBuf,
    /// How often they are written.
    pub every: Every,
    /// How many are kept; the oldest go first. At least 1.
    pub keep: usize,
}

/// The metadata of a state file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    version: u32,
    /// Digest of the data, the recipe, and the names of the trained weights.
    fingerprint: String,
    /// Steps taken.
    pub(crate) step: usize,
    pub(crate) report: TrainReport,
    /// Of batches that are mixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mixing: Option<MixerState>,
}

const VERSION: u32 = 1;
const KEY: &str = "lobass";
const WEIGHT: &str = "weight.";
const MEAN: &str = "mean.";
const SQUARE: &str = "square.";

/// A state, read back.
pub(crate) struct State {
    pub(crate) header: Header,
    pub(crate) weights: BTreeMap<u64, Values>,
    pub(crate) moments: BTreeMap<u64, Moments>,
}

impl Checkpoints {
    /// Writes a state and removes those beyond the number that is kept.
    pub(crate) fn write(
        &self,
        model: &Decoder,
        moments: &BTreeMap<u64, Moments>,
        fingerprint: &str,
        report: &TrainReport,
        mixing: Option<MixerState>,
    ) -> Result<(), Error> {
        fs_err::create_dir_all(&self.dir)?;
        let step = report.losses.len();
        let path = self.dir.join(format!("step-{step:09}.safetensors"));
        let (fingerprint, report) = (fingerprint.to_owned(), report.clone());
        let header = Header { version: VERSION, fingerprint, step, report, mixing };
        write_whole(&path, tensors(model, moments), &header)?;
        let states = self.states()?;
        for old in states.iter().rev().skip(self.keep.max(1)) {
            fs_err::remove_file(old)?;
        }
        Ok(())
    }

    /// Reads the latest state, if there is one.
    pub(crate) fn read(&self, model: &Decoder, fingerprint: &str) -> Result<Option<State>, Error> {
        match self.states()?.last() {
            None => Ok(None),
            Some(path) => read(path, model, fingerprint).map(Some),
        }
    }

    /// Removes every state, and the directory if nothing else is in it.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn remove(&self) -> Result<(), Error> {
        if !self.dir.exists() {
            return Ok(());
        }
        for entry in fs_err::read_dir(&self.dir)? {
            let path = entry?.path();
            if is_state(&path) || is_partial(&path.to_string_lossy()) {
                fs_err::remove_file(path)?;
            }
        }
        match fs_err::remove_dir(&self.dir) {
            Err(error) if error.kind() != std::io::ErrorKind::DirectoryNotEmpty => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The states, oldest first.
    fn states(&self) -> Result<Vec<PathBuf>, Error> {
        if !self.dir.exists() {
            return Ok(Vec::new());
        }
        let mut states = Vec::new();
        for entry in fs_err::read_dir(&self.dir)? {
            let path = entry?.path();
            if is_state(&path) {
                states.push(path);
            }
        }
        states.sort();
        Ok(states)
    }
}

fn is_state(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("step-") && name.ends_with(".safetensors")
}

/// Weights and moments, by their names in a state.
fn tensors<'a>(model: &'a Decoder, moments: &'a BTreeMap<u64, Moments>) -> Vec<(String, Stored<'a>)> {
    let weight = |name: &str| model.weight(name).expect("it is one of the model's");
    let mut tensors = Vec::new();
    for (name, id) in model.trained_parameters() {
        // A weight has moments once it was stepped. Asking the model for its length would copy it.
        let moments = moments.get(&id.val());
        let len = moments.map_or_else(|| weight(&name).num_elements(), |moments| moments.means.dims()[0]);
        if let Some(Moments { means, squares }) = moments {
            for (kind, tensor) in [(MEAN, means), (SQUARE, squares)] {
                let values = || Cow::Owned(floats(tensor.clone().into_data()));
                tensors.push((format!("{kind}{name}"), Stored::new(len, values)));
            }
        }
        let key = format!("{WEIGHT}{name}");
        tensors.push((key, Stored::new(len, move || Cow::Owned(floats(weight(&name))))));
    }
    tensors
}

fn floats(data: TensorData) -> Vec<f32> {
    data.try_into_vec::<f32>().expect("trained weights and their moments are f32")
}

fn write_whole(path: &Path, tensors: Vec<(String, Stored<'_>)>, header: &Header) -> Result<(), Error> {
    let fail = |reason: String| Error::State { path: path.to_owned(), reason };
    let header = serde_json::to_string(header).map_err(|error| fail(error.to_string()))?;
    let file = WholeFile::create(path)?;
    let metadata = HashMap::from([(KEY.to_owned(), header)]);
    safetensors::serialize_to_file(tensors, Some(metadata), file.partial())
        .map_err(|error| fail(error.to_string()))?;
    Ok(file.finish()?)
}

fn read(path: &Path, model: &Decoder, fingerprint: &str) -> Result<State, Error> {
    let fail = |reason: String| Error::State { path: path.to_owned(), reason };
    let damaged = |reason: String| fail(format!("{reason}; remove it to take up an earlier one"));
    let bytes = fs_err::read(path)?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| damaged(error.to_string()))?;
    let header = metadata.metadata().as_ref().and_then(|pairs| pairs.get(KEY));
    let header = header.ok_or_else(|| damaged("it has no header".to_owned()))?;
    let header: Header = serde_json::from_str(header).map_err(|error| damaged(error.to_string()))?;
    if header.version != VERSION || header.fingerprint != fingerprint {
        return Err(fail(
            "it is the state of another training, with other data, weights, or settings; remove it or use \
             another directory"
                .to_owned(),
        ));
    }
    let steps = header.report.losses.len();
    if header.step != steps {
        return Err(damaged(format!("expected a loss of each of {} steps, found {steps}", header.step)));
    }
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| damaged(error.to_string()))?;
    let mut state = State { header, weights: BTreeMap::new(), moments: BTreeMap::new() };
    for (name, id) in model.trained_parameters() {
        let get = |kind: &str| values(&tensors, &format!("{kind}{name}"), &model.device());
        let count = model.weight(&name).map_or(0, |weight| weight.num_elements());
        let weight = get(WEIGHT).filter(|weight| weight.dims() == [count]);
        let weight = weight.ok_or_else(|| damaged(format!("expected `{WEIGHT}{name}` of {count} values")))?;
        state.weights.insert(ParamId::val(&id), weight);
        if let (Some(means), Some(squares)) = (get(MEAN), get(SQUARE)) {
            if means.dims() != [count] || squares.dims() != [count] {
                return Err(damaged(format!(
                    "expected `{MEAN}{name}` and `{SQUARE}{name}` of {count} values"
                )));
            }
            state.moments.insert(id.val(), Moments { means, squares });
        }
    }
    Ok(state)
}

fn values(tensors: &SafeTensors<'_>, name: &str, device: &Device) -> Option<Tensor<1>> {
    let view = tensors.tensor(name).ok()?;
    let (values, _) = view.data().as_chunks::<4>();
    let values: Vec<f32> = values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    let count = values.len();
    Some(Tensor::from_data(TensorData::new(values, [count]), device))
}
