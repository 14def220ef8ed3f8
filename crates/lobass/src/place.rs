//! Work directories, on this machine or in an object store.

use std::path::Path;

use lobass_run::{Job, Location, Store, WorkDir};

use crate::error::{Context as _, Result, bail};
use crate::runtime::Runtime;

/// Opens a place for work; a directory is made if it is not there.
pub fn store(location: &Location, runtime: &Runtime) -> Result<Store> {
    Ok(Store::open(location.clone(), runtime.variables())?)
}

/// Opens a place for work if something was begun there.
fn begun(location: &Location, runtime: &Runtime) -> Result<Option<Store>> {
    match location.dir() {
        Some(dir) if !dir.exists() => Ok(None),
        _ => store(location, runtime).map(Some),
    }
}

/// The time that the template of a work directory was told, if it asked.
pub fn told_in(location: &Location, runtime: &Runtime) -> Result<Option<String>> {
    let Some(store) = begun(location, runtime)? else { return Ok(None) };
    Ok(WorkDir::plan_in(&store)?.and_then(|plan| plan.template.now))
}

/// The same, of a directory of this machine.
pub fn told_in_dir(dir: &Path, runtime: &Runtime) -> Result<Option<String>> {
    told_in(&dir.into(), runtime)
}

/// Takes up what was planned.
pub fn resume(location: &Location, runtime: &Runtime) -> Result<WorkDir> {
    let work = begun(location, runtime)?.map(WorkDir::resume).transpose()?.flatten();
    work.with_context(|| {
        format!(
            "`{location}`: expected a work directory with a plan, found none; `lobass plan --work` begins one"
        )
    })
}

/// The job of a name, or the only one.
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
