//! Checkpoints in their roles.

mod engine;
mod pair;
mod placement;
mod start;
mod training;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use lobass_core::Observer as _;
use lobass_core::readable::count;
use lobass_core::{Arithmetic, Context, Digest, Measure, ModelRole};
use lobass_data::{Bos, TemplateOwner, TextTokenizer, template_owner};
use lobass_model::{AdapterCheckpoint, Checkpoint, Decoder, Dtype, Finding, TrainedOn};
use lobass_run::ModelKey;

use crate::error::{Result, bail};
use crate::hub::{Found, find_model, hub_name};
use crate::reference::TrainingRecord;
use crate::runtime::Runtime;
use crate::settings::{ComputeSettings, EncodeSettings};

pub use engine::ScoringMemory;
pub(crate) use pair::{check_pair, check_prompted, check_record};
pub(crate) use placement::Placement;
pub use training::TrainingMemory;
pub(crate) use training::{Pieces, Room};

/// An opened checkpoint in a role on a device, with an adapter if it has one. Weights are read when they are needed.
pub struct Model {
    /// The checkpoint; for an adapter, the checkpoint of its base.
    pub checkpoint: Arc<Checkpoint>,
    adapter: Option<Arc<AdapterCheckpoint>>,
    /// The weights of the base, which its adapters share.
    shared: Arc<OnceLock<Decoder>>,
    /// The same, with layers that are read when they are needed.
    streamed: Arc<OnceLock<Decoder>>,
    /// The role, the digest of the weights, the number format, and the device: what identifies the losses of the model.
    pub key: ModelKey,
    placement: Placement,
}

impl Model {
    /// Opens a base on the processor: a checkpoint directory, or a model of the hub, which is fetched.
    ///
    /// # Errors
    /// If there is no checkpoint, or lobass cannot run it.
    pub fn open(model: impl AsRef<Path>, runtime: &Runtime) -> Result<Self> {
        Self::open_as("base", model.as_ref(), &ComputeSettings::default(), runtime)
    }

    /// Opens a fine-tuned model to compare with this base: a checkpoint, or an adapter on the base.
    ///
    /// # Errors
    /// If it cannot be the fine-tuned base: another shape, another tokenizer, the base itself, or an adapter that was
    /// trained on another base.
    pub fn tuned(&self, model: impl AsRef<Path>, runtime: &Runtime) -> Result<Self> {
        let tuned = self.open_tuned("reference", model.as_ref(), runtime)?;
        let tokenizer = TextTokenizer::open(self.dir(), Bos::default())?;
        // What uses the pair checks it again, with its own tokenizer, and then warns.
        check_pair(self, &tuned, &tokenizer, &runtime.silent())?;
        Ok(tuned)
    }

    /// Opens a checkpoint in a role on a device. A model of the hub is fetched.
    ///
    /// # Errors
    /// If there is no checkpoint or no such device, or lobass cannot run it.
    pub fn open_as(
        role: impl Into<ModelRole>,
        model: &Path,
        compute: &ComputeSettings,
        runtime: &Runtime,
    ) -> Result<Self> {
        Self::open_on(role, model, Placement::here(compute, runtime)?, runtime)
    }

    /// Opens a checkpoint for a device of this machine or of others.
    ///
    /// # Errors
    /// If there is no checkpoint, or lobass cannot run it.
    pub(crate) fn open_on(
        role: impl Into<ModelRole>,
        model: &Path,
        placement: Placement,
        runtime: &Runtime,
    ) -> Result<Self> {
        Self::open_found(role.into(), &find_model(model, runtime)?, placement, runtime)
    }

    fn open_found(role: ModelRole, found: &Found, placement: Placement, runtime: &Runtime) -> Result<Self> {
        let (dir, name) = (found.dir.as_path(), found.name.as_str());
        if AdapterCheckpoint::is_at(dir) && !dir.join("config.json").exists() {
            bail!(
                Model,
                "{role} model `{name}`: expected a full checkpoint, found an adapter (`lobass merge` turns it into one)"
            );
        }
        if AdapterCheckpoint::is_at(dir) {
            runtime.warn(&format!(
                "{role} model `{name}`: beside its weights there is an adapter, which transformers would put on it; \
                 lobass takes the weights alone (`lobass merge` puts an adapter on its base)"
            ));
        }
        let checkpoint = open_checkpoint(&role, dir)?;
        let checkpoint = match placement.rounding {
            Some(rounding) => checkpoint.rounded(rounding)?,
            None => checkpoint,
        };
        let key = key(role, name, checkpoint.weights_digest().into(), &placement);
        let role = &key.role;
        let config = checkpoint.spec();
        let arithmetic = match placement.arithmetic {
            Arithmetic::Plain => String::new(),
            split => format!(" with arithmetic {split}"),
        };
        runtime.note(&format!(
            "{role:16} {name}: {}, {} parameters, stored as {}{}, run as {}{arithmetic} on {}",
            config.model_type,
            count(config.n_parameters() as u64),
            checkpoint.dtype(),
            placement.rounding.map(|rounding| format!(", rounded to {rounding}")).unwrap_or_default(),
            placement.dtype,
            placement.device
        ));
        warn_of(role, name, checkpoint.findings(), runtime);
        if !placement.arithmetic.is_plain() && checkpoint.dtype() != Dtype::Bf16 {
            runtime.warn(&format!(
                "{role} `{name}`: its weights are stored as {}, so its products are in f32; arithmetic {} is for weights \
                 stored as bf16",
                checkpoint.dtype(),
                placement.arithmetic
            ));
        }
        let (shared, streamed) = Default::default();
        Ok(Self { checkpoint: Arc::new(checkpoint), adapter: None, shared, streamed, key, placement })
    }

