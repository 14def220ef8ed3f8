//! Results that calls of one runtime share.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Results that calls of one runtime share.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Models of the hub, by id and whether their weights were fetched. A branch may move; here it stays where it was.
    pub(crate) models: BTreeMap<(String, bool), Found>,
    /// Devices that compute, by name.
    pub(crate) devices: BTreeMap<String, Tried>,
}

/// A model that was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The directory of the model.
    pub(crate) dir: PathBuf,
    /// The name in records: the path as given, or `org/name@commit`.
    pub(crate) name: String,
}

/// The properties of a device that was tried.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tried {
    /// The name by the driver.
    pub name: Option<String>,
    /// The number formats that it computes in.
    pub dtypes: Vec<String>,
}
