//! Files that are there whole or not at all, also after a power cut.
//!
//! A [`WholeFile`] is written beside its final name, under a name that no other process or thread uses. [`WholeFile::finish`]
//! syncs it, gives it its name, and syncs the folder, so that the name survives a power cut too. A file that is dropped
//! before that leaves nothing.
//!
//! ```
//! use std::io::Write as _;
//!
//! let dir = tempfile::tempdir()?;
//! let path = dir.path().join("new/report.json");
//! let mut file = lobass_files::WholeFile::create(&path)?;
//! file.write_all(b"{}")?;
//! assert!(!path.exists());
//! file.finish()?;
//! assert_eq!(fs_err::read_to_string(&path)?, "{}");
//! # Ok::<(), std::io::Error>(())
//! ```

mod partial;
mod whole;

pub use partial::{is_partial, keep};
pub use whole::{WholeFile, write_whole};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
