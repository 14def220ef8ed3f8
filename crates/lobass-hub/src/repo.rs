//! Names of repositories.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// The kind of a repository, which decides where it is on the hub and in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RepoKind {
    /// A model, or an adapter of one.
    Model,
    /// A data set.
    Dataset,
}

impl RepoKind {
    /// As it is called in paths: `models` or `datasets`.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::Dataset => "datasets",
        }
    }

    /// The prefix of a name in the addresses of pages and files.
    #[cfg(feature = "hub")]
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Model => "",
            Self::Dataset => "datasets/",
        }
    }
}

/// A repository at a revision: `org/name`, or `org/name@revision`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RepoId {
    kind: RepoKind,
    name: String,
    revision: String,
}

/// The revision of those who name none.
const MAIN: &str = "main";

impl RepoId {
    /// Reads `org/name[@revision]`.
    ///
    /// # Errors
    /// [`Error::Id`] if it is not an id.
    pub fn parse(kind: RepoKind, text: &str) -> Result<Self, Error> {
        let fail = |expected| Error::Id { text: text.to_owned(), expected };
        let (name, revision) = text.split_once('@').unwrap_or((text, MAIN));
        let parts: Vec<&str> = name.split('/').collect();
        if parts.len() != 2 || !parts.iter().all(|part| is_name(part)) {
            return Err(fail("`org/name`, of letters, digits, `-`, `_`, and `.`"));
        }
        if !is_revision(revision) {
            return Err(fail("a branch, a tag, or a commit behind `@`"));
        }
        Ok(Self { kind, name: name.to_owned(), revision: revision.to_owned() })
    }

    /// The kind of the repository.
    pub fn kind(&self) -> RepoKind {
        self.kind
    }

    /// `org/name`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A branch, a tag, or a commit; `main` if none was named.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// This repository at another revision.
    #[must_use]
    pub fn at(&self, revision: &str) -> Self {
        Self { revision: revision.to_owned(), ..self.clone() }
    }

    /// Its directory in the cache.
    pub(crate) fn folder(&self) -> String {
        format!("{}--{}", self.kind.plural(), self.name.replace('/', "--"))
    }
}

/// For a model; data sets have addresses ([`DataAddress`](crate::DataAddress)).
impl FromStr for RepoId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(RepoKind::Model, text)
    }
}

impl fmt::Display for RepoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            RepoKind::Model => "",
            RepoKind::Dataset => "hf://datasets/",
        })?;
        match self.revision.as_str() {
            MAIN => f.write_str(&self.name),
            revision => write!(f, "{}@{revision}", self.name),
        }
    }
}

/// As the hub allows them: `--` would be taken for the slash of a directory in the cache.
fn is_name(part: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let inside = part.chars().all(known) && (1..=96).contains(&part.len());
    inside
        && !part.starts_with(['-', '.'])
        && !part.ends_with(['-', '.'])
        && !part.contains("--")
        && !part.contains("..")
}

fn is_revision(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+');
    let parts = || text.split('/');
    text.chars().all(known)
        && parts().all(|part| !part.is_empty() && !part.starts_with('.'))
        && !text.contains("..")
}

/// Whether a revision is a commit, which stays what it is.
pub(crate) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.chars().all(|c| c.is_ascii_digit() || matches!(c, 'a'..='f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_what_is_none() {
        let id: RepoId = "Qwen/Qwen2.5-0.5B".parse().unwrap();
        assert_eq!(
            (id.name(), id.revision(), id.folder().as_str()),
            ("Qwen/Qwen2.5-0.5B", "main", "models--Qwen--Qwen2.5-0.5B")
        );
        let id: RepoId = "org/name@refs/pr/1".parse().unwrap();
        assert_eq!((id.revision(), id.to_string().as_str()), ("refs/pr/1", "org/name@refs/pr/1"));
        for bad in [
            "",
            "name",
            "a/b/c",
            "../b",
            "a/..",
            "a/b@",
            "a/b@../../x",
            "a/b@/x",
            "a/b@x/",
            "a b/c",
            "a/b--c",
            "./b",
            "a/",
            "/b",
            "a/b@x\\y",
            "a/b@.git",
            "a/b?x",
            "a/b@x#y",
        ] {
            assert!(bad.parse::<RepoId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_commit_is_forty_digits() {
        assert!(is_commit(&"0a".repeat(20)));
        assert!(!is_commit(&"0A".repeat(20)) && !is_commit("main") && !is_commit(&"0".repeat(39)));
    }
}
