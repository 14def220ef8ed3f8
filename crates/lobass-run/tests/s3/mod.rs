//! A server that speaks as much of S3 as a work directory needs, in the process of a test.
//!
//! It keeps the objects of all buckets in memory, checks every signature, lists a few names a page, and honors
//! `If-None-Match`. It can be made to fail.

mod signature;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// The account that may read and write, and its secret.
pub(crate) const KEY: (&str, &str) = ("access", "secret");
/// Names on a page of a listing: few, so that tests see more than one page.
const PAGE: usize = 3;

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Request {
    method: String,
    /// As it was sent, percent-encoded.
    path: String,
    /// As it was sent, without the question mark.
    query: String,
    /// Names are in lower case.
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

#[derive(Debug, Default)]
struct State {
    /// By `/bucket/name`, percent-encoded.
    objects: BTreeMap<String, Vec<u8>>,
    /// Requests of this method that are still to fail, and with which status.
    faults: Vec<(&'static str, usize, u16)>,
    /// Requests whose signature was wrong.
    n_refused: usize,
}

/// A server on this machine, until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    endpoint: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let weak = Arc::downgrade(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Some(state) = weak.upgrade() else { return };
                // A client that is killed is no fault of the server.
                thread::spawn(move || serve(&stream?, &state));
            }
        });
        Self { endpoint, state }
    }

    /// The settings of a client, as environment variables.
    pub(crate) fn settings(&self) -> [(&'static str, &str); 5] {
        [
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", KEY.0),
            ("AWS_SECRET_ACCESS_KEY", KEY.1),
        ]
    }

    /// The next requests of a method get this status.
    pub(crate) fn fail(&self, method: &'static str, times: usize, status: u16) {
        self.state().faults.push((method, times, status));
    }

    /// The names of all objects, as `/bucket/name`.
    pub(crate) fn names(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    /// How many requests had a wrong signature, or none.
    pub(crate) fn n_refused(&self) -> usize {
        self.state().n_refused
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to a request.
struct Reply {
    status: u16,
    body: Vec<u8>,
}

impl Reply {
    fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into() }
    }

    fn error(status: u16, code: &str) -> Self {
        Self::new(status, format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>"))
    }
}

/// Answers the requests of a connection one after the other.
fn serve(stream: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = read(&mut reader)? {
        let reply = answer(&mut state.lock().unwrap_or_else(PoisonError::into_inner), &request);
        send(stream, request.method == "HEAD", &reply)?;
    }
    Ok(())
}

fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
    Ok(Some(Request { method, path, query, headers, body }))
}

fn send(mut stream: &TcpStream, head: bool, reply: &Reply) -> std::io::Result<()> {
    let headers = format!(
        "HTTP/1.1 {} status\r\nContent-Length: {}\r\nETag: \"e\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n",
        reply.status,
        reply.body.len()
    );
    stream.write_all(headers.as_bytes())?;
    if !head {
        stream.write_all(&reply.body)?;
    }
    stream.flush()
}

fn answer(state: &mut State, request: &Request) -> Reply {
    if let Some(code) = signature::refused(request, KEY) {
        state.n_refused += 1;
        return Reply::error(403, code);
    }
    let fault = state.faults.iter_mut().find(|(method, times, _)| *method == request.method && *times > 0);
    if let Some((_, times, status)) = fault {
        *times -= 1;
        return Reply::error(*status, "SlowDown");
    }
    let object = state.objects.get(&request.path);
    match (request.method.as_str(), object) {
        ("GET", _) if request.query.contains("list-type=2") => list(state, request),
        ("GET" | "HEAD", Some(bytes)) => Reply::new(200, bytes.as_slice()),
        ("GET" | "HEAD", None) => Reply::error(404, "NoSuchKey"),
        ("PUT", Some(_)) if request.headers.get("if-none-match").is_some_and(|value| value == "*") => {
            Reply::error(412, "PreconditionFailed")
        }
        ("PUT", _) => {
            state.objects.insert(request.path.clone(), request.body.clone());
            Reply::new(200, "")
        }
        ("DELETE", _) => {
            state.objects.remove(&request.path);
            Reply::new(204, "")
        }
        ("POST", _) if request.query.starts_with("delete") => delete(state, request),
        _ => Reply::error(400, "NotImplemented"),
    }
}

/// A value of the query, as it was before it was encoded.
fn value(request: &Request, name: &str) -> Option<String> {
    let pairs = request.query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| decoded(value)).next()
}

/// Text of a query or of a path, where no name has a plus sign.
fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).unwrap());
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).unwrap()
}

/// The names of a bucket under a prefix, a page of them.
fn list(state: &State, request: &Request) -> Reply {
    let bucket = format!("{}/", request.path.trim_end_matches('/'));
    let prefix = value(request, "prefix").unwrap_or_default();
    let after = value(request, "continuation-token").unwrap_or_default();
    let names =
        state.objects.iter().filter_map(|(path, bytes)| Some((decoded(path.strip_prefix(&bucket)?), bytes)));
    let mut names = names.filter(|(name, _)| name.starts_with(&prefix) && *name > after);
    let page: Vec<(String, &Vec<u8>)> = names.by_ref().take(PAGE).collect();
    let mut text = String::from("<ListBucketResult>");
    for (name, bytes) in &page {
        let size = bytes.len();
        text += &format!(
            "<Contents><Key>{name}</Key><Size>{size}</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>"
        );
    }
    if let (Some(_), Some((last, _))) = (names.next(), page.last()) {
        text += &format!("<NextContinuationToken>{last}</NextContinuationToken>");
    }
    Reply::new(200, text + "</ListBucketResult>")
}

/// Removes the objects that a body names.
fn delete(state: &mut State, request: &Request) -> Reply {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let names = body.split("<Key>").skip(1).filter_map(|part| part.split_once("</Key>"));
    let mut text = String::from("<DeleteResult>");
    for (name, _) in names {
        state.objects.retain(|path, _| decoded(path) != format!("{}/{name}", request.path));
        text += &format!("<Deleted><Key>{name}</Key></Deleted>");
    }
    Reply::new(200, text + "</DeleteResult>")
}
