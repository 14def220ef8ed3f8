//! The tensors of an adapter's file in their roles, held against the base.

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use super::PREFIX;
use super::config::{is_saved, scale};
use super::modules::Modules;
use super::peft::PeftConfig;
use super::targets::Targets;
use crate::DecoderSpec;
use crate::checkpoint::{EMBEDDING, HEAD};
use crate::error::TensorProblem;
use crate::names::Wrapping;

/// The effect of an adapter on a base, by the names of its tensors.
#[derive(Debug)]
pub(super) struct Roles {
    /// By the path of the projection in files, without what a wrapper puts before it.
    pub(super) updates: BTreeMap<String, Update>,
    /// Weights that replace those of a module, by its path: the name in the file.
    pub(super) wholes: BTreeMap<String, String>,
    pub(super) problems: Vec<TensorProblem>,
    /// What the updates and weights are for.
    pub(super) modules: Modules,
    /// Tensors for what a wrapper has besides the model.
    pub(super) n_outside: usize,
}

/// One low-rank update.
#[derive(Debug, Default)]
pub(super) struct Update {
    /// The names in the file; empty until they are found.
    pub(super) a: String,
    pub(super) b: String,
    pub(super) rank: usize,
    pub(super) scale: f64,
}

impl Roles {
    /// Sorts the tensors of a file by what they do to a base of this config.
    ///
    /// # Errors
    /// A wrong pattern of ranks or alphas.
    pub(super) fn new(
        peft: &PeftConfig,
        targets: &Targets,
        tensors: &SafeTensors<'_>,
        base: &DecoderSpec,
    ) -> Result<Self, String> {
        let mut views = tensors.tensors();
        views.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        let modules = Modules::of(base);
        let wrapping = modules.wrapping(base, views.iter().filter_map(|(name, _)| module_of(name)));
        let mut roles = Self {
            updates: BTreeMap::new(),
            wholes: BTreeMap::new(),
            problems: Vec::new(),
            modules,
            n_outside: 0,
        };
        let around = Around { targets, base, wrapping };
        for (name, view) in views {
            roles.take(name, &view, &around);
        }
        roles.complete(peft, &around)?;
        roles.check_shapes(tensors, &around);
        Ok(roles)
    }

    fn take(&mut self, name: String, view: &TensorView<'_>, around: &Around<'_>) {
        let Around { targets, base, wrapping } = around;
        let outer = name.strip_prefix(PREFIX).unwrap_or_default();
        if base.names.is_carried(outer) {
            self.n_outside += 1;
            return;
        }
        if crate::dtype::from_safetensors(view.dtype()).is_none() || !matches!(view.shape().len(), 1 | 2) {
            self.problems.push(TensorProblem::Dtype { name, found: format!("{:?}", view.dtype()) });
            return;
        }
        let modules = &self.modules;
        let inner = wrapping.inner(outer.strip_suffix(".weight").unwrap_or_default()).unwrap_or_default();
        let half = |suffix: &str| {
            let path = inner.strip_suffix(suffix)?;
            (modules.projections.contains_key(path) && targets.has(&wrapping.outer(path)) != Some(false))
                .then(|| path.to_owned())
        };
        if let Some(path) = half(".lora_A") {
            self.updates.entry(path).or_default().a = name;
        } else if let Some(path) = half(".lora_B") {
            self.updates.entry(path).or_default().b = name;
        } else if modules.wholes.contains_key(&inner) {
            self.wholes.insert(inner, name);
        } else if let Some(path) =
            inner.strip_suffix(".modules_to_save").filter(|path| modules.wholes.contains_key(*path))
        {
            // PEFT writes it a second time under the shorter name.
            self.wholes.entry(path.to_owned()).or_insert(name);
        } else if !inner
            .strip_suffix(".original_module")
            .is_some_and(|path| modules.wholes.contains_key(path))
        {
            // The original of a module that is trained whole is not used, by PEFT neither.
            self.problems.push(TensorProblem::Unexpected { name, shape: view.shape().to_vec() });
        }
    }

