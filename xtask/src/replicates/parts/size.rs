//! One pool of 8,000 rows: does the share count, or the number of rows?

use crate::replicates::groups::{Amount, Group};

/// Where its results are.
pub(in crate::replicates) const NAME: &str = "alpaca-8000";
pub(in crate::replicates) const N_ROWS: usize = 8000;

pub(super) const GROUPS: [Group; 2] = [
    Group::at_epochs("epochs-108-rows", Amount::Small).budget("108").of(&["lobass"], &["random"]),
    Group::at_epochs("epochs-480-rows", Amount::Small).budget("480").of(&["lobass"], &["random"]),
];
