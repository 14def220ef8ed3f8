//! Who uses a work directory.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;

use crate::Error;
use crate::store::Store;

pub(crate) const LOCK: &str = "lock";

/// A shared lock on a work directory, held as long as this lives; the system lets go of it when a process dies.
///
/// Units need no lock, since their commits do not collide. It only keeps one process from removing what another reads.
/// Where the file system knows no locks there is none, and nothing is removed.
#[derive(Debug)]
pub(crate) struct Lock(Option<File>);

impl Lock {
    /// None in an object store.
    pub(crate) fn share(store: &Store) -> Result<Self, Error> {
        let Some(dir) = store.location().dir() else { return Ok(Self(None)) };
        let path = dir.join(LOCK);
        loop {
            fs_err::create_dir_all(dir)?;
            let file = match fs_err::OpenOptions::new().create(true).append(true).open(&path) {
                Ok(file) => file.into_parts().0,
                // Another process was alone, and has just removed the directory.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            };
            match file.lock_shared() {
                // Another process removed it while we waited, so this lock protects nothing.
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
        let store = Store::local(dir.path()).unwrap();
        let (first, second) = (Lock::share(&store).unwrap(), Lock::share(&store).unwrap());
        assert!(first.alone().unwrap().is_none());
        assert!(second.alone().unwrap().is_some());
    }
}
