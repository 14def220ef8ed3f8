//! The input of a check.

use std::collections::BTreeSet;

use lobass_data::{Encoder, Mask, Pool};
use lobass_text::OverlapOptions;

use crate::catalog::Needs;
use crate::{CheckName, Skipped};

/// The data to check, and what to check it with.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The data.
    pub pool: &'a Pool,
    /// A tokenizer with a chat template. Without one, checks that need tokens are skipped. A maximal length of `usize::MAX`
    /// means no limit.
    pub encoder: Option<&'a Encoder>,
    /// The rows of an evaluation, none of which should be in the data.
    pub evaluation: Option<&'a Pool>,
}

/// How data is checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Checks that are switched off.
    pub skip: BTreeSet<CheckName>,
    /// The definitions of near duplicates and of overlaps with an evaluation.
    pub overlap: OverlapOptions,
    /// Rows that are shown of each finding.
    pub n_shown: usize,
    /// Looks at the first rows of each source only. Rows are numbered within their files then, and duplicates are
    /// found within one file only.
    pub first_rows: Option<u64>,
    /// Worker threads; at least one is used.
    pub threads: usize,
}

impl Default for Options {
    /// All checks with their usual thresholds, on one thread.
    fn default() -> Self {
        let overlap = OverlapOptions { passages: Some(0.5), ..OverlapOptions::default() };
        Self { skip: BTreeSet::new(), overlap, n_shown: 3, first_rows: None, threads: 1 }
    }
}

impl Options {
    /// Only these checks.
    pub fn only(checks: impl IntoIterator<Item = CheckName>) -> Self {
        let on: BTreeSet<CheckName> = checks.into_iter().collect();
        let skip = CheckName::ALL.into_iter().filter(|check| !on.contains(check)).collect();
        Self { skip, ..Self::default() }
    }

    /// Why a check does not run, if it does not.
    pub(crate) fn skipped(&self, check: CheckName, inputs: &Inputs<'_>) -> Option<Skipped> {
        let because = |reason: &str, flag| Some(Skipped { check, reason: reason.to_owned(), flag });
        if self.skip.contains(&check) {
            return because("switched off", None);
        }
        let needs = check.info().needs;
        match (needs, inputs.encoder) {
            (Needs::Tokenizer | Needs::MaximalLength, None) => {
                return because("there is no tokenizer", Some("--base MODEL"));
            }
            (Needs::MaximalLength, Some(encoder)) if encoder.options().max_length == usize::MAX => {
                return because("there is no maximal length", Some("--max-length TOKENS"));
            }
            (Needs::Evaluation, _) if inputs.evaluation.is_none() => {
                return because("there is no evaluation", Some("--eval FILE"));
            }
            _ => {}
        }
        match (check, inputs.encoder) {
            (CheckName::StopNotScored, Some(encoder)) if encoder.options().mask != Mask::Response => {
                because("the mask is not `response`", Some("--mask response"))
            }
            (CheckName::Formatted, Some(encoder)) if is_plain(encoder.template().name()) => {
                because("the template `plain` takes texts as they are", Some("--chat-template TEMPLATE"))
            }
            _ => None,
        }
    }
}

/// Whether a template is the preset that adds nothing.
fn is_plain(name: &str) -> bool {
    name == "plain" || name.starts_with("plain (")
}