    /// Opens a fine-tuned model for the same device: a whole checkpoint, or an adapter on this one. `check_pair`
    /// compares it with the base.
    ///
    /// # Errors
    /// If there is no model, or the adapter does not fit the base.
    pub fn open_tuned(&self, role: impl Into<ModelRole>, model: &Path, runtime: &Runtime) -> Result<Self> {
        let role = role.into();
        let found = find_model(model, runtime)?;
        let (dir, name) = (found.dir.as_path(), found.name.as_str());
        if !AdapterCheckpoint::is_at(dir) {
            if let Some(rounding) = self.key.rounding {
                bail!(
                    Model,
                    "{role} model `{name}`: expected an adapter, since its base is rounded to {rounding}, found a full \
                     checkpoint"
                );
            }
            return Self::open_found(role, &found, self.placement.clone(), runtime);
        }
        if ["model.safetensors", "model.safetensors.index.json"].iter().any(|file| dir.join(file).exists()) {
            runtime.warn(&format!(
                "{role} model `{name}`: beside the adapter there are weights of a model; lobass takes the adapter, on \
                 the base"
            ));
        }
        let adapter = AdapterCheckpoint::open(dir)?;
        let findings = adapter.check_on(&self.checkpoint, &self.key.path)?;
        let digest = adapter.digest_on(self.key.weights_digest.as_str());
        let key = key(role, name, digest.into(), &self.placement);
        let role = &key.role;
        let lora = adapter.config();
        // The record of an adapter that lobass trained has the weights of its base; `check_record` compares them.
        let is_ours = TrainingRecord::read(dir)?.is_some();
        let unknown = !is_ours && adapter.trained_on() == TrainedOn::Unknown;
        runtime.note(&format!(
            "{role:16} {name}: adapter of rank {}, alpha {}, on {}{}",
            lora.rank,
            lora.alpha,
            self.key.path,
            if unknown { "; its files do not say whether it was trained on rounded weights" } else { "" }
        ));
        if !is_ours {
            warn_of(role, name, &findings, runtime);
        }
        Ok(Self {
            checkpoint: Arc::clone(&self.checkpoint),
            adapter: Some(Arc::new(adapter)),
            shared: Arc::clone(&self.shared),
            streamed: Arc::clone(&self.streamed),
            key,
            placement: self.placement.clone(),
        })
    }

    /// This model in another role, with another context before the scored tokens.
    #[must_use]
    pub(crate) fn in_context(&self, role: ModelRole, context: Context) -> Self {
        Self {
            checkpoint: Arc::clone(&self.checkpoint),
            adapter: self.adapter.clone(),
            shared: Arc::clone(&self.shared),
            streamed: Arc::clone(&self.streamed),
            key: self.key.in_context(role, context),
            placement: self.placement.clone(),
        }
    }

    /// This model in the role, context, and measure of a plan.
    #[must_use]
    pub(crate) fn as_planned(&self, key: &ModelKey) -> Self {
        let planned =
            self.key.in_context(key.role.clone(), key.context).measured_by(key.role.clone(), key.measure);
        Self { key: planned, ..self.in_context(key.role.clone(), key.context) }
    }

    /// This model in another role, with another loss.
    #[must_use]
    pub(crate) fn measured_by(&self, role: ModelRole, measure: Measure) -> Self {
        let key = self.key.measured_by(role.clone(), measure);
        Self { key, ..self.in_context(role, self.key.context) }
    }

    /// The directory of the adapter, or else of the checkpoint.
    pub fn dir(&self) -> &Path {
        self.adapter.as_ref().map_or(self.checkpoint.dir(), |adapter| adapter.dir())
    }

    /// The base as `adapter_config.json` names it for PEFT: a hub id, or an absolute path.
    ///
    /// # Errors
    /// If the current directory cannot be read.
    pub fn home(&self) -> Result<String> {
        match hub_name(Path::new(&self.key.path)) {
            Some(name) if !Path::new(&self.key.path).exists() => Ok(name),
            _ => Ok(std::path::absolute(self.dir())?.display().to_string()),
        }
    }

    /// The adapter, if the model has one.
    pub(crate) fn adapter(&self) -> Option<&AdapterCheckpoint> {
        self.adapter.as_deref()
    }

