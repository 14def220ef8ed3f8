//! A new adapter, which changes nothing yet.

use burn::tensor::{Tensor, TensorData};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::LoraConfig;
use crate::model::{LoraWeights, stream_of};
use crate::{Decoder, Error};

impl LoraConfig {
    /// Puts a new adapter on a model, which shares its weights. Everything except the adapter is frozen.
    ///
    /// `A` is uniform within `1 / sqrt(in)`, and `B` is zero, so that the model computes what it did before.
    ///
    /// # Errors
    /// [`Error::Lora`] for a rank of zero, a dropout that is no share, or a module that the model has not.
    ///
    /// Source: `LoraLayer.reset_lora_parameters` of PEFT (`kaiming_uniform_` with `a = sqrt(5)`).
    pub fn attach(&self, base: &Decoder, seed: u64) -> Result<Decoder, Error> {
        self.check(base)?;
        let mut model = base.clone();
        model.freeze();
        let device = base.device();
        for (path, [out, inputs]) in self.targets(base) {
            let bound = (inputs as f64).sqrt().recip();
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(stream_of(&path));
            #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
            let values: Vec<f32> =
                (0..self.rank * inputs).map(|_| (bound * (2.0 * rng.random::<f64>() - 1.0)) as f32).collect();
            let a = Tensor::from_data(TensorData::new(values, [self.rank, inputs]), &device);
            let b = Tensor::zeros([out, self.rank], &device);
            model.put_lora(&path, LoraWeights { a, b, scale: self.scale(), dropout: self.dropout });
        }
        for path in self.saved(base) {
            if let Some(weight) = base.whole_weight(&path) {
                model.replace_whole(&path, weight.cast(burn::tensor::DType::F32));
            }
        }
        Ok(model)
    }

    fn check(&self, model: &Decoder) -> Result<(), Error> {
        let fail = |field: &'static str, expected: String, found: String| {
            Err(Error::Lora { field, expected, found })
        };
        if self.rank == 0 {
            return fail("rank", "at least 1".to_owned(), "0".to_owned());
        }
        if !(self.alpha > 0.0 && self.alpha.is_finite()) {
            return fail("alpha", "a finite number above 0".to_owned(), self.alpha.to_string());
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return fail("dropout", "a number from 0 to below 1".to_owned(), self.dropout.to_string());
        }
        let projections = model.projections();
        let widest = projections.iter().map(|(_, [out, inputs])| *out.min(inputs)).max().unwrap_or_default();
        if self.rank > widest {
            let expected = format!("at most {widest}, the rank of the largest projection");
            return fail("rank", expected, self.rank.to_string());
        }
        let named = |name: &String| projections.iter().any(|(path, _)| super::config::ends_in(path, name));
        if let Some(name) = self.target_modules.iter().find(|name| !named(name)) {
            return fail(
                "target_modules",
                format!("some of {}", super::PROJECTIONS.join(", ")),
                name.clone(),
            );
        }
        if self.target_modules.is_empty() && self.modules_to_save.is_empty() {
            return fail("target_modules", "at least one".to_owned(), "none".to_owned());
        }
        let replaceable = model.replaceable();
        let known = |name: &String| replaceable.iter().any(|path| super::config::ends_in(path, name));
        match self.modules_to_save.iter().find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => fail("modules_to_save", "lm_head, embed_tokens, or norms".to_owned(), name.clone()),
        }
    }
}
