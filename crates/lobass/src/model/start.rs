//! Whether a model can be what a training starts from.

use lobass_core::{DeviceKind, Dtype, Observer as _};

use super::Model;
use crate::error::{Result, bail};
use crate::runtime::Runtime;
use crate::settings::TrainSettings;

impl Model {
    /// Checks that the model can be what a training starts from, and notes if all weights are trained in another format
    /// than the default of the device.
    ///
    /// # Errors
    /// If all weights are to be trained, and the base is rounded, there is a limit on memory, or a format was asked for
    /// that they are not trained in.
    pub(crate) fn check_start(&self, train: &TrainSettings, runtime: &Runtime) -> Result<()> {
        if train.adapter().is_some() {
            return Ok(());
        }
        let base = &self.key.path;
        if let Some(rounding) = self.key.rounding {
            bail!(
                Model,
                "base `{base}`: expected an adapter to train on a base that is rounded to {rounding}, found a training of \
                 all weights (`--method lora` trains an adapter)"
            );
        }
        if self.placement.memory.is_some() {
            bail!(
                Model,
                "base `{base}`: expected an adapter to train within a limit on memory, found a training of all weights, \
                 which holds them whole (`--method lora` trains an adapter)"
            );
        }
        let (device, dtype) = (self.placement.device, self.placement.dtype);
        let is_mixed = device.kind == DeviceKind::Cpu && dtype == Dtype::Bf16;
        if dtype == Dtype::F32 || is_mixed || train.products.is_some() {
            return Ok(());
        }
        if self.placement.is_asked {
            bail!(
                Settings,
                "training all weights on `{device}`: expected `--dtype f32`, found {dtype}, which they are not trained in \
                 there (`--products f32` trains in f32 and scores in {dtype}; `--method lora` trains an adapter over \
                 weights in {dtype})"
            );
        }
        runtime.note(&format!("{:16} all weights in f32; {dtype} is the format of scoring", "train"));
        Ok(())
    }

    /// Refuses an arithmetic of scoring where models are trained, or gradients are taken.
    ///
    /// # Errors
    /// If it is not plain.
    pub(crate) fn check_plain(&self) -> Result<()> {
        let arithmetic = self.placement.arithmetic;
        if arithmetic.is_plain() {
            return Ok(());
        }
        bail!(
            Settings,
            "expected `--arithmetic plain`, found {arithmetic}: this trains models or takes gradients, and only scoring \
             splits activations (`--products bf16` trains with products in bf16)"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use lobass_core::{ModelRole, Observer, Rounding, StageProgress};

    use super::super::Placement;
    use super::*;
    use crate::settings::Method;

    /// Keeps all lines.
    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Observer for Heard {
        fn note(&self, line: &str) {
            self.0.lock().unwrap().push(line.to_owned());
        }

        fn warn(&self, line: &str) {
            self.note(line);
        }

        fn progress(&self, _: &StageProgress<'_>) {}

        fn is_interrupted(&self) -> bool {
            false
        }
    }

    #[test]
    fn no_format_is_trained_in_that_was_not_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let base = lobass_demo::unpack(dir.path()).unwrap().base;
        let heard = Arc::new(Heard::default());
        let runtime = Runtime::new(Arc::clone(&heard) as Arc<dyn Observer>);
        let check = |kind: DeviceKind, dtype: Option<Dtype>, train: &TrainSettings| {
            let placement = Placement::elsewhere(kind, dtype, None::<Rounding>);
            let model = Model::open_on(ModelRole::Base, &base, placement, &runtime).unwrap();
            heard.0.lock().unwrap().clear();
            model.check_start(train, &runtime)
        };
        let full = TrainSettings::default();
        let half = [Some(Dtype::Bf16), Some(Dtype::F16)];
        let said = || heard.0.lock().unwrap().join("\n");
        for (kind, dtype) in
            [(DeviceKind::Cuda, half[0]), (DeviceKind::Vulkan, half[1]), (DeviceKind::Cpu, half[1])]
        {
            let error = check(kind, dtype, &full).unwrap_err().to_string();
            for words in ["training all weights on", "expected `--dtype f32`, found", "--products f32"] {
                assert!(error.contains(words), "{words}: {error}");
            }
            let in_f32 = TrainSettings { products: Some(Dtype::F32), ..full.clone() };
            check(kind, dtype, &in_f32).unwrap();
            let adapter = TrainSettings { method: Method::Lora, ..full.clone() };
            check(kind, dtype, &adapter).unwrap();
            assert_eq!(said(), "", "as was asked for");
        }
        check(DeviceKind::Cuda, None, &full).unwrap();
        assert!(said().contains("all weights in f32; bf16 is the format of scoring"), "{}", said());
        for (kind, dtype) in [(DeviceKind::Cuda, Some(Dtype::F32)), (DeviceKind::Cpu, half[0])] {
            check(kind, dtype, &full).unwrap();
            assert_eq!(said(), "");
        }
    }
}
