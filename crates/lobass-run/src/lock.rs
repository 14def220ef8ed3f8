//! Who uses a work directory.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use crate::Error;

pub(crate) const LOCK: &str = "lock";

/// A shared lock on a work directory, held as long as this lives; the system lets go of it when a process dies.
///
/// Units need no lock, since their commits do not collide. It only keeps one process from removing what another reads.
/// Where the file system knows no locks there is none, and nothing is removed.
#[derive(Debug)]
pub(crate) struct Lock(Option<File>);

impl Lock {
    pub(crate) fn share(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(LOCK);
        loop {
            fs_err::create_dir_all(dir)?;
            let file = match fs_err::OpenOptions::new().create(true).append(true).open(&path) {
                Ok(file) => file.into_parts().0,
                // Whoever was alone has just removed the directory.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            };
            match file.lock_shared() {
                // Whoever removed it while we waited has left us with a lock on nothing.
                Ok(()) if path.exists() => return Ok(Self(Some(file))),
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(Self(None)),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The lock for oneself alone; `None` if others hold it too.
    pub(crate) fn alone(self) -> Result<Option<Self>, Error> {
        let Self(Some(file)) = self else { return Ok(None) };
        file.unlock()?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(Some(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_is_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (Lock::share(dir.path()).unwrap(), Lock::share(dir.path()).unwrap());
        assert!(first.alone().unwrap().is_none());
        assert!(second.alone().unwrap().is_some());
    }
}
