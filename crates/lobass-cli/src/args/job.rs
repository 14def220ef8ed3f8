//! Arguments for a job of planned work.

use std::path::PathBuf;

use clap::Args;
use lobass_core::{Arithmetic, DeviceId, DeviceKind, Dtype, Rounding};

use super::compute::{ARITHMETICS, ROUNDINGS};
use super::score::FurtherContext;
use super::words;

/// Arguments for a job: the table that workers compute.
#[derive(Debug, Args)]
#[command(next_help_heading = "Job")]
pub(crate) struct JobArgs {
    /// Make a job for workers: the losses of the base and of this fine-tuned checkpoint
    #[arg(long, value_name = "MODEL", requires = "work", group = "job_models")]
    pub(crate) reference: Option<PathBuf>,
    /// Make a job for workers: the losses of the base and of the base with this adapter
    #[arg(long, value_name = "MODEL", requires = "work", group = "job_models")]
    pub(crate) adapter: Option<PathBuf>,
    /// Make a job for workers: the losses of the base only
    #[arg(long, requires = "work", group = "job_models")]
    pub(crate) base_only: bool,
    /// The job also has the losses of responses without their prompts under this null model
    #[arg(long, value_name = "MODEL", requires = "job_models")]
    pub(crate) null: Option<PathBuf>,
    /// The job keeps the loss of every scored token as well
    #[arg(long, requires = "job_models")]
    pub(crate) per_token: bool,
    /// The job also has the losses of responses without their prompts under the base
    #[arg(long, value_enum, value_name = "CONTEXT", requires = "job_models")]
    pub(crate) context: Option<FurtherContext>,
    /// The job also has the Brier losses of responses under the base
    #[arg(long, requires = "job_models")]
    pub(crate) brier: bool,
    /// The kind of device that workers will have, and the device that `--measure` measures [default: cpu]
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<DeviceId>,
    /// The number format that models will run in, and are measured in [default: bf16 on cuda, else f32]
    #[arg(long, value_name = "DTYPE", value_parser = words::<Dtype>(&["f32", "bf16", "f16"]))]
    pub(crate) dtype: Option<Dtype>,
    /// The arithmetic in f32 on processors, for weights stored in bf16: in f32, or with activations as sums of two or three
    /// bf16 values, which is faster on processors with AMX [default: plain]
    #[arg(long, value_name = "HOW", requires = "job_models", value_parser = words::<Arithmetic>(&ARITHMETICS))]
    pub(crate) arithmetic: Option<Arithmetic>,
    /// The job rounds the weights of the adapter's base, as QLoRA training does [default: weights as they are stored]
    #[arg(long, value_name = "FORMAT", requires = "job_models", value_parser = words::<Rounding>(&ROUNDINGS))]
    pub(crate) quantize_base: Option<Rounding>,
}

impl JobArgs {
    /// The fine-tuned model, whichever way it is given.
    pub(crate) fn tuned(&self) -> Option<&PathBuf> {
        self.reference.as_ref().or(self.adapter.as_ref())
    }

    /// The kind of device that workers will have.
    pub(crate) fn device_kind(&self) -> DeviceKind {
        self.device.map_or(DeviceKind::Cpu, |device| device.kind)
    }

    /// Whether a job is asked for.
    pub(crate) fn is_asked_for(&self) -> bool {
        self.base_only || self.tuned().is_some()
    }
}
