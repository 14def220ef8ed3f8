//! Which template to use.

use std::path::PathBuf;
use std::str::FromStr;

use super::Preset;

/// Which template to use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TemplateChoice {
    /// The checkpoint's own, and its `tool_use` for rows with tools if there is one; if it brings none, `plain` for
    /// data that is all `prompt` and `completion`, else `alpaca`.
    #[default]
    Auto,
    /// One that lobass brings along.
    Preset(Preset),
    /// A Jinja file, or a directory: the templates that the checkpoint or adapter there brings.
    File(PathBuf),
    /// One of the checkpoint's own, by its name, for all rows.
    Named(String),
}

/// What a name of one of the checkpoint's own templates follows.
pub(super) const NAMED: &str = "named:";

impl FromStr for TemplateChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        if let Some(name) = text.strip_prefix(NAMED).filter(|name| !name.is_empty()) {
            return Ok(Self::Named(name.to_owned()));
        }
        match text.parse() {
            Ok(preset) => Ok(Self::Preset(preset)),
            // A path is told from a misspelt name by looking like one.
            Err(_) if text.contains(['/', '\\', '.']) => Ok(Self::File(text.into())),
            Err(reason) => Err(format!(
                "{reason}; the name of a file has a `.` or a `/` in it, a template of the checkpoint is `{NAMED}NAME`"
            )),
        }
    }
}
