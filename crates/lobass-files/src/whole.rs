//! One file that is written whole or not at all.

use std::io::{BufWriter, Error, ErrorKind, Result, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::partial::{keep, partial_path};

/// Bytes that are written at once.
const BUFFER: usize = 1 << 18;

/// A file that has its name when it is finished. It is buffered.
#[derive(Debug)]
pub struct WholeFile {
    path: PathBuf,
    partial: PathBuf,
    writer: BufWriter<fs_err::File>,
}

impl WholeFile {
    /// Begins a file; its folder is made if it is missing.
    ///
    /// # Errors
    /// If the folder or the file cannot be made, or the name is that of a device, a pipe, or a folder.
    pub fn create(path: &Path) -> Result<Self> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs_err::create_dir_all(parent)?;
        }
        let path = replaceable(path)?;
        let partial = partial_path(&path);
        let writer = BufWriter::with_capacity(BUFFER, fs_err::File::create(&partial)?);
        Ok(Self { path, partial, writer })
    }

    /// The final name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name until it is finished, for libraries that open a file by its name. They must not replace the file.
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// Syncs the file, gives it its name, and syncs the folder. What had the name before is replaced.
    ///
    /// # Errors
    /// If the file cannot be written, synced, or renamed; nothing is left of it then.
    pub fn finish(mut self) -> Result<()> {
        self.writer.flush()?;
        keep(&self.partial, &self.path)
    }
}

/// The file that is replaced: a link stays, and the file that it leads to is another one. Devices and pipes, such as
/// `/dev/null`, would be gone.
fn replaceable(path: &Path) -> Result<PathBuf> {
    let Ok(metadata) = fs_err::metadata(path) else { return Ok(path.to_owned()) };
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a folder" } else { "a device or a pipe" };
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "output `{}`: expected a file or no file, found {found}; name another one",
                path.display()
            ),
        ));
    }
    if fs_err::symlink_metadata(path)?.is_symlink() {
        fs_err::canonicalize(path)
    } else {
        Ok(path.to_owned())
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.flush()
    }
}

impl Seek for WholeFile {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.writer.seek(to)
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        // A finished file has no partial name any more. That it cannot be removed matters less than why it is dropped.
        let _ = fs_err::remove_file(&self.partial);
    }
}

/// Writes a file whole or not at all.
///
/// # Errors
/// If it cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = WholeFile::create(path)?;
    file.write_all(bytes)?;
    file.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::is_partial;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs_err::read_dir(dir).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[cfg(unix)]
    #[test]
    fn links_and_devices_stay() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        fs_err::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_whole(&link, b"new").unwrap();
        assert!(fs_err::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs_err::read(&target).unwrap(), b"new");
        for other in [Path::new("/dev/null"), dir.path()] {
            let error = write_whole(other, b"x").unwrap_err().to_string();
            assert!(error.contains("name another one"), "{error}");
        }
        assert!(!fs_err::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_file_appears_when_it_is_finished() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        let mut file = WholeFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        assert!(names(dir.path()).iter().all(|name| is_partial(name)));
        assert_eq!(file.partial().parent(), path.parent());
        file.finish().unwrap();
        assert_eq!(
            (names(dir.path()), fs_err::read(&path).unwrap()),
            (vec!["a.json".to_owned()], b"new".to_vec())
        );
    }

    #[test]
    fn a_file_that_is_dropped_leaves_nothing_and_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        write_whole(&path, b"old").unwrap();
        let mut file = WholeFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(
            (names(dir.path()), fs_err::read(&path).unwrap()),
            (vec!["a.json".to_owned()], b"old".to_vec())
        );
    }

    #[test]
    fn writers_of_one_name_do_not_meet() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        let (mut one, mut other) = (WholeFile::create(&path).unwrap(), WholeFile::create(&path).unwrap());
        one.write_all(b"one").unwrap();
        other.write_all(b"other").unwrap();
        one.finish().unwrap();
        other.finish().unwrap();
        assert_eq!((names(dir.path()).len(), fs_err::read(&path).unwrap()), (1, b"other".to_vec()));
    }

    #[test]
    fn libraries_write_by_name_and_writers_seek() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.bin");
        let file = WholeFile::create(&path).unwrap();
        fs_err::write(file.partial(), b"by name").unwrap();
        file.finish().unwrap();
        assert_eq!(fs_err::read(&path).unwrap(), b"by name");

        let mut file = WholeFile::create(&path).unwrap();
        file.write_all(b"0123").unwrap();
        file.seek(SeekFrom::Start(1)).unwrap();
        file.write_all(b"x").unwrap();
        file.finish().unwrap();
        assert_eq!(fs_err::read(&path).unwrap(), b"0x23");
    }
}
