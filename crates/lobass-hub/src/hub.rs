//! Repositories to directories.

use std::path::PathBuf;

use lobass_core::DataCard;

use crate::cache::RepoCache;
use crate::listing::{FileMeta, Listing};
use crate::pick::{data, model};
use crate::repo::is_commit;
use crate::{DataAddress, Error, HubSettings, Remote, RepoId};

/// A hub and a cache of what was fetched from it.
#[derive(Debug)]
pub struct Hub {
    settings: HubSettings,
    remote: Remote,
}

/// A model in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The directory that holds its files.
    pub dir: PathBuf,
    /// The repository at its commit, which will mean the same tomorrow.
    pub repo: RepoId,
    /// Files that decide its text and that are not in the cache, where nobody has written down what the model holds. It
    /// may or may not have them.
    pub may_lack: Vec<&'static str>,
}

/// Files of a data set as they lie in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSnapshot {
    /// The files, each with the address at its commit, which will mean the same tomorrow.
    pub files: Vec<(PathBuf, DataAddress)>,
    /// Splits, configurations, and files of the data set that were not chosen.
    pub left_out: Vec<String>,
    /// Whether no listing of the data set was stored, so that it may have more files than these.
    pub may_lack: bool,
}

/// Events during a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// Another process downloads the same file; this one waits.
    Waiting {
        /// The file's path in the repository.
        file: &'a str,
    },
    /// Bytes have arrived.
    Bytes {
        /// The file's path in the repository.
        file: &'a str,
        /// Bytes so far.
        done: u64,
        /// Its size in bytes.
        size: u64,
    },
}

