//! The files of a model: its config, its tokenizer, and safetensors.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use std::collections::BTreeMap;

use super::some;
use crate::{Error, RepoId};

/// Files of a checkpoint or an adapter beside its weights. `tokenizer.model` is only looked for, to explain that it
/// cannot be read without `tokenizer.json`.
const SMALL: [&str; 13] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "chat_template.jinja",
    "chat_template.json",
    "processor_config.json",
    "adapter_config.json",
    "lobass-training.json",
    INDEX,
];
const INDEX: &str = "model.safetensors.index.json";
const SINGLE: &str = "model.safetensors";
const ADAPTER: &str = "adapter_model.safetensors";

/// The small files, which say what else there is.
///
/// # Errors
/// If it is no model, or there are no weights that can be read: nothing need be fetched to know that.
pub(crate) fn small<'a>(repo: &RepoId, names: &[&'a str]) -> Result<Vec<&'a str>, Error> {
    let has = |name: &str| names.contains(&name);
    if !has("config.json") && !has("adapter_config.json") {
        return Err(Error::NoModel { repo: repo.clone(), found: some(names) });
    }
    let weights = if has("config.json") { has(INDEX) || has(SINGLE) } else { has(ADAPTER) };
    if !weights {
        return Err(Error::NoWeights { repo: repo.clone(), found: instead(names) });
    }
    Ok(small_of(names))
}

/// Files of a model without its weights, whatever those are.
pub(crate) fn without_weights<'a>(repo: &RepoId, names: &[&'a str]) -> Result<Vec<&'a str>, Error> {
    let small = small_of(names);
    match small.is_empty() {
        true => Err(Error::NoModel { repo: repo.clone(), found: some(names) }),
        false => Ok(small),
    }
}

fn small_of<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let is_wanted = |name: &&str| SMALL.contains(name) || is_named_template(name);
    names.iter().copied().filter(is_wanted).collect()
}

/// A checkpoint may have templates beside its default, such as one for rows with tools.
fn is_named_template(name: &str) -> bool {
    let file = name.strip_prefix("additional_chat_templates/");
    file.is_some_and(|file| file.ends_with(".jinja") && !file.contains('/'))
}

/// The weights. `index` is the text of the index, if there is one.
///
/// # Errors
/// If the index cannot be read, or names what is not there.
pub(crate) fn weights(repo: &RepoId, names: &[&str], index: Option<&str>) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let has = |name: &str| names.contains(&name);
    let mut wanted = BTreeSet::new();
    match index {
        Some(text) => {
            let index: Index = serde_json::from_str(text).map_err(|error| Error::NoWeights {
                repo: repo.clone(),
                found: format!("an index that cannot be read ({error})"),
            })?;
            wanted.extend(index.weight_map.into_values());
        }
        None if has("config.json") => {
            wanted.insert(SINGLE.to_owned());
        }
        None => {}
    }
    if has(ADAPTER) {
        wanted.insert(ADAPTER.to_owned());
    }
    match wanted.iter().find(|name| !has(name)) {
        Some(name) => Err(Error::NoFile { repo: repo.clone(), file: name.clone(), found: some(names) }),
        None => Ok(wanted.into_iter().collect()),
    }
}

/// Missing files among those that decide how rows are rendered and truncated. Another program may have downloaded only
/// a part of a model.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn text_files_that_may_lack(dir: &Path) -> Result<Vec<&'static str>, Error> {
    const CONFIG: &str = "tokenizer_config.json";
    const TEMPLATE: &str = "chat_template.jinja";
    let is_here = |name: &str| dir.join(name).exists();
    let mut missing: Vec<&'static str> =
        ["tokenizer.json", CONFIG].into_iter().filter(|name| !is_here(name)).collect();
    // The config has the template, or it is a separate file.
    if !is_here(TEMPLATE) {
        let has_one =
            is_here(CONFIG) && fs_err::read_to_string(dir.join(CONFIG))?.contains("\"chat_template\"");
        missing.extend((!has_one).then_some(TEMPLATE));
    }
    Ok(missing)
}

/// The name of the index, if it is there.
pub(crate) fn index<'a>(names: &[&'a str]) -> Option<&'a str> {
    names.iter().copied().find(|name| *name == INDEX)
}

/// Names the probable mistake, since "no weights" alone does not help.
fn instead(names: &[&str]) -> String {
    let of = |endings: &[&str]| {
        let ends = |name: &&&str| {
            Path::new(name).extension().is_some_and(|ending| endings.iter().any(|e| ending == *e))
        };
        names.iter().find(ends).copied()
    };
    if let Some(pickle) = of(&["bin", "pt", "pth", "ckpt"]) {
        return format!(
            "`{pickle}`; pickled weights are not read: convert them with transformers' `from_pretrained(id)` and \
             `save_pretrained(dir, safe_serialization=True)`, and name that directory"
        );
    }
    if let Some(gguf) = of(&["gguf", "ggml"]) {
        return format!(
            "`{gguf}`; weights in GGUF are not read: name the repository that they were made from"
        );
    }
    some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repo() -> RepoId {
        "org/name".parse().unwrap()
    }

    #[test]
    fn only_what_is_read() {
        let names = [
            ".gitattributes",
            "README.md",
            "additional_chat_templates/tool_use.jinja",
            "config.json",
            "consolidated.safetensors",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
            "onnx/model.onnx",
            "pytorch_model.bin",
            "tokenizer.json",
            "tokenizer.model",
        ];
        let small = small(&repo(), &names).unwrap();
        assert_eq!(
            small,
            [
                "additional_chat_templates/tool_use.jinja",
                "config.json",
                "model.safetensors.index.json",
                "tokenizer.json",
                "tokenizer.model"
            ]
        );
        let text = r#"{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}"#;
        let shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
        assert_eq!(weights(&repo(), &names, Some(text)).unwrap(), shards);
        let error = weights(&repo(), &names[..6], Some(text)).unwrap_err().to_string();
        assert!(error.contains("`model-00002-of-00002.safetensors`"), "{error}");
    }

    #[test]
    fn adapters() {
        let names = ["adapter_config.json", "adapter_model.safetensors", "tokenizer.json"];
        assert_eq!(small(&repo(), &names).unwrap(), ["adapter_config.json", "tokenizer.json"]);
        assert_eq!(weights(&repo(), &names, None).unwrap(), ["adapter_model.safetensors"]);
    }

    #[test]
    fn what_is_there_instead() {
        let check = |names: &[&str], words: &[&str]| {
            let error = small(&repo(), names).unwrap_err().to_string();
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        };
        check(
            &["config.json", "pytorch_model.bin"],
            &["expected safetensors", "`pytorch_model.bin`", "save_pretrained"],
        );
        check(&["adapter_config.json", "adapter_model.bin"], &["`adapter_model.bin`"]);
        check(&["config.json", "model-Q4_K_M.gguf"], &["`model-Q4_K_M.gguf`", "weights in GGUF"]);
        check(&["README.md", "data.jsonl"], &["config.json", "`data.jsonl`"]);
        check(&[], &["no files"]);
    }
}
