//! The contents of a score table: which models, in which roles.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use lobass_core::{Context, Detail, Measure, ModelRole, REJECTED};
use serde::{Deserialize, Serialize};

use crate::folds::Folds;
use crate::manifest::BRIER;
use crate::null::{NullModels, with_combined};
use crate::{Error, ModelKey, ModelRecord};

/// The models that are joined into a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seal {
    /// The base; its role is `base`.
    pub base: ModelKey,
    /// The references, if there are any. A single one without folds has the role `reference`, which of several is the
    /// name of what they say together.
    pub references: Vec<ReferenceModel>,
    /// Models with further columns that are part of no mean, such as a reference after each epoch.
    pub further: Vec<ModelKey>,
    /// How the pool was cut, if references were each trained on all but a fold of it.
    pub folds: Option<Folds>,
    /// The rows that the references were trained on.
    pub mode: ReferenceMode,
    /// Whether the loss of each token is kept; with one reference at most.
    pub detail: Detail,
    /// Rows whose reference loss cannot be compared with that of the others.
    pub held_out: HeldOut,
    /// The null models, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub null: Option<NullModels>,
}

/// A reference: a fine-tuned model, and what it was fine-tuned on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferenceModel {
    /// The model, in a role that no other has.
    pub model: ModelKey,
    /// The seed of its training, if that is known. Of several references each has to have one.
    pub seed: Option<u64>,
    /// The fold that it was not trained on; with folds each reference has one.
    pub fold: Option<usize>,
}

impl From<ModelKey> for ReferenceModel {
    fn from(model: ModelKey) -> Self {
        Self { model, seed: None, fold: None }
    }
}

/// Which rows the references were trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferenceMode {
    /// All of them, as the paper has it.
    #[default]
    FullPool,
    /// All but those of one fold, for every fold, so that each row is scored by references that have not seen it.
    CrossFit,
    /// Rows that were set aside for it, as in RHO-LOSS.
    Holdout,
}

impl ReferenceMode {
    const ALL: [(&'static str, Self); 3] =
        [("full-pool", Self::FullPool), ("cross-fit", Self::CrossFit), ("holdout", Self::Holdout)];
}

impl fmt::Display for ReferenceMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::FullPool => "full-pool",
            Self::CrossFit => "cross-fit",
            Self::Holdout => "holdout",
        })
    }
}

impl FromStr for ReferenceMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().find_map(|(name, mode)| (*name == text).then_some(*mode)).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|(name, _)| *name).collect();
            format!("expected one of {}, found `{text}`", known.join(", "))
        })
    }
}

/// Rows that are scored and never selected, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Their positions in the pool.
    pub rows: BTreeSet<u64>,
    /// Why, for a person.
    pub reason: String,
}

/// No rows; those that are added were held out of training.
impl Default for HeldOut {
    fn default() -> Self {
        Self::of_training(BTreeSet::new())
    }
}

impl HeldOut {
    /// Rows that a reference was not trained on, though it was trained on the others.
    pub fn of_training(rows: BTreeSet<u64>) -> Self {
        Self { rows, reason: "held out of the reference's training".to_owned() }
    }

    /// Rows that a reference was trained on, though it was not trained on the others.
    pub fn to_train(rows: BTreeSet<u64>) -> Self {
        Self { rows, reason: "set aside to train the reference".to_owned() }
    }
}

/// Names of columns that belong to no model.
const COMBINED: [&str; 2] = ["reference", "in_sample"];

impl Seal {
    /// A table of a base and its references, trained on the whole pool; the other fields can be changed.
    pub fn new(base: ModelKey, references: Vec<ReferenceModel>) -> Self {
        Self {
            base,
            references,
            further: Vec::new(),
            folds: None,
            mode: ReferenceMode::FullPool,
            detail: Detail::Sum,
            held_out: HeldOut::default(),
            null: None,
        }
    }

    /// All models: the base, the references, the others, and the null models.
    pub(crate) fn models(&self) -> impl Iterator<Item = &ModelKey> {
        let references = self.references.iter().map(|reference| &reference.model);
        let nulls = self.nulls().iter().map(|null| &null.model);
        [&self.base].into_iter().chain(references).chain(&self.further).chain(nulls)
    }

    /// All models, as a manifest has them.
    pub(crate) fn records(&self) -> Vec<ModelRecord> {
        let reference =
            |one: &ReferenceModel| ModelRecord { seed: one.seed, fold: one.fold, ..one.model.clone().into() };
        let further = self.further.iter().cloned().map(ModelRecord::from);
        let references = self.references.iter().map(reference);
        let nulls = self.nulls().iter().map(reference);
        std::iter::once(self.base.clone().into()).chain(references).chain(further).chain(nulls).collect()
    }

