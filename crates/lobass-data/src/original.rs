//! A file that is read several times, and has to be the same each time.
//!
//! What the file system says of a file, its [`Stamp`], is compared with what it said first: whenever the file is
//! opened, and after every piece that is read. So no byte is ever handed on that was written after the file was first
//! looked at. A stamp that changed is no proof that the text did (files are touched, copied, and linked): if the digest
//! of the file is known, it decides.

use std::fs::Metadata;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::digest::hex;

/// A file as it was when it was first looked at; clones share what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Original {
    path: PathBuf,
    /// The bytes of a file that is in memory only, and cannot change.
    memory: Option<Arc<[u8]>>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Clone)]
struct Seen {
    stamp: Stamp,
    sha256: Option<String>,
}

impl Original {
    /// Looks at a file for the first time.
    ///
    /// # Errors
    /// [`Error::NotThere`], or [`Error::NotAFile`] for folders, pipes, and devices.
    pub(crate) fn of(path: &Path) -> Result<Self, Error> {
        let metadata = fs_err::metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::NotThere { path: path.to_owned() },
            _ => Error::Io(error),
        })?;
        if !metadata.is_file() {
            return Err(Error::NotAFile { path: path.to_owned(), is_folder: metadata.is_dir() });
        }
        let seen = Seen { stamp: Stamp::of(&metadata), sha256: None };
        Ok(Self { path: path.to_owned(), memory: None, seen: Arc::new(Mutex::new(seen)) })
    }

    /// A file in memory, with a name in place of a path.
    pub(crate) fn of_memory(name: &str, bytes: Vec<u8>) -> Self {
        let seen = Seen { stamp: Stamp::of_memory(bytes.len()), sha256: None };
        Self { path: name.into(), memory: Some(bytes.into()), seen: Arc::new(Mutex::new(seen)) }
    }

    /// Whether it has no bytes.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().stamp.length == 0
    }

    /// Whether it is in memory only.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.memory.is_some()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it again.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be opened, [`Error::Changed`] if it is not what it was.
    pub(crate) fn open(&self) -> Result<WatchedFile, Error> {
        if let Some(bytes) = &self.memory {
            let stamp = Stamp::of_memory(bytes.len());
            return Ok(WatchedFile { bytes: Bytes::Memory(Cursor::new(Arc::clone(bytes))), stamp });
        }
        let file = fs_err::File::open(&self.path)?;
        let stamp = Stamp::of(&file.metadata()?);
        let seen = self.seen();
        if stamp != seen.stamp {
            let is_same = match &seen.sha256 {
                Some(expected) => {
                    let found = digest(&mut WatchedFile {
                        bytes: Bytes::File(fs_err::File::open(&self.path)?),
                        stamp,
                    });
                    let found = found.map_err(|error| self.error(error))?;
                    if found != *expected {
                        return Err(self.changed(Some(found)));
                    }
                    true
                }
                None => stamp.tells_the_same_text(&seen.stamp),
            };
            if !is_same {
                return Err(self.changed(None));
            }
            self.lock().stamp = stamp;
        }
        Ok(WatchedFile { bytes: Bytes::File(file), stamp })
    }

    /// The SHA-256 of its bytes in hex, which is computed once.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::Changed`] if it is not what it was.
    pub(crate) fn fingerprint(&self) -> Result<String, Error> {
        let mut file = self.open()?;
        if let Some(sha256) = self.seen().sha256 {
            return Ok(sha256);
        }
        let sha256 = digest(&mut file).map_err(|error| self.error(error))?;
        self.lock().sha256 = Some(sha256.clone());
        Ok(sha256)
    }

    /// Says that it is still what it was.
    ///
    /// # Errors
    /// The errors of [`Original::open`].
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.open().map(|_| ())
    }

    /// The error that stops reading: that the file changed, if it did, or else the given error.
    pub(crate) fn blame(&self, error: Error) -> Error {
        match self.check() {
            Err(changed @ Error::Changed { .. }) => changed,
            _ => error,
        }
    }

    fn error(&self, error: io::Error) -> Error {
        match error.get_ref().is_some_and(
            <dyn std::error::Error + std::marker::Send + std::marker::Sync + 'static>::is::<Changed>,
        ) {
            true => self.changed(None),
            false => Error::Io(error),
        }
    }

    fn changed(&self, found: Option<String>) -> Error {
        Error::Changed { path: self.path.clone(), expected: self.seen().sha256, found }
    }

    fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// File-system metadata that changes when a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    length: u64,
    /// When it was last written to, where that is known.
    modified: Option<SystemTime>,
    /// Which file it is, and when anything of it was last changed: device, inode, seconds, and nanoseconds.
    #[cfg(unix)]
    node: (u64, u64, i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            node: {
                use std::os::unix::fs::MetadataExt as _;
                (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
            },
        }
    }

    fn of_memory(length: usize) -> Self {
        Self {
            length: length as u64,
            modified: None,
            #[cfg(unix)]
            node: (0, 0, 0, 0),
        }
    }

    /// Whether only the name, the owner, or the number of links differs.
    fn tells_the_same_text(&self, other: &Self) -> bool {
        let text = |stamp: &Self| (stamp.length, stamp.modified);
        text(self) == text(other)
    }
}

