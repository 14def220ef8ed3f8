//! A job for workers.

use std::path::PathBuf;

use anyhow::Context as _;
use lobass::model::Placement;
use lobass::model::{Model, check_pair};
use lobass::references;
use lobass::sequences::Sequences;
use lobass_core::Detail;
use lobass_run::{Job, WorkDir};

use crate::args::PlanArgs;
use crate::ui::Ui;

/// The models that workers are to score with.
pub(super) struct Models {
    pub(super) base: Model,
    reference: Option<Model>,
}

impl Models {
    pub(super) fn open(args: &PlanArgs, ui: &Ui) -> anyhow::Result<Self> {
        let placement = Placement::elsewhere(args.job.device_kind(), args.job.dtype);
        // What is not here may be a model of the hub, whose name is good everywhere.
        let absolute = |model: &PathBuf| match model.exists() {
            true => std::path::absolute(model).with_context(|| format!("model `{}`", model.display())),
            false => Ok(model.clone()),
        };
        let base = Model::open_on("base", &absolute(&args.base)?, placement, ui.runtime())?;
        let tuned = args.job.tuned().map(absolute).transpose()?;
        let reference = tuned.map(|dir| base.open_tuned("reference", &dir, ui.runtime())).transpose()?;
        Ok(Self { base, reference })
    }

    pub(super) fn check(&self, sequences: &Sequences, ui: &Ui) -> anyhow::Result<()> {
        if let Some(reference) = &self.reference {
            check_pair(&self.base, reference, sequences.encoder.tokenizer(), ui.runtime())?;
        }
        Ok(())
    }

    /// Where the tuned model is, if there is one.
    pub(super) fn tuned(&self) -> Option<&std::path::Path> {
        self.reference.as_ref().map(Model::dir)
    }

    pub(super) fn job(
        &self,
        args: &PlanArgs,
        sequences: &Sequences,
        work: &WorkDir,
        ui: &Ui,
    ) -> anyhow::Result<Job> {
        let detail = if args.job.per_token { Detail::PerToken } else { Detail::Sum };
        let further = references::further(&self.base, args.job.context.is_some(), args.job.brier, sequences)?;
        let reference = self.reference.as_ref();
        Ok(work.put_job(references::given(&self.base, reference, &further, work, detail, ui.runtime())?)?)
    }
}
