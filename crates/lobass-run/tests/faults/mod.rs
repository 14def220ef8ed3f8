//! A store that fails now and then, in the middle of what it was asked too.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, stream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// A store in memory of which one call in so many fails, half of these after they were carried out.
#[derive(Debug)]
pub(crate) struct Flaky {
    inner: InMemory,
    every: u64,
    calls: AtomicU64,
    gone: AtomicBool,
}

/// The fate of a call.
#[derive(PartialEq, Eq)]
enum Fate {
    Works,
    FailsBefore,
    FailsAfter,
}

impl Flaky {
    pub(crate) fn new(every: u64) -> Self {
        Self { inner: InMemory::new(), every, calls: AtomicU64::new(0), gone: AtomicBool::new(false) }
    }

    /// How many calls have failed.
    pub(crate) fn n_failures(&self) -> u64 {
        self.calls.load(Ordering::Relaxed) / self.every
    }

    /// From now on every call fails, or works again as before.
    pub(crate) fn break_down(&self, gone: bool) {
        self.gone.store(gone, Ordering::Relaxed);
    }

    fn fate(&self) -> Fate {
        if self.gone.load(Ordering::Relaxed) {
            return Fate::FailsBefore;
        }
        match self.calls.fetch_add(1, Ordering::Relaxed) {
            n if !(n + 1).is_multiple_of(self.every) => Fate::Works,
            n if ((n + 1) / self.every).is_multiple_of(2) => Fate::FailsAfter,
            _ => Fate::FailsBefore,
        }
    }
}

fn failure<T>() -> Result<T> {
    Err(Error::Generic { store: "flaky", source: "the network is gone".into() })
}

impl fmt::Display for Flaky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("flaky")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Flaky {
    async fn put_opts(&self, to: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let fate = self.fate();
        if fate == Fate::FailsBefore {
            return failure();
        }
        let result = self.inner.put_opts(to, payload, options).await;
        if fate == Fate::FailsAfter { failure() } else { result }
    }

    async fn put_multipart_opts(
        &self,
        to: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(to, options).await
    }

    async fn get_opts(&self, from: &Path, options: GetOptions) -> Result<GetResult> {
        if self.fate() == Fate::Works { self.inner.get_opts(from, options).await } else { failure() }
    }

    fn delete_stream(&self, names: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.fate() {
            Fate::Works => self.inner.delete_stream(names),
            _ => stream::once(async { failure() }).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.fate() {
            Fate::Works => self.inner.list(prefix),
            _ => stream::once(async { failure() }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
