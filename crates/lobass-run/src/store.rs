//! Files that appear whole or not at all.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;

/// A directory in which a name, once taken, keeps its content.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    root: PathBuf,
}

/// Whether a file was put, or was there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    Created,
    Existed,
}

impl Store {
    pub(crate) fn open(root: &Path) -> Result<Self, Error> {
        fs_err::create_dir_all(root)?;
        Ok(Self { root: root.to_owned() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub(crate) fn get(&self, name: &str) -> Result<Vec<u8>, Error> {
        Ok(fs_err::read(self.path(name))?)
    }

    /// Writes a file, or writes it again.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path(name);
        let partial = write_partial(&path, bytes)?;
        Ok(fs_err::rename(partial, path)?)
    }

    /// Writes a file under a name that must be free. Whoever comes second changes nothing.
    pub(crate) fn put_if_absent(&self, name: &str, bytes: &[u8]) -> Result<Put, Error> {
        let path = self.path(name);
        let partial = write_partial(&path, bytes)?;
        let linked = link(&partial, &path);
        if partial.exists() {
            fs_err::remove_file(&partial)?;
        }
        Ok(linked?)
    }
}

/// Writes a whole file beside the final one.
fn write_partial(path: &Path, bytes: &[u8]) -> Result<PathBuf, Error> {
    if let Some(parent) = path.parent() {
        fs_err::create_dir_all(parent)?;
    }
    let partial = partial_path(path);
    let mut file = fs_err::File::create(&partial)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // The first error matters more than one of cleaning up.
        let _ = fs_err::remove_file(&partial);
    }
    written?;
    Ok(partial)
}

/// A name beside the final one that no other process or thread uses.
pub(crate) fn partial_path(path: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let unique = format!(".{}-{}.partial", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(unique);
    path.with_file_name(name)
}

/// Gives a complete file its final name, unless that is taken.
fn link(partial: &Path, path: &Path) -> std::io::Result<Put> {
    match fs_err::hard_link(partial, path) {
        Ok(()) => Ok(Put::Created),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Put::Existed),
        // File systems without hard links. Two processes may both find the name free; the file is whole all the same.
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => {
            if path.exists() {
                return Ok(Put::Existed);
            }
            fs_err::rename(partial, path).map(|()| Put::Created)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_writer_wins_and_nothing_else_remains() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let puts: Vec<Put> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8u8)
                .map(|writer| {
                    let store = &store;
                    scope.spawn(move || store.put_if_absent("a/commit.json", &[writer; 4096]).unwrap())
                })
                .collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        assert_eq!(puts.iter().filter(|&&put| put == Put::Created).count(), 1);
        let bytes = store.get("a/commit.json").unwrap();
        assert!(bytes.len() == 4096 && bytes.iter().all(|&byte| byte == bytes[0]));
        assert_eq!(fs_err::read_dir(dir.path().join("a")).unwrap().count(), 1);
    }
}
