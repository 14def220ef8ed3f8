//! Chat templates: a conversation as the text that a model is trained on.

mod choice;
mod environment;
mod filters;
mod generation;
mod limits;
mod nesting;
mod own;
mod owner;
mod preset;
mod python;
mod scene;
mod source;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::DateTime;
use minijinja::value::{Object, ObjectRepr};
use minijinja::{ErrorKind, Value};
use serde_json::{Map, Value as Json};

pub use choice::{TemplateChoice, template_argument};
pub use owner::{TemplateOwner, brought_template, template_owner};
pub use preset::Preset;
pub(crate) use scene::{Scene, THOUGHTS, from_json, turn_of};

use crate::digest::sha256;
use crate::tokenizer::TokenizerConfig;
use crate::{Error, Example};
use limits::Bounded;
use own::{DEFAULT, OwnTemplates, TOOL_USE};

/// A compiled chat template, the special tokens that it is given, and arguments for all rows.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about the source, each asked for by name"
)]
pub struct ChatTemplate {
    name: String,
    digest: String,
    tells_time: bool,
    marks_generation: bool,
    has_tool_use: bool,
    knows_calls: bool,
    knows_parts: bool,
    /// The variables that the template reads.
    variables: BTreeSet<String>,
    environments: Bounded,
    tokens: Vec<(String, Value)>,
    arguments: Map<String, Json>,
}

/// A rendering, and which bytes of it the template marks as said by the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marked {
    pub(crate) text: String,
    pub(crate) blocks: Vec<Range<usize>>,
}

impl ChatTemplate {
    /// Finds and compiles a template. `dir` is the checkpoint's directory, `now` the time that `strftime_now` returns.
    /// A checkpoint without a template gets the `fallback`: [`Pool::fallback`](crate::Pool::fallback) is that of its rows.
    ///
    /// A checkpoint's own template is `chat_template.jinja`, or `chat_template` in `tokenizer_config.json`: text, or a
    /// list of named ones. Of several, rows with tools get `tool_use` and others `default`, as in transformers.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read, [`Error::NoTemplate`] if the checkpoint has no template of the
    /// name, [`Error::Template`] for source that does not compile, [`Error::TemplateDepth`] for source whose
    /// parts are too deep in each other.
    pub fn load(choice: &TemplateChoice, dir: &Path, fallback: Preset, now: DateTime) -> Result<Self, Error> {
        let config = TokenizerConfig::from_dir(dir)?;
        let mut tool_use = None;
        let (name, source) = match choice {
            TemplateChoice::Preset(preset) => (preset.to_string(), preset.source().to_owned()),
            TemplateChoice::File(path) if path.is_dir() => {
                let own = OwnTemplates::read(path, &TokenizerConfig::from_dir(path)?)?;
                tool_use = own.sources.get(TOOL_USE).cloned();
                (format!("{} ({})", path.display(), own.place), own.named(DEFAULT)?)
            }
            TemplateChoice::File(path) => (path.display().to_string(), fs_err::read_to_string(path)?),
            TemplateChoice::Named(name) => {
                let own = OwnTemplates::read(dir, &config)?;
                (format!("{}{name} ({})", choice::NAMED, own.place), own.named(name)?)
            }
            TemplateChoice::Auto => {
                let own = OwnTemplates::read(dir, &config)?;
                if own.sources.is_empty() {
                    let name = format!("{fallback} (the checkpoint brings no template)");
                    (name, fallback.source().to_owned())
                } else {
                    tool_use = own.sources.get(TOOL_USE).cloned();
                    let note = if tool_use.is_some() { ", `tool_use` for rows with tools" } else { "" };
                    (format!("{}{note}", own.place), own.named(DEFAULT)?)
                }
            }
        };
        Self::compile(name, &source, tool_use.as_deref(), &config, now)
    }

    fn compile(
        name: String,
        source: &str,
        tool_use: Option<&str>,
        config: &TokenizerConfig,
        now: DateTime,
    ) -> Result<Self, Error> {
        let sources = [Some((DEFAULT, source)), tool_use.map(|source| (TOOL_USE, source))];
        let mut environment = environment::environment(now);
        let (mut digested, mut variables) = (String::new(), BTreeSet::new());
        for (at, source) in sources.iter().flatten() {
            if let Some(reason) = source::fault(source) {
                return Err(Error::TemplateDepth { name, reason });
            }
            environment
                .add_template_owned(*at, source::prepare(source))
                .map_err(|source| Error::Template { name: name.clone(), source })?;
            let template = environment.get_template(at);
            variables.extend(template.into_iter().flat_map(|template| template.undeclared_variables(false)));
            digested += &source.replace("\r\n", "\n").replace('\r', "\n");
            digested.push('\n');
        }
        digested += &format!("{:?}", config.named_tokens);
        let any = |has: &dyn Fn(&str) -> bool| sources.iter().flatten().any(|(_, source)| has(source));
        let tells_time = any(&|source| source.contains("strftime_now"));
        if tells_time {
            digested += &now.to_string();
        }
        Ok(Self {
            digest: sha256(digested.as_bytes()),
            name,
            tells_time,
            marks_generation: any(&source::marks_generation),
            has_tool_use: tool_use.is_some(),
            knows_parts: !Preset::ALL.iter().any(|preset| preset.source() == source),
            knows_calls: any(&|source| source.contains("tool_calls")),
            variables,
            environments: Bounded::new(environment),
            tokens: tokens_for_templates(config),
            arguments: Map::new(),
        })
    }

