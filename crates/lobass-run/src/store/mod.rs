//! Objects that appear whole or not at all, in a directory or a bucket.

mod location;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lobass_core::without_secrets;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as Name;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt as _, ObjectStoreScheme, PutMode};
use tokio::runtime::Runtime;
use url::Url;

pub use location::Location;

use crate::Error;

/// A place in which a name, once taken, keeps its content. Clones are handles on the same place.
///
/// Each call waits for its end. A call fails if the store does, after the retries of its client.
#[derive(Debug, Clone)]
pub struct Store {
    location: Location,
    objects: Arc<dyn ObjectStore>,
    runtime: Arc<Runtime>,
}

/// An action that fails for good: the place is invalid.
const OPEN: &str = "open";

/// Requests that are under way at once when many objects are read.
const REQUESTS: usize = 32;

/// How long to wait before a call is made again.
const PAUSES: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(400), Duration::from_secs(3)];

/// Whether an object was put, or was there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    Created,
    Existed,
}

impl Store {
    /// Opens a directory, which is created if it is absent, or a place in an object store.
    ///
    /// `options` are settings of the store's client, named like their environment variables, such as `AWS_ENDPOINT_URL`
    /// or `GOOGLE_SERVICE_ACCOUNT`. Names without that prefix, such as `ENDPOINT_URL`, mean the same. Others are
    /// ignored.
    ///
    /// # Errors
    /// [`Error::NoCloud`] if the place is in a cloud and this build has no feature `cloud`. [`Error::Store`] if the kind
    /// of place is unknown, or its settings are invalid.
    pub fn open(
        location: Location,
        options: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        let objects: Arc<dyn ObjectStore> = match &location {
            Location::Dir(dir) => {
                fs_err::create_dir_all(dir)?;
                let files = LocalFileSystem::new_with_prefix(dir);
                Arc::new(files.map_err(|error| failed(OPEN, &location, "", &error))?.with_fsync(true))
            }
            Location::Url(url) if !cfg!(feature = "cloud") && is_cloud(url) => {
                return Err(Error::NoCloud { place: location.clone() });
            }
            Location::Url(url) => {
                let (objects, prefix) = object_store::parse_url_opts(url, options)
                    .map_err(|error| failed(OPEN, &location, "", &error))?;
                Arc::new(PrefixStore::new(objects, prefix))
            }
        };
        Self::of(location, objects)
    }

    /// A directory of this machine.
    ///
    /// # Errors
    /// If it is not there and cannot be made.
    pub fn local(dir: &Path) -> Result<Self, Error> {
        Self::open(dir.into(), [])
    }

    /// A store in memory, which is gone with its last handle.
    ///
    /// # Errors
    /// [`Error::Io`] if the system has no thread for it.
    #[expect(clippy::missing_panics_doc, reason = "the address is valid")]
    pub fn in_memory() -> Result<Self, Error> {
        let location = Location::Url(Url::parse("memory:///").expect("a valid address"));
        Self::of(location, Arc::new(InMemory::new()))
    }

    /// Any other store, under a name for people.
    ///
    /// # Errors
    /// [`Error::Io`] if the system has no thread for it.
    pub fn of(location: Location, objects: Arc<dyn ObjectStore>) -> Result<Self, Error> {
        // A separate thread keeps connections alive between calls.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self { location, objects, runtime: Arc::new(runtime) })
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The readable name of an object.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.location.join(name)
    }

    pub(crate) fn exists(&self, name: &str) -> Result<bool, Error> {
        let place = Name::from(name);
        match self.wait(|| self.objects.head(&place)) {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(failed("look for", &self.location, name, &error)),
        }
    }

    /// The content of an object; `None` if there is none.
    pub(crate) fn get(&self, name: &str) -> Result<Option<Bytes>, Error> {
        self.runtime.block_on(self.read(name))
    }

    /// The contents of several objects, read beside each other.
    pub(crate) fn get_all(&self, names: &[String]) -> Result<Vec<Option<Bytes>>, Error> {
        let reads = stream::iter(names).map(|name| self.read(name)).buffered(REQUESTS);
        self.runtime.block_on(reads.try_collect())
    }

