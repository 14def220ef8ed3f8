//! A server that speaks the hub's protocol, as far as clients of it are spoken to here, in the process of a test.
//!
//! Small files are served by the endpoint; files whose names end in `.safetensors` or `.parquet` are large, and the
//! endpoint redirects to another host, which here is another port. It can be told to fail.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Who may read a repository.
#[derive(Debug, Clone, Default)]
pub(crate) enum Gate {
    /// Everybody.
    #[default]
    Open,
    /// Its files: who has this token.
    Gated(&'static str),
    /// Everything about it: who has this token.
    Private(&'static str),
}

/// A repository at its only commit.
#[derive(Debug, Clone)]
pub(crate) struct Repo {
    /// `models` or `datasets`.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) commit: String,
    /// Branches and tags that point to the commit.
    pub(crate) refs: Vec<&'static str>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) gate: Gate,
}

impl Repo {
    pub(crate) fn new(kind: &'static str, name: &str) -> Self {
        let commit = hex(name.as_bytes())[..40].to_owned();
        Self {
            kind,
            name: name.to_owned(),
            commit,
            refs: vec!["main"],
            files: BTreeMap::new(),
            gate: Gate::Open,
        }
    }

    pub(crate) fn with(mut self, file: &str, content: impl AsRef<[u8]>) -> Self {
        self.files.insert(file.to_owned(), content.as_ref().to_vec());
        self
    }

    fn describe(&self, bare: bool) -> Value {
        let sibling = |(file, content): (&String, &Vec<u8>)| {
            let git = &hex(content)[..40];
            match (bare, is_large(file)) {
                (true, _) => json!({"rfilename": file}),
                (false, false) => json!({"rfilename": file, "size": content.len(), "blobId": git}),
                (false, true) => json!({
                    "rfilename": file, "size": content.len(), "blobId": git,
                    "lfs": {"sha256": hex(content), "size": content.len(), "pointerSize": 134},
                }),
            }
        };
        let siblings: Vec<Value> = self.files.iter().map(sibling).collect();
        json!({"id": self.name, "sha": self.commit, "private": false, "tags": [], "siblings": siblings})
    }

    /// As Python asks for it.
    fn tree(&self) -> Value {
        let entry = |(file, content): (&String, &Vec<u8>)| {
            let mut entry =
                json!({"type": "file", "path": file, "size": content.len(), "oid": &hex(content)[..40]});
            if is_large(file) {
                entry["lfs"] = json!({"oid": hex(content), "size": content.len(), "pointerSize": 134});
            }
            entry
        };
        self.files.iter().map(entry).collect()
    }
}

fn is_large(file: &str) -> bool {
    file.ends_with(".safetensors") || file.ends_with(".parquet")
}

/// The SHA-256 of some bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The faults of the server.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// This status, with these headers.
    Status(u16, Vec<(&'static str, &'static str)>),
    /// Another body, in full order.
    Body(Vec<u8>),
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// The whole file, whatever part was asked for.
    NoRange,
}

/// A request that was answered.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// `GET /path?query`.
    pub(crate) line: String,
    pub(crate) authorization: Option<String>,
    pub(crate) range: Option<String>,
    /// Whether the other host was asked, which has the bytes of large files.
    pub(crate) elsewhere: bool,
    pub(crate) status: u16,
}

#[derive(Debug, Default)]
struct State {
    repos: Vec<Repo>,
    /// For requests whose line holds the text; how often.
    faults: Vec<(&'static str, usize, Fault)>,
    asked: Vec<Asked>,
    /// Listings tell names and nothing else, as those of some mirrors.
    bare: bool,
    /// Old names of repositories.
    renamed: BTreeMap<String, String>,
}

/// A hub on this machine, until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    endpoint: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::listen("127.0.0.1:0")
    }

    pub(crate) fn listen(place: &str) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let files = TcpListener::bind("127.0.0.1:0").unwrap();
        let hub = TcpListener::bind(place).unwrap();
        let elsewhere = format!("http://{}", files.local_addr().unwrap());
        let endpoint = format!("http://{}", hub.local_addr().unwrap());
        for (listener, is_hub) in [(hub, true), (files, false)] {
            let (state, elsewhere) = (Arc::downgrade(&state), elsewhere.clone());
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let Some(state) = state.upgrade() else { return };
                    let elsewhere = elsewhere.clone();
                    thread::spawn(move || {
                        // A client that goes away is its own affair.
                        let _ = answer(stream?, &state, &elsewhere, is_hub);
                        Ok::<(), std::io::Error>(())
                    });
                }
            });
        }
        Self { endpoint, state }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn add(&self, repo: Repo) -> &Self {
        self.state().repos.push(repo);
        self
    }

    /// The next requests whose line holds a text fail.
    pub(crate) fn fail(&self, when: &'static str, times: usize, fault: Fault) {
        self.state().faults.push((when, times, fault));
    }

    pub(crate) fn tell_names_only(&self) {
        self.state().bare = true;
    }

    pub(crate) fn rename(&self, old: &str, new: &str) {
        self.state().renamed.insert(old.to_owned(), new.to_owned());
    }

    /// Requests since the last call, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state().asked)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to a request.
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    fn error(status: u16, code: &str) -> Self {
        Self::new(status, format!("{{\"error\":\"{code}\"}}")).header("X-Error-Code", code)
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

fn answer(stream: TcpStream, state: &Mutex<State>, elsewhere: &str, is_hub: bool) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let line = lines.next().transpose()?.unwrap_or_default();
    let mut headers = BTreeMap::new();
    for header in lines {
        let header = header?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let line = line.trim_end_matches(" HTTP/1.1").to_owned();
    let (method, target) = line.split_once(' ').unwrap_or_default();
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let fault = state.faults.iter_mut().find(|(when, times, _)| line.contains(when) && *times > 0);
    let fault = fault.map(|(_, times, fault)| {
        *times -= 1;
        fault.clone()
    });
    let range = headers.get("range").cloned();
    let (mut reply, mut cut) = (reply(&state, target, &headers, elsewhere, is_hub), None);
    match fault {
        None | Some(Fault::NoRange) => {}
        Some(Fault::Status(status, more)) => {
            reply = Reply::new(status, "");
            reply.headers.extend(more.into_iter().map(|(name, value)| (name, value.to_owned())));
        }
        Some(Fault::Body(body)) => reply = Reply::new(200, body),
        Some(Fault::Cut(n)) => cut = Some(n),
    }
    let no_range =
        matches!(state.faults.iter().find(|(when, ..)| line.contains(when)), Some((.., Fault::NoRange)));
    if reply.status == 200 && !no_range && !is_hub {
        reply = part(reply, range.as_deref());
    }
    state.asked.push(Asked {
        line: line.clone(),
        authorization: headers.get("authorization").cloned(),
        range,
        elsewhere: !is_hub,
        status: reply.status,
    });
    drop(state);
    send(stream, method == "HEAD", reply, cut)
}

fn send(mut stream: TcpStream, head: bool, reply: Reply, cut: Option<usize>) -> std::io::Result<()> {
    let Reply { status, headers, body } = reply;
    let mut text =
        format!("HTTP/1.1 {status} status\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{text}\r\n").as_bytes())?;
    if !head {
        stream.write_all(&body[..cut.unwrap_or(body.len()).min(body.len())])?;
    }
    stream.flush()
}

