//! Which projections an adapter updates, as PEFT decides it.

use regex::Regex;
use serde_json::Value;

use super::config::{ALL_LINEAR, ends_in};
use super::peft::PeftConfig;
use crate::Finding;

/// Which projections an adapter updates.
///
/// Source: `check_target_module_exists` of PEFT's `tuners_utils.py`.
#[derive(Debug)]
pub(super) struct Targets {
    chosen: Chosen,
    excluded: Excluded,
    saved: Vec<String>,
    layers: Option<Layers>,
    /// Patterns in a dialect that only Python reads.
    unchecked: Vec<Finding>,
}

#[derive(Debug)]
enum Chosen {
    /// Every projection.
    All,
    Names(Vec<String>),
    Pattern(Regex),
    /// The config does not say it in words that can be read here: the tensors of the file say it.
    Unknown,
}

#[derive(Debug)]
enum Excluded {
    Names(Vec<String>),
    Pattern(Regex),
}

/// The layers that are updated, and how their numbers are found in paths.
#[derive(Debug)]
struct Layers {
    numbers: Vec<u64>,
    patterns: Vec<Regex>,
}

impl Targets {
    pub(super) fn new(peft: &PeftConfig) -> Self {
        let mut unchecked = Vec::new();
        let mut pattern = |field: &'static str, text: &str| {
            let regex = whole(text).ok();
            if regex.is_none() {
                unchecked.push(Finding::UncheckedPattern { field, pattern: text.to_owned() });
            }
            regex
        };
        let mut chosen = match &peft.target_modules {
            Some(Value::String(name)) if name == ALL_LINEAR => Chosen::All,
            Some(Value::String(text)) => {
                pattern("target_modules", text).map_or(Chosen::Unknown, Chosen::Pattern)
            }
            Some(Value::Array(names)) => Chosen::Names(texts(names)),
            _ => Chosen::Unknown,
        };
        let excluded = match &peft.exclude_modules {
            Some(Value::String(text)) if !text.is_empty() => match pattern("exclude_modules", text) {
                Some(regex) => Excluded::Pattern(regex),
                None => {
                    chosen = Chosen::Unknown;
                    Excluded::Names(Vec::new())
                }
            },
            Some(Value::Array(names)) => Excluded::Names(texts(names)),
            _ => Excluded::Names(Vec::new()),
        };
        let layers = Layers::new(peft);
        let saved = peft.modules_to_save.clone().unwrap_or_default();
        Self { chosen, excluded, saved, layers, unchecked }
    }

    pub(super) fn findings(&self) -> &[Finding] {
        &self.unchecked
    }

    /// Whether the config says `all-linear`, which leaves routers out.
    pub(super) fn are_all(&self) -> bool {
        matches!(self.chosen, Chosen::All)
    }

    /// Whether a projection is updated; `None` if only the tensors of the file say it.
    pub(super) fn has(&self, path: &str) -> Option<bool> {
        let excluded = match &self.excluded {
            Excluded::Names(names) => names.iter().any(|name| ends_in(path, name)),
            Excluded::Pattern(pattern) => pattern.is_match(path),
        };
        if excluded || self.is_within_saved(path) {
            return Some(false);
        }
        match &self.chosen {
            Chosen::All => Some(true),
            Chosen::Pattern(pattern) => Some(pattern.is_match(path)),
            Chosen::Unknown => None,
            Chosen::Names(names) if names.iter().any(|name| name == path) => Some(true),
            Chosen::Names(names) => {
                let named = names.iter().any(|name| ends_in(path, name));
                Some(named && self.layers.as_ref().is_none_or(|layers| layers.have(path)))
            }
        }
    }

    /// Modules that are trained whole, and what is in them, are no targets.
    fn is_within_saved(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('.').collect();
        self.saved.iter().any(|name| {
            let name: Vec<&str> = name.split('.').collect();
            parts.windows(name.len()).any(|window| window == name)
        })
    }
}

