//! What models run on: a device of this machine, or one that workers will have.

use anyhow::{Context as _, bail};
use lobass_llama::{DeviceName, Dtype};

use crate::settings::ComputeSettings;

/// A device and a number format.
#[derive(Debug, Clone)]
pub(crate) struct Placement {
    /// The device's name, or its kind if it is elsewhere.
    pub(crate) device: String,
    pub(crate) dtype: Dtype,
    here: Option<DeviceName>,
}

impl Placement {
    /// A device of this machine, which is there, computes, and has the number format.
    pub(crate) fn here(compute: &ComputeSettings) -> anyhow::Result<Self> {
        let device = compute.device()?;
        let dtype = compute.dtype(&device)?;
        Ok(Self { device: device.to_string(), dtype, here: Some(device) })
    }

    /// A kind of device that other machines have.
    pub(crate) fn elsewhere(kind: &str, dtype: Option<Dtype>) -> Self {
        let default = if kind == "cuda" { Dtype::Bf16 } else { Dtype::F32 };
        Self { device: kind.to_owned(), dtype: dtype.unwrap_or(default), here: None }
    }

    /// The device of this machine for units that were planned for a kind of device and a number format.
    ///
    /// # Errors
    /// If another kind is named, or the device is not there.
    pub(crate) fn as_planned(planned: &str, dtype: &str, given: Option<&str>) -> anyhow::Result<Self> {
        let kind = |name: &str| name.split(':').next().unwrap_or_default().to_owned();
        let name = given.map_or_else(|| kind(planned), str::to_owned);
        if kind(&name) != kind(planned) {
            bail!("device `{name}`: expected one of kind {}, as was planned", kind(planned));
        }
        Self::here(&ComputeSettings { device: name, dtype: Some(dtype.to_owned()), threads: None })
    }

    /// The device, for what is to be computed here.
    pub(crate) fn device(&self) -> anyhow::Result<&DeviceName> {
        self.here.as_ref().with_context(|| format!("device `{}` is one of other machines", self.device))
    }
}
