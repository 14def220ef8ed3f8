//! From settings to sequences: pools, encoders, and plans.

mod pool;
mod scored_pool;
mod tokenizer;

use std::path::Path;

use jiff::civil::DateTime;
use lobass_core::readable::count;
use lobass_core::{Context, Observer as _, RowStatus};
use lobass_data::{ChatTemplate, EncodeOptions, Encoder, Pool, TemplateChoice, TextTokenizer};
use lobass_model::DecoderSpec;
use lobass_run::Plan;

use crate::error::{Context as _, Error, Result, bail};
use crate::runtime::Runtime;
use crate::settings::{DataSettings, EncodeSettings};
pub(crate) use pool::open_further;
pub use pool::{local_paths_of, open_evaluation, open_held_out, open_pool, paths_of, pool_in_memory};
pub use scored_pool::{KnownRows, Named, check_model, check_named, check_scored_pool, open_scored_pool};
pub(crate) use tokenizer::tokenizer_encoder;

/// A pool and the encoder of its rows: everything that decides the tokens of a model.
#[derive(Debug)]
pub struct Sequences {
    /// The rows.
    pub pool: Pool,
    /// The tokenizer, the chat template, and the options that make tokens of a row.
    pub encoder: Encoder,
    /// The time that the template is rendered with.
    now: DateTime,
}

impl Sequences {
    /// Opens a pool with the tokenizer and template of a checkpoint. `told` is the time of an earlier attempt or of the
    /// reference, so that a template that asks for the time gives the same tokens.
    ///
    /// # Errors
    /// If the data, the tokenizer, or the template cannot be read, or the settings do not fit them.
    pub fn open(
        data: &DataSettings,
        encode: &EncodeSettings,
        checkpoint: &Path,
        config: &DecoderSpec,
        told: Option<String>,
        runtime: &Runtime,
    ) -> Result<Self> {
        Self::of(open_pool(data, runtime)?, encode, checkpoint, config, told, runtime)
    }

    /// [`Sequences::open`] for an open pool.
    ///
    /// # Errors
    /// The errors of [`Sequences::open`].
    pub fn of(
        pool: Pool,
        encode: &EncodeSettings,
        checkpoint: &Path,
        config: &DecoderSpec,
        told: Option<String>,
        runtime: &Runtime,
    ) -> Result<Self> {
        let (encoder, now) = open_encoder(&pool, encode, checkpoint, config.into(), told, runtime)?;
        Ok(Self { pool, encoder, now })
    }

    /// An open pool with the tokenizer and template of a model that lobass need not know: its config is looked at for the
    /// longest sequence and the vocabulary only.
    ///
    /// # Errors
    /// If there is no tokenizer, or the settings do not fit it.
    pub fn of_tokenizer(
        pool: Pool,
        encode: &EncodeSettings,
        model: &Path,
        told: Option<String>,
        runtime: &Runtime,
    ) -> Result<Self> {
        let (encoder, now) = tokenizer_encoder(&pool, encode, model, told, runtime)?;
        Ok(Self { pool, encoder, now })
    }

    /// The time that the chat template sees, if it asks for one.
    pub fn template_time(&self) -> Option<String> {
        self.encoder.template().tells_time().then(|| self.now.to_string())
    }

    /// The context of a response without its prompt: the token that sequences begin with, or for a tokenizer without
    /// one the token that ends them.
    ///
    /// # Errors
    /// If the tokenizer has neither.
    pub fn unconditional(&self) -> Result<Context> {
        let tokenizer = self.encoder.tokenizer();
        let start = tokenizer.bos().or(tokenizer.eos()).context(
            "losses without the prompt: expected a token that sequences begin or end with, found none in the tokenizer",
        )?;
        Ok(Context::Unconditional { start: start.id })
    }

    /// Reads the pool once and plans it.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn plan(&self) -> Result<Plan> {
        self.plan_of(&self.pool)
    }

    /// Plans another pool with the same encoder.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn plan_of(&self, pool: &Pool) -> Result<Plan> {
        Ok(Plan::make(pool, &self.encoder, Some(self.now.to_string()))?)
    }
}

