//! Settings that all three trainers take from the `TrainingArguments` of transformers and from PEFT.

use regex::Regex;
use serde_json::Value;

use crate::Trainer;
use crate::draft::Draft;
use crate::values::{list, whole, whole_if_possible};

/// Numbers of a trainer where its config has none.
pub(crate) struct Defaults {
    pub(crate) epochs: f64,
    pub(crate) learning_rate: f64,
    pub(crate) schedule: &'static str,
    pub(crate) warmup_ratio: f64,
    pub(crate) micro_batch: u64,
}

/// The names of keys that trainers spell differently.
pub(crate) struct Keys {
    pub(crate) epochs: &'static str,
    pub(crate) schedule: &'static str,
    pub(crate) micro_batch: &'static str,
}

/// Epochs, batches, rates, and AdamW.
pub(crate) fn take_training(draft: &mut Draft<'_>, keys: &Keys, defaults: &Defaults) {
    take_epochs(draft, keys.epochs, defaults.epochs);
    let micro = draft.whole_or(keys.micro_batch, defaults.micro_batch);
    let steps = draft.whole_or("gradient_accumulation_steps", 1);
    let from = [keys.micro_batch, "gradient_accumulation_steps"];
    draft.take_from(&from, "train.batch_size", micro.saturating_mul(steps).max(1));
    draft.differ(
        keys.micro_batch,
        "the trainer multiplies it by the number of devices; lobass takes it for one device",
    );
    let rate = draft.number_or("learning_rate", defaults.learning_rate);
    draft.take("learning_rate", "train.learning_rate", rate);
    take_schedule(draft, keys.schedule, defaults);
    for (key, setting, default) in [
        ("weight_decay", "train.weight_decay", 0.0),
        ("adam_beta1", "train.beta_1", 0.9),
        ("adam_beta2", "train.beta_2", 0.999),
        ("adam_epsilon", "train.epsilon", 1e-8),
    ] {
        let value = draft.number_or(key, default);
        draft.take(key, setting, value);
    }
    take_clipping(draft);
    note_products(draft);
    let seed = draft.whole_or("seed", 42);
    draft.take("seed", "train.seed", seed);
    draft.differ(
        "seed",
        "lobass draws another order of examples and another start of adapters from the same seed",
    );
}

/// The limit of the gradients' norm. With a key that has no value, transformers does not clip, and neither does 0.
fn take_clipping(draft: &mut Draft<'_>) {
    const KEY: &str = "max_grad_norm";
    let is_off = draft.is_empty(KEY) && draft.trainer() != Trainer::Axolotl;
    let norm = if is_off { 0.0 } else { draft.number_or(KEY, 1.0) };
    draft.take(KEY, "train.max_grad_norm", norm);
}

fn take_epochs(draft: &mut Draft<'_>, key: &str, default: f64) {
    let epochs = draft.number_or(key, default);
    if let Some(whole) = whole(epochs.ceil()).filter(|epochs| *epochs > 0) {
        draft.take(key, "train.epochs", whole);
        if epochs.fract() != 0.0 {
            draft.differ(key, format!("the trainer stops after {epochs} epochs; lobass trains whole ones"));
        }
    } else {
        draft.leave_out(key, format!("expected a number above 0, found {epochs}"));
    }
}

fn take_schedule(draft: &mut Draft<'_>, key: &str, defaults: &Defaults) {
    let name = draft.text_or(key, defaults.schedule);
    let warmup = draft.number("warmup_ratio").unwrap_or(defaults.warmup_ratio);
    match name.as_str() {
        "cosine" | "linear" | "constant" => draft.take(key, "train.schedule", name.as_str()),
        "constant_with_warmup" => draft.take(key, "train.schedule", "constant"),
        _ => draft
            .leave_out(key, format!("lobass has the schedules cosine, linear, and constant, not `{name}`")),
    }
    // transformers 5 reads a number of steps below 1 as a share.
    match draft.number("warmup_steps") {
        // transformers has a warm-up in `constant_with_warmup` only.
        _ if name == "constant" => draft.take(key, "train.warmup_ratio", 0.0),
        Some(share) if share > 0.0 && share < 1.0 => draft.take("warmup_steps", "train.warmup_ratio", share),
        Some(steps) if steps >= 1.0 => {
            draft.leave_out(
                "warmup_steps",
                "lobass warms up over a share of all steps: give `--warmup-ratio`",
            );
        }
        _ => draft.take("warmup_ratio", "train.warmup_ratio", warmup),
    }
    draft.leave_out_all(&[
        ("max_steps", "lobass trains whole epochs: give `--epochs`"),
        ("lr_scheduler_kwargs", "lobass's schedules have no further settings"),
    ]);
}

/// The optimizer. All spellings of AdamW are one, those in 8 bits nearly.
pub(crate) fn take_optimizer(draft: &mut Draft<'_>, key: &str) {
    let Some(name) = draft.text(key) else { return };
    match name.as_str() {
        name if name.starts_with("adamw") && !name.contains("8bit") && !name.contains("4bit") => {}
        name if name.contains("adamw") => {
            draft.differ(key, format!("`{name}` keeps its moments in few bits; lobass keeps them in 32"));
        }
        _ => draft.leave_out(key, format!("lobass trains with AdamW, not with `{name}`")),
    }
}

/// Number formats of products. Those of the trainer depend on its card, those of lobass on a flag.
fn note_products(draft: &mut Draft<'_>) {
    const BF16: &str = "the trainer computes products in bf16; lobass computes them in f32, or with `--products bf16` in \
                        bf16 on a processor";
    for key in ["bf16", "pure_bf16"] {
        draft.differ_if_on(key, BF16);
    }
    draft.differ_if_on("fp16", "the trainer computes products in fp16; lobass computes them in f32");
}

