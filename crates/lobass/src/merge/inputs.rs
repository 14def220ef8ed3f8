//! The models of a merge, opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lobass_core::Rounding;
use lobass_model::{AdapterCheckpoint, AdapterRows, Checkpoint};

use crate::error::{Result, bail};
use crate::hub::find_model;
use crate::missing::Missing;
use crate::model::{Model, check_record};
use crate::runtime::Runtime;
use crate::settings::ComputeSettings;

/// A model of a merge: weights on disk, and the adapter on them.
pub(super) struct Input {
    pub(super) model: Model,
    pub(super) adapter: Option<AdapterRows>,
}

impl Input {
    pub(super) fn checkpoint(&self) -> &Arc<Checkpoint> {
        &self.model.checkpoint
    }
}

/// The models of a merge.
pub(super) struct Inputs {
    pub(super) base: Option<Input>,
    pub(super) models: Vec<Input>,
}

impl Inputs {
    /// Opens the models. Each is a checkpoint, an adapter on the base, or `base+adapter`.
    pub(super) fn open(
        base: Option<&Path>,
        models: &[PathBuf],
        rounding: Option<Rounding>,
        runtime: &Runtime,
    ) -> Result<Self> {
        let missing = base.into_iter().fold(Missing::default(), |missing, base| missing.model("base", base));
        let parts = models.iter().flat_map(|model| match halves(model) {
            Some((of, adapter)) => vec![of, adapter],
            None => vec![model.clone()],
        });
        missing.models("merged", parts).end()?;
        let compute = ComputeSettings { quantize_base: rounding, ..ComputeSettings::default() };
        let base = base.map(|base| Model::open_as("base", base, &compute, runtime)).transpose()?;
        let opened = models.iter().map(|model| open(model, base.as_ref(), &compute, runtime));
        let models = opened.collect::<Result<Vec<_>>>()?;
        if rounding.is_some() && models.iter().all(|input| input.adapter.is_none()) {
            bail!(
                Settings,
                "`--quantize-base` rounds the weights that adapters are added to: expected an adapter among the models, \
                 found whole checkpoints; leave the flag out"
            );
        }
        Ok(Self { base: base.map(|model| Input { model, adapter: None }), models })
    }

    /// The model whose config, tokenizer, and names of tensors the result has: the base, or else the first model.
    pub(super) fn home(&self) -> &Input {
        self.base.as_ref().unwrap_or(&self.models[0])
    }
}

fn open(given: &Path, base: Option<&Model>, compute: &ComputeSettings, runtime: &Runtime) -> Result<Input> {
    const ROLE: &str = "merged";
    let (home, given) = match halves(given) {
        Some((of, adapter)) => {
            let is_base = base.is_some_and(|base| Path::new(&base.key.path) == of);
            let opened = (!is_base).then(|| Model::open_as("base", &of, compute, runtime)).transpose()?;
            (opened, adapter)
        }
        None => (None, given.to_owned()),
    };
    let home = home.as_ref().or(base);
    let is_adapter = AdapterCheckpoint::is_at(&find_model(&given, runtime)?.dir);
    let model = match home {
        Some(home) if is_adapter => {
            let model = home.open_tuned(ROLE, &given, runtime)?;
            check_record(home, model.dir())?;
            model
        }
        None if is_adapter => {
            bail!(
                Model,
                "merged model `{}`: expected a checkpoint, found an adapter; name its base, as `--base` or as `base+adapter`",
                given.display()
            )
        }
        _ => Model::open_as(ROLE, &given, &ComputeSettings::default(), runtime)?,
    };
    let adapter = model.adapter().map(|adapter| adapter.rows_on(model.checkpoint.spec())).transpose()?;
    Ok(Input { model, adapter })
}

/// The base and the adapter of `base+adapter`. A path with a plus that exists is one model.
fn halves(given: &Path) -> Option<(PathBuf, PathBuf)> {
    if given.exists() {
        return None;
    }
    let (base, adapter) = given.to_str()?.split_once('+')?;
    Some((base.into(), adapter.into()))
}
