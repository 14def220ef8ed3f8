//! Answers of a hub: listings of repositories, and indexes of weights.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use lobass_hub::HubSettings;
use serde_json::{Value, json};

use super::hub::{COMMIT, DATA, INDEX, MODEL, SHARDED, digest, open};
use super::{Target, remove};
use crate::mutate::Kind;

/// The server's next answers: the listing of a repository, and the index of its weights.
#[derive(Default)]
struct Said {
    listing: Vec<u8>,
    index: Vec<u8>,
}

static SAID: Mutex<Option<Said>> = Mutex::new(None);
static ENDPOINT: OnceLock<String> = OnceLock::new();

/// A hub in this process. Every file but the index holds its own name.
fn content(name: &str) -> Vec<u8> {
    name.as_bytes().to_vec()
}

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

fn ask(dir: &Path, listing: &[u8], index: &[u8]) {
    remove(dir.join("cache"));
    let said = Said { listing: listing.to_vec(), index: index.to_vec() };
    *SAID.lock().unwrap_or_else(PoisonError::into_inner) = Some(said);
    let settings = HubSettings::new(&dir.join("cache"));
    open(
        dir,
        HubSettings { endpoint: endpoint().to_owned(), first_wait: Duration::ZERO, tries: 1, ..settings },
    );
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