/// An open file that is checked after every piece that is read from it.
#[derive(Debug)]
pub(crate) struct WatchedFile {
    bytes: Bytes,
    stamp: Stamp,
}

#[derive(Debug)]
enum Bytes {
    File(fs_err::File),
    Memory(Cursor<Arc<[u8]>>),
}

impl WatchedFile {
    pub(crate) fn len(&self) -> u64 {
        self.stamp.length
    }

    /// A second handle on the same file, which may share its position.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        let bytes = match &self.bytes {
            Bytes::File(file) => Bytes::File(file.try_clone()?),
            Bytes::Memory(cursor) => Bytes::Memory(cursor.clone()),
        };
        Ok(Self { bytes, stamp: self.stamp })
    }
}

impl Read for WatchedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let file = match &mut self.bytes {
            Bytes::File(file) => file,
            Bytes::Memory(cursor) => return cursor.read(buffer),
        };
        let count = file.read(buffer)?;
        let now = Stamp::of(&file.metadata()?);
        if now.tells_the_same_text(&self.stamp) { Ok(count) } else { Err(io::Error::other(Changed)) }
    }
}

impl Seek for WatchedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.bytes {
            Bytes::File(file) => file.seek(to),
            Bytes::Memory(cursor) => cursor.seek(to),
        }
    }
}

/// The file that is being read is written to.
#[derive(Debug, thiserror::Error)]
#[error("the file changed while it was being read")]
struct Changed;

/// The SHA-256 of all that follows, in hex.
pub(crate) fn digest(file: &mut impl Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(hash.finalize().as_slice())),
            count => hash.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn original(dir: &Path, text: &str) -> Original {
        let path = dir.join("file");
        fs_err::write(&path, text).unwrap();
        Original::of(&path).unwrap()
    }

    #[test]
    fn a_file_that_changed_is_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let file = original(dir.path(), "one");
        file.check().unwrap();
        fs_err::write(file.path(), "other").unwrap();
        assert!(matches!(file.open(), Err(Error::Changed { expected: None, found: None, .. })));

        let file = Original::of(file.path()).unwrap();
        let sha256 = file.fingerprint().unwrap();
        fs_err::write(file.path(), "three").unwrap();
        let error = file.clone().fingerprint().unwrap_err();
        assert!(
            matches!(&error, Error::Changed { expected: Some(e), found: Some(f), .. } if *e == sha256 && f != e)
        );
        fs_err::write(file.path(), "other").unwrap();
        assert_eq!(file.fingerprint().unwrap(), sha256, "the same bytes written again are the same file");
        file.check().unwrap();
    }

    #[test]
    fn a_file_that_is_written_to_is_not_read_on() {
        let dir = tempfile::tempdir().unwrap();
        let file = original(dir.path(), "0123456789");
        let mut open = file.open().unwrap();
        let mut piece = [0; 4];
        open.read_exact(&mut piece).unwrap();
        fs_err::write(file.path(), "9876543210x").unwrap();
        let error = open.read_exact(&mut piece).unwrap_err();
        assert!(matches!(file.error(error), Error::Changed { .. }));
    }

    #[test]
    fn a_file_that_is_replaced_is_read_to_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = original(dir.path(), "0123456789");
        let mut open = file.open().unwrap();
        let other = dir.path().join("other");
        fs_err::write(&other, "abc").unwrap();
        fs_err::rename(&other, file.path()).unwrap();
        let mut text = String::new();
        open.read_to_string(&mut text).unwrap();
        assert_eq!(text, "0123456789", "the open file is still the old one");
        assert!(file.check().is_err());
    }

    #[test]
    fn folders_are_no_files() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Original::of(dir.path()), Err(Error::NotAFile { is_folder: true, .. })));
    }
}
