//! The hub's protocol, against a server of our own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod server;
mod tls;

// What is fetched, and what is not.
mod fetching;
// What is there already: ours, and Python's.
mod caching;
// Connections that end, and files that are not what they should be.
mod damage;
// Servers that say no.
mod refusals;
// Data sets.
mod datasets;

use std::path::Path;
use std::time::Duration;

use lobass_hub::{Error, Hub, HubSettings, RepoId, Snapshot, Token};

use server::{Repo, Server};

/// A server and a separate cache.
struct Place {
    server: Server,
    cache: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { server: Server::start(), cache: tempfile::tempdir().unwrap() }
    }

    /// One that serves this.
    fn with(repo: Repo) -> Self {
        let place = Self::new();
        place.server.add(repo);
        place
    }

    fn settings(&self) -> HubSettings {
        HubSettings {
            endpoint: self.server.endpoint().to_owned(),
            first_wait: Duration::from_millis(1),
            tries: 3,
            ..HubSettings::new(self.cache.path())
        }
    }

    fn hub(&self) -> Hub {
        Hub::new(self.settings()).unwrap()
    }

    fn offline(&self) -> Hub {
        Hub::new(HubSettings { offline: true, ..self.settings() }).unwrap()
    }

    fn known_as(&self, token: &str) -> Hub {
        Hub::new(HubSettings { token: Token::new(token), ..self.settings() }).unwrap()
    }

    fn cache(&self) -> &Path {
        self.cache.path()
    }

    /// The lines of what was asked since the last time.
    fn lines(&self) -> Vec<String> {
        self.server.asked().into_iter().map(|asked| asked.line).collect()
    }
}

fn id(text: &str) -> RepoId {
    text.parse().unwrap()
}

fn model(hub: &Hub, text: &str) -> Result<Snapshot, Error> {
    hub.model(&id(text), &mut |_| {})
}

/// A repository with everything that a checkpoint may bring, and more.
fn checkpoint() -> Repo {
    Repo::new("models", "org/name")
        .with("config.json", "{}")
        .with("tokenizer.json", "{\"t\":1}")
        .with("chat_template.jinja", "{{ x }}")
        .with("model.safetensors", weights())
        .with("pytorch_model.bin", "never")
        .with("onnx/model.onnx", "never")
        .with("README.md", "never")
}

/// Some hundred thousand bytes, each different from its neighbors.
fn weights() -> Vec<u8> {
    (0..300_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// The names of all files below a directory, in order.
fn names(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(dir).unwrap().to_string_lossy().into_owned()),
            }
        }
    }
    found.sort();
    found
}