/// The part of a file that was asked for.
fn part(reply: Reply, range: Option<&str>) -> Reply {
    let from = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let Some(from) = from else { return reply };
    let total = reply.body.len();
    match from < total {
        true => Reply::new(206, &reply.body[from..])
            .header("Content-Range", format!("bytes {from}-{}/{total}", total - 1)),
        false => Reply::new(416, "").header("Content-Range", format!("bytes */{total}")),
    }
}

fn reply(
    state: &State,
    target: &str,
    headers: &BTreeMap<String, String>,
    elsewhere: &str,
    is_hub: bool,
) -> Reply {
    let path = target.split('?').next().unwrap_or_default().trim_start_matches('/').replace("%2F", "/");
    let parts: Vec<&str> = path.split('/').collect();
    if !is_hub {
        let bytes = state.repos.iter().flat_map(|repo| repo.files.values()).find(|bytes| path == hex(bytes));
        return bytes.map_or_else(|| Reply::new(404, ""), |bytes| Reply::new(200, bytes.as_slice()));
    }
    let (is_api, kind, rest) = match parts.as_slice() {
        ["api", kind, rest @ ..] => (true, *kind, rest),
        ["datasets", rest @ ..] => (false, "datasets", rest),
        rest => (false, "models", rest),
    };
    let [org, name, rest @ ..] = rest else { return Reply::new(404, "") };
    let name = format!("{org}/{name}");
    if let Some(new) = state.renamed.get(&name) {
        return Reply::new(307, "")
            .header("Location", format!("/{}", target.trim_start_matches('/').replace(&name, new)));
    }
    let token =
        headers.get("authorization").and_then(|text| text.strip_prefix("Bearer ")).unwrap_or_default();
    let Some(repo) = state.repos.iter().find(|repo| repo.kind == kind && repo.name == name) else {
        return Reply::error(if token.is_empty() { 401 } else { 404 }, "RepoNotFound");
    };
    match repo.gate {
        Gate::Private(expected) if token != expected => return Reply::error(401, "RepoNotFound"),
        Gate::Gated(expected) if token != expected && !is_api => {
            return Reply::error(if token.is_empty() { 401 } else { 403 }, "GatedRepo");
        }
        _ => {}
    }
    let known = |revision: &str| revision == repo.commit || repo.refs.contains(&revision);
    match (is_api, rest) {
        (true, []) => Reply::new(200, repo.describe(state.bare).to_string()),
        (true, ["revision", revision @ ..]) if known(&revision.join("/")) => {
            Reply::new(200, repo.describe(state.bare).to_string())
        }
        (true, ["tree", revision]) if known(revision) => Reply::new(200, repo.tree().to_string()),
        (false, ["resolve", revision, file @ ..]) if known(revision) => {
            resolve(repo, &file.join("/"), elsewhere)
        }
        _ => Reply::error(404, "RevisionNotFound"),
    }
}

fn resolve(repo: &Repo, file: &str, elsewhere: &str) -> Reply {
    let commit = repo.commit.clone();
    let Some(content) = repo.files.get(file) else {
        return Reply::error(404, "EntryNotFound").header("X-Repo-Commit", commit);
    };
    let sha = hex(content);
    match is_large(file) {
        false => Reply::new(200, content.as_slice())
            .header("ETag", format!("\"{}\"", &sha[..40]))
            .header("X-Repo-Commit", commit),
        true => Reply::new(302, "")
            .header("Location", format!("{elsewhere}/{sha}"))
            .header("ETag", "\"of the pointer\"")
            .header("X-Linked-Etag", format!("\"{sha}\""))
            .header("X-Linked-Size", content.len().to_string())
            .header("X-Repo-Commit", commit),
    }
}
