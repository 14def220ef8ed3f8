//! Work directories, on this machine or in an object store.

use std::path::Path;

use anyhow::{Context as _, bail};
use lobass_run::{Job, Location, Store, WorkDir};

/// Opens a place for work; a directory is made if it is not there.
pub(crate) fn store(location: &Location) -> anyhow::Result<Store> {
    // Clients of object stores take their settings from here: credentials, regions, endpoints. They would take names
    // without a prefix too, such as `TOKEN`, that are there for something else.
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        let is_theirs = ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|prefix| name.starts_with(prefix));
        is_theirs.then_some((name, value.into_string().ok()?))
    });
    Ok(Store::open(location.clone(), variables)?)
}

/// Opens a place for work if something was begun there.
fn begun(location: &Location) -> anyhow::Result<Option<Store>> {
    match location.dir() {
        Some(dir) if !dir.exists() => Ok(None),
        _ => store(location).map(Some),
    }
}

/// The time that the template of a work directory was told, if it asked.
pub(crate) fn told_in(location: &Location) -> anyhow::Result<Option<String>> {
    let Some(store) = begun(location)? else { return Ok(None) };
    Ok(WorkDir::plan_in(&store)?.and_then(|plan| plan.template.now))
}

/// The same, of a directory of this machine.
pub(crate) fn told_in_dir(dir: &Path) -> anyhow::Result<Option<String>> {
    told_in(&dir.into())
}

/// Takes up what was planned.
pub(crate) fn resume(location: &Location) -> anyhow::Result<WorkDir> {
    let work = begun(location)?.map(WorkDir::resume).transpose()?.flatten();
    work.with_context(|| {
        format!(
            "`{location}`: expected a work directory with a plan, found none; `lobass plan --work` begins one"
        )
    })
}

/// The job of a name, or the only one.
pub(crate) fn job(work: &WorkDir, location: &Location, id: Option<&str>) -> anyhow::Result<Job> {
    let mut jobs = work.jobs()?;
    let names: Vec<String> = jobs.iter().map(Job::id).collect();
    let known = || names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match (id, jobs.len()) {
        (_, 0) => bail!(
            "`{location}`: expected a job, found none; `lobass plan --work` with `--reference`, `--adapter`, or \
             `--base-only` makes one"
        ),
        (None, 1) => Ok(jobs.remove(0)),
        (None, _) => bail!("`{location}` has several jobs; choose one of {} with `--job`", known()),
        (Some(id), _) => match names.iter().position(|name| name == id) {
            Some(at) => Ok(jobs.remove(at)),
            None => bail!("`{location}`: expected one of the jobs {}, found `{id}`", known()),
        },
    }
}
