//! Special tokens that configs name, with the precedence of files that transformers has.
//!
//! Source: `_from_pretrained` and `__init__` of `PreTrainedTokenizerBase` in transformers 5.24.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::class::Class;
use super::files::Files;
use super::token::{Flagged, Token};
use crate::Error;

/// The tokens of a checkpoint's configs.
#[derive(Debug, Default)]
pub(super) struct SpecialTokens {
    /// By name, such as `bos_token`, in the order in which they are added.
    pub(super) named: Vec<(String, Token)>,
    /// Without a name.
    pub(super) extra: Vec<Token>,
    /// All added tokens by id, special or not.
    pub(super) listed: BTreeMap<u32, Flagged>,
}

const NAMED: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];
const EXTRA: &str = "extra_special_tokens";
const ADDITIONAL: &str = "additional_special_tokens";

impl SpecialTokens {
    /// Collects them for a class. `tokenizer` is the content of `tokenizer.json`, where it is at hand.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] for a token that is not written as transformers reads it.
    pub(super) fn read(files: &Files, class: Class, tokenizer: Option<&Value>) -> Result<Self, Error> {
        let mut values = files.config.clone();
        if values.contains_key(ADDITIONAL) && !is_truthy(values.get(EXTRA)) {
            let additional = values.remove(ADDITIONAL).unwrap_or_default();
            values.insert(EXTRA.to_owned(), additional);
        }
        let mut own = take_own_names(&mut values);
        take_extra_by_name(&mut values, &mut own, files)?;
        let listed = match values.get("added_tokens_decoder") {
            None | Some(Value::Null) => {
                merge_special_tokens_map(&mut values, files);
                take_extra_by_name(&mut values, &mut own, files)?;
                listed_elsewhere(&values, files, tokenizer)
            }
            Some(decoder) => listed_in_config(decoder, files)?,
        };
        for (name, default) in class.default_tokens() {
            values.entry(*name).or_insert_with(|| Value::from(*default));
        }
        let padding = tokenizer.and_then(|tokenizer| tokenizer["padding"]["pad_token"].as_str());
        if let (Some(token), true) = (padding, class.takes_padding_of_the_file()) {
            values.entry("pad_token").or_insert_with(|| Value::from(token));
        }
        let named = named(&values, own, &listed);
        Ok(Self { named, extra: extra(&values, class), listed })
    }

    /// The token with a name.
    pub(super) fn get(&self, name: &str) -> Option<&Token> {
        self.named.iter().find(|(known, _)| known == name).map(|(_, token)| token)
    }

    /// All of them once, those with a name first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Token> {
        self.named.iter().map(|(_, token)| token).chain(&self.extra)
    }
}

fn is_truthy(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(items)) => !items.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}

fn is_own_name(name: &str) -> bool {
    name.ends_with("_token") && !NAMED.contains(&name)
}

/// Names that only this model has, such as `image_token`, with their texts.
fn take_own_names(values: &mut Map<String, Value>) -> Map<String, Value> {
    let mut own = Map::new();
    values.retain(|name, value| {
        let taken = is_own_name(name) && value.is_string();
        if taken {
            own.insert(name.clone(), value.take());
        }
        !taken
    });
    own
}

/// `extra_special_tokens` may be a map from names to tokens.
fn take_extra_by_name(
    values: &mut Map<String, Value>,
    own: &mut Map<String, Value>,
    files: &Files,
) -> Result<(), Error> {
    if !values.get(EXTRA).is_some_and(Value::is_object) {
        return Ok(());
    }
    let Some(Value::Object(named)) = values.remove(EXTRA) else { return Ok(()) };
    if let Some((name, token)) = named.iter().find(|(_, token)| Token::parse(token).is_none()) {
        return Err(files.fault(format!("`{EXTRA}`, `{name}`: expected a token, found {token}")));
    }
    own.extend(named);
    Ok(())
}

