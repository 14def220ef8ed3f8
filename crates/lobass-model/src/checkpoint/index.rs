//! Finding the weight files of a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use serde::Deserialize;

use super::shard::WeightShard;
use crate::Error;

pub(super) const SINGLE: &str = "model.safetensors";
pub(super) const INDEX: &str = "model.safetensors.index.json";

/// How many of many names an error shows.
const SHOWN: usize = 8;

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The weight files of a directory.
pub(super) struct WeightFiles {
    pub(super) shards: Vec<WeightShard>,
    /// Which shard holds a tensor, by the name that it has there.
    pub(super) places: BTreeMap<String, usize>,
    /// There is an index beside a single file.
    pub(super) index_ignored: bool,
}

/// Opens every shard of a directory. A single file counts more than an index, as in transformers.
pub(super) fn open_shards(dir: &Path) -> Result<WeightFiles, Error> {
    let (single, index_path) = (dir.join(SINGLE), dir.join(INDEX));
    if single.exists() {
        let shard = WeightShard::open(&single)?;
        let places = shard.names().map(|name| (name, 0)).collect();
        return Ok(WeightFiles { shards: vec![shard], places, index_ignored: index_path.exists() });
    }
    if !index_path.exists() {
        return Err(Error::NoWeights { path: dir.to_owned(), found: what_is_there(dir)? });
    }
    let (shards, places) = open_indexed(dir, &index_path)?;
    Ok(WeightFiles { shards, places, index_ignored: false })
}

fn open_indexed(dir: &Path, index_path: &Path) -> Result<(Vec<WeightShard>, BTreeMap<String, usize>), Error> {
    let fail = |reason: String| Error::Index { path: index_path.to_owned(), reason };
    let text = fs_err::read_to_string(index_path)?;
    let index: Index = serde_json::from_str(&text).map_err(|error| fail(error.to_string()))?;

    let files: BTreeSet<&str> = index.weight_map.values().map(String::as_str).collect();
    let inside = |file: &str| Path::new(file).components().all(|part| matches!(part, Component::Normal(_)));
    if let Some(file) = files.iter().find(|file| file.is_empty() || !inside(file)) {
        return Err(fail(format!("expected shards inside the checkpoint, found `{file}`")));
    }
    let absent = || files.iter().filter(|file| !dir.join(file).exists()).map(|file| format!("`{file}`"));
    if absent().next().is_some() {
        let (count, names) = (absent().count(), absent().take(SHOWN).collect::<Vec<_>>().join(", "));
        return Err(fail(format!("expected {} shards beside it, missing are {count}: {names}", files.len())));
    }
    let mut shards = Vec::with_capacity(files.len());
    let mut places = BTreeMap::new();
    for file in files {
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
        let (count, shown) = (astray.len(), astray[..astray.len().min(SHOWN)].join(", "));
        Err(fail(format!("{count} tensors are not where it says: {shown}")))
    }
}

/// Names what a person probably meant, since "no weights" alone does not help.
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
    Ok(match names.len() {
        0 => "an empty directory".to_owned(),
        count => {
            let more = if count > SHOWN { format!(", and {} more", count - SHOWN) } else { String::new() };
            format!("`{}`{more}", names[..count.min(SHOWN)].join("`, `"))
        }
    })
}
