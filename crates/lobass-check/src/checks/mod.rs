//! The checks: one file each.
//!
//! A check looks at each row on any thread, takes up what it saw in the order of the rows, and in the end says what
//! needs a look. Most look at one row at a time and are a function ([`each_row`]).

mod cut_off;
mod damaged_text;
mod each_row;
mod empty_answers;
mod eval_overlap;
mod formatted;
mod near_duplicates;
mod not_read;
mod rule;
mod some_thoughts;
mod special_tokens;
mod status;
mod stop_not_scored;

use std::any::Any;

use lobass_text::Rule;
pub(crate) use some_thoughts::{Thought, thought};

use crate::row::Row;
use crate::{CheckName, Error, Finding, Inputs, Options, SourceReport};

/// One check.
pub(crate) trait Check: Sync {
    /// The data about one row that it keeps until the row is processed.
    type Seen: Send + 'static;

    /// Looks at a row, on any thread.
    fn look(&self, row: &Row<'_>) -> Self::Seen;

    /// Takes up what was seen, in the order of the rows.
    fn take(&mut self, row: &Row<'_>, sources: &[SourceReport], seen: Self::Seen);

    /// The findings. May add to the facts of the sources.
    fn findings(self: Box<Self>, sources: &mut [SourceReport]) -> Vec<Finding>;
}

/// The data of a check about a chunk of rows.
pub(crate) type ChunkSeen = Box<dyn Any + Send>;

/// A check of any kind, for chunks of rows.
pub(crate) trait AnyCheck: Sync {
    /// See [`Check::look`].
    fn look(&self, rows: &[Row<'_>]) -> ChunkSeen;

    /// See [`Check::take`].
    fn take(&mut self, rows: &[Row<'_>], sources: &[SourceReport], seen: ChunkSeen);

    /// See [`Check::findings`].
    fn findings(self: Box<Self>, sources: &mut [SourceReport]) -> Vec<Finding>;
}

impl<C: Check> AnyCheck for C {
    fn look(&self, rows: &[Row<'_>]) -> ChunkSeen {
        Box::new(rows.iter().map(|row| Check::look(self, row)).collect::<Vec<C::Seen>>())
    }

    fn take(&mut self, rows: &[Row<'_>], sources: &[SourceReport], seen: ChunkSeen) {
        let seen = seen.downcast::<Vec<C::Seen>>().expect("a check takes up what it saw itself");
        for (row, seen) in rows.iter().zip(*seen) {
            Check::take(self, row, sources, seen);
        }
    }

    fn findings(self: Box<Self>, sources: &mut [SourceReport]) -> Vec<Finding> {
        Check::findings(self, sources)
    }
}

/// A check that is ready to look at rows.
///
/// # Errors
/// If the evaluation cannot be read, or for thresholds that mean nothing.
///
/// # Panics
/// If the check needs an input that is not there.
pub(crate) fn make<'a>(
    check: CheckName,
    inputs: &Inputs<'a>,
    options: &Options,
) -> Result<Box<dyn AnyCheck + 'a>, Error> {
    let encoder = || inputs.encoder.expect("checks that need a tokenizer are skipped without one");
    let n_shown = options.n_shown;
    Ok(match check {
        CheckName::UnusableRows => each_row::of(check, n_shown, status::unusable),
        CheckName::NotRead => {
            let pool = inputs.pool;
            each_row::of(check, n_shown, move |row| not_read::find(pool, row))
        }
        CheckName::Overlong => each_row::of(check, n_shown, status::overlong),
        CheckName::Duplicates => each_row::of(check, n_shown, status::duplicate),
        CheckName::Formatted => each_row::of(check, n_shown, formatted::find),
        CheckName::SpecialTokens => {
            let special = special_tokens::SpecialTokens::new(encoder().tokenizer());
            each_row::of(check, n_shown, move |row| special.find(row))
        }
        CheckName::StopNotScored => each_row::of(check, n_shown, stop_not_scored::find),
        CheckName::DamagedText => each_row::of(check, n_shown, damaged_text::find),
        CheckName::EmptyAnswers => {
            let rules = rule::only(Rule::EmptyAnswer);
            each_row::of(check, n_shown, move |row| empty_answers::find(&rules, row))
        }
        CheckName::CutOff => Box::new(cut_off::CutOff::new(n_shown)),
        CheckName::SomeThoughts => Box::new(some_thoughts::SomeThoughts::new(n_shown)),
        CheckName::NearDuplicates => Box::new(near_duplicates::NearDuplicateRows::new(options)?),
        CheckName::EvalOverlap => {
            let evaluation = inputs.evaluation.expect("this check is skipped without an evaluation");
            Box::new(eval_overlap::EvalOverlap::new(evaluation, options)?)
        }
    })
}
