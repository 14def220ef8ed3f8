//! The config of an adapter.

use serde::{Deserialize, Serialize};

use super::modules::{Module, Modules};
use crate::DecoderSpec;

/// The word among `target_modules` for every linear module of the layers, as in PEFT. Routers are left out.
pub const ALL_LINEAR: &str = "all-linear";

/// A LoRA configuration, in the words of PEFT's `LoraConfig`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoraConfig {
    /// The rank of the updates.
    pub rank: usize,
    /// The update is scaled by `alpha / rank`.
    pub alpha: f64,
    /// Scale by `alpha / sqrt(rank)` instead (rsLoRA, arXiv 2312.03732).
    pub rslora: bool,
    /// The share of an update's inputs that training leaves out; scoring leaves none out.
    pub dropout: f64,
    /// Which projections are updated: names that end their paths, such as `q_proj`, or [`ALL_LINEAR`].
    pub target_modules: Vec<String>,
    /// Modules that are trained whole and stored with the adapter: `lm_head`, `embed_tokens`, norms.
    pub modules_to_save: Vec<String>,
}

impl Default for LoraConfig {
    /// Rank 16 and alpha 32 on every linear module of the layers.
    fn default() -> Self {
        Self {
            rank: 16,
            alpha: 32.0,
            rslora: false,
            dropout: 0.0,
            target_modules: vec![ALL_LINEAR.to_owned()],
            modules_to_save: Vec::new(),
        }
    }
}

impl LoraConfig {
    /// The factor of updates.
    pub fn scale(&self) -> f64 {
        scale(self.alpha, self.rank, self.rslora)
    }

    /// The same settings with the names that [`ALL_LINEAR`] means on a base. What is already a name remains.
    #[must_use]
    pub fn on(&self, base: &DecoderSpec) -> Self {
        match self.target_modules.iter().any(|name| name == ALL_LINEAR) {
            true => self.named(&Modules::of(base)),
            false => self.clone(),
        }
    }

    /// [`Self::on`] with the modules of the base.
    pub(super) fn named(&self, modules: &Modules) -> Self {
        let mut names: Vec<String> = Vec::new();
        for name in &self.target_modules {
            let meant = match name == ALL_LINEAR {
                true => modules.linear_names(),
                false => std::slice::from_ref(name),
            };
            names.extend(meant.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
        }
        Self { target_modules: names, ..self.clone() }
    }

    /// The projections of a base that are updated, by their paths in files.
    pub(super) fn targets<'a>(
        &'a self,
        modules: &'a Modules,
    ) -> impl Iterator<Item = (&'a String, &'a Module)> {
        modules.projections.iter().filter(|(path, module)| self.is_target(&modules.outer(path), module))
    }

    /// Whether a projection of a file is updated: by its name, or because all projections of the model in it are.
    fn is_target(&self, path: &str, module: &Module) -> bool {
        let is_named = |path: &str| self.target_modules.iter().any(|name| ends_in(path, name));
        is_named(path) || module.parts.iter().all(|part| is_named(&part.path))
    }

    /// The modules of a base that are trained whole, by their paths in files.
    pub(super) fn saved<'a>(
        &'a self,
        modules: &'a Modules,
    ) -> impl Iterator<Item = (&'a String, &'a Module)> {
        modules.wholes.iter().filter(|(path, _)| is_saved(&self.modules_to_save, path))
    }

    /// The names that PEFT has for the targets: those of files.
    pub(super) fn target_names(&self, modules: &Modules) -> Vec<String> {
        let is_part = |name: &String| {
            let mut parts = modules.projections.values().flat_map(|module| &module.parts);
            parts.any(|part| ends_in(&part.path, name))
        };
        let is_there =
            |name: &String| modules.projections.keys().any(|path| ends_in(&modules.outer(path), name));
        let named = self.target_modules.iter().filter(|name| is_there(name) || !is_part(name));
        let mut names: Vec<String> = named.cloned().collect();
        for (path, _) in self.targets(modules) {
            if !names.iter().any(|name| ends_in(&modules.outer(path), name)) {
                names.push(path.rsplit('.').next().unwrap_or(path).to_owned());
            }
        }
        names
    }
}

pub(super) fn scale(alpha: f64, rank: usize, rslora: bool) -> f64 {
    let rank = rank as f64;
    alpha / if rslora { rank.sqrt() } else { rank }
}

/// Whether a module is trained whole: its path ends in one of the names, after a dot or not.
///
/// Source: `_set_trainable` of PEFT's `utils/other.py`.
pub(super) fn is_saved(names: &[String], path: &str) -> bool {
    names.iter().any(|name| path.ends_with(name.as_str()))
}

/// Whether a path is a name, or ends in it after a dot: how PEFT reads lists of targets.
pub(super) fn ends_in(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
