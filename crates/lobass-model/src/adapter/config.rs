//! The config of an adapter.

use serde::{Deserialize, Serialize};

use crate::Decoder;

/// The projections of a decoder layer, by the names that `target_modules` knows.
pub const PROJECTIONS: [&str; 7] =
    ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

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
    /// Which projections are updated: names that end their paths, such as `q_proj`.
    pub target_modules: Vec<String>,
    /// Modules that are trained whole and stored with the adapter: `lm_head`, `embed_tokens`, norms.
    pub modules_to_save: Vec<String>,
}

impl Default for LoraConfig {
    /// Rank 16 and alpha 32 on every projection.
    fn default() -> Self {
        Self {
            rank: 16,
            alpha: 32.0,
            rslora: false,
            dropout: 0.0,
            target_modules: PROJECTIONS.map(str::to_owned).to_vec(),
            modules_to_save: Vec::new(),
        }
    }
}

impl LoraConfig {
    /// The factor of updates.
    pub fn scale(&self) -> f64 {
        scale(self.alpha, self.rank, self.rslora)
    }

    /// The paths of the projections of a model that are updated, and their shapes.
    pub(super) fn targets(&self, model: &Decoder) -> Vec<(String, [usize; 2])> {
        let mut projections = model.projections();
        projections.retain(|(path, _)| self.target_modules.iter().any(|name| ends_in(path, name)));
        projections
    }

    /// The paths of the modules of a model that are trained whole.
    pub(super) fn saved(&self, model: &Decoder) -> Vec<String> {
        let mut paths = model.replaceable();
        paths.retain(|path| is_saved(&self.modules_to_save, path));
        paths
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