/// Without `added_tokens_decoder`, `special_tokens_map.json` wins over `tokenizer_config.json`.
fn merge_special_tokens_map(values: &mut Map<String, Value>, files: &Files) {
    for (name, value) in files.special_tokens_map.iter().flatten() {
        let merged = match value {
            Value::Object(_) if name != EXTRA => marked_as_special(value),
            Value::Array(tokens) if name == EXTRA => {
                let mut all = values.get(EXTRA).and_then(Value::as_array).cloned().unwrap_or_default();
                for token in tokens {
                    let token = if token.is_object() { marked_as_special(token) } else { token.clone() };
                    if !all.contains(&token) {
                        all.push(token);
                    }
                }
                Value::Array(all)
            }
            other => other.clone(),
        };
        values.insert(name.clone(), merged);
    }
}

fn marked_as_special(token: &Value) -> Value {
    let mut token = token.clone();
    token["special"] = json!(true);
    token["__type"] = json!("AddedToken");
    token
}

fn listed_in_config(decoder: &Value, files: &Files) -> Result<BTreeMap<u32, Flagged>, Error> {
    let fault = |found: &Value| {
        files.fault(format!("`added_tokens_decoder`: expected a map from ids to tokens, found {found}"))
    };
    let entries = decoder.as_object().ok_or_else(|| fault(decoder))?;
    let entry = |(id, token): (&String, &Value)| {
        let id: u32 = id.trim().parse().map_err(|_| fault(&json!({ id: token })))?;
        Ok((id, Flagged::parse(token).ok_or_else(|| fault(token))?))
    };
    entries.iter().map(entry).collect()
}

/// `added_tokens.json`, and over it the added tokens of `tokenizer.json`.
fn listed_elsewhere(
    values: &Map<String, Value>,
    files: &Files,
    tokenizer: Option<&Value>,
) -> BTreeMap<u32, Flagged> {
    let text = |value: &Value| Token::parse(value).map(|token| token.text().to_owned());
    let mut special: Vec<String> =
        NAMED.iter().filter_map(|name| values.get(*name)).filter_map(text).collect();
    special.extend(values.get(EXTRA).and_then(Value::as_array).into_iter().flatten().filter_map(text));
    let in_map = files.added_tokens.iter().flatten().filter_map(|(content, id)| {
        let id = u32::try_from(id.as_u64()?).ok()?;
        let special = special.contains(content);
        let (content, normalized) = (content.clone(), Some(!special));
        Some((id, Flagged { content, single_word: false, lstrip: false, rstrip: false, normalized, special }))
    });
    let in_file = tokenizer.and_then(|tokenizer| tokenizer["added_tokens"].as_array());
    let in_file = in_file.into_iter().flatten().filter_map(|token| {
        let id = u32::try_from(token["id"].as_u64()?).ok()?;
        Some((id, Flagged::parse(token)?))
    });
    in_map.chain(in_file).collect()
}

/// The seven common names, those that the class or a file adds, and those of `own`.
fn named(
    values: &Map<String, Value>,
    own: Map<String, Value>,
    listed: &BTreeMap<u32, Flagged>,
) -> Vec<(String, Token)> {
    let common = NAMED.iter().filter_map(|&name| {
        let token = Token::parse(values.get(name)?)?;
        let flagged = listed.values().rfind(|listed| listed.content == token.text());
        Some((name.to_owned(), flagged.map_or(token, |flagged| Token::Flagged(flagged.clone()))))
    });
    let mut others: Map<String, Value> = values
        .iter()
        .filter(|(name, value)| is_own_name(name) && (value.is_string() || value.get("__type").is_some()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    others.extend(own);
    let others = others.into_iter().filter_map(|(name, value)| Some((name, Token::parse(&value)?)));
    common.chain(others).collect()
}

fn extra(values: &Map<String, Value>, class: Class) -> Vec<Token> {
    let list = |name: &str| values.get(name).and_then(Value::as_array).into_iter().flatten();
    if values.contains_key(EXTRA) {
        return list(EXTRA).filter_map(Token::parse).collect();
    }
    // CodeLlamaTokenizer lists the tokens for infilling there too.
    let infilling = match class {
        Class::CodeLlama => class.default_tokens(),
        _ => &[],
    };
    let infilling = infilling.iter().filter(|(name, _)| is_own_name(name));
    let infilling = infilling.filter_map(|(name, _)| Token::parse(values.get(*name)?));
    list(ADDITIONAL).filter_map(Token::parse).chain(infilling).collect()
}
