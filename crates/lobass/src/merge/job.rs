//! Several fine-tuned models become one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lobass_core::Observer as _;
use lobass_merge::{MergeFile, Merger, Recipe};
use lobass_model::{Dtype, Rounding};

use super::alike;
use super::inputs::Inputs;
use super::record::{MergeOutcome, MergeRecord};
use super::report::MergeModelsReport;
use super::staging::Staging;
use super::tensors::Tensors;
use crate::error::{Context as _, Error, Result, bail};
use crate::runtime::Runtime;

/// Fine-tuned models that are to become one.
#[derive(Debug, Clone)]
pub struct MergeModelsJob {
    /// The model that they were fine-tuned from. Adapters, task arithmetic, and resampling need it. With a base, the
    /// record says what each model changed.
    pub base: Option<PathBuf>,
    /// The models: checkpoints, adapters on the base, or `base+adapter`.
    pub models: Vec<PathBuf>,
    /// The method, and the weight of each model.
    pub recipe: Recipe,
    /// The number format of the result; `None` takes that of the base, or of the first model.
    pub dtype: Option<Dtype>,
    /// The format that the weights of a base are rounded to before adapters are added.
    pub quantize_base: Option<Rounding>,
}

impl MergeModelsJob {
    /// The job of a config of mergekit.
    ///
    /// # Errors
    /// If the file cannot be read, or asks for what lobass does not compute.
    pub fn from_file(path: &Path) -> Result<Self> {
        let place = || format!("merge config `{}`", path.display());
        let text = fs_err::read_to_string(path)?;
        let file = MergeFile::read(&text).map_err(Error::from).with_context(place)?;
        Ok(Self {
            base: file.base.as_ref().map(PathBuf::from),
            models: file.models.iter().map(|input| PathBuf::from(&input.model)).collect(),
            recipe: file.recipe(),
            dtype: file.dtype,
            quantize_base: None,
        })
    }

    /// Writes the merged checkpoint with config and tokenizer, and `lobass-merge.json` beside the weights. It needs the
    /// memory of one tensor of the result and a few rows of each model. If `out` already holds this very merge, nothing
    /// is done.
    ///
    /// # Errors
    /// If the recipe cannot be computed, the models have other tensors or tokens than each other, a tensor of the result
    /// is not finite, or `out` is not empty.
    pub fn run(&self, out: &Path, runtime: &Runtime) -> Result<MergeModelsReport> {
        self.check()?;
        let inputs = Inputs::open(self.base.as_deref(), &self.models, self.quantize_base, runtime)?;
        let dtype = self.dtype.unwrap_or(inputs.home().checkpoint().dtype());
        let record = MergeRecord::new(&inputs, &self.recipe, dtype, self.quantize_base);
        if let Some(found) = MergeRecord::read(out)?.filter(|found| found.is_same(&record)) {
            runtime.note(&format!("{:16} done before: {}", "merge", out.display()));
            return Ok(MergeModelsReport { checkpoint: out.to_owned(), record: found });
        }
        alike::check(&inputs, runtime)?;
        let template = alike::template(&inputs, runtime)?;
        let merger = Merger::new(self.recipe.clone(), dtype)?;
        let staging = Staging::begin(out, &record)?;
        let tensors = Tensors::new(&inputs, &merger, runtime);
        let home = inputs.home().checkpoint();
        home.save_streamed(&|spec| tensors.bytes(spec), dtype, &staging.dir)?;
        let changes = match tensors.into_groups() {
            Ok(changes) => changes,
            Err(error) => {
                staging.discard()?;
                return Err(error);
            }
        };
        if let Some(template) = template {
            lobass_files::write_whole(&staging.dir.join("chat_template.jinja"), template.as_bytes())?;
            runtime.note(&format!("{:16} that of the models", "template"));
        }
        let changes = if inputs.base.is_some() { changes } else { BTreeMap::default() };
        let outcome = MergeOutcome { n_tensors: home.tensors().len(), changes };
        let record = MergeRecord { outcome: Some(outcome), ..record };
        record.write(&staging.dir)?;
        staging.finish()?;
        Ok(MergeModelsReport { checkpoint: out.to_owned(), record })
    }

    fn check(&self) -> Result<()> {
        if self.models.len() != self.recipe.weights.len() {
            let (models, weights) = (self.models.len(), self.recipe.weights.len());
            bail!(Settings, "expected a weight for each of {models} models, found {weights} weights");
        }
        self.recipe.check()?;
        if self.recipe.method.needs_base() && self.base.is_none() {
            let method = self.recipe.method.name();
            let what =
                if method == lobass_merge::MethodName::ParameterSelection { " with resampling" } else { "" };
            bail!(
                Settings,
                "merge method `{method}`{what} needs the base that the models were fine-tuned from"
            );
        }
        Ok(())
    }
}