    /// Reads the weights. The weights of a base are kept once it has an adapter.
    ///
    /// # Errors
    /// If the weights cannot be read, or the device is not one of this machine.
    pub fn load(&self) -> Result<Decoder> {
        match &self.adapter {
            Some(adapter) => Ok(adapter.apply(&self.shared()?)?),
            None if Arc::strong_count(&self.shared) > 1 => self.shared(),
            None => self.read(),
        }
    }

    /// Reads embedding and head; layers are read when they are needed.
    fn load_streamed(&self) -> Result<Decoder> {
        let base = match self.streamed.get() {
            Some(base) => base.clone(),
            None => {
                let base = match self.placement.arithmetic {
                    Arithmetic::Plain => {
                        self.checkpoint.stream(self.placement.dtype, &self.placement.device()?.open())?
                    }
                    split => self.checkpoint.stream_with(split)?,
                };
                match Arc::strong_count(&self.streamed) {
                    1 => base,
                    _ => self.streamed.get_or_init(|| base).clone(),
                }
            }
        };
        match &self.adapter {
            Some(adapter) => Ok(adapter.apply(&base)?),
            None => Ok(base),
        }
    }

    fn shared(&self) -> Result<Decoder> {
        if let Some(base) = self.shared.get() {
            return Ok(base.clone());
        }
        let base = self.read()?;
        Ok(self.shared.get_or_init(|| base).clone())
    }

    /// Reads the weights in f32, to train all of them.
    ///
    /// # Errors
    /// The errors of [`Model::load`].
    pub(crate) fn load_for_training(&self) -> Result<Decoder> {
        self.read_plain(Dtype::F32)
    }

    /// Reads the weights as the frozen base of an adapter that is to be trained.
    ///
    /// # Errors
    /// The errors of [`Model::load`].
    pub(crate) fn load_frozen(&self) -> Result<Decoder> {
        self.read_plain(self.placement.dtype)
    }

    fn read(&self) -> Result<Decoder> {
        match self.placement.arithmetic {
            Arithmetic::Plain => self.read_plain(self.placement.dtype),
            split => Ok(self.checkpoint.load_with(split)?),
        }
    }

    fn read_plain(&self, dtype: Dtype) -> Result<Decoder> {
        Ok(self.checkpoint.load(dtype, &self.placement.device()?.open())?)
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let adapter = self.adapter.as_ref().map(|adapter| adapter.dir());
        let Self { key, placement, .. } = self;
        f.debug_struct("Model")
            .field("key", key)
            .field("placement", placement)
            .field("checkpoint", &self.checkpoint.dir())
            .field("adapter", &adapter)
            .finish_non_exhaustive()
    }
}

fn key(role: ModelRole, name: &str, digest: Digest, placement: &Placement) -> ModelKey {
    ModelKey::new(role, name, digest, placement.dtype, placement.device)
        .computed_by(placement.arithmetic)
        .rounded(placement.rounding)
}

/// Warns of the oddities of a model that is used all the same.
fn warn_of(role: &ModelRole, name: &str, findings: &[Finding], runtime: &Runtime) {
    for finding in findings {
        runtime.warn(&format!("{role} `{name}`: {finding}"));
    }
}

/// Refuses anything but an adapter.
///
/// # Errors
/// If the directory has no `adapter_config.json`, or a model of the hub cannot be fetched.
pub fn check_adapter(given: &Path, runtime: &Runtime) -> Result<()> {
    find_adapter(given, runtime).map(|_| ())
}

/// Finds an adapter, and refuses any other model.
pub(crate) fn find_adapter(given: &Path, runtime: &Runtime) -> Result<Found> {
    let found = find_model(given, runtime)?;
    match AdapterCheckpoint::is_at(&found.dir) {
        true => Ok(found),
        false => bail!(Model, "adapter `{}`: expected a directory with adapter_config.json", found.name),
    }
}

fn open_checkpoint(role: &ModelRole, dir: &Path) -> Result<Checkpoint> {
    if !dir.is_dir() {
        bail!(
            Model,
            "{role} model `{}`: expected a checkpoint directory, or `org/name` on the hub, found {}",
            dir.display(),
            what_is_at(dir)
        );
    }
    Ok(Checkpoint::open(dir)?)
}

fn what_is_at(path: &Path) -> &'static str {
    if path.exists() { "a file" } else { "nothing" }
}

/// The settings with the chat template that both models are scored with. If only the tuned model has one, it is that
/// one.
///
/// # Errors
/// If both models have one, the two differ, and the settings name none.
pub(crate) fn with_template_of(
    encode: &EncodeSettings,
    base: &Path,
    tuned: Option<&Path>,
    runtime: &Runtime,
) -> Result<EncodeSettings> {
    let mut encode = encode.clone();
    let Some(tuned) = tuned.filter(|_| encode.chat_template == "auto") else { return Ok(encode) };
    if template_owner(base, tuned)? == TemplateOwner::Tuned {
        runtime.note(&format!("{:16} that of `{}`, since the base has none", "template", tuned.display()));
        encode.chat_template = std::path::absolute(tuned)?.display().to_string();
    }
    Ok(encode)
}
