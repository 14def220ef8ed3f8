//! Other strategies, and curves over budgets.

use crate::replicates::groups::{Amount, Extra, Group};
use crate::replicates::table::Table;

const OTHERS: &[&str] = &[
    "ifd",
    "perplexity-low",
    "perplexity-middle",
    "perplexity-high",
    "longest",
    "pvi-trained",
    "prompt-gain",
];
const CURVES: &[&str] = &["lobass", "gap", "length-matched-random"];

pub(super) const GROUPS: [Group; 5] = [
    Group::at_epochs("others-6", Amount::Small).of(OTHERS, &[]).by(Table::Wide),
    Group::at_epochs("rds-6", Amount::Small).of(&["rds"], &[]).with(Extra::VectorsAndQueries),
    Group::at_epochs("curve-3", Amount::Small).budget("3%").of(CURVES, &["random"]),
    Group::at_epochs("curve-16.7", Amount::Medium).of(&["length-matched-random"], &[]),
    Group::at_epochs("curve-50", Amount::All).budget("50%").of(CURVES, &["random"]),
];
