//! Training a part of the weights.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use lobass_model::Decoder;
use sha2::{Digest, Sha256};

use crate::Error;

/// Which weights a training may change: places in parameters, by their names. Gradients of all others are zero, moments
/// too, and they do not decay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WeightMask {
    /// The places of each parameter, ascending. Parameters without an entry stay as they are.
    pub places: BTreeMap<String, Vec<usize>>,
}

/// The mask as factors of 0 and 1, by the identity of the parameter.
pub(crate) type Factors = BTreeMap<u64, Tensor<1>>;

impl WeightMask {
    /// The mask on the parameters of a model.
    ///
    /// # Errors
    /// [`Error::Mask`] if the model does not train a parameter, or has no such place in it.
    pub(crate) fn factors(&self, model: &Decoder) -> Result<Factors, Error> {
        let trained: BTreeMap<String, u64> =
            model.trained_parameters().into_iter().map(|(name, id)| (name, id.val())).collect();
        let mut factors = Factors::new();
        for (name, places) in &self.places {
            let n_values = model.weight(name).map_or(0, |weight| weight.num_elements());
            let id = trained.get(name).filter(|_| places.iter().all(|&place| place < n_values));
            let id = *id.ok_or_else(|| Error::Mask { name: name.clone(), n_values })?;
            let mut values = vec![0.0f32; n_values];
            for &place in places {
                values[place] = 1.0;
            }
            factors.insert(id, Tensor::from_data(TensorData::new(values, [n_values]), &model.device()));
        }
        Ok(factors)
    }

    /// Adds the mask to the hash of what decides a training.
    pub(crate) fn add_to(&self, hash: &mut Sha256) {
        for (name, places) in &self.places {
            hash.update(name.as_bytes());
            hash.update((places.len() as u64).to_le_bytes());
            for &place in places {
                hash.update((place as u64).to_le_bytes());
            }
        }
    }
}
