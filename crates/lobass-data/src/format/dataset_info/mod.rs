//! LLaMA-Factory's registry of data sets, read as it is.
//!
//! Source: `DatasetAttr` and `get_dataset_list` of `src/llamafactory/data/parser.py`, and `loader.py` beside it.

mod names;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{Layout, PreferenceLayout};
use crate::Error;
use names::{Formatting, Names, expected};

/// One data set of a `dataset_info.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetEntry {
    /// Its name in the registry.
    pub name: String,
    /// Its file, beside the registry.
    pub path: PathBuf,
    /// How its rows are read.
    pub layout: Layout,
    /// The columns that the registry names.
    pub named: Vec<String>,
    /// What the entry says and lobass does not follow, a line each: the key, a colon, and why.
    pub not_taken: Vec<String>,
}

/// Keys in the place of `file_name`.
const ELSEWHERE: [&str; 5] = ["hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name"];

/// Reads one entry of a `dataset_info.json`; `None` if it has no entry of that name.
///
/// # Errors
/// [`Error::Io`] or [`Error::Json`] if the registry cannot be read, [`Error::DatasetInfo`] if the entry asks for what
/// is not supported (data that is no local file, a split, an unknown `formatting`, a `ranking` without two responses),
/// or lacks what LLaMA-Factory needs.
pub fn read_dataset_info(registry: &Path, name: &str) -> Result<Option<DatasetEntry>, Error> {
    let text = fs_err::read_to_string(registry)?;
    let mut entries: Map<String, Value> = serde_json::from_str(&text).map_err(|source| Error::Json {
        path: registry.to_owned(),
        expected: "a LLaMA-Factory data set registry",
        source,
    })?;
    let Some(entry) = entries.remove(name) else { return Ok(None) };
    let read = || {
        let entry = entry.as_object().ok_or_else(|| expected("the entry", "a map", &entry))?;
        let file = file_of(entry)?;
        let mut not_taken = Vec::new();
        check_keys(entry, &mut not_taken)?;
        let (layout, named) = layout_of(entry, &mut not_taken)?;
        let path = registry.parent().unwrap_or(Path::new("")).join(file);
        Ok(DatasetEntry { name: name.to_owned(), path, layout, named, not_taken })
    };
    read().map(Some).map_err(|reason| Error::DatasetInfo {
        path: registry.to_owned(),
        name: name.to_owned(),
        reason,
    })
}

/// The local file. LLaMA-Factory looks at the other places first.
fn file_of(entry: &Map<String, Value>) -> Result<&str, String> {
    if let Some(key) = ELSEWHERE.into_iter().find(|key| entry.contains_key(*key)) {
        return Err(format!(
            "expected `file_name`, a local file, found `{key}`: give a data set of the hub as `--data hf://datasets/..`"
        ));
    }
    match entry.get("file_name") {
        Some(Value::String(file)) if !file.is_empty() => Ok(file),
        Some(other) => Err(expected("`file_name`", "a local file", other)),
        None => Err("expected `file_name`, a local file".to_owned()),
    }
}

/// Keys beside the columns: which rows are read.
fn check_keys(entry: &Map<String, Value>, not_taken: &mut Vec<String>) -> Result<(), String> {
    for (key, value) in entry {
        match key.as_str() {
            "file_name" | "formatting" | "ranking" | "columns" | "tags" => {}
            "split" if value == "train" => {}
            "split" => {
                return Err(expected("`split`", "`train`, since a file is read whole", value));
            }
            _ if value.is_null() => {}
            "num_samples" => not_taken.push(format!(
                "`num_samples`: LLaMA-Factory draws {value} rows at random, and lobass reads all of them"
            )),
            "subset" | "folder" => {
                not_taken.push(format!("`{key}`: it is for data sets of the hub, and this one is a file"));
            }
            _ => not_taken.push(format!("`{key}`: neither LLaMA-Factory nor lobass knows this key")),
        }
    }
    Ok(())
}

/// How rows are read, and the columns that the entry names.
fn layout_of(
    entry: &Map<String, Value>,
    not_taken: &mut Vec<String>,
) -> Result<(Layout, Vec<String>), String> {
    let formatting = match entry.get("formatting") {
        None => Formatting::Alpaca,
        Some(value) => match value.as_str() {
            Some("alpaca") => Formatting::Alpaca,
            Some("sharegpt" | "openai") => Formatting::Turns,
            _ => return Err(expected("`formatting`", "alpaca, sharegpt, or openai", value)),
        },
    };
    let ranking = match entry.get("ranking") {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Bool(true)) => true,
        Some(other) => return Err(expected("`ranking`", "true or false", other)),
    };
    let names = Names::read(entry, formatting, ranking, not_taken)?;
    let responses = ranking.then(|| names.responses()).transpose()?;
    let layout = match (formatting, responses) {
        (Formatting::Alpaca, None) => Layout::Pair(names.pair(names.response()?)?),
        (Formatting::Alpaca, Some([chosen, rejected])) => {
            Layout::Preference(PreferenceLayout::Columns { chosen: names.pair(chosen)?, rejected })
        }
        (Formatting::Turns, None) => Layout::Conversation(names.conversation()?),
        (Formatting::Turns, Some([chosen, rejected])) => {
            let prompt = names.conversation()?;
            Layout::Preference(PreferenceLayout::Turns { prompt, chosen, rejected })
        }
    };
    if let Some(column) = layout.repeated_column() {
        return Err(format!("`columns`: expected another column for each key, found `{column}` twice"));
    }
    Ok((layout, names.into_columns()))
}
