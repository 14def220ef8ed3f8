//! Addresses of data sets, as `datasets` and `fsspec` write them.

use std::fmt;
use std::str::FromStr;

use crate::{Error, RepoId, RepoKind};

/// `hf://datasets/org/name[@revision][/path]`: a data set, or a file or a folder in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataAddress {
    repo: RepoId,
    path: Option<String>,
}

const SCHEME: &str = "hf://";
const DATASETS: &str = "hf://datasets/";

impl DataAddress {
    /// Whether a text is meant as an address, right or wrong.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// The data set.
    pub fn repo(&self) -> &RepoId {
        &self.repo
    }

    /// A file or a folder in it, if not all of it is meant.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// One file of a data set at a commit, for the records.
    pub(crate) fn of(repo: &RepoId, path: &str) -> Self {
        Self { repo: repo.clone(), path: Some(path.to_owned()) }
    }
}

impl FromStr for DataAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fail = |expected| Error::Id { text: text.to_owned(), expected };
        let rest = text.strip_prefix(DATASETS).ok_or_else(|| fail("`hf://datasets/org/name`"))?;
        let (id, path) = split(rest);
        let repo = RepoId::parse(RepoKind::Dataset, &id.replace("%2F", "/").replace("%2f", "/"))?;
        let path = path.trim_end_matches('/');
        if path.split('/').any(|part| matches!(part, "." | "..")) || path.contains('\\') {
            return Err(fail("a path inside the data set"));
        }
        Ok(Self { repo, path: (!path.is_empty()).then(|| path.to_owned()) })
    }
}

/// The name with its revision, and the path behind it. A slash of a revision is written `%2F`, except in the two kinds
/// of references that the hub makes itself.
fn split(rest: &str) -> (&str, &str) {
    let end_of_part = |from: usize| rest[from..].find('/').map_or(rest.len(), |at| from + at);
    let org = end_of_part(0);
    let mut end = end_of_part((org + 1).min(rest.len()));
    if let Some(at) = rest[..end].find('@') {
        let revision = &rest[at + 1..];
        let special = ["refs/convert/", "refs/pr/"].into_iter().find(|start| revision.starts_with(start));
        if let Some(start) = special {
            end = end_of_part(at + 1 + start.len());
        }
    }
    (&rest[..end], rest.get(end + 1..).unwrap_or_default())
}

impl fmt::Display for DataAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let revision = self.repo.revision();
        write!(f, "{DATASETS}{}", self.repo.name())?;
        match revision {
            "main" => {}
            _ if revision.starts_with("refs/convert/") || revision.starts_with("refs/pr/") => {
                write!(f, "@{revision}")?;
            }
            _ => write!(f, "@{}", revision.replace('/', "%2F"))?,
        }
        match &self.path {
            Some(path) => write!(f, "/{path}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_back() {
        let check = |text: &str, name: &str, revision: &str, path: Option<&str>| {
            let address: DataAddress = text.parse().unwrap();
            assert_eq!(
                (address.repo().name(), address.repo().revision(), address.path()),
                (name, revision, path),
                "{text}"
            );
            assert_eq!(address.to_string(), text);
        };
        check("hf://datasets/org/set", "org/set", "main", None);
        check("hf://datasets/org/set/a/b.jsonl", "org/set", "main", Some("a/b.jsonl"));
        check("hf://datasets/org/set@v1/b.jsonl", "org/set", "v1", Some("b.jsonl"));
        check("hf://datasets/org/set@a%2Fb/c.json", "org/set", "a/b", Some("c.json"));
        check("hf://datasets/org/set@refs/pr/3/c.json", "org/set", "refs/pr/3", Some("c.json"));
        check("hf://datasets/org/set@refs/convert/parquet", "org/set", "refs/convert/parquet", None);
        for bad in [
            "hf://org/set",
            "hf://datasets/",
            "hf://datasets/set",
            "hf://datasets/org/set/../x",
            "hf://datasets/org/",
            "hf://spaces/org/set",
            "datasets/org/set",
        ] {
            assert!(bad.parse::<DataAddress>().is_err(), "{bad}");
        }
    }
}
