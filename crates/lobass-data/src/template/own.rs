//! The templates that a checkpoint brings.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::choice::NAMED;
use crate::Error;
use crate::tokenizer::TokenizerConfig;

const FILE: &str = "chat_template.jinja";
const CONFIG: &str = "tokenizer_config.json";
/// Older versions of transformers saved the template of a processor here. Tokenizers do not read this file.
const PROCESSOR_FILE: &str = "chat_template.json";
const PROCESSOR_CONFIG: &str = "processor_config.json";
const FOLDER: &str = "additional_chat_templates";
pub(super) const DEFAULT: &str = "default";
pub(super) const TOOL_USE: &str = "tool_use";

/// Templates by name, and where they were found.
#[derive(Debug, Default)]
pub(super) struct OwnTemplates {
    pub(super) place: String,
    pub(super) sources: BTreeMap<String, String>,
    /// Whether the templates are from the config of a processor.
    pub(super) is_of_processor: bool,
}

impl OwnTemplates {
    /// Reads the templates from the first of these places that has any:
    ///
    /// 1. `chat_template.jinja` and the files of `additional_chat_templates`;
    /// 2. `chat_template` in `tokenizer_config.json`: one text, or several by name;
    /// 3. the config of the processor, in the order of `AutoProcessor`.
    ///
    /// A checkpoint without templates gives an empty result.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read, [`Error::NoTemplate`] for a config that holds something else.
    pub(super) fn read(dir: &Path, config: &TokenizerConfig) -> Result<Self, Error> {
        let mut sources = BTreeMap::new();
        let file = dir.join(FILE);
        if file.exists() {
            sources.insert(DEFAULT.to_owned(), fs_err::read_to_string(&file)?);
        }
        let folder = dir.join(FOLDER);
        if folder.is_dir() {
            for entry in fs_err::read_dir(&folder)? {
                let path = entry?.path();
                let name = path.file_stem().map(|name| name.to_string_lossy().into_owned());
                if let Some(name) = name.filter(|_| path.extension().is_some_and(|end| end == "jinja")) {
                    sources.insert(name, fs_err::read_to_string(&path)?);
                }
            }
        }
        if !sources.is_empty() {
            return Ok(Self { place: FILE.to_owned(), sources, is_of_processor: false });
        }
        let sources = in_config(config.chat_template.as_ref())?;
        if !sources.is_empty() {
            return Ok(Self { place: CONFIG.to_owned(), sources, is_of_processor: false });
        }
        Self::of_processor(dir)
    }

    /// Reads `chat_template` from the config of the processor, or from [`PROCESSOR_FILE`].
    fn of_processor(dir: &Path) -> Result<Self, Error> {
        for name in [PROCESSOR_CONFIG, PROCESSOR_FILE] {
            let path = dir.join(name);
            if !path.exists() {
                continue;
            }
            let text = fs_err::read_to_string(&path)?;
            let json: Value = serde_json::from_str(&text).map_err(|source| Error::Json {
                path: path.clone(),
                expected: "a config of a processor",
                source,
            })?;
            match json.get("chat_template") {
                None | Some(Value::Null) => {}
                Some(Value::String(source)) => {
                    let place = format!("{name} of the processor; the tokenizer has no template");
                    let sources = BTreeMap::from([(DEFAULT.to_owned(), source.clone())]);
                    return Ok(Self { place, sources, is_of_processor: true });
                }
                Some(_) => {
                    let reason =
                        "expected text as `chat_template`; give the template with `--chat-template FILE`";
                    return Err(Error::NoTemplate { name: name.to_owned(), reason: reason.to_owned() });
                }
            }
        }
        Ok(Self { place: CONFIG.to_owned(), ..Self::default() })
    }

    /// The template of a name.
    ///
    /// # Errors
    /// [`Error::NoTemplate`], which lists the names there are.
    pub(super) fn named(&self, name: &str) -> Result<String, Error> {
        self.sources.get(name).cloned().ok_or_else(|| {
            let names: Vec<&str> = self.sources.keys().map(String::as_str).collect();
            let found =
                if names.is_empty() { "none".to_owned() } else { format!("`{}`", names.join("`, `")) };
            let hint = if names.is_empty() { String::new() } else { format!("; `{NAMED}NAME` chooses one") };
            let reason = format!("expected a template of this name in the checkpoint, found {found}{hint}");
            Error::NoTemplate { name: name.to_owned(), reason }
        })
    }
}

fn in_config(templates: Option<&Value>) -> Result<BTreeMap<String, String>, Error> {
    let unusable = |reason: &str| Error::NoTemplate { name: CONFIG.to_owned(), reason: reason.to_owned() };
    match templates {
        None | Some(Value::Null) => Ok(BTreeMap::new()),
        Some(Value::String(source)) => Ok(BTreeMap::from([(DEFAULT.to_owned(), source.clone())])),
        Some(Value::Array(named)) => named
            .iter()
            .map(|entry| Some((entry["name"].as_str()?.to_owned(), entry["template"].as_str()?.to_owned())))
            .collect::<Option<_>>()
            .ok_or_else(|| unusable("expected named templates with a `name` and a `template` each")),
        Some(Value::Object(named)) => named
            .iter()
            .map(|(name, template)| Some((name.clone(), template.as_str()?.to_owned())))
            .collect::<Option<_>>()
            .ok_or_else(|| unusable("expected a template as text under each name")),
        Some(_) => Err(unusable("expected text, or named templates")),
    }
}
