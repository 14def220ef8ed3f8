//! Null models: fine-tuned as the references are, on responses without their prompts.

use std::collections::BTreeSet;
use std::fmt;

use lobass_core::{Context, ModelRole};
use serde::{Deserialize, Serialize};

use crate::{ReferenceModel, Seal};

/// The null models of a table, and the rows that neither they nor the references were trained on.
///
/// Source: Ethayarajh et al., *Understanding dataset difficulty with V-usable information*, arXiv 2110.08420: `g'` is the
/// reference and `g` the null model. Information is measured on rows that neither has seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NullModels {
    /// The models, each in a role that no other has. A single one without folds has the role `null`, which of several is
    /// the name of what they say together. Several have the seeds and folds of the references.
    pub models: Vec<ReferenceModel>,
    /// The rows that no model of the table was trained on.
    pub unseen: Unseen,
}

/// The scored rows of a table that neither references nor null models were trained on, as far as their records say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unseen {
    /// None: the models were trained on all of them, or no record says otherwise.
    Nothing,
    /// Each row is judged by models that were trained without its fold.
    CrossFit,
    /// The rows that can be selected; the models were trained on those that were set aside.
    Selectable,
    /// The rows that were held out of training.
    HeldOut,
    /// All: the models were trained on other files.
    OtherFiles,
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nothing => "no row is known to be out of sample",
            Self::CrossFit => "each row is judged by models that were trained without its fold",
            Self::Selectable => "rows that were not set aside for training",
            Self::HeldOut => "rows that were held out of training",
            Self::OtherFiles => "all rows; the models were trained on other files",
        })
    }
}

/// The names of roles with that of what several null models say together, if there are several or folds.
pub(crate) fn with_combined(roles: Vec<String>) -> Vec<String> {
    let null = ModelRole::NULL.to_string();
    match roles.iter().position(|role| ModelRole::from(role.as_str()).is_null()) {
        Some(first) if roles[first] != null => {
            let mut roles = roles;
            roles.insert(first, null);
            roles
        }
        _ => roles,
    }
}

impl Seal {
    /// The null models.
    pub(crate) fn nulls(&self) -> &[ReferenceModel] {
        self.null.as_ref().map_or(&[], |null| &null.models)
    }

    /// Whether the column of null losses joins several models: as a mean, or each for its fold.
    pub(crate) fn combines_nulls(&self) -> bool {
        self.nulls().len() > 1 || self.folds.is_some() && !self.nulls().is_empty()
    }

    /// Refuses null models that say something else than their column seems to.
    pub(crate) fn check_nulls(&self) -> Result<(), String> {
        let nulls = self.nulls();
        if self.null.is_some() && nulls.is_empty() {
            return Err("expected a null model, found none".to_owned());
        }
        for ReferenceModel { model, .. } in nulls {
            if !model.role.is_null() || (model.role == ModelRole::NULL) == self.combines_nulls() {
                let expected = if self.combines_nulls() { "`null_seed0_fold0` or alike" } else { "`null`" };
                return Err(format!("expected the role {expected} for a null model, found `{}`", model.role));
            }
            if model.context == Context::Prompt {
                return Err(format!("expected losses without the prompt for `{}`, found others", model.role));
            }
        }
        let of = |models: &[ReferenceModel]| -> BTreeSet<_> {
            models.iter().map(|model| (model.fold, model.seed)).collect()
        };
        if self.combines_nulls()
            && (of(nulls) != of(&self.references) || nulls.len() != self.references.len())
        {
            return Err(
                "expected a null model for the seed and fold of every reference, found others".to_owned()
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lobass_core::{DeviceId, Dtype};

    use super::*;
    use crate::{Folds, ModelKey, ReferenceMode};

    fn model(role: &str, fold: Option<usize>) -> ReferenceModel {
        let key = ModelKey::new(role.into(), "path", "0123456789abcdef".into(), Dtype::F32, DeviceId::CPU);
        let context = match key.role.is_null() {
            true => Context::Unconditional { start: 1 },
            false => Context::Prompt,
        };
        ReferenceModel { model: key.in_context(role.into(), context), seed: Some(0), fold }
    }

    fn seal(references: &[&str], nulls: Vec<ReferenceModel>) -> Seal {
        let single = references.len() == 1;
        let references = references.iter().enumerate();
        let references = references.map(|(fold, role)| model(role, (!single).then_some(fold))).collect();
        let folds = (!single).then_some(Folds { n_folds: 2, seed: 0 });
        Seal {
            folds,
            mode: if single { ReferenceMode::FullPool } else { ReferenceMode::CrossFit },
            null: Some(NullModels { models: nulls, unseen: Unseen::Nothing }),
            ..Seal::new(model("base", None).model, references)
        }
    }

    #[test]
    fn null_models_go_with_the_references() {
        let single = seal(&["reference"], vec![model("null", None)]);
        single.check().unwrap();
        assert_eq!(single.further_roles(), ["null"]);
        let folds = ["reference_fold0", "reference_fold1"];
        let nulls = || vec![model("null_fold0", Some(0)), model("null_fold1", Some(1))];
        let both = seal(&folds, nulls());
        both.check().unwrap();
        assert_eq!(
            both.further_roles(),
            ["reference_fold0", "reference_fold1", "null", "null_fold0", "null_fold1"]
        );
        let refused = |seal: Seal| seal.check().unwrap_err().to_string();
        assert!(refused(seal(&["reference"], Vec::new())).contains("found none"));
        assert!(refused(seal(&["reference"], vec![model("tuned", None)])).contains("the role `null`"));
        assert!(refused(seal(&folds, vec![model("null", None)])).contains("`null_seed0_fold0` or alike"));
        assert!(refused(seal(&folds, nulls()[..1].to_vec())).contains("of every reference"));
        let mut with_prompt = single;
        with_prompt.null.as_mut().unwrap().models[0].model.context = Context::Prompt;
        assert!(refused(with_prompt).contains("without the prompt"));
    }
}
