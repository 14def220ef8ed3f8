//! `lobass try-device`: the test of a device, which other commands run in a separate process, since it may crash.

use lobass::device::Tried;
use lobass_core::readable::Labelled;
use lobass_model::{DeviceName, Dtype};

use crate::args::TryDeviceArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn try_device(args: &TryDeviceArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let device: DeviceName = args.device.parse()?;
    let trial = device.trial()?;
    let tried = Tried { name: trial.name, dtypes: trial.dtypes.iter().map(Dtype::to_string).collect() };
    let mut text = Labelled::default();
    text.line("device", device);
    text.line("name", tried.name.as_deref().unwrap_or("-"));
    text.line("computes in", tried.dtypes.join(", "));
    ui.result(text, &tried)?;
    Ok(Outcome::Done)
}
