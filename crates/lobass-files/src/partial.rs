//! Names of files that are not finished, and giving them their final one.

use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

const SUFFIX: &str = ".partial";

/// A name beside the final one that no other process or thread uses.
pub(crate) fn partial_path(path: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let unique = format!(".{}-{}{SUFFIX}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(unique);
    path.with_file_name(name)
}

/// Whether a name is that of a file that was never finished.
pub fn is_partial(name: &str) -> bool {
    name.ends_with(SUFFIX)
}

/// Syncs a finished file, gives it its final name, and syncs the folder. What had the name before is replaced.
///
/// # Errors
/// If the file cannot be synced or renamed.
pub fn keep(partial: &Path, path: &Path) -> Result<()> {
    fs_err::OpenOptions::new().write(true).open(partial)?.sync_all()?;
    fs_err::rename(partial, path)?;
    sync_folder(path)
}

/// Makes a name survive a power cut. File systems that cannot sync folders do not need it.
fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // On Windows a folder cannot be opened as a file.
    let Ok(folder) = fs_err::File::open(folder.unwrap_or(Path::new("."))) else { return Ok(()) };
    match folder.sync_all() {
        Err(error) if !matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput) => Err(error),
        _ => Ok(()),
    }
}
