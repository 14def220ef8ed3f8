//! A rule on responses, turn by turn.

use lobass_text::{Rule, Rules};

use crate::row::Row;
use crate::rules::findings;

/// One rule alone.
pub(super) fn only(rule: Rule) -> Rules {
    let mut rules = Rules::none();
    rules.set(rule, true);
    rules
}

/// The first finding of the rules in the scored responses of a row; for a pair in the chosen one.
pub(super) fn first(rules: &Rules, row: &Row<'_>) -> Option<String> {
    findings(rules, row.example()?).into_iter().next().map(|found| found.finding.detail)
}
