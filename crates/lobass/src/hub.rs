//! Models and data sets by their hub ids, beside those that are here.

use std::path::{Path, PathBuf};
use std::time::Instant;

use lobass_core::Observer as _;
use lobass_core::readable::{bytes, counted, duration};
use lobass_core::{ProgressUnit, StageProgress};
use lobass_hub::{DataAddress, Event, Hub, RepoId};

use crate::error::{Context as _, Result};
use crate::runtime::Runtime;
use crate::settings::Settings;

pub(crate) use crate::memory::Found;

/// The prefix of an id that is not to be taken for a directory.
const SCHEME: &str = "hf://";

/// Finds a model by its directory, or else by its hub id, and fetches what the cache lacks.
///
/// Local directories go first: `runs/first` is no id if there is a directory `runs`. `hf://runs/first` always is an id.
///
/// # Errors
/// If the id is malformed, the hub has no such model, or the files cannot be fetched.
pub(crate) fn find_model(given: &Path, runtime: &Runtime) -> Result<Found> {
    find(given, true, runtime)
}

/// Finds a model as [`find_model`] does, but without its weights: config, tokenizer, and chat template.
///
/// # Errors
/// The errors of [`find_model`].
pub(crate) fn find_tokenizer(given: &Path, runtime: &Runtime) -> Result<Found> {
    find(given, false, runtime)
}

fn find(given: &Path, with_weights: bool, runtime: &Runtime) -> Result<Found> {
    let Some(repo) = repo_of(given)? else {
        return Ok(Found { dir: given.to_owned(), name: given.display().to_string() });
    };
    let mut memory = runtime.memory();
    if let Some(found) = memory.models.get(&(repo.to_string(), with_weights)) {
        return Ok(found.clone());
    }
    let mut fetching = Fetching::new(runtime, repo.to_string());
    let hub = open(runtime)?;
    let observe = &mut |event: lobass_hub::Event<'_>| fetching.observe(event);
    let snapshot = if with_weights { hub.model(&repo, observe)? } else { hub.tokenizer(&repo, observe)? };
    fetching.finish();
    if !snapshot.may_lack.is_empty() {
        let files = snapshot.may_lack.join("`, `");
        runtime.warn(&format!(
            "{repo}: `{files}` is not in the cache, and lobass is offline: its chat template or its special tokens may be \
             missing"
        ));
    }
    let found = Found { dir: snapshot.dir, name: snapshot.repo.to_string() };
    for name in [repo.to_string(), found.name.clone()] {
        memory.models.insert((name, with_weights), found.clone());
    }
    Ok(found)
}

/// `org/name` of a model that is not here.
pub(crate) fn hub_name(given: &Path) -> Option<String> {
    let repo = repo_of(given).ok().flatten();
    repo.map(|repo| repo.name().to_owned())
}

/// Whether a model is a directory here, or would be one.
pub(crate) fn is_local(given: &Path) -> bool {
    matches!(repo_of(given), Ok(None))
}

/// The id that is meant, if one is.
fn repo_of(given: &Path) -> Result<Option<RepoId>> {
    let Some(text) = given.to_str() else { return Ok(None) };
    if let Some(id) = text.strip_prefix(SCHEME) {
        return Ok(Some(id.parse()?));
    }
    let is_here = given.exists() || given.parent().is_some_and(Path::is_dir);
    Ok(if is_here { None } else { text.parse().ok() })
}

/// A data file that was found.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    /// A local file as it was given: a path, `NAME=PATH`, or a name in a registry.
    Here(String),
    /// A file of the hub, in the cache.
    Fetched {
        /// The name in the `source` column.
        source: String,
        /// The file in the cache.
        path: PathBuf,
        /// The name in records: the address at a commit.
        address: String,
    },
}

impl Given {
    /// The path of the file. For `NAME=PATH` or a name in a registry this is the text as given.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Here(given) => Path::new(given),
            Self::Fetched { path, .. } => path,
        }
    }

    /// A name that means the same file later.
    fn pinned(self) -> String {
        match self {
            Self::Here(given) => given,
            Self::Fetched { source, address, .. } => format!("{source}={address}"),
        }
    }
}

