//! Arguments for devices, number formats, and threads.

use clap::Args;
use lobass::settings::ComputeSettings;
use lobass_core::{Arithmetic, MemoryLimit};
use lobass_model::Backend;
use lobass_model::{DeviceName, Dtype, Rounding};

use super::words;

/// Arguments for devices, number formats, and threads.
#[derive(Debug, Args)]
#[command(next_help_heading = "Compute")]
pub(crate) struct ComputeArgs {
    #[arg(long, value_name = "DEVICE", value_parser = check_device, help = help())]
    device: Option<String>,
    /// The number format of weights in scoring, and of frozen weights under LoRA; trained weights are f32. On cards
    /// also that of values between operations [default: bf16 on `cuda` and `vulkan` cards that compute in it, else f32]
    #[arg(long, value_name = "DTYPE", value_parser = words::<Dtype>(&["f32", "bf16", "f16"]))]
    dtype: Option<Dtype>,
    /// The arithmetic of scoring in f32 on the processor, for weights stored in bf16: `plain` multiplies in f32, `split2`
    /// and `split3` multiply activations as sums of two or three bf16 values. `split3` is as accurate as `plain`; both are
    /// faster on processors with AMX [default: plain]
    #[arg(long, value_name = "HOW", value_parser = words::<Arithmetic>(&ARITHMETICS))]
    arithmetic: Option<Arithmetic>,
    /// Round the weights of an adapter's base, as QLoRA training does: `nf4` as bitsandbytes rounds them with double
    /// quantization, `nf4-single` without [default: weights as they are stored]
    #[arg(long, value_name = "FORMAT", value_parser = words::<Rounding>(&ROUNDINGS))]
    quantize_base: Option<Rounding>,
    /// Worker threads; results do not depend on it [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

/// The limit on memory.
#[derive(Debug, Args)]
#[command(next_help_heading = "Compute")]
pub(crate) struct MemoryArgs {
    /// Stay within this memory, as in `4GiB`: the layers of a model that does not fit are read from disk one by one, in
    /// scoring and in training with LoRA (on `cpu`) [default: whole models in memory]
    #[arg(long, value_name = "SIZE")]
    memory: Option<MemoryLimit>,
}

impl MemoryArgs {
    /// Whether the flag is given.
    pub(crate) fn is_given(&self) -> bool {
        self.memory.is_some()
    }

    pub(crate) fn apply(&self, settings: &mut ComputeSettings) {
        settings.memory = self.memory.or(settings.memory);
    }
}

/// The names of all arithmetics.
pub(super) const ARITHMETICS: [&str; 3] =
    [Arithmetic::Plain.name(), Arithmetic::Split2.name(), Arithmetic::Split3.name()];

/// The names of all formats that a base is rounded to.
pub(super) const ROUNDINGS: [&str; 2] = [Rounding::Nf4.name(), Rounding::Nf4Single.name()];

pub(super) fn check_device(text: &str) -> Result<String, lobass_model::Error> {
    text.parse::<DeviceName>().map(|_| text.to_owned())
}

impl ComputeArgs {
    /// A flag that is given, if one is.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let flags = [
            (self.device.is_some(), "--device"),
            (self.dtype.is_some(), "--dtype"),
            (self.arithmetic.is_some(), "--arithmetic"),
            (self.quantize_base.is_some(), "--quantize-base"),
            (self.threads.is_some(), "--threads"),
        ];
        flags.into_iter().find_map(|(is_given, flag)| is_given.then_some(flag))
    }

    pub(crate) fn apply(&self, settings: &mut ComputeSettings) {
        if let Some(device) = &self.device {
            settings.device.clone_from(device);
        }
        if let Some(dtype) = self.dtype {
            settings.dtype = Some(dtype.to_string());
        }
        settings.arithmetic = self.arithmetic.unwrap_or(settings.arithmetic);
        settings.quantize_base = self.quantize_base.or(settings.quantize_base);
        settings.threads = self.threads.map(usize::from).or(settings.threads);
    }
}

/// The devices that this build has, for the help.
fn help() -> String {
    let built: Vec<&str> =
        Backend::ALL.into_iter().filter(|backend| backend.is_built()).map(Backend::name).collect();
    match built.as_slice() {
        [] => "The device; this build has `cpu` [default: cpu]".to_owned(),
        names => {
            let cards: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!(
                "The device: `cpu`, or a graphics card, by number if there are several, as in `{}:1`; this build \
                 has {} [default: cpu]",
                names[0],
                cards.join(" and ")
            )
        }
    }
}
