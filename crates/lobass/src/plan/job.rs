//! A job for workers: the models that score a plan.

use std::path::{Path, PathBuf};

use lobass_core::{Arithmetic, Detail, DeviceKind, Dtype, ModelRole, Rounding};
use lobass_run::{Job, WorkDir};

use crate::error::{Context as _, Result};
use crate::model::{Model, Placement, check_pair};
use crate::null::open_null;
use crate::references::{further, given};
use crate::runtime::Runtime;
use crate::sequences::Sequences;

/// Settings of a job for workers: its models, and the losses that they compute.
#[derive(Debug, Clone)]
pub struct JobSettings<'a> {
    /// The kind of device of the workers.
    pub device: DeviceKind,
    /// The number format of the weights; `None` is bf16 on `cuda`, else f32.
    pub dtype: Option<Dtype>,
    /// The arithmetic of products.
    pub arithmetic: Arithmetic,
    /// The format that the weights of an adapter's base are rounded to.
    pub quantize_base: Option<Rounding>,
    /// The reference: a checkpoint or an adapter. `None` scores with the base alone.
    pub reference: Option<&'a Path>,
    /// The null model: a checkpoint or an adapter that was trained on responses without their prompts.
    pub null: Option<&'a Path>,
    /// Whether the loss of every scored token is kept.
    pub per_token: bool,
    /// Whether the base also scores responses without their prompts.
    pub unconditional: bool,
    /// Whether the base also computes the Brier loss.
    pub brier: bool,
}

/// The models of a job.
pub(super) struct Models {
    pub(super) base: Model,
    reference: Option<Model>,
}

impl Models {
    pub(super) fn open(base: &Path, job: &JobSettings<'_>, runtime: &Runtime) -> Result<Self> {
        let placement =
            Placement::elsewhere(job.device, job.dtype, job.quantize_base).computing_by(job.arithmetic)?;
        let base = Model::open_on(ModelRole::Base, &absolute(base)?, placement, runtime)?;
        let tuned = job.reference.map(absolute).transpose()?;
        let reference = tuned.map(|dir| base.open_tuned(ModelRole::REFERENCE, &dir, runtime)).transpose()?;
        Ok(Self { base, reference })
    }

    pub(super) fn check(&self, sequences: &Sequences, runtime: &Runtime) -> Result<()> {
        match &self.reference {
            Some(reference) => check_pair(&self.base, reference, sequences.encoder.tokenizer(), runtime),
            None => Ok(()),
        }
    }

    /// The directory of the reference, if there is one.
    pub(super) fn tuned(&self) -> Option<&Path> {
        self.reference.as_ref().map(Model::dir)
    }

    /// Writes the job into a work directory.
    pub(super) fn job(
        &self,
        job: &JobSettings<'_>,
        sequences: &Sequences,
        work: &WorkDir,
        runtime: &Runtime,
    ) -> Result<Job> {
        let detail = if job.per_token { Detail::PerToken } else { Detail::Sum };
        let (base, reference) = (&self.base, self.reference.as_ref());
        let further = further(base, job.unconditional, job.brier, sequences)?;
        let null = job.null.map(absolute).transpose()?;
        let null = null.map(|dir| open_null(base, &dir, sequences, runtime)).transpose()?;
        let seal = given(base, reference, &further, null.as_ref(), work, detail, runtime)?;
        Ok(work.put_job(seal)?)
    }
}

/// An absolute path. A missing path may be a hub id, which is valid on every machine.
fn absolute(model: &Path) -> Result<PathBuf> {
    match model.exists() {
        true => std::path::absolute(model).with_context(|| format!("model `{}`", model.display())),
        false => Ok(model.to_owned()),
    }
}
