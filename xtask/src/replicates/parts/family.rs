//! The primary difference with a model of another family.

use crate::replicates::groups::{Amount, Group};

/// What its folders begin with.
pub(in crate::replicates) const NAME: &str = "gemma3";
/// How much larger it is than the model of the other parts.
pub(in crate::replicates) const TIMES_LARGER: f64 = 2.0;

pub(super) const GROUPS: [Group; 2] = [
    Group::at_epochs("epochs-6", Amount::Small).of(&["lobass"], &["random"]),
    Group::at_epochs("epochs-full", Amount::All).of(&[], &["full"]),
];
