//! The device and the number format of a model: on this machine, or on the machines of workers.

use lobass_core::{Arithmetic, DeviceId, DeviceKind, Dtype, MemoryLimit, Rounding};
use lobass_model::DeviceName;
use lobass_run::ModelKey;

use crate::error::{Context as _, Error, Result, bail};
use crate::runtime::Runtime;
use crate::settings::ComputeSettings;

/// A device and a number format.
#[derive(Debug, Clone)]
pub(crate) struct Placement {
    /// The device; of one of another machine, its kind.
    pub(crate) device: DeviceId,
    /// The number format of the weights.
    pub(crate) dtype: Dtype,
    /// Whether that format was asked for; else it is the default of the device.
    pub(super) is_asked: bool,
    /// The arithmetic of products in scoring.
    pub(crate) arithmetic: Arithmetic,
    /// The format that the weights of a base are rounded to.
    pub(crate) rounding: Option<Rounding>,
    /// The memory that scoring may take.
    pub(super) memory: Option<MemoryLimit>,
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
        let id: DeviceId = device.to_string().parse().map_err(Error::Device)?;
        if compute.memory.is_some() && id.kind != DeviceKind::Cpu {
            bail!(Device, "device `{id}`: expected `cpu` with a limit on memory, which is the processor's");
        }
        let (arithmetic, rounding, memory) = (compute.arithmetic, compute.quantize_base, compute.memory);
        check_arithmetic(arithmetic, id, dtype)?;
        Ok(Self {
            device: id,
            dtype,
            is_asked: compute.dtype.is_some(),
            arithmetic,
            rounding,
            memory,
            here: Some(device),
        })
    }

    /// A kind of device of other machines. Without a number format, `cuda` has bf16 and others have f32.
    pub(crate) fn elsewhere(kind: DeviceKind, dtype: Option<Dtype>, rounding: Option<Rounding>) -> Self {
        let default = if kind == DeviceKind::Cuda { Dtype::Bf16 } else { Dtype::F32 };
        let device = DeviceId { kind, index: None };
        let is_asked = dtype.is_some();
        Self {
            device,
            dtype: dtype.unwrap_or(default),
            is_asked,
            arithmetic: Arithmetic::Plain,
            rounding,
            memory: None,
            here: None,
        }
    }

    /// This device with an arithmetic of products.
    ///
    /// # Errors
    /// If nothing would compute in it.
    pub(crate) fn computing_by(self, arithmetic: Arithmetic) -> Result<Self> {
        check_arithmetic(arithmetic, self.device, self.dtype)?;
        Ok(Self { arithmetic, ..self })
    }

    /// The device of this machine for units of a base that were planned for a kind of device and a number format.
    ///
    /// # Errors
    /// If another kind is named, or the device is not there.
    pub(crate) fn as_planned(base: &ModelKey, given: Option<&str>, runtime: &Runtime) -> Result<Self> {
        let planned = base.device;
        let name = given.map_or_else(|| planned.kind.to_string(), str::to_owned);
        if !name.parse::<DeviceId>().is_ok_and(|device| device.kind == planned.kind) {
            bail!(Device, "device `{name}`: expected one of kind {}, as was planned", planned.kind);
        }
        let (dtype, quantize_base) = (Some(base.dtype.to_string()), base.rounding);
        let arithmetic = base.arithmetic;
        let compute =
            ComputeSettings { device: name, dtype, arithmetic, quantize_base, ..ComputeSettings::default() };
        Self::here(&compute, runtime)
    }

    /// The device of this machine.
    ///
    /// # Errors
    /// If the device is on another machine.
    pub(crate) fn device(&self) -> Result<&DeviceName> {
        self.here.as_ref().with_context(|| format!("device `{}` is on another machine", self.device))
    }
}

/// Refuses an arithmetic that nothing would compute in.
///
/// # Errors
/// If activations are to be split on a card, or in another format than f32.
fn check_arithmetic(arithmetic: Arithmetic, device: DeviceId, dtype: Dtype) -> Result<()> {
    if arithmetic.is_plain() || (device.kind == DeviceKind::Cpu && dtype == Dtype::F32) {
        return Ok(());
    }
    bail!(
        Device,
        "arithmetic {arithmetic}: expected `--device cpu --dtype f32`, since it splits f32 activations on the processor; \
         found `--device {device} --dtype {dtype}`"
    )
}
