//! Losses, gradients, and five AdamW steps equal PyTorch's: of all weights, of adapters, and on preference pairs.

use std::path::PathBuf;

use lobass_core::Sequence;
use lobass_llama::{AdapterCheckpoint, Checkpoint, DeviceName, Dtype, Gradients, Llama};
use lobass_loss::Engine;
use lobass_tests::{assert_close, fixture, read_json};
use lobass_train::{
    Dpo, Event, Objective, Pair, Schedule, Session, StepReport, TrainConfig, TrainData, fine_tune,
    loss_gradients,
};
use safetensors::SafeTensors;
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

pub(crate) fn load(name: &str) -> Llama {
    let checkpoint = Checkpoint::open(fixture("models").join(name)).unwrap();
    checkpoint.load(Dtype::F32, &DeviceName::Cpu.open()).unwrap()
}

/// Five steps on one batch, and what PyTorch makes of them.
pub(crate) struct Case<'a> {
    pub(crate) name: String,
    /// Of `gradients.safetensors` and `weights.safetensors`.
    pub(crate) dir: PathBuf,
    /// Before the names of parameters in those.
    pub(crate) prefix: &'static str,
    pub(crate) recipe: &'a Recipe,
    pub(crate) steps: &'a [Step],
    pub(crate) model: Llama,
    pub(crate) objective: Objective<'a>,
}

impl Case<'_> {
    /// Hands every tensor of a file over, by its name in the model.
    fn tensors(&self, file: &str, check: impl Fn(&str, Vec<f64>)) {
        let bytes = fs_err::read(self.dir.join(file)).unwrap();
        let trained: Vec<_> = self.model.trained_parameters().into_iter().map(|(name, _)| name).collect();
        let mut seen = 0;
        for (name, view) in SafeTensors::deserialize(&bytes).unwrap().tensors() {
            let name = name.strip_prefix(self.prefix).unwrap();
            if name == "lm_head.weight" && !trained.iter().any(|trained| trained == name) {
                continue; // PEFT writes the one matrix of a tied model under both names
            }
            let (values, rest) = view.data().as_chunks::<4>();
            assert!(rest.is_empty());
            check(name, values.iter().map(|&bytes| f64::from(f32::from_le_bytes(bytes))).collect());
            seen += 1;
        }
        assert_eq!(seen, trained.len(), "{}: a tensor for every trained parameter", self.name);
    }

    fn config(&self, micro_batch_tokens: usize, recompute: bool) -> TrainConfig {
        let Recipe { learning_rate, beta_1, beta_2, epsilon, weight_decay, max_grad_norm, warmup_ratio } =
            *self.recipe;
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
            micro_batch_tokens,
            recompute,
        }
    }

    fn train(&self, config: &TrainConfig, threads: usize) -> (Llama, Vec<StepReport>) {
        let held_out = Objective::Sft(&[]);
        let data = TrainData { train: self.objective, held_out, eval_every: 0 };
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
            10.0 * TOLERANCE,
        );
        assert_close(
            &format!("{name}: rates"),
            &of(|s| s.learning_rate),
            &expected(|s| s.learning_rate),
            1e-12,
        );
        self.tensors("weights.safetensors", |tensor, expected| {
            let found = values(&model, tensor);
            assert_close(&format!("{name}: {tensor} after 5 steps"), &found, &expected, TOLERANCE);
        });
    }

    fn check_gradients(&self, gradients: &Gradients) {
        let parameters = self.model.trained_parameters();
        self.tensors("gradients.safetensors", |tensor, expected| {
            let (_, id) = parameters.iter().find(|(name, _)| name == tensor).unwrap();
            let found = gradients.get(*id).unwrap().clone().into_data();
            let found: Vec<f64> = found.iter::<f32>().map(f64::from).collect();
            assert_close(&format!("{}: gradient of {tensor}", self.name), &found, &expected, TOLERANCE);
        });
    }
}

pub(crate) fn values(model: &Llama, name: &str) -> Vec<f64> {
    model.weight(name).unwrap().iter::<f32>().map(f64::from).collect()
}

/// Training of all weights.
mod full {
    use super::*;

    #[derive(Deserialize)]
    struct Expected {
        recipe: Recipe,
        rows: Vec<Row>,
        steps: Vec<Step>,
    }

