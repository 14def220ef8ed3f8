//! Which of two checkpoints brings the chat template: a base, or a model that was tuned from it.

use std::path::Path;

use super::own::{DEFAULT, OwnTemplates};
use crate::Error;
use crate::tokenizer::TokenizerConfig;

/// Who brings a chat template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateOwner {
    /// Neither of them.
    Nobody,
    /// The base; the tuned model has none, or the same.
    Base,
    /// The tuned model alone, or an adapter alone.
    Tuned,
}

/// The source of the default template that a checkpoint or an adapter brings, if it brings one.
///
/// # Errors
/// [`Error::Io`], [`Error::Json`], or [`Error::NoTemplate`] for a file that cannot be read.
pub fn brought_template(dir: &Path) -> Result<Option<String>, Error> {
    let own = OwnTemplates::read(dir, &TokenizerConfig::from_dir(dir)?)?;
    if own.sources.is_empty() { Ok(None) } else { own.named(DEFAULT).map(Some) }
}

/// Says whose template both models are to be scored with.
///
/// # Errors
/// [`Error::TwoTemplates`] if they bring different ones; [`Error::Io`], [`Error::Json`], or [`Error::NoTemplate`] for a
/// file that cannot be read.
pub fn template_owner(base: &Path, tuned: &Path) -> Result<TemplateOwner, Error> {
    let sources =
        |dir: &Path| Ok::<_, Error>(OwnTemplates::read(dir, &TokenizerConfig::from_dir(dir)?)?.sources);
    let (ours, theirs) = (sources(base)?, sources(tuned)?);
    match (ours.is_empty(), theirs.is_empty()) {
        (true, true) => Ok(TemplateOwner::Nobody),
        (true, false) => Ok(TemplateOwner::Tuned),
        (false, true) => Ok(TemplateOwner::Base),
        (false, false) if ours == theirs => Ok(TemplateOwner::Base),
        _ => Err(Error::TwoTemplates { base: base.to_owned(), tuned: tuned.to_owned() }),
    }
}
