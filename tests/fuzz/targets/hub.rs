//! The cache of a hub, and repositories as a hub has them.

use std::path::{Component, Path};

use lobass_hub::{DataAddress, Hub, HubSettings};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Target, remove};
use crate::mutate::Kind;

pub(super) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub(super) const INDEX: &str = r#"{"metadata": {"total_size": 8}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}"#;

pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) const MODEL: [&str; 6] = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model.safetensors",
    "README.md",
    "original/consolidated.00.pth",
];
pub(super) const SHARDED: [&str; 4] = [
    "config.json",
    "model.safetensors.index.json",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
];
pub(super) const DATA: [&str; 5] = [
    "README.md",
    "data/train-00000-of-00002.parquet",
    "data/train-00001-of-00002.parquet",
    "data/test-00000-of-00001.parquet",
    "main/train/0000.parquet",
];

/// Opens everything that a repository may be, and looks where the files are.
pub(super) fn open(dir: &Path, settings: HubSettings) {
    let cache = settings.cache.clone();
    let hub = Hub::new(settings).unwrap();
    let id = "org/name".parse().unwrap();
    for model in [hub.model(&id, &mut |_| {}), hub.tokenizer(&id, &mut |_| {})].into_iter().flatten() {
        assert!(model.dir.starts_with(&cache));
    }
    for address in ["hf://datasets/org/name", "hf://datasets/org/name/data"] {
        let Ok(data) = hub.data(&address.parse().unwrap(), &mut |_| {}) else { continue };
        for (file, address) in data.files {
            assert!(file.starts_with(&cache) && !file.components().any(|part| part == Component::ParentDir));
            assert_eq!(address.to_string().parse::<DataAddress>().unwrap(), address);
        }
    }
    // Nothing is written outside of the cache.
    assert!(fs_err::read_dir(dir).unwrap().all(|entry| entry.unwrap().file_name() == "cache"));
}

/// Puts a cache where a document says: texts of references, trees, and names of files in the snapshot.
fn lay_out(dir: &Path, layout: &Value) {
    for kind in ["models", "datasets"] {
        let root = dir.join("cache").join(format!("{kind}--org--name"));
        let put = |path: &str, content: &[u8]| {
            // The document is not what is tried.
            let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
            let path = root.join(path);
            if inside && path.parent().is_some_and(|folder| fs_err::create_dir_all(folder).is_ok()) {
                // Some names are too long, or are folders already.
                let _ = fs_err::write(path, content);
            }
        };
        fs_err::create_dir_all(root.join("snapshots").join(COMMIT)).unwrap();
        for (name, text) in layout["refs"].as_object().into_iter().flatten() {
            put(&format!("refs/{name}"), text.as_str().unwrap_or_default().as_bytes());
        }
        put(&format!("trees/{COMMIT}.json"), layout["tree"].to_string().as_bytes());
        for name in layout["snapshot"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let content = if name.ends_with("index.json") { INDEX.as_bytes() } else { name.as_bytes() };
            put(&format!("snapshots/{COMMIT}/{name}"), content);
        }
    }
}

pub(super) const CACHE: Target = Target {
    name: "hub-cache",
    kind: Kind::Json,
    prepare: |_| {
        let entry =
            |name: &&str| (name.to_string(), json!({"size": 3, "blob_id": &digest(name.as_bytes())[..40]}));
        let layout = |names: &[&str]| {
            let files: serde_json::Map<String, Value> = names.iter().map(entry).collect();
            json!({"refs": {"main": COMMIT}, "tree": {"format_version": 1, "files": files}, "snapshot": names})
        };
        let mut seeds: Vec<Value> = [&MODEL[..], &SHARDED, &DATA].map(layout).to_vec();
        // Python writes no trees before version 1.
        seeds.extend([&MODEL[..], &SHARDED, &DATA].map(|names| {
            let mut layout = layout(names);
            layout["tree"] = Value::Null;
            layout
        }));
        seeds.into_iter().map(|seed| seed.to_string().into_bytes()).collect()
    },
    run: |dir, input| {
        remove(dir.join("cache"));
        lay_out(dir, &serde_json::from_slice(input).unwrap_or_default());
        open(dir, HubSettings { offline: true, ..HubSettings::new(&dir.join("cache")) });
    },
};