impl Layers {
    fn new(peft: &PeftConfig) -> Option<Self> {
        let numbers: Vec<u64> = match &peft.layers_to_transform {
            Some(Value::Array(numbers)) if !numbers.is_empty() => {
                numbers.iter().filter_map(Value::as_u64).collect()
            }
            Some(Value::Number(number)) => number.as_u64().into_iter().collect(),
            _ => return None,
        };
        let names = match &peft.layers_pattern {
            Some(Value::String(name)) if !name.is_empty() => vec![name.clone()],
            Some(Value::Array(names)) => texts(names),
            _ => Vec::new(),
        };
        let named = |name: &String| Regex::new(&format!(r"^(?:|.*?\.){name}\.(\d+)\."));
        let patterns: Vec<Regex> = match names.is_empty() {
            true => Regex::new(r"^.*?\.[^.]*\.(\d+)\.").into_iter().collect(),
            false => names.iter().flat_map(named).collect(),
        };
        Some(Self { numbers, patterns })
    }

    fn have(&self, path: &str) -> bool {
        let number = self.patterns.iter().find_map(|pattern| pattern.captures(path)?[1].parse().ok());
        number.is_some_and(|number| self.numbers.contains(&number))
    }
}

/// A pattern that has to fit all of a path.
fn whole(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&format!("^(?:{pattern})$"))
}

fn texts(values: &[Value]) -> Vec<String> {
    values.iter().filter_map(|value| Some(value.as_str()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(fields: &str) -> Targets {
        Targets::new(&serde_json::from_str(&format!(r#"{{"peft_type": "LORA", {fields}}}"#)).unwrap())
    }

    fn updated(fields: &str) -> Vec<String> {
        let targets = targets(fields);
        let mut paths = Vec::new();
        for layer in 0..3 {
            for module in ["self_attn.q_proj", "self_attn.o_proj", "mlp.up_proj"] {
                let path = format!("model.layers.{layer}.{module}");
                if targets.has(&path) == Some(true) {
                    paths.push(format!("{layer} {module}"));
                }
            }
        }
        paths
    }

    #[test]
    fn names_and_patterns_choose_as_in_peft() {
        assert_eq!(updated(r#""target_modules": "all-linear""#).len(), 9);
        assert_eq!(updated(r#""target_modules": ["proj"]"#).len(), 0);
        assert_eq!(updated(r#""target_modules": ["layers.1.mlp.up_proj"]"#), ["1 mlp.up_proj"]);
        assert_eq!(
            updated(r#""target_modules": ".*[02].*q_proj""#),
            ["0 self_attn.q_proj", "2 self_attn.q_proj"]
        );
        assert_eq!(updated(r#""target_modules": "q_proj""#).len(), 0);
    }

    #[test]
    fn layers_and_exclusions_take_away() {
        let names = r#""target_modules": ["q_proj", "up_proj"]"#;
        let last = ["2 self_attn.q_proj", "2 mlp.up_proj"];
        for layers in [
            r#""layers_to_transform": [2]"#,
            r#""layers_to_transform": 2, "layers_pattern": "layers""#,
            r#""layers_to_transform": [2, 7], "layers_pattern": ["h", "layers"]"#,
        ] {
            assert_eq!(updated(&format!("{names}, {layers}")), last, "{layers}");
        }
        let none = updated(&format!(r#"{names}, "layers_to_transform": [2], "layers_pattern": "h""#));
        assert_eq!(none, [""; 0]);
        let without = updated(&format!(r#"{names}, "exclude_modules": ["q_proj", "layers.0.mlp.up_proj"]"#));
        assert_eq!(without, ["1 mlp.up_proj", "2 mlp.up_proj"]);
        let without = updated(&format!(r#"{names}, "exclude_modules": ".*layers.[01].*""#));
        assert_eq!(without, last);
        let without = updated(&format!(r#"{names}, "modules_to_save": ["self_attn"]"#));
        assert_eq!(without.len(), 3);
    }

    #[test]
    fn a_pattern_for_python_alone_is_found() {
        let targets = targets(r#""target_modules": "^(?!.*vision).*q_proj$""#);
        assert_eq!(targets.has("model.layers.0.self_attn.q_proj"), None);
        assert_eq!(targets.findings().len(), 1);
    }
}
