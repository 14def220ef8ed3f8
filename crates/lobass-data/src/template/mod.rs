//! Chat templates: a conversation as the text that a model is trained on.

mod environment;
mod generation;
mod preset;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::civil::DateTime;
use minijinja::value::Serde;
use minijinja::{Environment, context};
use serde_json::Value;

pub use preset::Preset;

use crate::digest::sha256;
use crate::tokenizer::TokenizerConfig;
use crate::{DataFile, Error, Message, Pool};

/// Which template to use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TemplateChoice {
    /// The checkpoint's own; if it brings none, `plain` for data that is all `prompt` and `completion`, else `alpaca`.
    #[default]
    Auto,
    /// One that lobass brings along.
    Preset(Preset),
    /// A Jinja file.
    File(PathBuf),
}

impl FromStr for TemplateChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        match text.parse() {
            Ok(preset) => Ok(Self::Preset(preset)),
            // A path is told from a misspelt name by looking like one.
            Err(_) if text.contains(['/', '\\', '.']) => Ok(Self::File(text.into())),
            Err(reason) => Err(format!("{reason}; a file's name has a `.` or a `/` in it")),
        }
    }
}

/// A compiled chat template and the special tokens it is told.
#[derive(Debug)]
pub struct ChatTemplate {
    name: String,
    digest: String,
    tells_time: bool,
    environment: Environment<'static>,
    tokens: Value,
}

const NAME: &str = "chat";

impl ChatTemplate {
    /// Finds and compiles a template. `dir` is the checkpoint's directory, `now` the time that `strftime_now` tells.
    ///
    /// A checkpoint's own template is `chat_template.jinja`, or `chat_template` in `tokenizer_config.json`: text, or a
    /// list of named ones of which `default` is taken.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read, [`Error::NoTemplate`] for a list without a `default`,
    /// [`Error::Template`] for source that does not compile.
    pub fn load(choice: &TemplateChoice, dir: &Path, pool: &Pool, now: DateTime) -> Result<Self, Error> {
        let config = TokenizerConfig::from_dir(dir)?;
        let (name, source) = match choice {
            TemplateChoice::Preset(preset) => (preset.to_string(), preset.source().to_owned()),
            TemplateChoice::File(path) => (path.display().to_string(), fs_err::read_to_string(path)?),
            TemplateChoice::Auto => {
                if let Some(found) = own_template(dir, &config)? {
                    found
                } else {
                    let plain = pool.files().iter().all(DataFile::is_plain_pair);
                    let preset = if plain { Preset::Plain } else { Preset::Alpaca };
                    let name = format!("{preset} (the checkpoint brings no template)");
                    (name, preset.source().to_owned())
                }
            }
        };
        Self::compile(name, &source, &config, now)
    }

    fn compile(name: String, source: &str, config: &TokenizerConfig, now: DateTime) -> Result<Self, Error> {
        // As Jinja does before it parses.
        let source = &source.replace("\r\n", "\n").replace('\r', "\n");
        let tells_time = source.contains("strftime_now");
        let mut digested = format!("{source}\n{:?}", config.named_tokens);
        if tells_time {
            digested += &now.to_string();
        }
        let mut environment = environment::environment(now);
        environment
            .add_template_owned(NAME, generation::without_generation_blocks(source))
            .map_err(|source| Error::Template { name: name.clone(), source })?;
        let digest = sha256(digested.as_bytes());
        let tokens = tokens_for_templates(config);
        Ok(Self { name, digest, tells_time, environment, tokens })
    }

    /// Where the template comes from.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A hash of everything that decides the text: source, special tokens, and the time if the template asks for it.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether the text depends on the time that [`ChatTemplate::load`] was given.
    pub fn tells_time(&self) -> bool {
        self.tells_time
    }

    /// Renders turns as text.
    ///
    /// # Errors
    /// What the template says of turns it does not like, with the line that says so.
    pub fn render(
        &self,
        messages: &[Message],
        tools: Option<&Value>,
        add_generation_prompt: bool,
    ) -> Result<String, String> {
        let rendered = self.environment.get_template(NAME).and_then(|template| {
            template.render(context! {
                messages => minijinja::Value::from(Serde(messages)),
                documents => (),
                tools => minijinja::Value::from(Serde(tools)),
                add_generation_prompt => add_generation_prompt,
                ..minijinja::Value::from(Serde(&self.tokens))
            })
        });
        rendered.map_err(|error| describe(&error))
    }
}

/// `bos_token` and `eos_token` are always told, as empty text where the tokenizer has none.
fn tokens_for_templates(config: &TokenizerConfig) -> Value {
    let mut tokens = serde_json::Map::new();
    for name in ["bos_token", "eos_token"] {
        tokens.insert(name.to_owned(), Value::from(""));
    }
    tokens.extend(config.named_tokens.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str()))));
    Value::Object(tokens)
}

fn describe(error: &minijinja::Error) -> String {
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) => format!("{what} (line {line} of the template)"),
        None => what,
    }
}

/// The template that a checkpoint brings, and where it was found.
fn own_template(dir: &Path, config: &TokenizerConfig) -> Result<Option<(String, String)>, Error> {
    let file = dir.join("chat_template.jinja");
    if file.exists() {
        return Ok(Some(("chat_template.jinja".to_owned(), fs_err::read_to_string(&file)?)));
    }
    let name = "tokenizer_config.json".to_owned();
    match &config.chat_template {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(source)) => Ok(Some((name, source.clone()))),
        Some(Value::Array(named)) => {
            let default = named.iter().find(|entry| entry["name"] == "default");
            if let Some(source) = default.and_then(|entry| entry["template"].as_str()) {
                Ok(Some((name, source.to_owned())))
            } else {
                let reason = "expected an entry `default` with a `template`, found none".to_owned();
                Err(Error::NoTemplate { name, reason })
            }
        }
        Some(_) => {
            Err(Error::NoTemplate { name, reason: "expected text or a list of named templates".to_owned() })
        }
    }
}
