//! Named checks of a pool.

use std::path::Path;

use lobass_check::{Inputs, Options, Report, check};
use lobass_data::{Encoder, Pool};
use serde_json::Value;

use crate::error::{Result, bail};
use crate::hub::find_tokenizer;
use crate::runtime::Runtime;
use crate::sequences::{ModelSize, open_encoder, open_evaluation, open_pool};
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
        let pool = open_pool(self.data, runtime)?;
        let encoder = self.base.map(|base| encoder(base, &pool, self.sequences, runtime)).transpose()?;
        let evaluation = match self.evaluation.is_empty() {
            true => None,
            false => Some(open_evaluation(self.evaluation, runtime)?),
        };
        let inputs = Inputs { pool: &pool, encoder: encoder.as_ref(), evaluation: evaluation.as_ref() };
        Ok(check(&inputs, &self.options)?)
    }
}

/// The tokenizer and the chat template of a model.
fn encoder(base: &Path, pool: &Pool, encode: &EncodeSettings, runtime: &Runtime) -> Result<Encoder> {
    let dir = find_tokenizer(base, runtime)?.dir;
    if !dir.is_dir() {
        bail!(
            Model,
            "base model `{}`: expected a directory with a tokenizer, or `org/name` on the hub, found none",
            dir.display()
        );
    }
    Ok(open_encoder(pool, encode, &dir, size(&dir), None, runtime)?.0)
}

/// The longest sequence and the vocabulary of a model, if its config has them.
fn size(dir: &Path) -> ModelSize {
    let text = fs_err::read_to_string(dir.join("config.json")).unwrap_or_default();
    let config: Value = serde_json::from_str(&text).unwrap_or_default();
    let number = |key: &str| config[key].as_u64().and_then(|number| usize::try_from(number).ok());
    ModelSize { positions: number("max_position_embeddings"), vocabulary: number("vocab_size") }
}
