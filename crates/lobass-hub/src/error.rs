//! Why something of the hub cannot be had.

use std::path::PathBuf;

use thiserror::Error;

use crate::RepoId;

/// Why something of the hub cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A text is neither an id nor an address.
    #[error("`{text}`: expected {expected}")]
    Id {
        /// The text.
        text: String,
        /// The expected form.
        expected: &'static str,
    },
    /// The settings name something that cannot be used.
    #[error("{what} `{text}`: {reason}")]
    Setting {
        /// Which of them.
        what: &'static str,
        /// The given text.
        text: String,
        /// The reason.
        reason: String,
    },
    /// A file of the cache cannot be read or written; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Nothing may be fetched, and this is not in the cache.
    #[error("`{repo}`: expected {what} in the cache `{}`, found none; lobass is offline and downloads nothing", cache.display())]
    NotCached {
        /// The repository.
        repo: RepoId,
        /// A file, or the whole of it.
        what: String,
        /// The cache.
        cache: PathBuf,
    },
    /// Something has to be downloaded, and this build cannot download.
    #[error("`{repo}`: expected a build with the feature `hub`, which downloads, found one without it")]
    NoDownloads {
        /// The repository.
        repo: RepoId,
    },
    /// The repository is there, and not open to this reader.
    #[error("`{repo}` is gated: expected {}, found none; accept its terms at {page}", if *known { "access" } else { "a token" })]
    Gated {
        /// The repository.
        repo: RepoId,
        /// Where its terms are accepted.
        page: String,
        /// Whether a token was sent.
        known: bool,
    },
    /// There is no such repository, or none that this reader may know of.
    #[error("`{repo}`: expected a repository at {page}, found none{}", if *known { " that this token may read" } else { ", or a private one" })]
    NoRepo {
        /// The repository.
        repo: RepoId,
        /// Where it would be.
        page: String,
        /// Whether a token was sent.
        known: bool,
    },
    /// The repository has no such branch, tag, or commit.
    #[error("`{repo}`: expected a branch, a tag, or a commit `{}`, found none", repo.revision())]
    NoRevision {
        /// The repository.
        repo: RepoId,
    },
    /// The repository has no such file.
    #[error("`{repo}`: expected `{file}`, found {found}")]
    NoFile {
        /// The repository.
        repo: RepoId,
        /// The file or folder.
        file: String,
        /// The files that were found.
        found: String,
    },
    /// A data card that cannot be read, or that names files that are not there.
    #[error("`{repo}`, README.md: {reason}; name a file or a folder of the data set")]
    Card {
        /// The repository.
        repo: RepoId,
        /// The expected and the found thing.
        reason: String,
    },
    /// The hub does not know the token, or the token may not do this.
    #[error("{url}: expected a token with access, found one that the server rejects ({reason})")]
    Token {
        /// The address of the request.
        url: String,
        /// The server's reason.
        reason: String,
    },
    /// A model's repository has no weights that can be read.
    #[error("`{repo}`: expected safetensors, found {found}")]
    NoWeights {
        /// The repository.
        repo: RepoId,
        /// The files that were found, and what to do with them.
        found: String,
    },
    /// A repository of a model lacks the files of one.
    #[error("`{repo}`: expected a model's config.json or an adapter's adapter_config.json, found {found}")]
    NoModel {
        /// The repository.
        repo: RepoId,
        /// The files that were found.
        found: String,
    },
    /// It is not clear which files of a data set are meant.
    #[error("`{repo}`: expected one set of data files, found {found}")]
    Ambiguous {
        /// The repository.
        repo: RepoId,
        /// The possible choices: a line each, as addresses.
        found: String,
    },
    /// The server, or what is between us, cannot be reached.
    #[error("{url}: cannot reach {}: {reason}", way.name())]
    Unreachable {
        /// The address of the request.
        url: String,
        /// The obstacle.
        way: Way,
        /// The system's message.
        reason: String,
    },
    /// The server does not want to be asked now, however often it was tried.
    #[error("{url}: status {status}, {tries} times{}", wait.map_or(String::new(), |s| format!("; it asks to wait for {s} seconds")))]
    Busy {
        /// The address of the request.
        url: String,
        /// The status of the answer.
        status: u16,
        /// How often.
        tries: u32,
        /// How long it asks to be left alone, in seconds, if that is longer than we wait.
        wait: Option<u64>,
    },
    /// A file came in part only, however often it was tried.
    #[error("{url}: expected {expected} bytes, found {found} when the connection ended ({reason})")]
    Cut {
        /// The address of the request.
        url: String,
        /// The size of the file.
        expected: u64,
        /// How many bytes are here. They are kept for the next try if the file is large.
        found: u64,
        /// The message of the connection.
        reason: String,
    },
    /// A file is not the one that was announced.
    #[error("{url}: expected {expected}, found {found}")]
    Differs {
        /// The address of the request.
        url: String,
        /// A size or a SHA-256.
        expected: String,
        /// The size or digest of the received bytes.
        found: String,
    },
    /// An answer is not one that a hub gives.
    #[error("{url}: expected an answer from a Hugging Face hub, found {found}")]
    NotHub {
        /// The address of the request.
        url: String,
        /// The defect of the answer.
        found: String,
    },
}

/// An obstacle on the way to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Its name is not known here, or there is no network.
    Host,
    /// The proxy refuses, or is not there.
    Proxy,
    /// It cannot be trusted, or speaks no TLS that we speak.
    Tls,
    /// It is known, and does not answer.
    Server,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Host => "the host",
            Self::Proxy => "the proxy",
            Self::Tls => "the server over TLS",
            Self::Server => "the server",
        }
    }
}

impl Error {
    /// Whether the same call may succeed later, without anybody's doing.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Cut { .. } | Self::Unreachable { way: Way::Server, .. })
    }
}
