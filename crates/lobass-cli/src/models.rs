//! Checkpoints in their roles.

use std::cell::OnceCell;
use std::path::Path;
use std::rc::Rc;

use anyhow::bail;
use lobass_core::{Context, Measure, Observer as _};
use lobass_data::{TemplateOwner, TextTokenizer, TokenizerDifference, template_owner};
use lobass_llama::{AdapterCheckpoint, Checkpoint, Dtype, Finding, Llama, LlamaConfig};
use lobass_run::ModelKey;

use crate::hub::{Found, find_model, hub_name};
use crate::placement::Placement;
use crate::settings::{ComputeSettings, EncodeSettings};
use crate::text::count;
use crate::training_record::TrainingRecord;
use crate::ui::Ui;

/// An opened checkpoint in a role, perhaps with an adapter on it, and what it will run on.
pub(crate) struct Model {
    /// Of an adapter that of the base it is put on.
    pub(crate) checkpoint: Rc<Checkpoint>,
    adapter: Option<Rc<AdapterCheckpoint>>,
    /// The base's weights, which its adapters share.
    shared: Rc<OnceCell<Llama>>,
    pub(crate) key: ModelKey,
    placement: Placement,
}

impl Model {
    /// Opens a checkpoint, which is fetched if it is one of the hub.
    pub(crate) fn open(role: &str, model: &Path, compute: &ComputeSettings, ui: &Ui) -> anyhow::Result<Self> {
        Self::open_on(role, model, Placement::here(compute)?, ui)
    }

    /// Opens a checkpoint for a device of this machine or of others.
    pub(crate) fn open_on(role: &str, model: &Path, placement: Placement, ui: &Ui) -> anyhow::Result<Self> {
        Self::open_found(role, &find_model(model, ui)?, placement, ui)
    }

    fn open_found(role: &str, found: &Found, placement: Placement, ui: &Ui) -> anyhow::Result<Self> {
        let (dir, name) = (found.dir.as_path(), found.name.as_str());
        if AdapterCheckpoint::is_at(dir) && !dir.join("config.json").exists() {
            bail!(
                "{role} model `{name}`: expected a whole checkpoint, found an adapter (`lobass merge` makes one of it)"
            );
        }
        let checkpoint = open_checkpoint(role, dir)?;
        let key = key(role, name, &checkpoint.weights_digest(), &placement);
        let config = checkpoint.config();
        ui.note(&format!(
            "{role:16} {name}: {}, {} parameters, stored as {}, run as {} on {}",
            config.family,
            count(config.n_parameters() as u64),
            checkpoint.dtype(),
            placement.dtype,
            placement.device
        ));
        warn_of(role, name, checkpoint.findings(), ui);
        let shared = Rc::new(OnceCell::new());
        Ok(Self { checkpoint: Rc::new(checkpoint), adapter: None, shared, key, placement })
    }

    /// Opens a fine-tuned model for the same device: a checkpoint of its own, or an adapter on this one.
    pub(crate) fn open_tuned(&self, role: &str, model: &Path, ui: &Ui) -> anyhow::Result<Self> {
        let found = find_model(model, ui)?;
        let (dir, name) = (found.dir.as_path(), found.name.as_str());
        if !AdapterCheckpoint::is_at(dir) {
            return Self::open_found(role, &found, self.placement.clone(), ui);
        }
        let adapter = AdapterCheckpoint::open(dir)?;
        let findings = adapter.check_on(&self.checkpoint, &self.key.path)?;
        let digest = adapter.digest_on(&self.key.weights_digest);
        let key = key(role, name, &digest, &self.placement);
        let lora = adapter.config();
        ui.note(&format!(
            "{role:16} {name}: adapter of rank {}, alpha {}, on {}",
            lora.rank, lora.alpha, self.key.path
        ));
        // Of an adapter that lobass trained, `check_record` knows the base's weights.
        if TrainingRecord::read(dir)?.is_none() {
            warn_of(role, name, &findings, ui);
        }
        let (checkpoint, shared) = (Rc::clone(&self.checkpoint), Rc::clone(&self.shared));
        Ok(Self {
            checkpoint,
            adapter: Some(Rc::new(adapter)),
            shared,
            key,
            placement: self.placement.clone(),
        })
    }

