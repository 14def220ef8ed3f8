//! The result of reading a config.

use serde_json::{Map, Value};

use crate::Trainer;

/// A trainer's config, as far as it means something to lobass.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Whose config it is.
    pub trainer: Trainer,
    /// Settings of lobass, in the order in which they were found.
    pub taken: Vec<Taken>,
    /// Settings that cannot be taken over.
    pub left_out: Vec<LeftOut>,
    /// Settings that are taken over with another effect.
    pub differing: Vec<Difference>,
}

/// A setting of lobass that comes from a config.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The keys it comes from; empty for a default of the trainer that the file does not mention.
    pub keys: Vec<String>,
    /// Where it is in `lobass.toml`, such as `train.learning_rate`.
    pub setting: &'static str,
    /// Its value.
    pub value: Value,
}

/// A key that lobass cannot take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The key.
    pub key: String,
    /// Why, and what to do if there is something to do.
    pub reason: String,
}

/// A key, or a default, that means something else in lobass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The key.
    pub key: String,
    /// The behavior of the trainer, and of lobass.
    pub effect: String,
}

impl Reading {
    /// The settings as one value, in the layout of `lobass.toml`.
    pub fn settings(&self) -> Value {
        let mut settings = Map::new();
        for Taken { setting, value, .. } in &self.taken {
            let mut table = &mut settings;
            let mut path = setting.split('.').peekable();
            while let Some(name) = path.next() {
                if path.peek().is_none() {
                    table.insert(name.to_owned(), value.clone());
                    break;
                }
                let below = table.entry(name).or_insert_with(|| Value::Object(Map::new()));
                match below {
                    Value::Object(below) => table = below,
                    _ => break,
                }
            }
        }
        Value::Object(settings)
    }

    /// The value of a setting.
    pub fn get(&self, setting: &str) -> Option<&Value> {
        self.taken.iter().rfind(|taken| taken.setting == setting).map(|taken| &taken.value)
    }
}
