//! Work directories in which no row was scored.

use std::path::Path;

use lobass_core::Observer as _;
use lobass_run::{Plan, WorkDir};

use crate::error::Result;
use crate::place::store;
use crate::runtime::Runtime;

/// Removes the work of an earlier attempt with other data or settings, if that attempt ended before a model scored a row.
/// Such work holds token ids only, and would block the command with the new settings.
///
/// # Errors
/// If the directory cannot be read or removed.
pub(crate) fn remove_idle(dir: &Path, plan: &Plan, runtime: &Runtime) -> Result<()> {
    if !dir.exists() {
        return Ok(());
    }
    match WorkDir::resume(store(&dir.into(), runtime)?)? {
        Some(found) if found.plan().id() != plan.id() && found.is_idle()? => {
            runtime.note(&format!(
                "{:16} tokens of earlier settings are removed, since no model has seen them",
                super::TOKENISE
            ));
            Ok(found.remove()?)
        }
        _ => Ok(()),
    }
}
