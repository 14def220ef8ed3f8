//! Where files lie: the layout of Python's `huggingface_hub`.
//!
//! ```text
//! models--org--name/
//!   refs/main                 the commit that a branch or a tag was last seen at
//!   trees/COMMIT.json         the names, sizes, and digests of all files at a commit
//!   snapshots/COMMIT/FILE     a link to
//!   blobs/ETAG                the bytes, under their SHA-256 (large files) or git's name for them
//! .locks/models--org--name/ETAG.lock
//! ```

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::repo::is_commit;
use crate::{Error, HubSettings, RepoId};

/// One repository's part of the cache.
#[derive(Debug)]
pub(crate) struct RepoCache {
    root: PathBuf,
    locks: PathBuf,
}

impl RepoCache {
    pub(crate) fn of(settings: &HubSettings, repo: &RepoId) -> Self {
        let folder = repo.folder();
        Self { root: settings.cache.join(&folder), locks: settings.cache.join(".locks").join(folder) }
    }

    /// The commit that a revision is, as far as is known here.
    pub(crate) fn commit_of(&self, revision: &str) -> Result<Option<String>, Error> {
        if is_commit(revision) {
            return Ok(Some(revision.to_owned()));
        }
        let text = read_optional(&self.root.join("refs").join(revision))?;
        Ok(text.map(|text| text.trim().to_owned()).filter(|commit| is_commit(commit)))
    }

    /// Remembers which commit a branch or a tag is.
    pub(crate) fn note_commit(&self, revision: &str, commit: &str) -> Result<(), Error> {
        if is_commit(revision) || self.commit_of(revision)?.as_deref() == Some(commit) {
            return Ok(());
        }
        write_whole(&self.root.join("refs").join(revision), commit.as_bytes())
    }

    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.root.join("snapshots").join(commit)
    }

    pub(crate) fn tree(&self, commit: &str) -> PathBuf {
        self.root.join("trees").join(format!("{commit}.json"))
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// A lock that keeps other processes from downloading the same bytes until it is dropped. `None` if another process
    /// holds it.
    ///
    /// On a file system without locks this always succeeds: downloads are checked anyway.
    pub(crate) fn try_lock(&self, etag: &str) -> Result<Option<BlobLock>, Error> {
        let file = self.lock_file(etag)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(BlobLock(file))),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                Ok(Some(BlobLock(file)))
            }
            Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Takes the lock of a file, and waits until it is free.
    pub(crate) fn lock(&self, etag: &str) -> Result<BlobLock, Error> {
        let file = self.lock_file(etag)?;
        file.lock()?;
        Ok(BlobLock(file))
    }

    fn lock_file(&self, etag: &str) -> Result<File, Error> {
        fs_err::create_dir_all(&self.locks)?;
        let path = self.locks.join(format!("{etag}.lock"));
        Ok(fs_err::OpenOptions::new().create(true).truncate(false).write(true).open(path)?.into_parts().0)
    }

    /// Puts bytes that are here under the name that they have at a commit.
    pub(crate) fn link(&self, etag: &str, commit: &str, file: &str) -> Result<(), Error> {
        let place = self.snapshot(commit).join(file);
        let folder = place.parent().unwrap_or(&place);
        fs_err::create_dir_all(folder)?;
        let up = "../".repeat(2 + file.split('/').count() - 1);
        let relative = PathBuf::from(format!("{up}blobs/{etag}"));
        match symlink(&relative, &place) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && place.exists() => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                fs_err::remove_file(&place)?; // a link to bytes that someone removed
                Ok(symlink(&relative, &place)?)
            }
            // No links here: the file itself, as Python has it then.
            Err(_) => Ok(fs_err::rename(self.blobs().join(etag), &place)?),
        }
    }
}

/// Held while bytes are fetched.
#[derive(Debug)]
pub(crate) struct BlobLock(#[expect(dead_code, reason = "held, not read")] File);

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> std::io::Result<()> {
    fs_err::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn symlink(_target: &Path, _link: &Path) -> std::io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// The text of a file, if there is one.
pub(crate) fn read_optional(path: &Path) -> Result<Option<String>, Error> {
    match fs_err::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes a small file so that no reader ever sees a part of it.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> Result<(), Error> {
    Ok(lobass_files::write_whole(path, content)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(dir: &Path) -> RepoCache {
        RepoCache::of(&HubSettings::new(dir), &"org/name".parse().unwrap())
    }

    #[test]
    fn links_reach_their_bytes_from_any_depth() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        let commit = "a".repeat(40);
        for file in ["a.json", "data/b.json", "deep/er/c.json"] {
            fs_err::create_dir_all(cache.blobs()).unwrap();
            fs_err::write(cache.blobs().join("etag"), file).unwrap();
            cache.link("etag", &commit, file).unwrap();
            cache.link("etag", &commit, file).unwrap();
            assert_eq!(fs_err::read_to_string(cache.snapshot(&commit).join(file)).unwrap(), file);
        }
    }

    #[test]
    fn references_are_commits_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        let commit = "b".repeat(40);
        assert_eq!(cache.commit_of("main").unwrap(), None);
        cache.note_commit("refs/pr/1", &commit).unwrap();
        assert_eq!(cache.commit_of("refs/pr/1").unwrap(), Some(commit));
        write_whole(&dir.path().join("models--org--name/refs/odd"), b"../../x").unwrap();
        assert_eq!(cache.commit_of("odd").unwrap(), None);
    }

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        let held = cache.try_lock("etag").unwrap();
        assert!(held.is_some() && cache.try_lock("etag").unwrap().is_none());
        assert!(cache.try_lock("other").unwrap().is_some());
        drop(held);
        assert!(cache.try_lock("etag").unwrap().is_some());
    }
}
