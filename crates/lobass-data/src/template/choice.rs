//! Which template to use.

use std::path::PathBuf;
use std::str::FromStr;

use serde_json::Value;

use super::Preset;
use super::scene::check_argument;

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

/// The prefix of a name of one of the checkpoint's templates.
pub(super) const NAMED: &str = "named:";

/// An argument for a chat template from `NAME=VALUE`. The value is JSON, or a constant of Python, or else plain text.
///
/// ```
/// use lobass_data::template_argument;
///
/// assert_eq!(template_argument("enable_thinking=false"), Ok(("enable_thinking".to_owned(), false.into())));
/// assert_eq!(template_argument("enable_thinking=False"), Ok(("enable_thinking".to_owned(), false.into())));
/// assert_eq!(template_argument("style=plain"), Ok(("style".to_owned(), "plain".into())));
/// assert!(template_argument("style").is_err());
/// ```
///
/// # Errors
/// Without a name or an equals sign, and for variables that are set from the row.
pub fn template_argument(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.trim().is_empty())
        .ok_or_else(|| format!("expected an argument of the chat template as NAME=VALUE, found `{text}`"))?;
    let name = name.trim();
    check_argument(name)?;
    // Jinja takes the text `False` for true, so it can only be meant as Python means it.
    let value = match value {
        "True" => Value::from(true),
        "False" => Value::from(false),
        "None" => Value::Null,
        _ => serde_json::from_str(value).unwrap_or_else(|_| Value::from(value)),
    };
    Ok((name.to_owned(), value))
}

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
            // A path looks different from a misspelled name.
            Err(_) if text.contains(['/', '\\', '.']) => Ok(Self::File(text.into())),
            Err(reason) => Err(format!(
                "{reason}; the name of a file has a `.` or a `/` in it, a template of the checkpoint is `{NAMED}NAME`"
            )),
        }
    }
}
