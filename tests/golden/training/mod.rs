//! Losses, gradients, and five AdamW steps equal PyTorch's: of all weights, of adapters, without prompts,
//! and on preference pairs.

mod full;
mod lora;
mod mixed;
mod null;
mod preference;

pub(crate) use lora::losses;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Tensor;
use lobass_core::Sequence;
use lobass_model::{Checkpoint, Decoder, DeviceName, Dtype, Gradients};
use lobass_tests::{assert_close, fixture};
use lobass_train::{
    Event, Objective, Schedule, Session, Sources, StepReport, TrainConfig, TrainData, fine_tune,
    loss_gradients,
};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde::Deserialize;

/// f32 on both sides, five steps included.
const TOLERANCE: f64 = 1e-4;

#[derive(Deserialize)]
pub(crate) struct Recipe {
    learning_rate: f64,
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
    weight_decay: f64,
    max_grad_norm: f64,
    warmup_ratio: f64,
    /// How far norms of gradients may be apart, where they depend on rounding.
    norm_tolerance: Option<f64>,
}

#[derive(Deserialize)]
pub(crate) struct Row {
    input_ids: Vec<u32>,
    scored: Vec<bool>,
}

impl Row {
    pub(crate) fn sequence(&self) -> Sequence {
        Sequence::from_scored_tokens(self.input_ids.clone(), &self.scored).unwrap()
    }
}

#[derive(Deserialize)]
pub(crate) struct Step {
    loss: f64,
    grad_norm: f64,
    learning_rate: f64,
}

pub(crate) fn load(name: &str) -> Decoder {
    let checkpoint = Checkpoint::open(fixture("models").join(name)).unwrap();
    checkpoint.load(Dtype::F32, &DeviceName::Cpu.open()).unwrap()
}

/// The trained parameters of a model, by their names in files.
pub(crate) type Stored<'a> = dyn Fn(&Decoder) -> BTreeMap<String, Vec<f64>> + 'a;

/// The trained parameters of a model that names them as files do, without a prefix.
pub(crate) fn with_prefix(prefix: &str) -> impl Fn(&Decoder) -> BTreeMap<String, Vec<f64>> + '_ {
    move |model| {
        let trained = model.trained_parameters().into_iter();
        trained.map(|(name, _)| (format!("{prefix}{name}"), values(model, &name))).collect()
    }
}

/// The tensors of a safetensors file in `f32`.
pub(crate) fn tensors_of(file: &Path) -> BTreeMap<String, Vec<f64>> {
    let bytes = fs_err::read(file).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap().tensors().into_iter();
    let values = |view: &TensorView<'_>| {
        let (values, rest) = view.data().as_chunks::<4>();
        assert!(rest.is_empty());
        values.iter().map(|&bytes| f64::from(f32::from_le_bytes(bytes))).collect()
    };
    tensors.map(|(name, view)| (name, values(&view))).collect()
}

/// Five steps on one batch, compared with PyTorch's.
pub(crate) struct Case<'a> {
    pub(crate) name: String,
    /// The directory of `gradients.safetensors` and `weights.safetensors`.
    pub(crate) dir: PathBuf,
    /// How those name parameters.
    pub(crate) stored: &'a Stored<'a>,
    pub(crate) recipe: &'a Recipe,
    pub(crate) steps: &'a [Step],
    pub(crate) model: Decoder,
    pub(crate) objective: Objective<'a>,
}

impl Case<'_> {
    /// Compares the parameters of a model with the tensors of a file.
    fn compare(&self, what: &str, model: &Decoder, file: &str) {
        let (found, expected) = ((self.stored)(model), tensors_of(&self.dir.join(file)));
        let mut seen = 0;
        for (name, expected) in expected {
            let Some(found) = found.get(&name) else {
                assert!(name.ends_with("lm_head.weight"), "{}: no parameter `{name}`", self.name);
                continue; // PEFT writes the one matrix of a tied model under both names
            };
            assert_close(&format!("{}: {what} {name}", self.name), found, &expected, TOLERANCE);
            seen += 1;
        }
        assert_eq!(seen, found.len(), "{}: a tensor for every trained parameter", self.name);
    }

    pub(crate) fn config(&self, micro_batch_tokens: usize, recompute: bool) -> TrainConfig {
        let Recipe {
            learning_rate, beta_1, beta_2, epsilon, weight_decay, max_grad_norm, warmup_ratio, ..
        } = *self.recipe;
        TrainConfig {
            epochs: 5, // one step each: every batch is the whole fixture
            batch_size: self.objective.len(),
            learning_rate,
            schedule: Schedule::Cosine,
            warmup_ratio,
            weight_decay,
            beta_1,
            beta_2,
            epsilon,
            max_grad_norm,
            seed: 1,
            order_seed: None,
            micro_batch_tokens,
            recompute,
            products: Dtype::F32,
            mixing: None,
        }
    }

    pub(crate) fn train(&self, config: &TrainConfig, threads: usize) -> (Decoder, Vec<StepReport>) {
        let held_out = Objective::Sft(&[]);
        let data = TrainData { train: self.objective, held_out, eval_every: 0, sources: Sources::default() };
        let mut steps = Vec::new();
        let session = Session { threads, ..Session::default() };
        let (model, _) = fine_tune(self.model.clone(), &data, config, session, &mut |event| {
            if let Event::Step(step) = event {
                steps.push(step);
            }
        })
        .unwrap();
        (model, steps)
    }

    pub(crate) fn check(&self) {
        let name = &self.name;
        let (loss, gradients) = loss_gradients(&self.model, self.objective, 20, 2);
        assert_close(&format!("{name}: loss"), &[loss], &[self.steps[0].loss], TOLERANCE);
        self.check_gradients(&gradients);

        let (model, steps) = self.train(&self.config(20, false), 2);
        let of = |number: fn(&StepReport) -> f64| steps.iter().map(number).collect::<Vec<_>>();
        let expected = |number: fn(&Step) -> f64| self.steps.iter().map(number).collect::<Vec<_>>();
        assert_close(&format!("{name}: losses"), &of(|s| s.loss), &expected(|s| s.loss), TOLERANCE);
        assert_close(
            &format!("{name}: norms"),
            &of(|s| s.grad_norm),
            &expected(|s| s.grad_norm),
            self.recipe.norm_tolerance.unwrap_or(10.0 * TOLERANCE),
        );
        assert_close(
            &format!("{name}: rates"),
            &of(|s| s.learning_rate),
            &expected(|s| s.learning_rate),
            1e-12,
        );
        self.compare("after 5 steps,", &model, "weights.safetensors");
    }

    fn check_gradients(&self, gradients: &Gradients) {
        // What no row was sent to has none.
        let of = |id, values: Tensor<1>| gradients.get(id).cloned().unwrap_or_else(|| values.zeros_like());
        let model = self.model.clone().with_parameters(&mut |id, values| of(id, values), &|_| true);
        self.compare("gradient of", &model, "gradients.safetensors");
    }
}

pub(crate) fn values(model: &Decoder, name: &str) -> Vec<f64> {
    model.weight(name).unwrap().iter::<f32>().map(f64::from).collect()
}
