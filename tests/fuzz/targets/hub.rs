//! What a hub answers, and what lies in its cache.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use lobass_hub::{DataAddress, Hub, HubSettings};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Target, remove};
use crate::mutate::Kind;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const INDEX: &str = r#"{"metadata": {"total_size": 8}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}"#;

/// What the server says next: the listing of a repository, and the index of its weights.
#[derive(Default)]
struct Said {
    listing: Vec<u8>,
    index: Vec<u8>,
}

static SAID: Mutex<Option<Said>> = Mutex::new(None);
static ENDPOINT: OnceLock<String> = OnceLock::new();

/// A hub in this process. Every file but the index holds its own name.
fn endpoint() -> &'static str {
    ENDPOINT.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that goes away ends its own connection.
                let _ = stream.and_then(answer);
            }
        });
        endpoint
    })
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let line = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = line.split([' ', '?']).nth(1).unwrap_or_default();
    let body = {
        let said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
        match said.as_ref() {
            Some(said) if path.starts_with("/api/") => said.listing.clone(),
            Some(said) if path.ends_with(".index.json") => said.index.clone(),
            _ => content(path.rsplit('/').next().unwrap_or_default()),
        }
    };
    let (length, etag) = (body.len(), digest(&body));
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\nETag: \"{etag}\"\r\n\r\n"
    )?;
    if !line.starts_with("HEAD") {
        stream.write_all(&body)?;
    }
    stream.flush()
}

fn content(name: &str) -> Vec<u8> {
    name.as_bytes().to_vec()
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A listing of files, with what a hub knows of them or with their names alone.
fn listing(files: &[&str], bare: bool) -> Value {
    let sibling = |&file: &&str| {
        let body = content(file.rsplit('/').next().unwrap_or_default());
        match (bare, file.ends_with(".safetensors")) {
            (true, _) => json!({"rfilename": file}),
            (false, false) => json!({"rfilename": file, "size": body.len(), "blobId": &digest(&body)[..40]}),
            (false, true) => json!({
                "rfilename": file, "size": body.len(), "blobId": &digest(&body)[..40],
                "lfs": {"sha256": digest(&body), "size": body.len(), "pointerSize": 134},
            }),
        }
    };
    json!({"id": "org/name", "sha": COMMIT, "tags": [], "siblings": files.iter().map(sibling).collect::<Vec<_>>()})
}

const MODEL: [&str; 6] = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model.safetensors",
    "README.md",
    "original/consolidated.00.pth",
];
const SHARDED: [&str; 4] = [
    "config.json",
    "model.safetensors.index.json",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
];
const DATA: [&str; 5] = [
    "README.md",
    "data/train-00000-of-00002.parquet",
    "data/train-00001-of-00002.parquet",
    "data/test-00000-of-00001.parquet",
    "main/train/0000.parquet",
];

/// Opens everything that a repository may be, and looks where the files are.
fn open(dir: &Path, offline: bool) {
    let cache = dir.join("cache");
    let settings = HubSettings {
        endpoint: endpoint().to_owned(),
        offline,
        first_wait: Duration::ZERO,
        tries: 1,
        ..HubSettings::new(&cache)
    };
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

fn ask(dir: &Path, listing: &[u8], index: &[u8]) {
    remove(dir.join("cache"));
    let said = Said { listing: listing.to_vec(), index: index.to_vec() };
    *SAID.lock().unwrap_or_else(PoisonError::into_inner) = Some(said);
    open(dir, false);
}

pub(super) const LISTING: Target = Target {
    name: "hub-listing",
    kind: Kind::Json,
    prepare: |_| {
        let listings = [listing(&MODEL, false), listing(&SHARDED, true), listing(&DATA, true)];
        listings.map(|listing| listing.to_string().into_bytes()).to_vec()
    },
    run: |dir, input| ask(dir, input, INDEX.as_bytes()),
};

pub(super) const INDEX_OF_WEIGHTS: Target = Target {
    name: "hub-index",
    kind: Kind::Json,
    prepare: |_| vec![INDEX.as_bytes().to_vec()],
    run: |dir, input| ask(dir, listing(&SHARDED, true).to_string().as_bytes(), input),
};

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
        open(dir, true);
    },
};
