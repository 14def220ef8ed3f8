//! Models and data sets by their hub ids, beside those that are here.

mod environment;
mod fetching;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use lobass_core::Observer as _;
use lobass_hub::{DataAddress, Hub, HubSettings, RepoId};

use self::fetching::Fetching;
use crate::settings::Settings;
use crate::ui::Ui;

/// Where a model is.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The directory that holds it.
    pub(crate) dir: PathBuf,
    /// What it is called in records: the path that was given, or `org/name@commit`.
    pub(crate) name: String,
}

/// What is written before an id to say that it is none of a directory.
const SCHEME: &str = "hf://";

/// Finds a directory by its path, or else a model of the hub by its id, and fetches what is not in the cache.
///
/// What is here goes first. `runs/first` is no id if there is a directory `runs`; `hf://runs/first` always is one.
pub(crate) fn find_model(given: &Path, ui: &Ui) -> anyhow::Result<Found> {
    find(given, true, ui)
}

/// The same for what is read of a model without its weights: its config, tokenizer, and chat template.
pub(crate) fn find_tokenizer(given: &Path, ui: &Ui) -> anyhow::Result<Found> {
    find(given, false, ui)
}

fn find(given: &Path, with_weights: bool, ui: &Ui) -> anyhow::Result<Found> {
    // A branch may move; for one process it is where it was first seen.
    static SEEN: Mutex<BTreeMap<(String, bool), Found>> = Mutex::new(BTreeMap::new());
    let Some(repo) = repo_of(given)? else {
        return Ok(Found { dir: given.to_owned(), name: given.display().to_string() });
    };
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = seen.get(&(repo.to_string(), with_weights)) {
        return Ok(found.clone());
    }
    let mut fetching = Fetching::new(ui, &repo.to_string());
    let hub = open()?;
    let observe = &mut |event: lobass_hub::Event<'_>| fetching.observe(event);
    let snapshot = if with_weights { hub.model(&repo, observe)? } else { hub.tokenizer(&repo, observe)? };
    fetching.finish();
    if !snapshot.may_lack.is_empty() {
        let files = snapshot.may_lack.join("`, `");
        ui.warn(&format!(
            "{repo}: `{files}` is not in the cache, and lobass is offline: its chat template or its special tokens may be \
             missing"
        ));
    }
    let found = Found { dir: snapshot.dir, name: snapshot.repo.to_string() };
    for name in [repo.to_string(), found.name.clone()] {
        seen.insert((name, with_weights), found.clone());
    }
    Ok(found)
}

/// `org/name` of a model that is not here.
pub(crate) fn hub_name(given: &Path) -> Option<String> {
    let repo = repo_of(given).ok().flatten();
    repo.map(|repo| repo.name().to_owned())
}

/// The id that is meant, if one is.
fn repo_of(given: &Path) -> anyhow::Result<Option<RepoId>> {
    let Some(text) = given.to_str() else { return Ok(None) };
    if let Some(id) = text.strip_prefix(SCHEME) {
        return Ok(Some(id.parse()?));
    }
    let is_here = given.exists() || given.parent().is_some_and(Path::is_dir);
    Ok(if is_here { None } else { text.parse().ok() })
}

/// A data file.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    /// As it was given: a path, `NAME=PATH`, or a name in a registry.
    Here(String),
    /// One of the hub, in the cache.
    Fetched {
        /// Its name in the `source` column.
        source: String,
        path: PathBuf,
        /// What it is called in records: its address at a commit.
        address: String,
    },
}

impl Given {
    /// Where it is, if it was given as a path.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Here(given) => Path::new(given),
            Self::Fetched { path, .. } => path,
        }
    }

    /// What means the same file tomorrow.
    fn pinned(self) -> String {
        match self {
            Self::Here(given) => given,
            Self::Fetched { source, address, .. } => format!("{source}={address}"),
        }
    }
}

/// Fetches what is an address of the hub, with or without a name before it.
pub(crate) fn find_data(given: &[String], ui: &Ui) -> anyhow::Result<Vec<Given>> {
    let mut found = Vec::new();
    for text in given {
        let (name, address) = match text.split_once('=') {
            Some((name, address)) if DataAddress::is_meant(address) => (Some(name), address),
            _ => (None, text.as_str()),
        };
        if DataAddress::is_meant(address) {
            found.extend(fetch_data(name, &address.parse()?, ui)?);
        } else {
            found.push(Given::Here(text.clone()));
        }
    }
    Ok(found)
}

fn fetch_data(name: Option<&str>, address: &DataAddress, ui: &Ui) -> anyhow::Result<Vec<Given>> {
    let mut fetching = Fetching::new(ui, &address.to_string());
    let found = open()?.data(address, &mut |event| fetching.observe(event))?;
    fetching.finish();
    if !found.left_out.is_empty() {
        let left_out = found.left_out.join("`, `");
        ui.note(&format!("{:16} {address}: without its splits `{left_out}`", "data"));
    }
    if found.may_lack {
        ui.warn(&format!("{address}: what is in the cache is taken for all of it, since lobass is offline"));
    }
    let set = address.repo().name().rsplit('/').next().unwrap_or_default();
    let given = |(path, address): (PathBuf, DataAddress)| Given::Fetched {
        source: name.unwrap_or(set).to_owned(),
        path,
        address: address.to_string(),
    };
    Ok(found.files.into_iter().map(given).collect())
}

/// The same settings with commits where they name branches, so that what is written down can be repeated.
pub(crate) fn pinned(settings: &Settings, ui: &Ui) -> anyhow::Result<Settings> {
    let mut pinned = settings.clone();
    for model in [&mut pinned.model.base, &mut pinned.model.reference].into_iter().flatten() {
        if repo_of(model)?.is_some() {
            *model = find_model(model, ui)?.name.into();
        }
    }
    pinned.data.files = find_data(&settings.data.files, ui)?.into_iter().map(Given::pinned).collect();
    let eval: Vec<String> = settings.eval.files.iter().map(|path| path.display().to_string()).collect();
    if eval.iter().any(|file| file.contains(SCHEME)) {
        pinned.eval.files = find_data(&eval, ui)?.into_iter().map(|file| file.pinned().into()).collect();
    }
    Ok(pinned)
}

/// The hub by what the environment says.
fn open() -> anyhow::Result<Hub> {
    Ok(Hub::new(settings()?)?)
}

/// What the environment says of the hub.
pub(crate) fn settings() -> anyhow::Result<HubSettings> {
    let variable = |name: &str| std::env::var(name).ok();
    environment::settings(&variable, std::env::home_dir().as_deref()).context("the hub's cache")
}