    /// The same model in another role, shown something else before the tokens that are scored.
    pub(crate) fn in_context(&self, role: &str, context: Context) -> Self {
        Self {
            checkpoint: Rc::clone(&self.checkpoint),
            adapter: self.adapter.clone(),
            shared: Rc::clone(&self.shared),
            key: self.key.in_context(role, context),
            placement: self.placement.clone(),
        }
    }

    /// The same model in the role of a plan.
    pub(crate) fn as_planned(&self, key: &ModelKey) -> Self {
        let planned = self.key.in_context(&key.role, key.context).measured_by(&key.role, key.measure);
        Self { key: planned, ..self.in_context(&key.role, key.context) }
    }

    /// The same model in another role, judged by something else.
    pub(crate) fn measured_by(&self, role: &str, measure: Measure) -> Self {
        let key = self.key.measured_by(role, measure);
        Self { key, ..self.in_context(role, self.key.context) }
    }

    /// Where it is: the adapter's directory, or the checkpoint's.
    pub(crate) fn dir(&self) -> &Path {
        self.adapter.as_ref().map_or(self.checkpoint.dir(), |adapter| adapter.dir())
    }

    /// What PEFT shall load an adapter onto that was trained on this: a directory, or a model of the hub.
    pub(crate) fn home(&self) -> anyhow::Result<String> {
        match hub_name(Path::new(&self.key.path)) {
            Some(name) if !Path::new(&self.key.path).exists() => Ok(name),
            _ => Ok(std::path::absolute(self.dir())?.display().to_string()),
        }
    }

    /// Reads the weights. Those of a base are kept once an adapter has been put on it.
    pub(crate) fn load(&self) -> anyhow::Result<Llama> {
        match &self.adapter {
            Some(adapter) => Ok(adapter.apply(&self.shared()?)?),
            None if Rc::strong_count(&self.shared) > 1 => self.shared(),
            None => self.read(self.placement.dtype),
        }
    }

    fn shared(&self) -> anyhow::Result<Llama> {
        if let Some(base) = self.shared.get() {
            return Ok(base.clone());
        }
        let base = self.read(self.placement.dtype)?;
        Ok(self.shared.get_or_init(|| base).clone())
    }

    /// Loads for training all weights, which is in f32.
    pub(crate) fn load_for_training(&self) -> anyhow::Result<Llama> {
        self.read(Dtype::F32)
    }

    /// Loads as the frozen base of an adapter that is to be trained.
    pub(crate) fn load_frozen(&self) -> anyhow::Result<Llama> {
        self.read(self.placement.dtype)
    }

    fn read(&self, dtype: Dtype) -> anyhow::Result<Llama> {
        Ok(self.checkpoint.load(dtype, &self.placement.device()?.open())?)
    }
}

fn key(role: &str, name: &str, digest: &str, placement: &Placement) -> ModelKey {
    let Placement { device, dtype, .. } = placement;
    ModelKey::new(role, name, digest, &dtype.to_string(), device)
}

/// Says what is odd about a model that is used all the same.
fn warn_of(role: &str, name: &str, findings: &[Finding], ui: &Ui) {
    for finding in findings {
        ui.warn(&format!("{role} `{name}`: {finding}"));
    }
}

/// Refuses what is no adapter.
pub(crate) fn check_adapter(given: &Path, ui: &Ui) -> anyhow::Result<Found> {
    let found = find_model(given, ui)?;
    match AdapterCheckpoint::is_at(&found.dir) {
        true => Ok(found),
        false => bail!("adapter `{}`: expected a directory with adapter_config.json", found.name),
    }
}

