//! Files that are written beside their final name.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A name beside the final one that no other process or thread uses.
pub(crate) fn partial_path(path: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let unique = format!(".{}-{}.partial", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(unique);
    path.with_file_name(name)
}
