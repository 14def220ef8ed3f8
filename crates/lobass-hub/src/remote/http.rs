//! Requests: who is asked with which token, which failures are tried again, and how failures are named.

use std::fmt;
use std::io::ErrorKind;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use lobass_core::without_secrets;
use ureq::http::{HeaderMap, Response, StatusCode};
use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::{Agent, Body, Proxy};
use url::Url;

use super::refusal::{Asked, refusal};
use crate::{Error, HubSettings, RepoId, Token, Way};

/// Asks one endpoint, and where it sends us.
pub(crate) struct Client {
    agent: Agent,
    endpoint: Url,
    token: Option<Token>,
    proxy: Option<Proxy>,
    tries: u32,
    first_wait: Duration,
}

/// Without secrets: addresses may hold passwords.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoint", &shown(&self.endpoint)).finish_non_exhaustive()
    }
}

/// The answer, and the address that it came from.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// The address that answered, behind all redirections.
    pub(crate) url: Url,
}

impl Answer {
    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) repo: &'a RepoId,
    pub(crate) url: &'a Url,
    /// The file that is asked for.
    pub(crate) file: Option<&'a str>,
    /// Only what there is to say of it; what it says of a file elsewhere is not followed.
    pub(crate) head: bool,
    /// Bytes that are here already.
    pub(crate) from: u64,
}

/// The longest wait.
const MAX_WAIT: Duration = Duration::from_mins(1);
const MAX_REDIRECTS: usize = 8;

impl Client {
    pub(crate) fn new(settings: &HubSettings) -> Result<Self, Error> {
        let text = settings.endpoint.trim_end_matches('/');
        let shown = without_secrets(text).into_owned();
        let fail = |reason: String| Error::Setting { what: "endpoint", text: shown, reason };
        let endpoint = match Url::parse(text) {
            Ok(endpoint) if matches!(endpoint.scheme(), "http" | "https") && endpoint.has_host() => endpoint,
            Ok(_) => return Err(fail("expected `https://host`".to_owned())),
            Err(error) => return Err(fail(error.to_string())),
        };
        let proxy = proxy(settings)?;
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("lobass/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls(settings)?)
            .proxy(proxy.clone())
            .timeout_resolve(seconds(15))
            .timeout_connect(seconds(15))
            .timeout_recv_response(seconds(60))
            .timeout_per_read(seconds(60))
            .build();
        Ok(Self {
            agent: config.new_agent(),
            endpoint,
            token: settings.token.clone(),
            proxy,
            tries: settings.tries.max(1),
            first_wait: settings.first_wait,
        })
    }

    /// How often anything is tried.
    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }

    /// The wait before another try, `n` having failed.
    pub(crate) fn wait(&self, n: u32) {
        sleep(self.first_wait.saturating_mul(1 << (n - 1).min(16)).min(MAX_WAIT));
    }

