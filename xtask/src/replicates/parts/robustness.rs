//! Does the sign of the primary difference depend on how models are trained?

use crate::replicates::groups::{Amount, Group};
use crate::replicates::table::Table;

pub(super) const GROUPS: [Group; 11] = [
    small("reference-seed-1-6").of(&["lobass"], &[]).by(Table::Seed1),
    small("reference-seed-2-6").of(&["lobass"], &[]).by(Table::Seed2),
    small("reference-lora-6").of(&["lobass"], &[]).by(Table::Lora),
    small("rate-half-6").rate(0.5),
    small("rate-double-6").rate(2.0),
    small("one-epoch-6").epochs("1"),
    small("five-epochs-6").epochs("5"),
    full("one-epoch-full").epochs("1"),
    full("rate-half-full").rate(0.5),
    full("rate-double-full").rate(2.0),
    full("five-epochs-full").epochs("5"),
];

const fn small(name: &'static str) -> Group {
    Group::at_epochs(name, Amount::Small).of(&["lobass"], &["random"])
}

const fn full(name: &'static str) -> Group {
    Group::at_epochs(name, Amount::All).of(&[], &["full"])
}
