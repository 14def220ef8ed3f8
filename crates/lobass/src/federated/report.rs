//! The report of a selection across owners.

use std::fmt;

use lobass_core::Budget;
use lobass_core::readable::{Labelled, count, counted, percent};
use lobass_federate::Border;
use serde::Serialize;

/// What one owner has and keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnerReport {
    /// Its name: that of its score table.
    pub name: String,
    /// Rows of its table.
    pub n_rows: u64,
    /// Rows that could be chosen.
    pub n_eligible: u64,
    /// Rows that it keeps.
    pub n_kept: u64,
    /// Tokens of these.
    pub n_tokens: u64,
    /// Questions that it answered.
    pub n_answers: u64,
}

/// A selection across owners.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FederatedSelection {
    /// The strategy.
    pub strategy: String,
    /// The budget over all owners.
    pub budget: String,
    /// How many rows an answer tells apart at least.
    pub min_count: u64,
    /// Whether the rows are exactly those that one selection of the joined table keeps.
    pub is_exact: bool,
    /// Owners that took no part, since they have candidates, but fewer than an answer may tell apart.
    pub left_out: Vec<String>,
    /// Where the budget ends.
    pub border: Border,
    /// The owners, in their order.
    pub owners: Vec<OwnerReport>,
    /// Rows that are kept together.
    pub n_kept: u64,
    /// Tokens of these.
    pub n_tokens: u64,
    /// Whether rows ran out, or nothing fits.
    #[serde(skip)]
    falls_short: bool,
}

impl FederatedSelection {
    pub(super) fn new(
        strategy: &str,
        budget: Budget,
        min_count: u64,
        border: Border,
        owners: Vec<OwnerReport>,
    ) -> Self {
        let sum = |of: fn(&OwnerReport) -> u64| owners.iter().map(of).sum::<u64>();
        let (n_kept, n_tokens) = (sum(|owner| owner.n_kept), sum(|owner| owner.n_tokens));
        let short = match (budget.row_limit(sum(|owner| owner.n_rows)), budget) {
            (Some(rows), _) => n_kept < rows,
            (None, Budget::Tokens(tokens)) => border == Border::All && n_tokens < tokens,
            (None, _) => false,
        };
        let is_left_out = |owner: &&OwnerReport| owner.n_eligible > 0 && owner.n_eligible < min_count;
        let left_out: Vec<String> =
            owners.iter().filter(is_left_out).map(|owner| owner.name.clone()).collect();
        Self {
            strategy: strategy.to_owned(),
            budget: budget.to_string(),
            min_count,
            is_exact: min_count <= 1 || border == Border::All && left_out.is_empty(),
            left_out,
            border,
            falls_short: short || n_kept == 0,
            owners,
            n_kept,
            n_tokens,
        }
    }

    /// How the rows relate to those of the joined table, in words.
    fn exactness(&self) -> String {
        let least = self.min_count;
        if !self.left_out.is_empty() {
            return format!(
                "not those of the joined table: {} left out, with fewer than {least} rows that could be chosen",
                self.left_out.join(", ")
            );
        }
        match self.is_exact {
            true => "exactly the rows that one selection of the joined table keeps".to_owned(),
            false => {
                format!("nearly those of the joined table: no answer tells fewer than {least} rows apart")
            }
        }
    }

    /// Whether less is kept than the budget asks for.
    pub fn falls_short(&self) -> bool {
        self.falls_short
    }
}

impl fmt::Display for FederatedSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Labelled::default();
        text.line("strategy", format!("{}, {} over all owners", self.strategy, self.budget));
        text.line("kept", format!("{}, {} tokens", counted(self.n_kept, "row"), count(self.n_tokens)));
        for owner in &self.owners {
            text.line(
                "owner",
                format!(
                    "{}: {} of {}, {} of what is kept, {} answered",
                    owner.name,
                    count(owner.n_kept),
                    counted(owner.n_rows, "row"),
                    percent(owner.n_kept, self.n_kept),
                    counted(owner.n_answers, "question")
                ),
            );
        }
        text.line("rows", self.exactness());
        text.fmt(f)
    }
}
