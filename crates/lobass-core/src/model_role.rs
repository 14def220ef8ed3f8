//! What a model is to a score table, and the name of its columns.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The role of a model in a score table. It is written as the name of the model's columns: `base`,
/// `reference_seed3_fold1`, `reference_epoch2`, `base_unconditional`, `null_fold0`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ModelRole {
    /// The pretrained model.
    Base,
    /// The base, judged by the Brier loss.
    BaseBrier,
    /// The base, shown responses without their prompts.
    BaseUnconditional,
    /// The base after fine-tuning, or one of several such models.
    Reference(Reference),
    /// The base after fine-tuning on responses without their prompts, or one of several such models. Its losses are those
    /// of responses without their prompts.
    Null(Reference),
    /// A role that only its maker knows.
    Other(String),
}

/// Which reference of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Reference {
    /// The seed of its training, where there are references of several seeds.
    pub seed: Option<u64>,
    /// The fold of the pool that it was not trained on, where references are cross-fitted.
    pub fold: Option<usize>,
    /// The epoch after which it was kept; the model at the end has none.
    pub epoch: Option<u32>,
}

impl ModelRole {
    /// The only reference.
    pub const REFERENCE: Self = Self::Reference(Reference { seed: None, fold: None, epoch: None });

    /// The only null model.
    pub const NULL: Self = Self::Null(Reference { seed: None, fold: None, epoch: None });

    /// The reference, if it is one; the models of its epochs are too.
    pub fn reference(&self) -> Option<Reference> {
        match self {
            Self::Reference(reference) => Some(*reference),
            _ => None,
        }
    }

    /// Whether it is a null model.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null(_))
    }

    /// The name of the columns of rejected responses under this model.
    pub fn rejected(&self) -> String {
        format!("{self}{REJECTED}")
    }
}

/// What names of columns of rejected responses end with.
pub const REJECTED: &str = "_rejected";

const BASE: &str = "base";
const BASE_BRIER: &str = "base_brier";
const BASE_UNCONDITIONAL: &str = "base_unconditional";
const REFERENCE: &str = "reference";
const NULL: &str = "null";

impl fmt::Display for ModelRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base => f.pad(BASE),
            Self::BaseBrier => f.pad(BASE_BRIER),
            Self::BaseUnconditional => f.pad(BASE_UNCONDITIONAL),
            Self::Reference(which) => f.pad(&which.name(REFERENCE)),
            Self::Null(which) => f.pad(&which.name(NULL)),
            Self::Other(name) => f.pad(name),
        }
    }
}

impl Reference {
    fn name(self, of: &str) -> String {
        let mut name = of.to_owned();
        self.seed.iter().for_each(|seed| name += &format!("_seed{seed}"));
        self.fold.iter().for_each(|fold| name += &format!("_fold{fold}"));
        self.epoch.iter().for_each(|epoch| name += &format!("_epoch{epoch}"));
        name
    }

    /// Reads a name: the word that it begins with, and parts in their order. Numbers that are written in another way, such
    /// as `seed07`, are the names of others.
    fn named(name: &str, word: &str) -> Option<Self> {
        Self::read(name.strip_prefix(word)?).filter(|which| which.name(word) == name)
    }

    fn read(mut parts: &str) -> Option<Self> {
        let mut reference = Self::default();
        if let Some((seed, rest)) = part(parts, "_seed") {
            (reference.seed, parts) = (Some(seed.parse().ok()?), rest);
        }
        if let Some((fold, rest)) = part(parts, "_fold") {
            (reference.fold, parts) = (Some(fold.parse().ok()?), rest);
        }
        if let Some((epoch, rest)) = part(parts, "_epoch") {
            (reference.epoch, parts) = (Some(epoch.parse().ok()?), rest);
        }
        parts.is_empty().then_some(reference)
    }
}

/// The digits behind a word, and the rest.
fn part<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let text = text.strip_prefix(word)?;
    Some(text.split_at(text.find('_').unwrap_or(text.len())))
}

impl FromStr for ModelRole {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            BASE => Self::Base,
            BASE_BRIER => Self::BaseBrier,
            BASE_UNCONDITIONAL => Self::BaseUnconditional,
            _ => {
                let reference = Reference::named(text, REFERENCE).map(Self::Reference);
                let null = || Reference::named(text, NULL).map(Self::Null);
                reference.or_else(null).unwrap_or_else(|| Self::Other(text.to_owned()))
            }
        })
    }
}

impl From<&str> for ModelRole {
    fn from(text: &str) -> Self {
        match text.parse() {
            Ok(role) => role,
        }
    }
}

impl From<String> for ModelRole {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

/// The name of its columns.
impl From<ModelRole> for Cow<'_, str> {
    fn from(role: ModelRole) -> Self {
        Cow::Owned(role.to_string())
    }
}

impl From<ModelRole> for String {
    fn from(role: ModelRole) -> Self {
        role.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_columns_are_roles() {
        let all = Reference { seed: Some(3), fold: Some(1), epoch: Some(2) };
        let roles = [
            ("base", ModelRole::Base),
            ("base_brier", ModelRole::BaseBrier),
            ("base_unconditional", ModelRole::BaseUnconditional),
            ("reference", ModelRole::REFERENCE),
            ("reference_seed3_fold1_epoch2", ModelRole::Reference(all)),
            ("reference_epoch2", ModelRole::Reference(Reference { epoch: Some(2), ..Reference::default() })),
            ("null", ModelRole::NULL),
            ("null_seed3_fold1", ModelRole::Null(Reference { seed: Some(3), fold: Some(1), epoch: None })),
            ("nullify", ModelRole::Other("nullify".to_owned())),
            ("warm-up", ModelRole::Other("warm-up".to_owned())),
            ("reference_seed07", ModelRole::Other("reference_seed07".to_owned())),
            ("reference_fold1_seed3", ModelRole::Other("reference_fold1_seed3".to_owned())),
        ];
        for (name, role) in roles {
            assert_eq!(ModelRole::from(name), role);
            assert_eq!(role.to_string(), name);
        }
        assert_eq!(ModelRole::Base.rejected(), "base_rejected");
        assert_eq!(format!("{:6}|", ModelRole::Base), "base  |");
    }

    proptest! {
        #[test]
        fn every_text_is_a_role_and_comes_back(text in "(reference|null)?[_a-z0-9]{0,24}") {
            prop_assert_eq!(ModelRole::from(text.as_str()).to_string(), text);
        }

        #[test]
        fn every_reference_comes_back(
            seed in proptest::option::of(any::<u64>()),
            fold in proptest::option::of(any::<usize>()),
            epoch in proptest::option::of(any::<u32>()),
        ) {
            for role in [ModelRole::Reference, ModelRole::Null].map(|of| of(Reference { seed, fold, epoch })) {
                prop_assert_eq!(ModelRole::from(role.to_string()), role);
            }
        }
    }
}
