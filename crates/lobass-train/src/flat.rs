//! The trained parameters of a model as one vector.

use std::collections::BTreeMap;
use std::ops::Range;

use burn::module::ParamId;
use burn::tensor::{Tensor, TensorData};
use lobass_model::{Decoder, Gradients};

/// Where each trained parameter of a model is in a vector of all of them, in the order of the modules. It is for this
/// model and for what is made from it, since identities of parameters are.
#[derive(Debug, Clone)]
pub struct FlatParameters {
    parameters: Vec<Flat>,
}

#[derive(Debug, Clone)]
struct Flat {
    name: String,
    id: ParamId,
    shape: Vec<usize>,
    places: Range<usize>,
}

impl FlatParameters {
    /// The trained parameters of a model.
    pub fn of(model: &Decoder) -> Self {
        let mut start = 0;
        let flat = |(name, id): (String, ParamId)| {
            let shape = model.weight(&name).map(|weight| weight.shape().to_vec()).unwrap_or_default();
            let places = start..start + shape.iter().product::<usize>();
            start = places.end;
            Flat { name, id, shape, places }
        };
        Self { parameters: model.trained_parameters().into_iter().map(flat).collect() }
    }

    /// The length of a vector.
    pub fn n_values(&self) -> usize {
        self.parameters.last().map_or(0, |last| last.places.end)
    }

    /// Whether nothing is trained.
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }

    /// The name, shape, and places of each parameter.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[usize], Range<usize>)> {
        self.parameters.iter().map(|flat| (flat.name.as_str(), flat.shape.as_slice(), flat.places.clone()))
    }

    /// The values of a model.
    ///
    /// # Panics
    /// If it has other parameters.
    pub fn values(&self, model: &Decoder) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.n_values());
        for flat in &self.parameters {
            values.extend(model.weight(&flat.name).expect("it is one of the model's").iter::<f32>());
        }
        values
    }

    /// The model with other values.
    ///
    /// # Panics
    /// If there are not as many values as the model has.
    #[must_use]
    pub fn put(&self, model: Decoder, values: &[f32]) -> Decoder {
        assert_eq!(values.len(), self.n_values(), "as many values as the model has");
        let device = model.device();
        let places: BTreeMap<u64, Range<usize>> =
            self.parameters.iter().map(|flat| (flat.id.val(), flat.places.clone())).collect();
        let tensor = |places: &Range<usize>| {
            Tensor::from_data(TensorData::new(values[places.clone()].to_vec(), [places.len()]), &device)
        };
        model.with_parameters(&mut |id, weights| places.get(&id.val()).map_or(weights, tensor), &|id| {
            places.contains_key(&id.val())
        })
    }

    /// Takes the gradients out. A weight without a gradient gets 0.
    pub fn gradients(&self, gradients: &mut Gradients) -> Vec<f32> {
        gradients.take_values(self.parameters.iter().map(|flat| (flat.id, flat.places.len())))
    }
}