fn open_checkpoint(role: &str, dir: &Path) -> anyhow::Result<Checkpoint> {
    if !dir.is_dir() {
        bail!(
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

/// The settings with the template that both models are scored with. If only the tuned model brings one, it is that one.
///
/// # Errors
/// If both bring one and they differ, and no one has chosen.
pub(crate) fn with_template_of(
    encode: &EncodeSettings,
    base: &Path,
    tuned: Option<&Path>,
    ui: &Ui,
) -> anyhow::Result<EncodeSettings> {
    let mut encode = encode.clone();
    let Some(tuned) = tuned.filter(|_| encode.chat_template == "auto") else { return Ok(encode) };
    if template_owner(base, tuned)? == TemplateOwner::Tuned {
        ui.note(&format!("{:16} that of `{}`, since the base brings none", "template", tuned.display()));
        encode.chat_template = std::path::absolute(tuned)?.display().to_string();
    }
    Ok(encode)
}

/// Refuses a reference that cannot be the fine-tuned base: another shape, another tokenizer, the base itself, or what
/// the base was made from.
pub(crate) fn check_pair(
    base: &Model,
    reference: &Model,
    tokenizer: &TextTokenizer,
    ui: &Ui,
) -> anyhow::Result<()> {
    if let Some(adapter) = &reference.adapter {
        check_record(base, adapter.dir())?;
    } else {
        check_shape(&base.checkpoint, &reference.checkpoint)?;
    }
    check_tokenizer(base, reference.dir(), tokenizer, ui)?;
    let trained_from = TrainingRecord::read(base.checkpoint.dir())?.map(|record| record.base);
    if trained_from.as_ref() == Some(&reference.key.weights_digest) {
        bail!("base and reference are swapped: the base was trained from the reference");
    }
    let is_adapter = reference.adapter.is_some();
    if base.key.weights_digest == reference.key.weights_digest
        || !is_adapter && base.checkpoint.is_same_model(&reference.checkpoint)
    {
        bail!("reference `{}`: expected other weights than the base's, found the same", reference.key.path);
    }
    Ok(())
}

/// The base, judged by the Brier loss.
pub(crate) const BRIER: &str = "base_brier";

/// The base, shown responses without their prompts.
pub(crate) const UNCONDITIONAL: &str = "base_unconditional";

/// An adapter means something on the base it was trained on only.
pub(crate) fn check_record(base: &Model, dir: &Path) -> anyhow::Result<()> {
    let trained_on = TrainingRecord::read(dir)?.map(|record| record.base);
    if trained_on.is_some_and(|digest| digest != base.key.weights_digest) {
        bail!(
            "adapter `{}`: expected the base that it was trained on, found other weights in `{}`",
            dir.display(),
            base.dir().display()
        );
    }
    Ok(())
}

fn check_shape(base: &Checkpoint, reference: &Checkpoint) -> anyhow::Result<()> {
    let differences = differences(base.config(), reference.config());
    if !differences.is_empty() {
        bail!(
            "reference `{}`: expected the shape of the base `{}`, found {}",
            reference.dir().display(),
            base.dir().display(),
            differences.join(", ")
        );
    }
    Ok(())
}

/// Both models see the same tokens. A tuned model without a tokenizer takes the base's.
fn check_tokenizer(base: &Model, dir: &Path, tokenizer: &TextTokenizer, ui: &Ui) -> anyhow::Result<()> {
    if !dir.join("tokenizer.json").exists() {
        return Ok(());
    }
    match tokenizer.difference(&TextTokenizer::open(dir, tokenizer.begins())?) {
        None => Ok(()),
        Some(TokenizerDifference::Further(tokens)) => {
            ui.warn(&format!(
                "reference `{}`: its tokenizer has tokens that the base's has not, `{}`; texts with them are cut as the \
                 base cuts them",
                dir.display(),
                tokens.join("`, `")
            ));
            Ok(())
        }
        Some(difference) => bail!(
            "reference `{}`: expected the tokenizer of the base `{}`, found {difference}; losses over other tokens cannot \
             be compared",
            dir.display(),
            base.dir().display()
        ),
    }
}

fn differences(base: &LlamaConfig, reference: &LlamaConfig) -> Vec<String> {
    type Field = (&'static str, fn(&LlamaConfig) -> String);
    let fields: [Field; 9] = [
        ("model_type", |c| c.family.to_string()),
        ("vocab_size", |c| c.vocab_size.to_string()),
        ("hidden_size", |c| c.hidden_size.to_string()),
        ("intermediate_size", |c| c.intermediate_size.to_string()),
        ("num_hidden_layers", |c| c.num_hidden_layers.to_string()),
        ("num_attention_heads", |c| c.num_attention_heads.to_string()),
        ("num_key_value_heads", |c| c.num_key_value_heads.to_string()),
        ("head_dim", |c| c.head_dim.to_string()),
        ("rope", |c| format!("{:?}", c.rope)),
    ];
    fields
        .into_iter()
        .filter(|(_, value)| value(base) != value(reference))
        .map(|(name, value)| format!("{name} {} instead of {}", value(reference), value(base)))
        .collect()
}