    fn with_case(name: &str, check: impl FnOnce(&Case<'_>)) {
        let dir = fixture("training").join(name);
        let expected: Expected = read_json(&dir.join("expected.json"));
        let sequences: Vec<Sequence> = expected.rows.iter().map(Row::sequence).collect();
        check(&Case {
            name: name.to_owned(),
            dir,
            prefix: "",
            recipe: &expected.recipe,
            steps: &expected.steps,
            model: load(name),
            objective: Objective::Sft(&sequences),
        });
    }

    #[test]
    fn five_steps_of_every_shape() {
        for name in ["llama-gqa", "llama-tied", "llama-biases", "qwen3", "mistral-sliding"] {
            with_case(name, |case| case.check());
        }
    }

    #[test]
    fn neither_threads_nor_recomputation_change_a_bit() {
        with_case("llama-gqa", |case| {
            let (one, steps_one) = case.train(&case.config(20, false), 1);
            for (threads, recompute) in [(2, false), (3, true), (8, false), (1, true)] {
                let (other, steps) = case.train(&case.config(20, recompute), threads);
                assert_eq!(steps, steps_one, "{threads} threads, recompute {recompute}");
                for (name, _) in one.parameter_names() {
                    assert_eq!(one.weight(&name), other.weight(&name), "{name} on {threads} threads");
                }
            }
        });
    }

    #[test]
    fn how_a_batch_is_cut_changes_rounding_only() {
        with_case("llama-gqa", |case| {
            let (_, whole) = case.train(&case.config(1000, false), 2);
            let (_, cut) = case.train(&case.config(1, false), 2);
            for (whole, cut) in whole.iter().zip(&cut) {
                assert_close("loss", &[cut.loss], &[whole.loss], 1e-5);
            }
        });
    }
}

/// Training of PEFT's adapters.
mod lora {
    use lobass_core::{Detail, LossEngine as _};

    use super::*;

    const CASES: [&str; 7] = [
        "llama-gqa",
        "llama-gqa-saved",
        "llama-biases",
        "llama-patterns",
        "llama-tied-head",
        "llama-tied-both",
        "qwen3-rslora",
    ];

    #[derive(Deserialize)]
    struct Expected {
        base: String,
        recipe: Recipe,
        rows: Vec<LossRow>,
        steps: Vec<Step>,
    }

    #[derive(Deserialize)]
    struct LossRow {
        #[serde(flatten)]
        row: Row,
        nll: Vec<f64>,
        merged_nll: Vec<f64>,
    }

    /// The loss of every token of a row but the first.
    fn losses(model: &Llama, row: &Row) -> Vec<f64> {
        let scored: Vec<bool> = (0..row.input_ids.len()).map(|token| token > 0).collect();
        let sequence = Sequence::from_scored_tokens(row.input_ids.clone(), &scored).unwrap();
        let losses = Engine::new(model.clone(), 1).losses(&[sequence], Detail::PerToken).unwrap();
        losses[0].per_token.iter().flatten().map(|&loss| f64::from(loss)).collect()
    }

    #[test]
    fn adapters_of_peft_have_its_losses() {
        for name in CASES {
            let dir = fixture("lora").join(name);
            let expected: Expected = read_json(&dir.join("expected.json"));
            let base = load(&expected.base);
            let model = AdapterCheckpoint::open(&dir).unwrap().apply(&base).unwrap();
            let merged = model.clone().merged();
            for (at, row) in expected.rows.iter().enumerate() {
                let what = format!("{name}, row {at}");
                assert_close(&what, &losses(&model, &row.row), &row.nll, TOLERANCE);
                assert_close(
                    &format!("{what}, merged"),
                    &losses(&merged, &row.row),
                    &row.merged_nll,
                    TOLERANCE,
                );
            }
            // The base is as it was, though both share its weights.
            let before = losses(&load(&expected.base), &expected.rows[0].row);
            assert_eq!(losses(&base, &expected.rows[0].row), before, "{name}");
        }
    }

    #[test]
    fn what_is_written_is_what_peft_writes() {
        // Patterns, and a head tied to a saved embedding, are read and never written.
        for name in ["llama-gqa", "llama-gqa-saved", "llama-biases", "llama-tied-head", "qwen3-rslora"] {
            let dir = fixture("lora").join(name);
            let expected: Expected = read_json(&dir.join("expected.json"));
            let adapter = AdapterCheckpoint::open(&dir).unwrap();
            let model = adapter.apply(&load(&expected.base)).unwrap();
            let out = tempfile::tempdir().unwrap();
            lobass_llama::save_adapter(&model, &adapter.config(), "base", out.path()).unwrap();
            let read = |dir: &std::path::Path| fs_err::read(dir.join("adapter_model.safetensors")).unwrap();
            let (ours, theirs) = (read(out.path()), read(&dir));
            let sorted = |bytes: &[u8]| {
                let tensors = SafeTensors::deserialize(bytes).unwrap();
                let mut tensors: Vec<_> = tensors
                    .tensors()
                    .into_iter()
                    .map(|(name, view)| (name, view.shape().to_vec(), view.data().to_vec()))
                    .collect();
                tensors.sort();
                tensors
            };
            assert!(sorted(&ours) == sorted(&theirs), "{name}");
            let again = AdapterCheckpoint::open(out.path()).unwrap();
            assert_eq!(again.config(), adapter.config(), "{name}");
        }
    }

