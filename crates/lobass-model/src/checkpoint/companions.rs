//! Files beside the weights.

use std::path::Path;

use crate::Error;

/// Files that a tokenizer, a chat template, or the processor of a wrapper is made of.
const COMPANIONS: [&str; 13] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
    "generation_config.json",
    "processor_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
];

/// Templates beside the default one, such as one for rows with tools.
const NAMED_TEMPLATES: &str = "additional_chat_templates";

/// Copies what else belongs to a model.
///
/// # Errors
/// [`Error::Io`] if a file cannot be copied.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    for name in COMPANIONS {
        let file = from.join(name);
        if file.exists() {
            fs_err::copy(file, to.join(name))?;
        }
    }
    copy_named_templates(from, to)
}

fn copy_named_templates(from: &Path, to: &Path) -> Result<(), Error> {
    if !from.join(NAMED_TEMPLATES).is_dir() {
        return Ok(());
    }
    fs_err::create_dir_all(to.join(NAMED_TEMPLATES))?;
    for entry in fs_err::read_dir(from.join(NAMED_TEMPLATES))? {
        let path = entry?.path();
        if let (Some(name), true) =
            (path.file_name(), path.extension().is_some_and(|ending| ending == "jinja"))
        {
            fs_err::copy(&path, to.join(NAMED_TEMPLATES).join(name))?;
        }
    }
    Ok(())
}
