//! The tensors of an adapter's file in their roles, held against the base.

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use super::config::{is_saved, scale};
use super::peft::PeftConfig;
use super::targets::Targets;
use super::{PREFIX, PROJECTIONS};
use crate::checkpoint::{EMBEDDING, HEAD};
use crate::error::TensorProblem;
use crate::{DecoderSpec, expected_tensors};

/// The effect of an adapter on a base, by the names of its tensors.
#[derive(Debug, Default)]
pub(super) struct Roles {
    /// By the path of the projection.
    pub(super) updates: BTreeMap<String, Update>,
    /// Weights that replace those of a module, by its path: the name in the file.
    pub(super) wholes: BTreeMap<String, String>,
    pub(super) problems: Vec<TensorProblem>,
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
        let modules = Modules::of(base);
        let mut roles = Self::default();
        let mut views = tensors.tensors();
        views.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        for (name, view) in views {
            roles.take(name, &view, &modules, targets);
        }
        roles.complete(peft, targets, &modules)?;
        roles.check_shapes(tensors, &modules);
        Ok(roles)
    }

    fn take(&mut self, name: String, view: &TensorView<'_>, modules: &Modules, targets: &Targets) {
        if crate::dtype::from_safetensors(view.dtype()).is_none() || !matches!(view.shape().len(), 1 | 2) {
            self.problems.push(TensorProblem::Dtype { name, found: format!("{:?}", view.dtype()) });
            return;
        }
        let inner =
            name.strip_prefix(PREFIX).and_then(|inner| inner.strip_suffix(".weight")).unwrap_or_default();
        let half = |suffix: &str| {
            let path = inner.strip_suffix(suffix)?;
            (modules.projections.contains_key(path) && targets.has(path) != Some(false))
                .then(|| path.to_owned())
        };
        if let Some(path) = half(".lora_A") {
            self.updates.entry(path).or_default().a = name;
        } else if let Some(path) = half(".lora_B") {
            self.updates.entry(path).or_default().b = name;
        } else if modules.wholes.contains_key(inner) {
            self.wholes.insert(inner.to_owned(), name);
        } else if let Some(path) = inner.strip_suffix(".modules_to_save").filter(|path| modules.has(path)) {
            // PEFT writes it a second time under the shorter name.
            self.wholes.entry(path.to_owned()).or_insert(name);
        } else if !inner.strip_suffix(".original_module").is_some_and(|path| modules.has(path)) {
            // The original of a module that is trained whole is not used, by PEFT neither.
            self.problems.push(TensorProblem::Unexpected { name, shape: view.shape().to_vec() });
        }
    }

    /// Adds what the config asks for and the file lacks, and ranks and scales.
    fn complete(&mut self, peft: &PeftConfig, targets: &Targets, modules: &Modules) -> Result<(), String> {
        for path in modules.projections.keys().filter(|path| targets.has(path) == Some(true)) {
            self.updates.entry(path.clone()).or_default();
        }
        let saved = peft.modules_to_save.as_deref().unwrap_or_default();
        for (path, shape) in &modules.wholes {
            let is_tied = peft.ensure_weight_tying && format!("{path}.weight") == HEAD;
            if is_saved(saved, path) && !is_tied && !self.wholes.contains_key(path) {
                let name = format!("{PREFIX}{path}.weight");
                self.problems.push(TensorProblem::Missing { name, shape: shape.clone(), near: None });
            }
        }
        for (path, update) in &mut self.updates {
            let rank: Option<usize> = PeftConfig::of_pattern(peft.rank_pattern.as_ref(), path)?;
            let alpha: Option<f64> = PeftConfig::of_pattern(peft.alpha_pattern.as_ref(), path)?;
            update.rank = rank.or(peft.r).unwrap_or(8);
            update.scale = scale(alpha.or(peft.lora_alpha).unwrap_or(8.0), update.rank, peft.use_rslora);
        }
        Ok(())
    }

    fn check_shapes(&mut self, tensors: &SafeTensors<'_>, modules: &Modules) {
        let Self { updates, wholes, problems } = self;
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
            let [out, inputs] = modules.projections[path];
            check(&update.a, format!("{PREFIX}{path}.lora_A.weight"), vec![update.rank, inputs]);
            check(&update.b, format!("{PREFIX}{path}.lora_B.weight"), vec![out, update.rank]);
        }
        for (path, name) in wholes {
            check(name, String::new(), modules.wholes[path].clone());
        }
    }

    /// The rows of an embedding or a head that have another number than the base's.
    pub(super) fn other_vocabulary(&self) -> Option<usize> {
        self.problems.iter().find_map(|problem| match problem {
            TensorProblem::Shape { name, expected, found } => {
                let is_vocabulary = [EMBEDDING, HEAD].iter().any(|module| name.ends_with(module));
                let resized = found.len() == 2 && expected.get(1) == found.get(1);
                (is_vocabulary && resized).then(|| found[0])
            }
            _ => None,
        })
    }
}

/// The modules of a base that an adapter may change.
struct Modules {
    /// `[out, in]` of projections by their paths.
    projections: BTreeMap<String, [usize; 2]>,
    /// Shapes of embedding, head, and norms by their paths.
    wholes: BTreeMap<String, Vec<usize>>,
}

impl Modules {
    fn of(base: &DecoderSpec) -> Self {
        let mut modules = Self { projections: BTreeMap::new(), wholes: BTreeMap::new() };
        for spec in expected_tensors(base) {
            let Some(path) = spec.name.strip_suffix(".weight") else { continue };
            let is_projection = PROJECTIONS.iter().any(|name| super::config::ends_in(path, name));
            match (is_projection, spec.shape.as_slice()) {
                (true, &[out, inputs]) => {
                    modules.projections.insert(path.to_owned(), [out, inputs]);
                }
                _ => {
                    modules.wholes.insert(path.to_owned(), spec.shape);
                }
            }
        }
        // A tied head is a module too, which an adapter may replace.
        let head = HEAD.trim_end_matches(".weight").to_owned();
        modules.wholes.entry(head).or_insert_with(|| vec![base.vocab_size, base.hidden_size]);
        modules
    }

    fn has(&self, path: &str) -> bool {
        self.wholes.contains_key(path)
    }
}