/// Receives the events of a download.
type Observer<'a> = &'a mut dyn FnMut(Event<'_>);

impl Hub {
    /// A hub with given settings. It makes no request yet.
    ///
    /// # Errors
    /// [`Error::Setting`] if the endpoint, the proxy, or the certificates are invalid.
    pub fn new(settings: HubSettings) -> Result<Self, Error> {
        Ok(Self { remote: Remote::new(&settings)?, settings })
    }

    /// Downloads the files of a model or an adapter that are not in the cache: configs, tokenizer, template, and
    /// safetensors.
    ///
    /// # Errors
    /// [`Error::NoWeights`] and [`Error::NoModel`] before anything is downloaded; other download errors.
    pub fn model(&self, repo: &RepoId, observe: Observer<'_>) -> Result<Snapshot, Error> {
        let opened = self.open(repo)?;
        let names = opened.listing.names();
        let small = model::small(repo, &names).map_err(|error| opened.or_not_cached(error))?;
        self.fetch(&opened, &small, observe)?;
        let index =
            model::index(&names).map(|name| fs_err::read_to_string(opened.dir.join(name))).transpose()?;
        let weights =
            model::weights(repo, &names, index.as_deref()).map_err(|error| opened.or_not_cached(error))?;
        self.fetch(&opened, &weights.iter().map(String::as_str).collect::<Vec<_>>(), observe)?;
        opened.snapshot()
    }

    /// Downloads the files of a model without its weights that are not in the cache: configs, tokenizer, and template.
    /// The repository may have no weights, or weights in a format that lobass does not read.
    ///
    /// # Errors
    /// [`Error::NoModel`] before anything is downloaded, if none of these exists; other download errors.
    pub fn tokenizer(&self, repo: &RepoId, observe: Observer<'_>) -> Result<Snapshot, Error> {
        let opened = self.open(repo)?;
        let names = opened.listing.names();
        let small = model::without_weights(repo, &names).map_err(|error| opened.or_not_cached(error))?;
        self.fetch(&opened, &small, observe)?;
        opened.snapshot()
    }

    /// Downloads the data files that are not in the cache: the named file, or those of one split. Which files a split
    /// has is what the data card says, or their names.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] before anything is downloaded, if the address does not decide; other download errors.
    pub fn data(&self, address: &DataAddress, observe: Observer<'_>) -> Result<DataSnapshot, Error> {
        let opened = self.open(address.repo())?;
        let names = opened.listing.names();
        let card = self.card(address, &opened, &names, observe)?;
        let picked = data::pick(address, &names, &card).map_err(|error| opened.or_not_cached(error))?;
        let named = address.path().is_some_and(|path| picked.files == [path]);
        if opened.is_guess && !named && lobass_core::lacks_parts(&picked.files) {
            return Err(opened.not_cached("all parts of the split".to_owned()));
        }
        self.fetch(&opened, &picked.files, observe)?;
        let repo = address.repo().at(&opened.listing.commit);
        let place = |file: &&str| (opened.dir.join(file), DataAddress::of(&repo, file));
        Ok(DataSnapshot {
            files: picked.files.iter().map(place).collect(),
            left_out: picked.left_out,
            may_lack: opened.is_guess && !named,
        })
    }

    /// What the repository's `README.md` says of its files, if the address is that of the whole repository.
    fn card(
        &self,
        address: &DataAddress,
        opened: &Opened,
        names: &[&str],
        observe: Observer<'_>,
    ) -> Result<DataCard, Error> {
        if address.path().is_some() || !names.contains(&DataCard::FILE) {
            return Ok(DataCard::default());
        }
        self.fetch(opened, &[DataCard::FILE], observe)?;
        data::card(address.repo(), &fs_err::read(opened.dir.join(DataCard::FILE))?)
    }

    /// Finds out what a repository holds: from the hub; from what was written down, if the revision is a commit, which
    /// cannot change, or if nothing may be asked.
    fn open(&self, repo: &RepoId) -> Result<Opened, Error> {
        let cache = RepoCache::of(&self.settings, repo);
        let mut is_guess = false;
        let listing = if self.settings.offline {
            let commit = cache.commit_of(repo.revision())?.filter(|commit| cache.snapshot(commit).is_dir());
            let commit = commit.ok_or_else(|| self.not_cached(repo, "a snapshot of it".to_owned()))?;
            match Listing::read(&cache, &commit)? {
                Some(listing) => listing,
                None => {
                    is_guess = true;
                    Listing::on_disk(&cache, &commit)?
                }
            }
        } else {
            let known =
                is_commit(repo.revision()).then(|| Listing::read(&cache, repo.revision())).transpose()?;
            match known.flatten() {
                Some(listing) => listing,
                None => self.remote.listing(repo)?,
            }
        };
        let (dir, root) = (cache.snapshot(&listing.commit), self.settings.cache.clone());
        Ok(Opened { cache, listing, dir, is_guess, repo: repo.clone(), root })
    }

    fn not_cached(&self, repo: &RepoId, what: String) -> Error {
        Error::NotCached { repo: repo.clone(), what, cache: self.settings.cache.clone() }
    }

    /// Fetches what is not there. If all is, nothing is written: a shared cache may be read-only.
    fn fetch(&self, opened: &Opened, files: &[&str], observe: Observer<'_>) -> Result<(), Error> {
        let missing: Vec<&str> =
            files.iter().copied().filter(|file| !opened.dir.join(file).exists()).collect();
        if let Some(file) = missing.first().filter(|_| self.settings.offline) {
            return Err(opened.not_cached(format!("`{file}`")));
        }
        if missing.is_empty() {
            // Offline, this says what the branch was. A cache that cannot be written works without it.
            let _ = opened.note(self.settings.offline);
            return Ok(());
        }
        opened.note(self.settings.offline)?;
        missing.into_iter().try_for_each(|file| self.fetch_one(opened, file, observe))
    }

    fn fetch_one(&self, opened: &Opened, file: &str, observe: Observer<'_>) -> Result<(), Error> {
        let Opened { repo, listing, cache, .. } = opened;
        let repo = &repo.at(&listing.commit);
        let meta: FileMeta = match listing.files.get(file) {
            Some(Some(meta)) => meta.clone(),
            _ => self.remote.meta(repo, file)?,
        };
        let _lock = match cache.try_lock(&meta.etag)? {
            Some(lock) => lock,
            None => {
                observe(Event::Waiting { file });
                cache.lock(&meta.etag)?
            }
        };
        let size = meta.size;
        let observe = &mut |done| observe(Event::Bytes { file, done, size });
        self.remote.fetch(cache, repo, file, &meta, observe)?;
        if opened.dir.join(file).exists() {
            return Ok(());
        }
        cache.link(&meta.etag, &listing.commit, file)
    }
}

/// A repository whose files are known.
struct Opened {
    cache: RepoCache,
    listing: Listing,
    /// Where its files are, or will be.
    dir: PathBuf,
    /// Whether the listing has only the files in the cache.
    is_guess: bool,
    /// As it was asked for.
    repo: RepoId,
    /// The cache of all repositories.
    root: PathBuf,
}

impl Opened {
    /// Writes down which commit it is and what that holds.
    fn note(&self, offline: bool) -> Result<(), Error> {
        if offline {
            return Ok(());
        }
        self.cache.note_commit(self.repo.revision(), &self.listing.commit)?;
        self.listing.write(&self.cache)
    }

    fn snapshot(self) -> Result<Snapshot, Error> {
        let may_lack = if self.is_guess { model::text_files_that_may_lack(&self.dir)? } else { Vec::new() };
        Ok(Snapshot { repo: self.repo.at(&self.listing.commit), dir: self.dir, may_lack })
    }

    fn not_cached(&self, what: String) -> Error {
        Error::NotCached { repo: self.repo.clone(), what, cache: self.root.clone() }
    }

    /// A file that one part of a repository lacks may exist elsewhere in it.
    fn or_not_cached(&self, error: Error) -> Error {
        match (&error, self.is_guess) {
            (Error::NoModel { .. }, true) => self.not_cached("its config.json".to_owned()),
            (Error::NoWeights { .. }, true) => self.not_cached("its safetensors".to_owned()),
            (Error::NoFile { file, .. }, true) => self.not_cached(format!("`{file}`")),
            _ => error,
        }
    }
}