    /// The same template with arguments for all rows, such as `enable_thinking`. Those of a row come first.
    ///
    /// # Errors
    /// [`Error::TemplateArgument`] for variables that are set from the row.
    pub fn with_arguments(mut self, arguments: &Map<String, Json>) -> Result<Self, Error> {
        for name in arguments.keys() {
            scene::check_argument(name)
                .map_err(|reason| Error::TemplateArgument { template: self.name.clone(), reason })?;
        }
        if !arguments.is_empty() {
            self.digest = sha256(format!("{} {}", self.digest, Json::from(arguments.clone())).as_bytes());
        }
        self.arguments.extend(arguments.clone());
        Ok(self)
    }

    /// The arguments for all rows.
    pub fn arguments(&self) -> &Map<String, Json> {
        &self.arguments
    }

    /// Where the template comes from.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A hash of everything that decides the text: sources, special tokens, arguments for all rows, and the time if
    /// the template asks for it.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether the text depends on the time that [`ChatTemplate::load`] was given.
    pub fn tells_time(&self) -> bool {
        self.tells_time
    }

    /// Whether `{% generation %}` blocks mark what the model says.
    pub fn marks_generation(&self) -> bool {
        self.marks_generation
    }

    /// Whether the template reads a variable of this name anywhere.
    pub fn reads(&self, variable: &str) -> bool {
        self.variables.contains(variable)
    }

    /// Whether the template shows calls of tools.
    pub(crate) fn knows_calls(&self) -> bool {
        self.knows_calls
    }

    /// Whether the template may be given content as parts; the presets show text only.
    pub(crate) fn knows_parts(&self) -> bool {
        self.knows_parts
    }

    /// Renders an example as text.
    ///
    /// # Errors
    /// What the template says of turns that it does not accept, with the line that says so; also if it takes too many
    /// steps or writes too much.
    pub fn render(&self, example: &Example, add_generation_prompt: bool) -> Result<String, String> {
        let scene = Scene::new(example).map_err(|fault| fault.reason)?;
        self.render_turns(&scene, scene.turns.len(), add_generation_prompt)
    }

    /// Renders the first `n_turns` of a scene.
    pub(crate) fn render_turns(&self, scene: &Scene, n_turns: usize, prompt: bool) -> Result<String, String> {
        self.rendered(scene, n_turns, prompt, false)
    }

    /// Renders a whole scene, and finds its `{% generation %}` blocks.
    pub(crate) fn render_marked(&self, scene: &Scene) -> Result<Marked, String> {
        let marked = self.rendered(scene, scene.turns.len(), false, true)?;
        let (text, blocks) = generation::unmarked(&marked);
        Ok(Marked { text, blocks })
    }

    fn rendered(&self, scene: &Scene, n_turns: usize, prompt: bool, marks: bool) -> Result<String, String> {
        let environment = self.environments.for_input(scene.n_bytes(), scene.turns.len());
        let name = if self.has_tool_use && !scene.tools.is_none() { TOOL_USE } else { DEFAULT };
        let mut variables: Vec<(&str, Value)> = Vec::new();
        variables.extend(self.tokens.iter().map(|(name, value)| (name.as_str(), value.clone())));
        variables
            .extend(self.arguments.iter().map(|(name, value)| (name.as_str(), from_json(value, &mut 0))));
        variables.extend(scene.arguments.iter().map(|(name, value)| (name.as_str(), value.clone())));
        variables.push(("messages", Value::from(scene.turns[..n_turns].to_vec())));
        variables.push(("self", Value::from_object(TemplateReference)));
        variables.push(("documents", scene.documents.clone()));
        variables.push(("tools", scene.tools.clone()));
        variables.push(("add_generation_prompt", Value::from(prompt)));
        if marks {
            variables.push((generation::MARKS, Value::from(true)));
        }
        let rendered =
            environment.get_template(name).and_then(|template| template.render(Value::from_pairs(variables)));
        rendered.map_err(|error| describe(&error))
    }
}

/// What Jinja has under `self`: the blocks of a template, which chat templates have none of.
#[derive(Debug)]
struct TemplateReference;

impl Object for TemplateReference {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<TemplateReference None>")
    }
}

/// `bos_token` and `eos_token` are always defined, as empty text where the tokenizer has none.
fn tokens_for_templates(config: &TokenizerConfig) -> Vec<(String, Value)> {
    let missing =
        ["bos_token", "eos_token"].into_iter().filter(|name| !config.named_tokens.contains_key(*name));
    let named = config.named_tokens.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    missing
        .map(|name| (name, ""))
        .chain(named)
        .map(|(name, text)| (name.to_owned(), Value::from(text)))
        .collect()
}

fn describe(error: &minijinja::Error) -> String {
    if error.kind() == ErrorKind::OutOfFuel {
        return "the chat template takes too many steps or writes too much, and was stopped".to_owned();
    }
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) => format!("{what} (line {line} of the template)"),
        None => what,
    }
}
