//! Checkpoints in their roles.

use std::path::Path;

use anyhow::bail;
use lobass_data::TextTokenizer;
use lobass_llama::{Checkpoint, DeviceName, Dtype, Llama, LlamaConfig};
use lobass_run::ModelKey;

use crate::settings::ComputeSettings;
use crate::stages::TrainingRecord;
use crate::text::count;
use crate::ui::Ui;

/// An opened checkpoint in a role, and what it will run on.
pub(crate) struct Model {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) key: ModelKey,
    dtype: Dtype,
    device: DeviceName,
}

impl Model {
    pub(crate) fn open(role: &str, dir: &Path, compute: &ComputeSettings, ui: Ui) -> anyhow::Result<Self> {
        let (dtype, device) = (compute.dtype()?, compute.device()?);
        let checkpoint = open_checkpoint(role, dir)?;
        let key = ModelKey::new(
            role,
            &dir.display().to_string(),
            &checkpoint.weights_digest(),
            &dtype.to_string(),
            &device.to_string(),
        );
        let config = checkpoint.config();
        ui.note(format!(
            "{role:16} {}: {}, {} parameters, stored as {}, run as {dtype} on {device}",
            dir.display(),
            config.family,
            count(config.n_parameters() as u64),
            checkpoint.dtype()
        ));
        Ok(Self { checkpoint, key, dtype, device })
    }

    pub(crate) fn load(&self) -> anyhow::Result<Llama> {
        self.load_as(self.dtype)
    }

    /// Loads for training, which is in f32.
    pub(crate) fn load_for_training(&self) -> anyhow::Result<Llama> {
        self.load_as(Dtype::F32)
    }

    fn load_as(&self, dtype: Dtype) -> anyhow::Result<Llama> {
        Ok(self.checkpoint.load(dtype, &self.device.open())?)
    }
}

fn open_checkpoint(role: &str, dir: &Path) -> anyhow::Result<Checkpoint> {
    if !dir.is_dir() {
        let hub = if looks_like_hub_id(dir) {
            " (models are read from local directories; download it first)"
        } else {
            ""
        };
        bail!(
            "{role} model `{}`: expected a checkpoint directory, found {}{hub}",
            dir.display(),
            what_is_at(dir)
        );
    }
    Ok(Checkpoint::open(dir)?)
}

/// `org/name`, and nothing of that name here.
fn looks_like_hub_id(path: &Path) -> bool {
    path.is_relative() && path.components().count() == 2 && !path.parent().is_some_and(Path::exists)
}

fn what_is_at(path: &Path) -> &'static str {
    if path.exists() { "a file" } else { "nothing" }
}

/// Refuses a reference that cannot be the fine-tuned base: another shape, another tokenizer, the base itself, or what
/// the base was made from.
pub(crate) fn check_pair(base: &Model, reference: &Model, tokenizer: &TextTokenizer) -> anyhow::Result<()> {
    check_alike(&base.checkpoint, &reference.checkpoint, tokenizer)?;
    let trained_from = TrainingRecord::read(base.checkpoint.dir())?.map(|record| record.base);
    if trained_from.as_ref() == Some(&reference.key.weights_digest) {
        bail!("base and reference are swapped: the base was trained from the reference");
    }
    if base.key.weights_digest == reference.key.weights_digest {
        bail!("reference `{}`: expected other weights than the base's, found the same", reference.key.path);
    }
    Ok(())
}

fn check_alike(base: &Checkpoint, reference: &Checkpoint, tokenizer: &TextTokenizer) -> anyhow::Result<()> {
    let differences = differences(base.config(), reference.config());
    if !differences.is_empty() {
        bail!(
            "reference `{}`: expected the shape of the base `{}`, found {}",
            reference.dir().display(),
            base.dir().display(),
            differences.join(", ")
        );
    }
    if reference.dir().join("tokenizer.json").exists() {
        let other = TextTokenizer::from_dir(reference.dir())?;
        if other.digest() != tokenizer.digest() {
            bail!(
                "reference `{}`: expected the tokenizer of the base `{}`, found another one; \
                 losses over other tokens cannot be compared",
                reference.dir().display(),
                base.dir().display()
            );
        }
    }
    Ok(())
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
