//! Models and data sets by their Hugging Face hub ids, in the cache that Python shares.
//!
//! A [`RepoId`] is `org/name`, perhaps with `@revision`; a [`DataAddress`] is `hf://datasets/org/name`, perhaps with a
//! path in it. [`Hub::model`] and [`Hub::data`] fetch what lobass reads of such a repository and nothing else, and say
//! where it lies. Files are laid out as Python's `huggingface_hub` does it (`blobs`, `snapshots`, `refs`, `trees`, and
//! the same locks), so that each finds what the other fetched. Nothing here reads the environment: where the cache is,
//! the token, and the rest are [`HubSettings`].
//!
//! Downloads need the feature `hub`. Without it the cache can still be used, and what would have to be downloaded is
//! [`Error::NoDownloads`].
//!
//! ```
//! use lobass_hub::{DataAddress, Hub, HubSettings, RepoId};
//!
//! let id: RepoId = "org/name@v1.0".parse()?;
//! assert_eq!((id.name(), id.revision()), ("org/name", "v1.0"));
//! let data: DataAddress = "hf://datasets/org/set/data/train.jsonl".parse()?;
//! assert_eq!((data.repo().name(), data.path()), ("org/set", Some("data/train.jsonl")));
//!
//! // Offline nothing is fetched, and the error says what is not there.
//! let cache = tempfile::tempdir()?;
//! let hub = Hub::new(HubSettings { offline: true, ..HubSettings::new(cache.path()) })?;
//! let error = hub.model(&id, &mut |_| {}).unwrap_err();
//! assert!(matches!(error, lobass_hub::Error::NotCached { .. }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod cache;
mod environment;
mod error;
mod hub;
mod listing;
mod pick;
#[cfg(feature = "hub")]
mod remote;
mod repo;
mod settings;
#[cfg(not(feature = "hub"))]
mod without;

pub use address::DataAddress;
pub use environment::settings_from;
pub use error::{Error, Way};
pub use hub::{DataSnapshot, Event, Hub, Snapshot};
pub use repo::{RepoId, RepoKind};
pub use settings::{HubSettings, Token};

#[cfg(feature = "hub")]
use remote::Remote;
#[cfg(not(feature = "hub"))]
use without::Remote;
