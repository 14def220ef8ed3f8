//! The meaning of a status of the hub.

use lobass_core::without_secrets;
use ureq::http::{HeaderMap, StatusCode};

use crate::{Error, RepoId};

/// Who asked what.
pub(crate) struct Asked<'a> {
    pub(crate) repo: &'a RepoId,
    /// The repository's page, for people.
    pub(crate) page: String,
    pub(crate) url: &'a str,
    /// Whether a token was sent.
    pub(crate) known: bool,
    /// The file that was asked for, if it was one.
    pub(crate) file: Option<&'a str>,
}

/// The error that an answer stands for. The hub says in `X-Error-Code` what it means; a status of 401 alone may be a
/// repository that is not there.
pub(crate) fn refusal(status: StatusCode, headers: &HeaderMap, asked: Asked<'_>) -> Error {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Asked { repo, page, url, known, file } = asked;
    let (repo, url) = (repo.clone(), url.to_owned());
    // What a server says may quote an address.
    let (code, message) = (header("x-error-code"), without_secrets(header("x-error-message")));
    match (code, status.as_u16()) {
        ("GatedRepo", _) => Error::Gated { repo, page, known },
        ("RevisionNotFound", _) => Error::NoRevision { repo },
        ("EntryNotFound", _) => {
            let file = file.unwrap_or_default().to_owned();
            Error::NoFile { repo, file, found: "none of that name".to_owned() }
        }
        ("RepoNotFound", _) => Error::NoRepo { repo, page, known },
        (_, 401) if !known || message.is_empty() => Error::NoRepo { repo, page, known },
        (_, 401 | 403) => {
            let reason = if message.is_empty() { status.to_string() } else { message.into_owned() };
            match known {
                true => Error::Token { url, reason },
                false => Error::NoRepo { repo, page, known },
            }
        }
        (_, 404) if file.is_none() => Error::NoRepo { repo, page, known },
        _ => {
            let message = if message.is_empty() { String::new() } else { format!(", `{message}`") };
            Error::NotHub { url, found: format!("status {status}{message}") }
        }
    }
}
