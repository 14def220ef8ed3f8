//! Work directories on this machine or in an object store.

use std::path::Path;

use lobass_run::{Job, Location, Store, WorkDir};

use crate::error::{Context as _, Result, bail};
use crate::runtime::Runtime;

/// Opens a directory or an object store for work. A directory is created if it is missing.
///
/// # Errors
/// If the directory cannot be created, or the store cannot be reached.
pub fn store(location: &Location, runtime: &Runtime) -> Result<Store> {
    Ok(Store::open(location.clone(), runtime.variables())?)
}

/// Opens a directory or an object store if it has something in it.
fn begun(location: &Location, runtime: &Runtime) -> Result<Option<Store>> {
    match location.dir() {
        Some(dir) if !dir.exists() => Ok(None),
        _ => store(location, runtime).map(Some),
    }
}

/// The time that the template of a work directory was rendered with, if it asked for the time.
///
/// # Errors
/// If the plan of the directory cannot be read.
pub(crate) fn told_in(location: &Location, runtime: &Runtime) -> Result<Option<String>> {
    let Some(store) = begun(location, runtime)? else { return Ok(None) };
    Ok(WorkDir::plan_in(&store)?.and_then(|plan| plan.template.now))
}

/// [`told_in`] for a directory of this machine.
///
/// # Errors
/// The errors of [`told_in`].
pub(crate) fn told_in_dir(dir: &Path, runtime: &Runtime) -> Result<Option<String>> {
    told_in(&dir.into(), runtime)
}

/// Opens a work directory that has a plan.
///
/// # Errors
/// If there is no plan, or it cannot be read.
pub fn resume(location: &Location, runtime: &Runtime) -> Result<WorkDir> {
    let work = begun(location, runtime)?.map(WorkDir::resume).transpose()?.flatten();
    work.with_context(|| {
        format!(
            "`{location}`: expected a work directory with a plan, found none; `lobass plan --work` begins one"
        )
    })
}

/// The job with an id, or the only job.
///
/// # Errors
/// If there is no such job, or there are several and no id is given.
pub fn job(work: &WorkDir, location: &Location, id: Option<&str>) -> Result<Job> {
    let mut jobs = work.jobs()?;
    let names: Vec<String> = jobs.iter().map(Job::id).collect();
    let known = || names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match (id, jobs.len()) {
        (_, 0) => bail!(
            Work,
            "`{location}`: expected a job, found none; `lobass plan --work` with `--reference`, `--adapter`, or \
             `--base-only` makes one"
        ),
        (None, 1) => Ok(jobs.remove(0)),
        (None, _) => bail!(Work, "`{location}` has several jobs; choose one of {} with `--job`", known()),
        (Some(id), _) => match names.iter().position(|name| name == id) {
            Some(at) => Ok(jobs.remove(at)),
            None => bail!(Work, "`{location}`: expected one of the jobs {}, found `{id}`", known()),
        },
    }
}