/// The length of a model's input, as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct ModelSize {
    /// The longest sequence that the model was made for, in tokens. Without it and without a maximal length, sequences
    /// may have any length.
    pub positions: Option<usize>,
    /// The number of tokens that it has embeddings for.
    pub vocabulary: Option<usize>,
}

impl From<&DecoderSpec> for ModelSize {
    fn from(spec: &DecoderSpec) -> Self {
        Self { positions: Some(spec.max_positions), vocabulary: Some(spec.vocab_size) }
    }
}

/// Opens the tokenizer and the chat template of a checkpoint; returns the encoder, and the time that the template is
/// rendered with.
///
/// # Errors
/// If the tokenizer or the template cannot be read, or the settings do not fit them.
pub fn open_encoder(
    pool: &Pool,
    encode: &EncodeSettings,
    checkpoint: &Path,
    size: ModelSize,
    told: Option<String>,
    runtime: &Runtime,
) -> Result<(Encoder, DateTime)> {
    let positions = size.positions;
    let choice: TemplateChoice =
        encode.chat_template.parse().map_err(Error::Data).context("the chat template")?;
    let now = match told {
        Some(told) => told.parse().map_err(|error| {
            Error::Data(format!("the stored time of the chat template, `{told}`: {error}"))
        })?,
        None => runtime.now(),
    };
    let template = ChatTemplate::load(&choice, checkpoint, pool.fallback(), now)?
        .with_arguments(&encode.template_arguments)?;
    let tokenizer = TextTokenizer::open(checkpoint, encode.bos)?;
    if encode.max_length == Some(0) {
        bail!(Data, "the maximal length: expected at least 1, found 0");
    }
    if let Some(positions) =
        positions.filter(|&positions| encode.max_length.is_some_and(|length| length > positions))
    {
        runtime.warn(&format!(
            "sequences longer than the model's {} tokens are scored too",
            count(positions as u64)
        ));
    }
    let longest = encode.max_length.or(positions);
    let options = EncodeOptions {
        mask: encode.mask,
        max_length: longest.unwrap_or(usize::MAX),
        overlong: encode.overlong,
        vocabulary: size.vocabulary.filter(|&vocabulary| note_beyond(&tokenizer, vocabulary, runtime)),
        transform: encode.transform,
    };
    runtime.note(&format!(
        "{:16} {}; mask {}; {}",
        "template",
        template.name(),
        options.mask,
        match longest {
            Some(length) =>
                format!("at most {} tokens, longer rows: {}", count(length as u64), options.overlong),
            None => "of any length".to_owned(),
        }
    ));
    if let Some(transform) = options.transform {
        runtime.note(&format!("{:16} {transform}: prompts are changed before anything else", "transform"));
    }
    for note in tokenizer.notes() {
        runtime.note(&format!("{:16} {note}", "tokenizer"));
    }
    for name in encode.template_arguments.keys().filter(|name| !template.reads(name)) {
        runtime.warn(&format!("template argument `{name}` has no effect: the chat template does not use it"));
    }
    if tokenizer.eos().is_none() {
        runtime.warn(
            "the tokenizer has no end-of-sequence token, so templates that end turns with it leave them open",
        );
    }
    Ok((Encoder::new(tokenizer, template, options)?, now))
}

/// Whether a tokenizer has tokens that the model has no embedding for, which is reported.
fn note_beyond(tokenizer: &TextTokenizer, vocabulary: usize, runtime: &Runtime) -> bool {
    let Some((n_tokens, first)) = tokenizer.beyond(vocabulary) else { return false };
    runtime.warn(&format!(
        "the model has embeddings for {} tokens, and its tokenizer has {} more, from `{}` (id {}) on; rows with them \
         are not scored and have the status `{}`",
        count(vocabulary as u64),
        count(n_tokens as u64),
        first.text,
        first.id,
        RowStatus::OutOfVocabulary
    ));
    true
}
