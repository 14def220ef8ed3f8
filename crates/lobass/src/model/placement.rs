//! The device and the number format of a model: on this machine, or on the machines of workers.

use lobass_llama::{DeviceName, Dtype};

use crate::error::{Context as _, Result, bail};
use crate::runtime::Runtime;
use crate::settings::ComputeSettings;

/// A device and a number format.
#[derive(Debug, Clone)]
pub(crate) struct Placement {
    /// The name of the device; for one of another machine, its kind.
    pub(crate) device: String,
    /// The number format of the weights.
    pub(crate) dtype: Dtype,
    /// The device, if it is one of this machine.
    here: Option<DeviceName>,
}

impl Placement {
    /// A device of this machine.
    ///
    /// # Errors
    /// If it is missing, does not compute, or lacks the number format.
    pub(crate) fn here(compute: &ComputeSettings, runtime: &Runtime) -> Result<Self> {
        let device = compute.device(runtime)?;
        let dtype = compute.dtype(&device)?;
        Ok(Self { device: device.to_string(), dtype, here: Some(device) })
    }

    /// A kind of device of other machines. Without a number format, `cuda` has bf16 and others have f32.
    pub(crate) fn elsewhere(kind: &str, dtype: Option<Dtype>) -> Self {
        let default = if kind == "cuda" { Dtype::Bf16 } else { Dtype::F32 };
        Self { device: kind.to_owned(), dtype: dtype.unwrap_or(default), here: None }
    }

    /// The device of this machine for units that were planned for a kind of device and a number format.
    ///
    /// # Errors
    /// If another kind is named, or the device is not there.
    pub(crate) fn as_planned(
        planned: &str,
        dtype: &str,
        given: Option<&str>,
        runtime: &Runtime,
    ) -> Result<Self> {
        let kind = |name: &str| name.split(':').next().unwrap_or_default().to_owned();
        let name = given.map_or_else(|| kind(planned), str::to_owned);
        if kind(&name) != kind(planned) {
            bail!(Device, "device `{name}`: expected one of kind {}, as was planned", kind(planned));
        }
        Self::here(&ComputeSettings { device: name, dtype: Some(dtype.to_owned()), threads: None }, runtime)
    }

    /// The device of this machine.
    ///
    /// # Errors
    /// If the device is on another machine.
    pub(crate) fn device(&self) -> Result<&DeviceName> {
        self.here.as_ref().with_context(|| format!("device `{}` is on another machine", self.device))
    }
}
