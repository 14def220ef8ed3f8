//! What the claims need; the cheap ones first.

use crate::replicates::groups::{Amount, Extra, Group};

const ALL_ARMS: &[&str] = &["lobass", "gap", "gap-sum", "length-matched-random"];

pub(super) const GROUPS: [Group; 5] = [
    Group::at_epochs("epochs-6", Amount::Small).of(ALL_ARMS, &["random"]),
    Group::at_epochs("tokens-6", Amount::Small).at_tokens().of(ALL_ARMS, &["random", "full"]),
    Group::at_epochs("epochs-full", Amount::All).of(&[], &["full"]).with(Extra::Answers),
    Group::at_epochs("epochs-16.7", Amount::Medium).of(&["lobass", "gap"], &["random"]),
    Group::at_epochs("tokens-16.7", Amount::Medium).at_tokens().of(&["lobass", "gap"], &["random"]),
];
