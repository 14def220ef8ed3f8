//! Arguments of `lobass merge`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use lobass::merge::MergeModelsJob;
use lobass_merge::{Method, MethodName, Recipe};
use lobass_model::{Dtype, Rounding};

use super::given::given;
use super::{compute, described, words};

const METHODS: [(&str, &str); 3] = [
    ("linear", "The weighted mean of the models"),
    ("task-arithmetic", "The base, and the weighted sum of what each model changed"),
    ("parameter-selection", "Each parameter from one of the models, drawn by their weights"),
];

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["adapter", "models", "config"]))]
#[command(after_help = "Examples:\n  \
    lobass merge --base base --adapter adapter --out merged\n  \
    lobass merge --models runs/order0 runs/order1 runs/order2 --out merged\n  \
    lobass merge --base base --models adapter0 adapter1 --method parameter-selection --resample --out merged\n  \
    lobass merge --config merge.yml --out merged")]
pub(crate) struct MergeArgs {
    /// The checkpoint that the models or adapters were fine-tuned from
    #[arg(long, value_name = "MODEL")]
    pub(crate) base: Option<PathBuf>,
    /// One adapter to merge into the base: a directory with `adapter_config.json` and `adapter_model.safetensors`
    #[arg(long, value_name = "MODEL", requires = "base")]
    pub(crate) adapter: Option<PathBuf>,
    /// The models to merge: checkpoints, adapters on the base, or `base+adapter`
    #[arg(long, value_name = "MODEL", num_args = 1..)]
    models: Vec<PathBuf>,
    /// A config of mergekit with the models and the method, in YAML
    #[arg(long, value_name = "FILE", conflicts_with_all = ["base", "method", "weights", "normalize", "lambda", "resample", "seed", "quantize_base"])]
    config: Option<PathBuf>,
    /// The checkpoint directory to write
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The number format of the weights [default: the base's, or the first model's]
    #[arg(long, value_name = "DTYPE", value_parser = words::<Dtype>(&["f32", "bf16", "f16"]))]
    pub(crate) dtype: Option<Dtype>,
    /// Round the weights of the base before adapters are added, as their QLoRA training did [default: weights as they are
    /// stored]
    #[arg(long, value_name = "FORMAT", value_parser = words::<Rounding>(&compute::ROUNDINGS))]
    pub(crate) quantize_base: Option<Rounding>,
    #[command(flatten)]
    recipe: RecipeOfMerge,
}

/// How several models become one.
#[derive(Debug, Args)]
#[command(next_help_heading = "Several models")]
struct RecipeOfMerge {
    /// How models become one [default: linear]
    #[arg(long, value_name = "NAME", requires = "models", value_parser = described::<MethodName>(&METHODS))]
    method: Option<MethodName>,
    /// The weight of each model, in their order [default: 1 each]
    #[arg(long, value_name = "WEIGHT", num_args = 1.., requires = "models", allow_negative_numbers = true)]
    weights: Vec<f64>,
    /// Divide weights by their sum [default: true for linear, false for task-arithmetic]
    #[arg(long, value_name = "YES", requires = "models")]
    normalize: Option<bool>,
    /// The factor of what models changed, for task-arithmetic [default: 1]
    #[arg(long, value_name = "FACTOR", requires = "models", allow_negative_numbers = true)]
    lambda: Option<f64>,
    /// Draw again where the drawn model has the base's value, until one differs, for parameter-selection
    #[arg(long, requires = "models")]
    resample: bool,
    /// The seed of the draws, for parameter-selection [default: 0]
    #[arg(long, value_name = "SEED", requires = "models")]
    seed: Option<u64>,
}

impl MergeArgs {
    /// The merge of several models; `None` for one adapter.
    pub(crate) fn models(&self) -> anyhow::Result<Option<MergeModelsJob>> {
        let Self { base, models, config, dtype, quantize_base, recipe, .. } = self;
        if let Some(config) = config {
            let job = MergeModelsJob::from_file(config)?;
            return Ok(Some(MergeModelsJob { dtype: dtype.or(job.dtype), ..job }));
        }
        if models.is_empty() {
            recipe.check_unused()?;
            return Ok(None);
        }
        let weights = match recipe.weights.is_empty() {
            true => vec![1.0; models.len()],
            false => recipe.weights.clone(),
        };
        Ok(Some(MergeModelsJob {
            base: base.clone(),
            models: models.clone(),
            recipe: Recipe { method: recipe.method()?, weights },
            dtype: *dtype,
            quantize_base: *quantize_base,
        }))
    }
}

impl RecipeOfMerge {
    /// Refuses every flag, since one adapter is merged without them. clap lets `requires = "models"` pass if `--adapter`
    /// is there, because the two exclude each other.
    fn check_unused(&self) -> anyhow::Result<()> {
        let flags = [
            ("--method", self.method.is_some()),
            ("--weights", !self.weights.is_empty()),
            ("--normalize", self.normalize.is_some()),
            ("--lambda", self.lambda.is_some()),
            ("--resample", self.resample),
            ("--seed", self.seed.is_some()),
        ];
        let given = given(&flags);
        anyhow::ensure!(
            given.is_empty(),
            "one adapter is merged whole: expected no {} beside `--adapter`; name the adapter with `--models` instead, or \
             leave the flag out",
            given.join(", ")
        );
        Ok(())
    }

    /// The method, with flags that it does not have refused.
    fn method(&self) -> anyhow::Result<Method> {
        use MethodName::{Linear, ParameterSelection, TaskArithmetic};
        let name = self.method.unwrap_or(Linear);
        let of_others = [
            (
                "--normalize",
                self.normalize.is_some(),
                name != ParameterSelection,
                "linear` and `task-arithmetic",
            ),
            ("--lambda", self.lambda.is_some(), name == TaskArithmetic, "task-arithmetic"),
            ("--resample", self.resample, name == ParameterSelection, "parameter-selection"),
            ("--seed", self.seed.is_some(), name == ParameterSelection, "parameter-selection"),
        ];
        for (flag, is_given, has_effect, methods) in of_others {
            if is_given && !has_effect {
                let name = name.name().replace('_', "-");
                anyhow::bail!("`{flag}` only applies to the method `{methods}`, found `{name}`");
            }
        }
        Ok(match name {
            Linear => Method::Linear { normalize: self.normalize.unwrap_or(true) },
            TaskArithmetic => {
                let (normalize, lambda) = (self.normalize.unwrap_or(false), self.lambda.unwrap_or(1.0));
                Method::TaskArithmetic { normalize, lambda }
            }
            ParameterSelection => {
                Method::ParameterSelection { resample: self.resample, seed: self.seed.unwrap_or(0) }
            }
        })
    }
}