    /// An address on the endpoint; the parts are quoted as they have to be.
    pub(crate) fn address<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> Result<Url, Error> {
        let mut url = self.endpoint.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => {
                segments.pop_if_empty().extend(parts);
            }
            Err(()) => {
                let reason = "expected an address that can have a path".to_owned();
                return Err(Error::Setting { what: "endpoint", text: shown(&self.endpoint), reason });
            }
        }
        Ok(url)
    }

    /// The page of a repository.
    pub(crate) fn page(&self, repo: &RepoId) -> String {
        format!("{}/{}{}", shown(&self.endpoint).trim_end_matches('/'), repo.kind().prefix(), repo.name())
    }

    /// Asks until there is an answer that is no failure that may pass, at most as often as was said.
    ///
    /// # Errors
    /// The meaning of an answer that is neither a success nor, for a `HEAD`, a redirection.
    pub(crate) fn ask(&self, ask: Ask<'_>) -> Result<Answer, Error> {
        let mut n = 0;
        loop {
            n += 1;
            let (error, wait) = match self.ask_once(ask) {
                Ok(answer) if is_passing(answer.status) => {
                    let wait = answer.header("retry-after").and_then(|text| text.trim().parse().ok());
                    let (url, status) = (shown(&answer.url), answer.status.as_u16());
                    let too_long = wait.filter(|&wait| wait > MAX_WAIT.as_secs());
                    (Error::Busy { url, status, tries: n, wait: too_long }, wait.map(Duration::from_secs))
                }
                Ok(answer) if answer.status.is_success() || answer.status.is_redirection() => {
                    return Ok(answer);
                }
                // The partial file is as long as the whole one, or longer.
                Ok(answer) if ask.from > 0 && answer.status == StatusCode::RANGE_NOT_SATISFIABLE => {
                    return Ok(answer);
                }
                Ok(answer) => return Err(self.refusal(&answer, ask)),
                Err(error) => (error, None),
            };
            if n >= self.tries || !error.may_pass() || wait.is_some_and(|wait| wait > MAX_WAIT) {
                return Err(error);
            }
            match wait {
                Some(wait) => sleep(wait),
                None => self.wait(n),
            }
        }
    }

    fn ask_once(&self, ask: Ask<'_>) -> Result<Answer, Error> {
        let mut url = ask.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(&url, ask)?;
            let (parts, body) = response.into_parts();
            let answer = Answer { status: parts.status, headers: parts.headers, body, url: url.clone() };
            let Some(target) = answer.header("location").filter(|_| answer.status.is_redirection()) else {
                return Ok(answer);
            };
            let next = url.join(target).map_err(|error| {
                not_hub(&url, format!("a redirection to `{}`: {error}", without_secrets(target)))
            })?;
            // Renamed repositories are elsewhere on the same host; a file's bytes may be anywhere.
            if ask.head && (next.origin() != url.origin() || answer.headers.contains_key("x-linked-etag")) {
                return Ok(answer);
            }
            url = next;
        }
        Err(not_hub(ask.url, format!("more than {MAX_REDIRECTS} redirections")))
    }

    fn send(&self, url: &Url, ask: Ask<'_>) -> Result<Response<Body>, Error> {
        let mut request = if ask.head { self.agent.head(url.as_str()) } else { self.agent.get(url.as_str()) };
        // Sizes are those of the file, not of a compressed one.
        request = request.header("accept-encoding", "identity");
        if ask.from > 0 {
            request = request.header("range", format!("bytes={}-", ask.from));
        }
        // Bytes of large files come from other hosts, which have no business with the token.
        if let Some(token) = self.token.as_ref().filter(|_| url.origin() == self.endpoint.origin()) {
            request = request.header("authorization", format!("Bearer {}", token.secret()));
        }
        request.call().map_err(|error| self.unreachable(url, &error))
    }

    fn refusal(&self, answer: &Answer, ask: Ask<'_>) -> Error {
        let page = self.page(ask.repo);
        let url = &shown(&answer.url);
        let asked = Asked { repo: ask.repo, page, url, known: self.token.is_some(), file: ask.file };
        refusal(answer.status, &answer.headers, asked)
    }

    /// Names what is in the way.
    fn unreachable(&self, url: &Url, error: &ureq::Error) -> Error {
        let direct = |proxy: &Proxy| url.as_str().parse().is_ok_and(|uri| proxy.is_no_proxy(&uri));
        let away =
            if self.proxy.as_ref().is_some_and(|proxy| !direct(proxy)) { Way::Proxy } else { Way::Host };
        let way = match error {
            ureq::Error::HostNotFound => away,
            ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => Way::Proxy,
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => Way::Tls,
            ureq::Error::Io(error) if is_tls(error) => Way::Tls,
            ureq::Error::Io(error) if is_away(error.kind()) => away,
            ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed => Way::Server,
            other => return not_hub(url, other.to_string()),
        };
        Error::Unreachable { url: shown(url), way, reason: without_secrets(&error.to_string()).into_owned() }
    }
}

fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

pub(crate) fn not_hub(url: &Url, found: impl Into<String>) -> Error {
    Error::NotHub { url: shown(url), found: without_secrets(&found.into()).into_owned() }
}

/// An address for people: without a password, and without the signature that a store of files may want.
pub(crate) fn shown(url: &Url) -> String {
    without_secrets(url.as_str()).into_owned()
}

/// Mozilla's roots, unless the settings name others; and the cryptography that object stores use already.
fn tls(settings: &HubSettings) -> Result<TlsConfig, Error> {
    let mut builder = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    if let Some(path) = &settings.certificates {
        let fail = |reason: String| Error::Setting {
            what: "certificates",
            text: path.display().to_string(),
            reason,
        };
        let pem = fs_err::read(path)?;
        let mut roots = Vec::new();
        for item in parse_pem(&pem) {
            if let PemItem::Certificate(certificate) = item.map_err(|error| fail(error.to_string()))? {
                roots.push(certificate);
            }
        }
        if roots.is_empty() {
            return Err(fail("expected certificates in PEM, found none".to_owned()));
        }
        builder = builder.root_certs(RootCerts::new_with_certs(&roots));
    }
    Ok(builder.build())
}

fn proxy(settings: &HubSettings) -> Result<Option<Proxy>, Error> {
    let Some(text) = &settings.proxy else { return Ok(None) };
    // The text may hold a password, with or without a scheme before it.
    let fail = |reason: String| Error::Setting {
        what: "proxy",
        text: text.rsplit('@').next().unwrap_or_default().to_owned(),
        reason: if reason.contains('@') { "expected `http://host:port`".to_owned() } else { reason },
    };
    let given = Proxy::new(text).map_err(|error| fail(error.to_string()))?;
    if given.host().is_empty() {
        return Err(fail("expected `http://host:port`".to_owned()));
    }
    let mut builder = Proxy::builder(given.protocol()).host(given.host()).port(given.port());
    if let Some(name) = given.username() {
        builder = builder.username(name);
    }
    if let Some(password) = given.password() {
        builder = builder.password(password);
    }
    for host in &settings.no_proxy {
        builder = builder.no_proxy(host);
    }
    builder.build().map(Some).map_err(|error| fail(error.to_string()))
}

/// Trying again after a second would not help.
fn is_away(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable)
}

fn is_tls(error: &std::io::Error) -> bool {
    let inner = error.get_ref();
    inner.is_some_and(|inner| {
        inner.is::<rustls::Error>()
            || inner.source().is_some_and(<dyn std::error::Error>::is::<rustls::Error>)
    })
}