    #[test]
    fn five_steps_of_every_adapter() {
        for name in CASES {
            let dir = fixture("lora").join(name);
            let expected: Expected = read_json(&dir.join("expected.json"));
            let sequences: Vec<Sequence> = expected.rows.iter().map(|row| row.row.sequence()).collect();
            let base = load(&expected.base);
            let case = Case {
                name: format!("lora {name}"),
                model: AdapterCheckpoint::open(&dir).unwrap().apply(&base).unwrap(),
                dir,
                prefix: "base_model.model.",
                recipe: &expected.recipe,
                steps: &expected.steps,
                objective: Objective::Sft(&sequences),
            };
            case.check();
        }
    }
}

/// Direct preference optimization, as TRL has it and with normalized log-ratios.
mod preference {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Deserialize)]
    struct Expected {
        recipe: Recipe,
        pairs: Vec<Sides>,
        losses: BTreeMap<String, Loss>,
    }

    #[derive(Deserialize)]
    struct Sides {
        chosen: Side,
        rejected: Side,
    }

    #[derive(Deserialize)]
    struct Side {
        #[serde(flatten)]
        row: Row,
        reference_log_prob: f64,
        policy_log_prob: f64,
    }

    #[derive(Deserialize)]
    struct Loss {
        beta: f64,
        pair_losses: Vec<f64>,
        margins: Vec<f64>,
        coefficients: Vec<[f64; 2]>,
        steps: Vec<Step>,
    }

    impl Sides {
        fn pair(&self) -> Pair {
            Pair {
                chosen: self.chosen.row.sequence(),
                rejected: self.rejected.row.sequence(),
                reference_chosen: -self.chosen.reference_log_prob,
                reference_rejected: -self.rejected.reference_log_prob,
            }
        }
    }

    /// The policy of a case: the checkpoint with the weights of a file.
    fn policy(name: &str) -> Llama {
        let model = load(name);
        let bytes = fs_err::read(fixture("dpo").join(name).join("policy.safetensors")).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let names: BTreeMap<u64, String> =
            model.parameter_names().into_iter().map(|(name, id)| (id.val(), name)).collect();
        let device = model.device();
        model.with_parameters(
            &mut |id, _| {
                let view = tensors.tensor(&names[&id.val()]).unwrap();
                let (values, _) = view.data().as_chunks::<4>();
                let values: Vec<f32> = values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
                let count = values.len();
                lobass_llama::host::tensor(values, [count], &device)
            },
            &|_| true,
        )
    }

    fn check(name: &str, loss: &str) {
        let dir = fixture("dpo").join(name);
        let expected: Expected = read_json(&dir.join("expected.json"));
        let found = &expected.losses[loss];
        let pairs: Vec<Pair> = expected.pairs.iter().map(Sides::pair).collect();
        let dpo = Dpo { beta: found.beta, normalized: loss == "normalized" };
        for (at, (pair, sides)) in pairs.iter().zip(&expected.pairs).enumerate() {
            let what = format!("{name}, {loss}, pair {at}");
            let of_pair = dpo.loss(pair, -sides.chosen.policy_log_prob, -sides.rejected.policy_log_prob);
            assert_close(&what, &[of_pair.loss], &[found.pair_losses[at]], 1e-6);
            assert_close(&what, &[of_pair.margin], &[found.margins[at]], 1e-6);
            // The fixture differentiates the mean, with respect to log-probabilities.
            let n = pairs.len() as f64;
            let slopes = [-of_pair.d_chosen / n, -of_pair.d_rejected / n];
            assert_close(&what, &slopes, &found.coefficients[at], 1e-6);
        }
        let case = Case {
            name: format!("{name}, {loss}"),
            dir: dir.join(loss),
            prefix: "",
            recipe: &expected.recipe,
            steps: &found.steps,
            model: policy(name),
            objective: Objective::Preference(&pairs, dpo),
        };
        case.check();
    }

    #[test]
    fn five_steps_of_dpo() {
        check("llama-gqa", "sigmoid");
        check("llama-tied", "sigmoid");
    }

    #[test]
    fn five_steps_of_normalized_dpo() {
        check("llama-gqa", "normalized");
        check("llama-tied", "normalized");
    }
}
