//! A new adapter, which changes nothing yet.

use burn::tensor::{DType, Tensor, TensorData};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::LoraConfig;
use super::config::ends_in;
use super::modules::{Module, ModulePart, Modules};
use crate::model::{LoraWeights, stream_of};
use crate::{Decoder, DecoderSpec, Error};

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
        let modules = Modules::of(base.spec());
        self.named(&modules).attach_to(base, &modules, seed)
    }

    /// [`Self::attach`], with names for all targets.
    fn attach_to(&self, base: &Decoder, modules: &Modules, seed: u64) -> Result<Decoder, Error> {
        self.check(modules)?;
        let mut model = base.clone();
        model.freeze();
        let device = base.device();
        for (path, module) in self.targets(modules) {
            let a = Tensor::from_data(self.fresh_a(path, module.dims()[1], seed), &device);
            for part in &module.parts {
                let b = Tensor::zeros([part.n_rows(module), self.rank], &device);
                let weights = LoraWeights { a: a.clone(), b, scale: self.scale(), dropout: self.dropout };
                model.put_lora(&part.path, path, weights);
            }
        }
        for (_, module) in self.saved(modules) {
            for ModulePart { path, .. } in &module.parts {
                if let Some(weight) = base.whole_weight(path) {
                    model.replace_whole(path, weight.cast(DType::F32));
                }
            }
        }
        Ok(model)
    }

    /// Whether a new adapter of these settings fits a model.
    ///
    /// # Errors
    /// Those of [`Self::attach`].
    pub fn check_for(&self, base: &DecoderSpec) -> Result<(), Error> {
        let modules = Modules::of(base);
        self.named(&modules).check(&modules)
    }

    /// The number of parameters that are trained in a new adapter on a model.
    pub fn n_parameters(&self, base: &DecoderSpec) -> u64 {
        let modules = Modules::of(base);
        let named = self.named(&modules);
        let update = |(_, module): (_, &Module)| {
            let rows: usize = module.parts.iter().map(|part| part.n_rows(module)).sum();
            self.rank * (module.dims()[1] + rows)
        };
        let whole = |(_, module): (_, &Module)| module.shape.iter().product::<usize>();
        let n_updates: usize = named.targets(&modules).map(update).sum();
        (n_updates + named.saved(&modules).map(whole).sum::<usize>()) as u64
    }

    /// `[rank, in]`, by the path of its module in files.
    fn fresh_a(&self, path: &str, inputs: usize, seed: u64) -> TensorData {
        let bound = (inputs as f64).sqrt().recip();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream_of(path));
        #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
        let mut value = || (bound * (2.0 * rng.random::<f64>() - 1.0)) as f32;
        let values: Vec<f32> = std::iter::repeat_with(&mut value).take(self.rank * inputs).collect();
        TensorData::new(values, [self.rank, inputs])
    }

    fn check(&self, modules: &Modules) -> Result<(), Error> {
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
        let rank_of = |module: &Module| module.dims().into_iter().min();
        let widest = modules.projections.values().filter_map(rank_of).max().unwrap_or_default();
        if self.rank > widest {
            let expected = format!("at most {widest}, the rank of the largest projection");
            return fail("rank", expected, self.rank.to_string());
        }
        let named = |name: &String| {
            let of_part = |module: &Module| module.parts.iter().any(|part| ends_in(&part.path, name));
            modules.projections.keys().any(|path| ends_in(&modules.outer(path), name))
                || self.targets(modules).any(|(_, module)| of_part(module))
        };
        if let Some(name) = self.target_modules.iter().find(|name| !named(name)) {
            let known: Vec<&str> = modules.names().map(String::as_str).collect();
            return fail("target_modules", format!("some of {}", known.join(", ")), name.clone());
        }
        if self.target_modules.is_empty() && self.modules_to_save.is_empty() {
            return fail("target_modules", "at least one".to_owned(), "none".to_owned());
        }
        let known = |name: &String| modules.wholes.keys().any(|path| ends_in(path, name));
        match self.modules_to_save.iter().find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => fail("modules_to_save", "lm_head, embed_tokens, or norms".to_owned(), name.clone()),
        }
    }
}