    /// This request without paths of models.
    pub(crate) fn without_paths(&self) -> Self {
        let mut nameless = self.clone();
        nameless.base.path.clear();
        nameless.references.iter_mut().for_each(|reference| reference.model.path.clear());
        nameless.further.iter_mut().for_each(|model| model.path.clear());
        let nulls = nameless.null.iter_mut().flat_map(|null| &mut null.models);
        nulls.for_each(|null| null.model.path.clear());
        nameless
    }

    /// Whether the references are joined into columns of their own.
    pub(crate) fn is_combined(&self) -> bool {
        self.references.len() > 1 || self.folds.is_some()
    }

    /// Roles whose columns are neither the base's nor the (combined) reference's.
    pub(crate) fn further_roles(&self) -> Vec<String> {
        let references = self.references.iter().map(|reference| &reference.model);
        let references = references.filter(|_| self.is_combined());
        let nulls = self.nulls().iter().map(|null| &null.model);
        let models = references.chain(&self.further).chain(nulls);
        with_combined(models.map(|model| model.role.to_string()).collect())
    }

    /// Refuses what would make a table that says something else than it seems to.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let checked = self.check_folds().and_then(|()| self.check_roles()).and_then(|()| self.check_nulls());
        checked.map_err(|reason| Error::Unsealable { reason })
    }

    fn check_roles(&self) -> Result<(), String> {
        if self.base.role != ModelRole::Base {
            return Err(format!("expected role `base` for the base, found `{}`", self.base.role));
        }
        let references = self.references.iter().map(|reference| &reference.model);
        if let Some(model) = references.chain([&self.base]).find(|model| model.context != Context::Prompt) {
            return Err(format!("expected losses with the prompt for `{}`, found others", model.role));
        }
        if let Some(model) =
            self.models().find(|m| (m.measure == Measure::Brier) != m.role.to_string().ends_with(BRIER))
        {
            return Err(format!("role `{}`: its name does not match its measure", model.role));
        }
        let mut taken = BTreeSet::from([&ModelRole::Base]);
        for role in self.models().skip(1).map(|model| &model.role) {
            let is_single = !self.is_combined() && self.references.iter().any(|one| one.model.role == *role);
            if is_single && *role != ModelRole::REFERENCE {
                return Err(format!("expected role `reference` for the only reference, found `{role}`"));
            }
            let name = role.to_string();
            if !is_single && COMBINED.contains(&name.as_str()) || name.ends_with(REJECTED) {
                return Err(format!("role `{role}` is the name of another column"));
            }
            if !taken.insert(role) {
                return Err(format!("two models have the role `{role}`"));
            }
        }
        match self.detail {
            Detail::PerToken if self.is_combined() || self.combines_nulls() => Err(format!(
                "the loss of each token is kept for one reference that saw every row, found {}{}",
                self.references.len(),
                if self.folds.is_some() { " and folds" } else { "" }
            )),
            _ => Ok(()),
        }
    }

    fn check_folds(&self) -> Result<(), String> {
        if self.folds.is_some() != (self.mode == ReferenceMode::CrossFit) {
            return Err(format!(
                "mode `{}` {} folds",
                self.mode,
                if self.folds.is_some() { "has no" } else { "needs" }
            ));
        }
        let mut seeds_of_fold: BTreeMap<Option<usize>, BTreeSet<Option<u64>>> = BTreeMap::new();
        for reference in &self.references {
            let role = &reference.model.role;
            match (self.folds, reference.fold) {
                (None, None) => {}
                (Some(folds), Some(fold)) if fold < folds.n_folds => {}
                (Some(folds), fold) => {
                    let found = fold.map_or_else(|| "none".to_owned(), |fold| fold.to_string());
                    return Err(format!(
                        "reference `{role}`: expected a fold below {}, found {found}",
                        folds.n_folds
                    ));
                }
                (None, Some(fold)) => {
                    return Err(format!("reference `{role}`: expected no fold, found {fold}"));
                }
            }
            if !seeds_of_fold.entry(reference.fold).or_default().insert(reference.seed) {
                return Err(format!("reference `{role}` has the seed and the fold of another one"));
            }
        }
        let Some(folds) = self.folds else { return Ok(()) };
        if folds.n_folds < 2 {
            return Err(format!("expected at least 2 folds, found {}", folds.n_folds));
        }
        // Otherwise the mean of one row would be over other seeds than that of the next.
        let first = seeds_of_fold.values().next();
        match (0..folds.n_folds).find(|fold| seeds_of_fold.get(&Some(*fold)) != first) {
            Some(fold) => Err(format!(
                "expected references with the same seeds for every fold, found others for fold {fold}"
            )),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lobass_core::{DeviceId, Dtype};

    fn model(role: &str) -> ModelKey {
        ModelKey::new(role.into(), "path", "0123456789abcdef".into(), Dtype::F32, DeviceId::CPU)
    }

    fn reference(role: &str, seed: u64, fold: Option<usize>) -> ReferenceModel {
        ReferenceModel { model: model(role), seed: Some(seed), fold }
    }

    fn refused(seal: &Seal) -> String {
        seal.check().unwrap_err().to_string()
    }

    #[test]
    fn what_can_be_sealed() {
        let single = Seal::new(model("base"), vec![model("reference").into()]);
        single.check().unwrap();
        assert!(!single.is_combined());
        Seal::new(model("base"), Vec::new()).check().unwrap();
        let seeds = vec![reference("reference_seed0", 0, None), reference("reference_seed1", 1, None)];
        let further = vec![model("reference_epoch1")];
        let several = Seal { further, ..Seal::new(model("base"), seeds) };
        several.check().unwrap();
        assert_eq!(several.further_roles(), ["reference_seed0", "reference_seed1", "reference_epoch1"]);
        let folds = vec![reference("reference_fold0", 0, Some(0)), reference("reference_fold1", 0, Some(1))];
        let folds = Seal {
            folds: Some(Folds { n_folds: 2, seed: 0 }),
            mode: ReferenceMode::CrossFit,
            ..Seal::new(model("base"), folds)
        };
        folds.check().unwrap();
    }

    #[test]
    fn roles_are_the_names_of_columns() {
        let base = || model("base");
        assert!(refused(&Seal::new(model("reference"), Vec::new())).contains("role `base`"));
        let unconditional =
            model("reference").in_context(ModelRole::REFERENCE, Context::Unconditional { start: 1 });
        assert!(refused(&Seal::new(base(), vec![unconditional.into()])).contains("losses with the prompt"));
        let other = Seal::new(base(), vec![model("tuned").into()]);
        assert!(refused(&other).contains("expected role `reference`"));
        let seeds = vec![reference("reference", 0, None), reference("other", 1, None)];
        assert!(refused(&Seal::new(base(), seeds)).contains("another column"));
        let twice = vec![reference("a", 0, None), reference("a", 1, None)];
        assert!(refused(&Seal::new(base(), twice)).contains("two models"));
        let further = Seal { further: vec![model("epoch_rejected")], ..Seal::new(base(), Vec::new()) };
        assert!(refused(&further).contains("another column"));
        let same = vec![reference("a", 0, None), reference("b", 0, None)];
        assert!(refused(&Seal::new(base(), same)).contains("`b` has the seed and the fold"));
        let seeds = vec![reference("a", 0, None), reference("b", 1, None)];
        let per_token = Seal { detail: Detail::PerToken, ..Seal::new(base(), seeds) };
        assert!(refused(&per_token).contains("for one reference"));
    }

    #[test]
    fn folds_are_complete() {
        let cross_fit = |references: &[(u64, Option<usize>)], n_folds| Seal {
            folds: Some(Folds { n_folds, seed: 0 }),
            mode: ReferenceMode::CrossFit,
            ..Seal::new(
                model("base"),
                references
                    .iter()
                    .enumerate()
                    .map(|(at, (seed, fold))| reference(&format!("r{at}"), *seed, *fold))
                    .collect(),
            )
        };
        cross_fit(&[(0, Some(0)), (0, Some(1)), (1, Some(1)), (1, Some(0))], 2).check().unwrap();
        assert!(refused(&cross_fit(&[(0, Some(0)), (0, Some(1)), (1, Some(0))], 2)).contains("fold 1"));
        assert!(refused(&cross_fit(&[(0, Some(0)), (0, Some(1))], 3)).contains("fold 2"));
        assert!(refused(&cross_fit(&[(0, Some(0)), (0, Some(2))], 2)).contains("below 2, found 2"));
        assert!(refused(&cross_fit(&[(0, None)], 2)).contains("found none"));
        assert!(refused(&cross_fit(&[(0, Some(0))], 1)).contains("at least 2 folds"));
        let no_folds = Seal { folds: None, ..cross_fit(&[(0, None)], 2) };
        assert!(refused(&no_folds).contains("mode `cross-fit` needs folds"));
        let stray = Seal { mode: ReferenceMode::FullPool, ..no_folds };
        let stray = Seal { references: vec![reference("reference", 0, Some(1))], ..stray };
        assert!(refused(&stray).contains("expected no fold, found 1"));
        let full = Seal { mode: ReferenceMode::FullPool, ..cross_fit(&[(0, Some(0))], 2) };
        assert!(refused(&full).contains("mode `full-pool` has no folds"));
    }

    #[test]
    fn modes_are_written_as_they_are_said() {
        for (name, mode) in ReferenceMode::ALL {
            assert_eq!(name.parse::<ReferenceMode>().unwrap(), mode);
            assert_eq!(mode.to_string(), name);
            assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{name}\""));
        }
        assert!("all".parse::<ReferenceMode>().is_err());
    }
}
