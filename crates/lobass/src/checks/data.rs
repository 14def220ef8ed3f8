//! Named checks of a pool.

use std::path::Path;

use lobass_check::{Inputs, Options, Report, check};

use crate::error::Result;
use crate::missing::Missing;
use crate::runtime::Runtime;
use crate::sequences::{open_evaluation, open_pool, tokenizer_encoder};
use crate::settings::{DataSettings, EncodeSettings};

/// A pool that is to be checked.
#[derive(Debug)]
pub struct CheckJob<'a> {
    /// The data files and how they are read.
    pub data: &'a DataSettings,
    /// The model whose tokenizer and chat template make tokens of the rows; without it, tokens are not checked.
    pub base: Option<&'a Path>,
    /// How rows become sequences.
    pub sequences: &'a EncodeSettings,
    /// Evaluation files, whose rows are looked for in the pool.
    pub evaluation: &'a [String],
    /// The checks that are left out, the number of rows that are shown, and the threads.
    pub options: Options,
}

impl CheckJob<'_> {
    /// Runs the checks in one pass over the pool.
    ///
    /// # Errors
    /// If the data or the tokenizer cannot be read.
    pub fn run(&self, runtime: &Runtime) -> Result<Report> {
        let missing = Missing::default().models("base", self.base).data(self.data, runtime);
        let missing = missing.further_data("evaluation file", self.evaluation, runtime);
        missing.sequences(self.sequences).end()?;
        let pool = open_pool(self.data, runtime)?;
        let encoder = self.base.map(|base| tokenizer_encoder(&pool, self.sequences, base, None, runtime));
        let encoder = encoder.transpose()?.map(|(encoder, _)| encoder);
        let evaluation = match self.evaluation.is_empty() {
            true => None,
            false => Some(open_evaluation(self.evaluation, runtime)?),
        };
        let inputs = Inputs { pool: &pool, encoder: encoder.as_ref(), evaluation: evaluation.as_ref() };
        Ok(check(&inputs, &self.options)?)
    }
}
