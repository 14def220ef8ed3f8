//! The hub behind its network address. Only the feature `hub` builds this; [`without`](../without.rs) stands in for it.

mod blob;
mod describe;
mod http;
mod refusal;

use url::Url;

use crate::cache::RepoCache;
use crate::listing::{FileMeta, Listing};
use crate::{Error, HubSettings, RepoId};

/// A hub that can be asked.
#[derive(Debug)]
pub(crate) struct Remote {
    client: http::Client,
}

impl Remote {
    /// Reads the settings. Nothing is asked yet.
    pub(crate) fn new(settings: &HubSettings) -> Result<Self, Error> {
        Ok(Self { client: http::Client::new(settings)? })
    }

    /// All files of a repository at its revision.
    pub(crate) fn listing(&self, repo: &RepoId) -> Result<Listing, Error> {
        describe::listing(&self.client, repo)
    }

    /// Size and name of a file that the listing does not describe. `repo` is at a commit.
    pub(crate) fn meta(&self, repo: &RepoId, file: &str) -> Result<FileMeta, Error> {
        describe::meta(&self.client, repo, &self.address(repo, file)?, file)
    }

    /// Fetches a file's bytes into the cache, unless they are there. `repo` is at a commit, and the lock of the bytes
    /// is held. `observe` gets the number of bytes that have arrived.
    pub(crate) fn fetch(
        &self,
        cache: &RepoCache,
        repo: &RepoId,
        file: &str,
        meta: &FileMeta,
        observe: &mut dyn FnMut(u64),
    ) -> Result<(), Error> {
        let url = self.address(repo, file)?;
        blob::fetch(&self.client, cache, blob::Wanted { repo, file, url: &url, meta }, observe)
    }

    /// Where a file is at a commit.
    fn address(&self, repo: &RepoId, file: &str) -> Result<Url, Error> {
        let prefix = repo.kind().prefix().trim_end_matches('/');
        let head = [prefix].into_iter().filter(|part| !part.is_empty()).chain(repo.name().split('/'));
        self.client.address(head.chain(["resolve", repo.revision()]).chain(file.split('/')))
    }
}
