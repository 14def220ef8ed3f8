//! Finding the weight files of a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use serde::Deserialize;

use super::shard::WeightShard;
use crate::Error;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Opens every shard of a directory and says which one holds each tensor.
pub(super) fn open_shards(dir: &Path) -> Result<(Vec<WeightShard>, BTreeMap<String, usize>), Error> {
    let index_path = dir.join(INDEX);
    if index_path.exists() {
        return open_indexed(dir, &index_path);
    }
    let single = dir.join(SINGLE);
    if !single.exists() {
        return Err(Error::NoWeights { path: dir.to_owned(), found: what_is_there(dir)? });
    }
    let shard = WeightShard::open(&single)?;
    let places = shard.names().map(|name| (name, 0)).collect();
    Ok((vec![shard], places))
}

fn open_indexed(dir: &Path, index_path: &Path) -> Result<(Vec<WeightShard>, BTreeMap<String, usize>), Error> {
    let fail = |reason: String| Error::Index { path: index_path.to_owned(), reason };
    let text = fs_err::read_to_string(index_path)?;
    let index: Index = serde_json::from_str(&text).map_err(|error| fail(error.to_string()))?;

    let files: BTreeSet<&str> = index.weight_map.values().map(String::as_str).collect();
    let mut shards = Vec::with_capacity(files.len());
    let mut places = BTreeMap::new();
    for file in files {
        if !Path::new(file).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(fail(format!("expected shards inside the checkpoint, found `{file}`")));
        }
        let shard = WeightShard::open(&dir.join(file))?;
        for name in shard.names() {
            if let Some(other) = places.insert(name.clone(), shards.len()) {
                let other: &WeightShard = &shards[other];
                let (first, second) = (other.path().display(), shard.path().display());
                return Err(fail(format!("tensor `{name}` is in two shards, `{first}` and `{second}`")));
            }
        }
        shards.push(shard);
    }
    let astray: Vec<_> = index
        .weight_map
        .iter()
        .filter(|(name, file)| places.get(*name).is_none_or(|&at| shards[at].path() != dir.join(file)))
        .map(|(name, file)| format!("`{name}` (said to be in `{file}`)"))
        .collect();
    if astray.is_empty() {
        Ok((shards, places))
    } else {
        Err(fail(format!("{} tensors are not where it says: {}", astray.len(), astray.join(", "))))
    }
}

/// Names what a person probably meant, since "no weights" alone helps nobody.
fn what_is_there(dir: &Path) -> Result<String, Error> {
    let mut names: Vec<String> = fs_err::read_dir(dir)?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()?;
    names.sort();
    if names.iter().any(|name| name == "adapter_config.json") {
        return Ok("a PEFT adapter; merge it into its base first".to_owned());
    }
    if let Some(pickle) = names.iter().find(|name| {
        Path::new(name)
            .extension()
            .is_some_and(|extension| ["bin", "pt", "pth"].iter().any(|e| extension == *e))
    }) {
        return Ok(format!(
            "`{pickle}`; pickled weights are not read: open them with transformers and call \
             `save_pretrained(dir, safe_serialization=True)`"
        ));
    }
    Ok(if names.is_empty() { "an empty directory".to_owned() } else { format!("`{}`", names.join("`, `")) })
}