/// Finds data files, and fetches those that are addresses of the hub, with or without `NAME=`.
///
/// # Errors
/// If an address is malformed, or the files cannot be fetched.
pub(crate) fn find_data(given: &[String], runtime: &Runtime) -> Result<Vec<Given>> {
    let mut found = Vec::new();
    for text in given {
        let (name, address) = match text.split_once('=') {
            Some((name, address)) if DataAddress::is_meant(address) => (Some(name), address),
            _ => (None, text.as_str()),
        };
        if DataAddress::is_meant(address) {
            found.extend(fetch_data(name, &address.parse()?, runtime)?);
        } else {
            found.push(Given::Here(text.clone()));
        }
    }
    Ok(found)
}

fn fetch_data(name: Option<&str>, address: &DataAddress, runtime: &Runtime) -> Result<Vec<Given>> {
    let mut fetching = Fetching::new(runtime, address.to_string());
    let found = open(runtime)?.data(address, &mut |event| fetching.observe(event))?;
    fetching.finish();
    if !found.left_out.is_empty() {
        let left_out = found.left_out.join("`, `");
        runtime.note(&format!("{:16} {address}: without `{left_out}`", "data"));
    }
    if found.may_lack {
        runtime.warn(&format!(
            "{address}: what is in the cache is taken for all of it, since lobass is offline"
        ));
    }
    let set = address.repo().name().rsplit('/').next().unwrap_or_default();
    let given = |(path, address): (PathBuf, DataAddress)| Given::Fetched {
        source: name.unwrap_or(set).to_owned(),
        path,
        address: address.to_string(),
    };
    Ok(found.files.into_iter().map(given).collect())
}

/// The settings with commits in place of branches of the hub, so that a record of them can be repeated.
///
/// # Errors
/// If a model or a data set cannot be found.
pub(crate) fn pinned(settings: &Settings, runtime: &Runtime) -> Result<Settings> {
    let mut pinned = settings.clone();
    let models = &mut pinned.model;
    for model in [&mut models.base, &mut models.reference, &mut models.null].into_iter().flatten() {
        if repo_of(model)?.is_some() {
            *model = find_model(model, runtime)?.name.into();
        }
    }
    pinned.data.files = find_data(&settings.data.files, runtime)?.into_iter().map(Given::pinned).collect();
    let eval: Vec<String> = settings.eval.files.iter().map(|path| path.display().to_string()).collect();
    if eval.iter().any(|file| file.contains(SCHEME)) {
        pinned.eval.files = find_data(&eval, runtime)?.into_iter().map(|file| file.pinned().into()).collect();
    }
    Ok(pinned)
}

/// The hub by the settings of the runtime.
fn open(runtime: &Runtime) -> Result<Hub> {
    let settings = runtime.hub().cloned();
    let settings = settings.context("expected HF_HOME or HOME, for the cache of the hub, found neither")?;
    Ok(Hub::new(settings)?)
}

/// Reports a download: each file as it comes, and a line at the end if anything came.
struct Fetching<'a> {
    runtime: &'a Runtime,
    what: String,
    started: Instant,
    file: String,
    n_files: u64,
    n_bytes: u64,
    /// Bytes of the current file.
    done: u64,
}

impl<'a> Fetching<'a> {
    fn new(runtime: &'a Runtime, what: String) -> Self {
        let started = Instant::now();
        Self { runtime, what, started, file: String::new(), n_files: 0, n_bytes: 0, done: 0 }
    }

    fn observe(&mut self, event: Event<'_>) {
        match event {
            Event::Waiting { file } => {
                self.runtime.note(&format!("{:16} {file}: another process fetches it; waiting", "hub"));
            }
            Event::Bytes { file, done, size } => {
                if file != self.file {
                    file.clone_into(&mut self.file);
                    self.n_files += 1;
                    self.done = 0;
                }
                self.n_bytes += done.saturating_sub(self.done);
                self.done = done;
                self.runtime.progress(&StageProgress {
                    stage: "hub",
                    unit: ProgressUnit::Bytes,
                    done,
                    before: 0,
                    all: size,
                    n_tokens: 0,
                    facts: std::slice::from_ref(&self.file),
                });
            }
        }
    }

    fn finish(&self) {
        if self.n_files > 0 {
            let (files, bytes) = (counted(self.n_files, "file"), bytes(self.n_bytes));
            let took = duration(self.started.elapsed());
            self.runtime.note(&format!("{:16} {}: {files}, {bytes} in {took}", "hub", self.what));
        }
    }
}
