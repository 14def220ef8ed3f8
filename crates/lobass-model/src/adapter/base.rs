//! An adapter and the base that it is put on: whether they belong together, and whether it changes anything.

use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use super::AdapterCheckpoint;
use super::roles::Roles;
use super::trained_on::{TrainedOn, is_quantized};
use crate::checkpoint::tensor_data;
use crate::{Checkpoint, Dtype, Error, Finding};

impl AdapterCheckpoint {
    /// Checks that the adapter fits a base and changes it, before any weight is loaded. `base_name` is what a person
    /// calls the base, a directory or a hub id.
    ///
    /// Returns what is odd: another base in `base_model_name_or_path`, weights that were rounded in training and are not
    /// here or the other way round, patterns that only Python reads.
    ///
    /// # Errors
    /// The errors of [`AdapterCheckpoint::apply`]; [`Error::Adapter`] for one that changes nothing.
    pub fn check_on(&self, base: &Checkpoint, base_name: &str) -> Result<Vec<Finding>, Error> {
        let roles = self.roles(base.spec())?;
        let tensors = self.tensors()?;
        let replaces = |(path, name): (&String, &String)| {
            let view = tensors.tensor(name).ok();
            view.is_none_or(|view| base.stored_weight(path) != Some(values(&view)))
        };
        if updates_nothing(&roles, &tensors) && !roles.wholes.iter().any(replaces) {
            return Err(Error::Adapter {
                path: self.dir().to_owned(),
                reason: "expected an adapter that changes its base, found one that changes nothing: all products of \
                         `lora_B` and `lora_A` are zero, as before training"
                    .to_owned(),
            });
        }
        let mut findings = self.targets.findings().to_vec();
        let named = self.peft.base_model_name_or_path.as_deref().filter(|named| !named.is_empty());
        if roles.n_outside > 0 {
            findings.push(Finding::OutsideUpdates { count: roles.n_outside });
        }
        findings.extend(named.and_then(|named| other_base(named, base, base_name)));
        findings.extend(self.trained_on().finding(base));
        Ok(findings)
    }

    /// What the files of the adapter say of the weights that it was trained on: rounded ones, or those of a full
    /// checkpoint.
    pub fn trained_on(&self) -> TrainedOn {
        TrainedOn::of(self.dir(), self.peft.base_model_name_or_path.as_deref())
    }
}

/// Whether every low-rank update adds zero.
fn updates_nothing(roles: &Roles, tensors: &SafeTensors<'_>) -> bool {
    let is_zero = |name: &str| {
        let view = tensors.tensor(name);
        view.is_ok_and(|view| values(&view).iter().all(|value| *value == 0.0))
    };
    roles.updates.values().all(|update| update.scale == 0.0 || is_zero(&update.b) || is_zero(&update.a))
}

fn values(view: &TensorView<'_>) -> Vec<f32> {
    let dtype = crate::dtype::from_safetensors(view.dtype()).unwrap_or_default();
    let count = view.shape().iter().product();
    tensor_data(view.data(), dtype, Dtype::F32, [count]).iter::<f32>().collect()
}

/// Compares the base that an adapter names with the one that it is put on, by what can be known without a network.
fn other_base(named: &str, base: &Checkpoint, base_name: &str) -> Option<Finding> {
    let there = Path::new(named);
    if there.is_absolute() && there.is_dir() {
        let same = |other: &Checkpoint| other.same_weights(base);
        return match there.canonicalize().ok() == base.dir().canonicalize().ok() {
            true => None,
            false => Checkpoint::open(there)
                .is_ok_and(|other| !same(&other))
                .then(|| Finding::OtherWeightsThere { named: there.to_owned() }),
        };
    }
    let (ours, theirs) = (short(base_name), short(named));
    let is_itself = base.origin().is_some_and(|origin| short(origin) == theirs);
    if ours == theirs || is_itself {
        return None;
    }
    // `llama-8b-bnb-4bit` on `llama-8b` is the same base in another format, which is another finding.
    let is_rounded_one = is_quantized(&theirs) && !is_quantized(&ours) && theirs.starts_with(&ours);
    (!is_rounded_one).then(|| Finding::OtherBase { named: named.to_owned(), found: base_name.to_owned() })
}

/// The last part of a path or hub id, in small letters.
fn short(name: &str) -> String {
    name.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or(name).to_lowercase()
}