    async fn read(&self, name: &str) -> Result<Option<Bytes>, Error> {
        let place = Name::from(name);
        match self.retried(async || self.objects.get(&place).await?.bytes().await).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed("read", &self.location, name, &error)),
        }
    }

    /// Writes an object, or writes it again.
    pub(crate) fn put(&self, name: &str, bytes: impl Into<Bytes>) -> Result<(), Error> {
        let (place, bytes): (Name, Bytes) = (name.into(), bytes.into());
        let put = self.wait(|| self.objects.put(&place, bytes.clone().into()));
        put.map(|_| ()).map_err(|error| failed("write", &self.location, name, &error))
    }

    /// Writes an object under a name that must be free. A later writer changes nothing.
    pub(crate) fn put_if_absent(&self, name: &str, bytes: impl Into<Bytes>) -> Result<Put, Error> {
        let (place, bytes): (Name, Bytes) = (name.into(), bytes.into());
        let put = || self.objects.put_opts(&place, bytes.clone().into(), PutMode::Create.into());
        match self.wait(put) {
            Ok(_) => Ok(Put::Created),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Ok(Put::Existed)
            }
            // File systems without hard links. Two may both find the name free; the object is whole all the same.
            Err(error) if self.location.dir().is_some() && has_no_links(&error) => {
                if self.exists(name)? {
                    return Ok(Put::Existed);
                }
                self.put(name, bytes).map(|()| Put::Created)
            }
            Err(error) => Err(failed("write", &self.location, name, &error)),
        }
    }

    /// The names under a prefix, in order.
    pub(crate) fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let place = Name::from(prefix);
        let list =
            || self.objects.list(Some(&place)).map_ok(|found| found.location.to_string()).try_collect();
        let mut names: Vec<String> =
            self.wait(list).map_err(|error| failed("list", &self.location, prefix, &error))?;
        names.sort_unstable();
        Ok(names)
    }

    /// Removes an object, if there is one.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Error> {
        let place = Name::from(name);
        match self.wait(|| self.objects.delete(&place)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed("remove", &self.location, name, &error)),
        }
    }

    fn wait<T, F: Future<Output = object_store::Result<T>>>(
        &self,
        call: impl Fn() -> F,
    ) -> object_store::Result<T> {
        self.runtime.block_on(self.retried(async || call().await))
    }

    /// Repeats a call that failed for a reason outside of it. Clients retry what their protocol calls transient; this
    /// is for what they take for final, such as a connection that is refused while a server restarts. A directory's
    /// errors are final.
    async fn retried<T>(&self, call: impl AsyncFn() -> object_store::Result<T>) -> object_store::Result<T> {
        let mut pauses = if self.location.dir().is_some() { PAUSES[..0].iter() } else { PAUSES.iter() };
        loop {
            match (call().await, pauses.next()) {
                (Err(error @ object_store::Error::Generic { .. }), Some(pause)) if !is_refused(&error) => {
                    tokio::time::sleep(*pause).await;
                }
                (result, _) => return result,
            }
        }
    }
}

/// Whether an address is one of the stores that the feature `cloud` speaks to.
fn is_cloud(url: &Url) -> bool {
    use ObjectStoreScheme::{AmazonS3, GoogleCloudStorage, MicrosoftAzure};
    matches!(ObjectStoreScheme::parse(url), Ok((AmazonS3 | GoogleCloudStorage | MicrosoftAzure, _)))
}

fn failed(action: &'static str, location: &Location, name: &str, error: &object_store::Error) -> Error {
    let system = system_error(error);
    let kind = system.map(std::io::Error::kind);
    // Of a directory, the store only repeats what the system says.
    let reason =
        system.filter(|_| location.dir().is_some()).map_or_else(|| error.to_string(), ToString::to_string);
    let reason = without_secrets(&reason).into_owned();
    let again = action != OPEN && may_pass(error, kind);
    Error::Store { action, path: location.join(name), reason, kind, again }
}

/// Whether what fails now may succeed later without anybody's doing.
fn may_pass(error: &object_store::Error, kind: Option<ErrorKind>) -> bool {
    let of_the_place = [
        ErrorKind::ReadOnlyFilesystem,
        ErrorKind::PermissionDenied,
        ErrorKind::NotADirectory,
        ErrorKind::IsADirectory,
        ErrorKind::InvalidFilename,
    ];
    matches!(error, object_store::Error::Generic { .. })
        && !is_refused(error)
        && !kind.is_some_and(|kind| of_the_place.contains(&kind))
}

/// Whether a server answered that the request itself is wrong: a key without rights, a bucket that does not exist.
///
/// The client has a separate error for some of these answers, but not for all calls: a list that is forbidden is
/// [`object_store::Error::Generic`]. The status is in a private type then, so it is read from the message.
fn is_refused(error: &object_store::Error) -> bool {
    let status = |text: &str| {
        let code = text.strip_prefix("Server returned non-2xx status code: ")?.get(..3)?;
        code.parse::<u16>().ok()
    };
    causes(error).map(ToString::to_string).any(|text| {
        // S3 says `RequestTimeout` with the status of a bad request.
        let passes = [408, 425, 429];
        !text.contains("RequestTimeout")
            && status(&text).is_some_and(|code| (400..500).contains(&code) && !passes.contains(&code))
    })
}

/// The system's error, if that is the cause.
fn system_error(error: &object_store::Error) -> Option<&std::io::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// An error and its causes.
fn causes(error: &object_store::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |cause| cause.source())
}

/// Whether a file system says that it has no hard links.
fn has_no_links(error: &object_store::Error) -> bool {
    let kind = system_error(error).map(std::io::Error::kind);
    matches!(kind, Some(ErrorKind::Unsupported | ErrorKind::PermissionDenied))
}

#[cfg(test)]
#[cfg(feature = "cloud")]
mod cloud_tests;
#[cfg(test)]
mod tests;
