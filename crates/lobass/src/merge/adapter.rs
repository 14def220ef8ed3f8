//! Merging one adapter into its base.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lobass_core::Observer as _;
use lobass_core::readable::Labelled;
use lobass_data::brought_template;
use lobass_model::{Dtype, Rounding};
use serde::Serialize;

use crate::error::Result;
use crate::missing::Missing;
use crate::model::{Model, check_record, find_adapter};
use crate::outputs;
use crate::runtime::Runtime;
use crate::settings::ComputeSettings;

/// An adapter that is to be merged into its base.
#[derive(Debug, Clone)]
pub struct MergeJob<'a> {
    /// The base: a checkpoint directory or a hub id.
    pub base: &'a Path,
    /// The adapter.
    pub adapter: &'a Path,
    /// The number format of the merged weights; `None` takes that of the base.
    pub dtype: Option<Dtype>,
    /// The format that the weights of the base are rounded to before the adapter is added.
    pub quantize_base: Option<Rounding>,
    /// The directory of the checkpoint.
    pub out: &'a Path,
}

/// The report of a merged checkpoint.
#[derive(Debug, Clone, Serialize)]
pub struct MergeReport {
    /// The directory of the checkpoint.
    pub checkpoint: PathBuf,
    /// The number format of its weights.
    pub dtype: String,
}

impl MergeJob<'_> {
    /// Writes the checkpoint. It gets the adapter's chat template, if the adapter has one.
    ///
    /// # Errors
    /// If `out` is not empty, the adapter was trained on another base, or a file cannot be read or written.
    pub fn run(&self, runtime: &Runtime) -> Result<MergeReport> {
        Missing::default().model("base", self.base).model("adapter", self.adapter).end()?;
        let adapter = find_adapter(self.adapter, runtime)?;
        outputs::check_empty(self.out)?;
        let compute = ComputeSettings { quantize_base: self.quantize_base, ..ComputeSettings::default() };
        let base = Model::open_as("base", self.base, &compute, runtime)?;
        check_record(&base, &adapter.dir)?;
        let tuned = base.open_tuned("adapter", self.adapter, runtime)?;
        let dtype = self.dtype.unwrap_or(base.checkpoint.dtype());
        let merged = tuned.load()?.merged();
        let checkpoint = Arc::clone(&base.checkpoint);
        checkpoint.save_successor(&merged, dtype, self.out)?;
        // The merged model has the template that the adapter was trained with. The file goes before one in a config.
        let template = brought_template(&adapter.dir)?;
        let of_base = brought_template(base.dir()).ok().flatten();
        if let Some(template) = template.filter(|own| of_base.as_ref() != Some(own)) {
            lobass_files::write_whole(&self.out.join("chat_template.jinja"), template.as_bytes())?;
            runtime.note(&format!("{:16} that of `{}`", "template", self.adapter.display()));
        }
        Ok(MergeReport { checkpoint: self.out.to_owned(), dtype: dtype.to_string() })
    }
}

impl fmt::Display for MergeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Labelled::default();
        text.line("checkpoint", self.checkpoint.display());
        text.line("weights", format!("{}, with the adapter merged", self.dtype));
        text.fmt(f)
    }
}
