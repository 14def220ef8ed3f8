//! The models of a job. One of them is loaded at a time.

use std::path::Path;

use lobass_core::{DeviceId, ModelRole};
use lobass_loss::Engine;
use lobass_run::{Job, ModelKey};

use crate::error::{Context as _, Result, bail};
use crate::model::{Model, Placement};
use crate::runtime::Runtime;

/// The paths of the models of a job on this machine; `None` takes the path of the plan.
#[derive(Debug, Clone, Copy, Default)]
pub struct ModelPaths<'a> {
    /// The base.
    pub base: Option<&'a Path>,
    /// The reference or the adapter.
    pub reference: Option<&'a Path>,
    /// The null model.
    pub null: Option<&'a Path>,
}

/// Every model of a job, opened and checked against what was planned.
pub(super) struct Roster {
    models: Vec<Model>,
    loaded: Option<(ModelRole, Engine)>,
    threads: usize,
}

impl Roster {
    pub(super) fn open(
        job: &Job,
        paths: ModelPaths<'_>,
        device: Option<&str>,
        threads: usize,
        runtime: &Runtime,
    ) -> Result<Self> {
        let mut keys = job.models();
        let key = keys.next().context("a job has a base")?;
        let placement = Placement::as_planned(key, device, runtime)?;
        let base = Model::open_on(key.role.clone(), place(key, paths.base), placement, runtime)?;
        check(key, &base)?;
        let mut models = vec![base];
        for key in keys {
            if key.weights_digest == models[0].key.weights_digest {
                models.push(models[0].as_planned(key));
                continue;
            }
            let given = if key.role.is_null() { paths.null } else { paths.reference };
            let tuned = models[0].open_tuned(key.role.clone(), place(key, given), runtime)?;
            check(key, &tuned)?;
            models.push(tuned.as_planned(key));
        }
        if paths.reference.is_some() && !models.iter().any(|model| model.key.role == ModelRole::REFERENCE) {
            bail!(Worker, "the job has no reference, so `--reference` has no effect");
        }
        if paths.null.is_some() && !models.iter().any(|model| model.key.role.is_null()) {
            bail!(Worker, "the job has no null model, so `--null` has no effect");
        }
        Ok(Self { models, loaded: None, threads })
    }

    /// The device that the models run on.
    pub(super) fn device(&self) -> DeviceId {
        self.models[0].key.device
    }

    /// The engine of a model. Another model is dropped before this one is loaded.
    pub(super) fn engine(&mut self, role: &ModelRole) -> Result<&Engine> {
        if self.loaded.as_ref().is_none_or(|(loaded, _)| loaded != role) {
            self.loaded = None;
            let model = self.models.iter().find(|model| model.key.role == *role);
            let model = model.with_context(|| format!("the job has no model `{role}`"))?;
            self.loaded = Some((role.clone(), Engine::new(model.load()?, self.threads)));
        }
        let (_, engine) = self.loaded.as_ref().context("it was loaded just now")?;
        Ok(engine)
    }
}

fn place<'a>(key: &'a ModelKey, given: Option<&'a Path>) -> &'a Path {
    given.unwrap_or(Path::new(&key.path))
}

/// Refuses weights that are not those of the plan.
fn check(planned: &ModelKey, found: &Model) -> Result<()> {
    let (expected, digest) = (&planned.weights_digest, &found.key.weights_digest);
    if expected == digest {
        return Ok(());
    }
    bail!(
        Model,
        "{} model `{}`: expected the planned weights, {}, found {}",
        planned.role,
        found.dir().display(),
        expected.short(),
        digest.short()
    )
}