    /// Adds what the config asks for and the file lacks, and ranks and scales.
    fn complete(&mut self, peft: &PeftConfig, around: &Around<'_>) -> Result<(), String> {
        let Around { targets, base, wrapping } = around;
        let modules = &self.modules;
        let is_target = |path: &&String| {
            let is_named = targets.has(&wrapping.outer(path)) == Some(true);
            is_named && !(targets.are_all() && modules.is_router(path))
        };
        for path in modules.projections.keys().filter(is_target) {
            self.updates.entry(path.clone()).or_default();
        }
        let saved = peft.modules_to_save.as_deref().unwrap_or_default();
        for (path, module) in &modules.wholes {
            let outer = wrapping.outer(path);
            let is_tied =
                peft.ensure_weight_tying && format!("{path}.weight") == base.names.stored_name(HEAD);
            if is_saved(saved, &outer) && !is_tied && !self.wholes.contains_key(path) {
                let (name, shape) = (format!("{PREFIX}{outer}.weight"), module.shape.clone());
                self.problems.push(TensorProblem::Missing { name, shape, near: None });
            }
        }
        for (path, update) in &mut self.updates {
            let path = &wrapping.outer(path);
            let rank: Option<usize> = PeftConfig::of_pattern(peft.rank_pattern.as_ref(), path)?;
            let alpha: Option<f64> = PeftConfig::of_pattern(peft.alpha_pattern.as_ref(), path)?;
            update.rank = rank.or(peft.r).unwrap_or(8);
            update.scale = scale(alpha.or(peft.lora_alpha).unwrap_or(8.0), update.rank, peft.use_rslora);
        }
        Ok(())
    }

    fn check_shapes(&mut self, tensors: &SafeTensors<'_>, around: &Around<'_>) {
        let Self { updates, wholes, problems, modules, .. } = self;
        let mut check = |name: &str, missing: String, expected: Vec<usize>| match tensors.tensor(name) {
            Err(_) => problems.push(TensorProblem::Missing { name: missing, shape: expected, near: None }),
            Ok(view) if view.shape() != expected => problems.push(TensorProblem::Shape {
                name: name.to_owned(),
                expected,
                found: view.shape().to_vec(),
            }),
            Ok(_) => {}
        };
        for (path, update) in updates {
            let [out, inputs] = modules.projections[path].dims();
            let outer = around.wrapping.outer(path);
            check(&update.a, format!("{PREFIX}{outer}.lora_A.weight"), vec![update.rank, inputs]);
            check(&update.b, format!("{PREFIX}{outer}.lora_B.weight"), vec![out, update.rank]);
        }
        for (path, name) in wholes {
            check(name, String::new(), modules.wholes[path].shape.clone());
        }
    }

    /// The rows of an embedding or a head that have another number than the base's.
    pub(super) fn other_vocabulary(&self, base: &DecoderSpec) -> Option<usize> {
        self.problems.iter().find_map(|problem| match problem {
            TensorProblem::Shape { name, expected, found } => {
                let is_vocabulary =
                    [EMBEDDING, HEAD].iter().any(|module| name.ends_with(&base.names.stored_name(module)));
                let resized = found.len() == 2 && expected.get(1) == found.get(1);
                (is_vocabulary && resized).then(|| found[0])
            }
            _ => None,
        })
    }
}

/// What the names of tensors are held against.
struct Around<'a> {
    targets: &'a Targets,
    base: &'a DecoderSpec,
    wrapping: Wrapping,
}

/// The path of the module that a tensor of an adapter is for.
fn module_of(name: &str) -> Option<&str> {
    let path = name.strip_prefix(PREFIX)?.strip_suffix(".weight")?;
    let ends = [".lora_A", ".lora_B", ".modules_to_save", ".original_module"];
    Some(ends.iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path))
}