/// Formats that lobass does not round the base's weights to.
pub(crate) fn note_quantization(draft: &mut Draft<'_>, keys: &[&str]) {
    for key in keys {
        draft.differ_if_on(
            key,
            "the trainer quantizes the base's weights; lobass takes them as they are stored",
        );
    }
}

/// A base that the trainer rounds to 4 bits with bitsandbytes, under an adapter.
pub(crate) struct FourBits {
    /// The key that says so.
    pub(crate) key: &'static str,
    /// The key that names the base.
    pub(crate) base: &'static str,
    /// The type of 4-bit numbers.
    pub(crate) kind: Option<String>,
    /// Whether scales are rounded too.
    pub(crate) is_nested: bool,
}

/// Rounds the base as the trainer does. One that is stored in few bits, as its name says, is rounded already.
pub(crate) fn take_rounding(draft: &mut Draft<'_>, bits: &FourBits) {
    const STORED: [&str; 7] = ["4bit", "8bit", "nf4", "fp8", "gptq", "awq", "mxfp4"];
    let base = draft.text(bits.base).unwrap_or_default().to_lowercase();
    match bits.kind.as_deref().unwrap_or("nf4") {
        _ if STORED.iter().any(|format| base.contains(format)) => {}
        "nf4" => {
            let name = if bits.is_nested { "nf4" } else { "nf4-single" };
            draft.take(bits.key, "compute.quantize_base", name);
        }
        other => draft.differ(bits.key, format!("lobass rounds a base to `nf4`, not to `{other}`")),
    }
}

/// The word for every projection of the layers.
pub(crate) const ALL_LINEAR: &str = "all-linear";
/// What to do about modules that are no projections.
pub(crate) const OTHER_TARGETS: &str = "lobass's adapters update projections of the layers by name, such as q_proj: give \
                                        `--lora-targets`";

/// Which projections an adapter updates.
pub(crate) fn take_targets(draft: &mut Draft<'_>, key: &str, by_default: &[&str]) {
    let targets = match draft.value(key) {
        None => Some(by_default.iter().map(|name| (*name).to_owned()).collect()),
        Some(value) => named_targets(&value),
    };
    match targets {
        Some(names) => draft.take(key, "train.lora.target_modules", names),
        None => draft.leave_out(key, OTHER_TARGETS),
    }
}

/// The projections that a value names; `None` if it names what is outside the layers, or nothing that is known. Whether
/// the model has them is found when it is opened.
pub(crate) fn named_targets(value: &Value) -> Option<Vec<String>> {
    let names = match value {
        Value::String(text) if text == "all" || text == ALL_LINEAR => vec![ALL_LINEAR.to_owned()],
        Value::String(text) if text.contains(['(', '[', '*', '\\']) => matched(text)?,
        value => list(value)?,
    };
    let is_outside = |name: &String| ["lm_head", "embed_tokens", "embed_out", "wte"].contains(&name.as_str());
    (!names.is_empty() && !names.iter().any(is_outside)).then_some(names)
}

/// The projections that a pattern means, of those of LLaMA: the model is not known here. PEFT compares it with whole
/// paths of modules.
fn matched(pattern: &str) -> Option<Vec<String>> {
    const LAYERS: [&str; 2] = ["model.layers.0", "model.language_model.layers.0"];
    const PROJECTIONS: [&str; 7] = [
        "self_attn.q_proj",
        "self_attn.k_proj",
        "self_attn.v_proj",
        "self_attn.o_proj",
        "mlp.gate_proj",
        "mlp.up_proj",
        "mlp.down_proj",
    ];
    let pattern = Regex::new(&format!("^(?:{pattern})$")).ok()?;
    let means = |path: &&str| LAYERS.iter().any(|layer| pattern.is_match(&format!("{layer}.{path}")));
    let name = |path: &str| path.rsplit('.').next().map(str::to_owned);
    let names: Vec<String> = PROJECTIONS.into_iter().filter(means).filter_map(name).collect();
    (!names.is_empty()).then_some(names)
}

/// A model by its name on the hub or its path, with a revision.
pub(crate) fn take_base(draft: &mut Draft<'_>, key: &str, revision: &str) {
    let Some(name) = draft.text(key) else { return };
    let base = match draft.text(revision) {
        Some(revision) if revision != "main" && !name.contains('@') => format!("{name}@{revision}"),
        _ => name,
    };
    draft.take_from(&[key, revision], "model.base", base);
}

/// The numbers of an adapter as PEFT's `LoraConfig` has them.
pub(crate) struct Adapter {
    pub(crate) rank: (&'static str, f64),
    pub(crate) alpha: (&'static str, f64),
    pub(crate) dropout: (&'static str, f64),
    pub(crate) rslora: &'static str,
    pub(crate) modules_to_save: &'static str,
}

pub(crate) fn take_adapter(draft: &mut Draft<'_>, adapter: &Adapter) {
    for ((key, default), setting) in [
        (adapter.rank, "train.lora.rank"),
        (adapter.alpha, "train.lora.alpha"),
        (adapter.dropout, "train.lora.dropout"),
    ] {
        let value = draft.number_or(key, default);
        draft.take(key, setting, whole_if_possible(value));
    }
    if draft.flag(adapter.rslora) == Some(true) {
        draft.take(adapter.rslora, "train.lora.rslora", true);
    }
    if let Some(names) = draft.list(adapter.modules_to_save).filter(|names| !names.is_empty()) {
        draft.take(adapter.modules_to_save, "train.lora.modules_to_save", names);
    }
}
