//! Where a work directory is.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use lobass_core::without_secrets;
use url::Url;

/// A directory, or a place in an object store.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A directory of this machine, or of a file system that many share.
    Dir(PathBuf),
    /// A prefix of a bucket, such as `s3://bucket/run`, `gs://bucket/run`, or `az://container/run`.
    Url(Url),
}

impl Location {
    /// The directory, if it is one.
    pub fn dir(&self) -> Option<&Path> {
        match self {
            Self::Dir(dir) => Some(dir),
            Self::Url(_) => None,
        }
    }

    /// The readable name of an object in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        match self {
            Self::Dir(dir) => dir.join(name),
            Self::Url(url) => {
                format!("{}/{name}", without_secrets(url.as_str()).trim_end_matches('/')).into()
            }
        }
    }

    /// The text that [`str::parse`] makes the same place of, secrets included.
    pub fn as_given(&self) -> OsString {
        match self {
            Self::Dir(dir) => dir.into(),
            Self::Url(url) => url.as_str().into(),
        }
    }
}

impl From<&Path> for Location {
    fn from(dir: &Path) -> Self {
        Self::Dir(dir.to_owned())
    }
}

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.contains("://") {
            return Ok(Self::Dir(text.into()));
        }
        let url = Url::parse(text).map_err(|error| format!("expected a directory or a URL: {error}"))?;
        if url.scheme() == "file" {
            let dir =
                url.to_file_path().map_err(|()| format!("`{text}` is not a directory of this machine"))?;
            return Ok(Self::Dir(dir));
        }
        Ok(Self::Url(url))
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

/// For people: without the password that a URL may have.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dir(dir) => dir.display().fmt(f),
            Self::Url(url) => f.pad(&without_secrets(url.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_urls() {
        let read = |text: &str| text.parse::<Location>();
        assert_eq!(read("runs/a b"), Ok(Location::Dir("runs/a b".into())));
        assert_eq!(read("file:///a%20b"), Ok(Location::Dir("/a b".into())));
        let bucket = read("s3://bucket/run/").unwrap();
        assert_eq!((bucket.dir(), bucket.to_string()), (None, "s3://bucket/run/".to_owned()));
        assert_eq!(bucket.join("plan.json"), Path::new("s3://bucket/run/plan.json"));
        let secret = read("s3://key:s3cret@bucket/run").unwrap();
        assert!(!format!("{secret} {}", secret.join("plan.json").display()).contains("s3cret"));
        assert_eq!(secret.as_given().to_str().map(read), Some(Ok(secret)));
        assert!(
            read("s3://").is_ok_and(|place| place.dir().is_none()),
            "the store says what is wrong with it"
        );
        assert!(read("://x").unwrap_err().contains("expected a directory or a URL"));
    }
}
