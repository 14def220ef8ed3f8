//! Variants of the method, as the design lists them.

use crate::replicates::groups::{Amount, Extra, Group};
use crate::replicates::table::Table;

pub(in crate::replicates) const GROUPS: [Group; 8] = [
    variant("shrinkage-10").flags(&["--shrinkage", "10"]),
    variant("shrinkage-30").flags(&["--shrinkage", "30"]),
    variant("cross-fitted").by(Table::CrossFitted),
    variant("quota-source").flags(&["--quota-by", "source"]),
    variant("quota-length").flags(&["--quota-by", "length"]),
    variant("k-center").with(Extra::Vectors).flags(&["--diversity", "k-center", "--out-of", "3"]),
    variant("informative").of(&["quality"], &[]).by(Table::Wide).with(Extra::Informative),
    variant("learned").flags(&["--max-reference-quantile", "0.9"]),
];

const fn variant(name: &'static str) -> Group {
    Group::at_epochs(name, Amount::Small).of(&["lobass"], &[])
}
