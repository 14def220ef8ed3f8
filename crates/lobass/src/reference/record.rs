//! The record of a training, `lobass-training.json`, in the directory of its checkpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lobass_core::readable::counted;
use lobass_core::{Context, Digest, Dtype, Observer, Rounding, RowStatus};
use lobass_model::LoraConfig;
use lobass_run::{InputRecord, Plan, UnreadRecord};
use lobass_train::{Dpo, HeldOut, TrainConfig, TrainReport};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::part::Part;
use crate::error::{Context as _, Result};

const NAME: &str = "lobass-training.json";

/// The name of the data files among what decides a plan.
const DATA: &str = "data";
/// The name of a transform of prompts among it.
const TRANSFORM: &str = "transform of prompts";

/// The record of a training. It is written before the first step, without an outcome, so that lobass knows an
/// unfinished directory as its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// The program and its version.
    pub tool: String,
    /// The digest of the weights that training started from.
    pub base: Digest,
    /// The id of the plan of the pool.
    pub plan: String,
    /// Everything that decides that plan, by name and in words.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub planned: BTreeMap<String, String>,
    /// The recipe.
    pub recipe: TrainConfig,
    /// The adapter that was trained; `None` if all weights were trained.
    #[serde(default)]
    pub adapter: Option<LoraConfig>,
    /// The number format of the frozen weights under an adapter.
    #[serde(default)]
    pub frozen_dtype: Option<Dtype>,
    /// The format that the frozen weights were rounded to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounding: Option<Rounding>,
    /// The preference objective; `None` for supervised fine-tuning.
    #[serde(default)]
    pub dpo: Option<Dpo>,
    /// The digest of the anchor of the preference objective, if it is another model than the one that training started
    /// from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Digest>,
    /// The text before the responses that were trained on.
    #[serde(default, skip_serializing_if = "is_prompt")]
    pub context: Context,
    /// The rows of the pool that were trained on.
    #[serde(default)]
    pub part: Part,
    /// The settings of a [federated training](crate::federated::train::FederatedSettings); `None` if all rows were in one place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub federation: Option<Value>,
    /// Whether the model of every epoch was kept.
    #[serde(default)]
    pub trajectory: bool,
    /// The number of held-out rows of the pool that were asked for.
    pub eval_rows: usize,
    /// SHA-256 of the files of further held-out rows.
    #[serde(default)]
    pub eval_files: Vec<String>,
    /// The time that the chat template was rendered with, if it asks for the time.
    #[serde(default)]
    pub template_now: Option<String>,
    /// The outcome of a finished training. It is not compared.
    #[serde(default)]
    pub outcome: Option<Trained>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_prompt(context: &Context) -> bool {
    *context == Context::Prompt
}

/// The outcome of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    /// Rows that were trained on.
    pub n_examples: usize,
    /// Rows of the pool that were held out, by position.
    #[serde(default)]
    pub held_out_rows: BTreeSet<u64>,
    /// Rows that could not be trained on, by status.
    #[serde(default)]
    pub unscored: BTreeMap<RowStatus, u64>,
    /// Fields of rows that the model did not see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<UnreadRecord>,
    /// Optimizer steps.
    pub n_steps: usize,
    /// Tokens that were trained on, over all epochs.
    pub n_tokens: u64,
    /// The loss of the first step, in nats per token.
    pub first_loss: f64,
    /// The loss of the last step, in nats per token.
    pub last_loss: f64,
    /// The held-out loss before the first step, in nats per token.
    pub held_out_before: Option<f64>,
    /// The held-out loss after the last step, in nats per token.
    pub held_out_after: Option<f64>,
    /// Of a mixture: what was drawn from each source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mixed: Vec<MixedSource>,
}

/// What a mixture drew from a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MixedSource {
    /// The name of the source.
    pub source: String,
    /// Its rows among those that were trained on.
    pub n_rows: u64,
    /// Rows that were drawn from it, repeated ones included.
    pub n_drawn: u64,
    /// Its share after the last step.
    pub share: f64,
}

impl Trained {
    /// The outcome of a training, from its report.
    pub fn new(
        n_examples: usize,
        held_out_rows: BTreeSet<u64>,
        unscored: BTreeMap<RowStatus, u64>,
        unread: Vec<UnreadRecord>,
        report: &TrainReport,
    ) -> Self {
        let mean = |at: Option<&HeldOut>| at.and_then(|held_out| held_out.nll.mean());
        Self {
            n_examples,
            held_out_rows,
            unscored,
            unread,
            n_steps: report.n_steps,
            n_tokens: report.n_tokens,
            first_loss: report.losses.first().copied().unwrap_or_default(),
            last_loss: report.losses.last().copied().unwrap_or_default(),
            held_out_before: mean(report.held_out.first()),
            held_out_after: mean(report.held_out.last()),
            mixed: Vec::new(),
        }
    }
}

impl TrainingRecord {
    /// Rows of a plan that were held out of this training. With another plan there are none, and a warning.
    pub fn held_out_rows(&self, plan: &Plan, observer: &dyn Observer) -> BTreeSet<u64> {
        let rows =
            self.outcome.as_ref().map(|outcome| &outcome.held_out_rows).filter(|rows| !rows.is_empty());
        match rows {
            Some(rows) if self.is_of_rows(plan) => rows.clone(),
            Some(rows) => {
                observer.warn(&format!(
                    "{} held out when the reference was trained, on other data or with other settings than these; if \
                     they are in this pool too, they are not marked as such",
                    counted(rows.len() as u64, "row")
                ));
                BTreeSet::new()
            }
            None => BTreeSet::new(),
        }
    }

    /// Whether a plan is about the rows of this training: it is the plan of the training, or differs in a transform of
    /// prompts only.
    pub fn is_of_rows(&self, plan: &Plan) -> bool {
        let mut theirs: BTreeMap<_, _> =
            plan.summary().into_iter().map(|(name, words)| (name.to_owned(), words)).collect();
        let mut mine = self.planned.clone();
        let transforms = [&mut mine, &mut theirs].map(|planned| planned.remove(TRANSFORM));
        self.plan == plan.id() || transforms[0] != transforms[1] && mine == theirs
    }

    /// Whether a plan changes prompts in another way than this training did, so that its rows have other tokens.
    pub fn is_of_other_prompts(&self, plan: &Plan) -> bool {
        let transform = plan.encoding.transform.map(|transform| transform.to_string());
        self.planned.get(TRANSFORM) != transform.as_ref()
    }

    /// The part of a pool that it was trained on. Token ids decide, so it holds for other pools with some of the same
    /// rows.
    pub fn part_of(&self, plan: &Plan, observer: &dyn Observer) -> Part {
        if self.part != Part::All && self.plan != plan.id() {
            observer.warn(
                "the reference was trained on a part of another pool; lobass finds the rows that it has seen by their tokens",
            );
        }
        self.part
    }

    /// The data files with the beginnings of their digests, in words. Records of earlier versions have none.
    pub(crate) fn data_files(&self) -> Option<&str> {
        self.planned.get(DATA).map(String::as_str)
    }

    /// Whether a file is among those that were trained on; `None` if the record does not say.
    pub(crate) fn has_file(&self, input: &InputRecord) -> Option<bool> {
        let digest = input.sha256.get(..8)?;
        Some(self.data_files()?.contains(digest))
    }

    /// Whether none of some files was trained on; `None` if the record does not say.
    pub(crate) fn is_of_other_files(&self, inputs: &[InputRecord]) -> Option<bool> {
        self.data_files()?;
        Some(!inputs.iter().any(|input| self.has_file(input) == Some(true)))
    }

    /// Tokens that were trained on, if the training is done.
    pub fn n_tokens(&self) -> Option<u64> {
        Some(self.outcome.as_ref()?.n_tokens)
    }

    /// The time that the chat template was rendered with, if it asked for the time.
    pub fn told(&self) -> Option<String> {
        self.template_now.clone()
    }

    /// The directory with the record of a model: its own directory, or for the model of an epoch the one two levels
    /// above.
    pub fn home(dir: &Path) -> Option<&Path> {
        let of_epoch = dir.parent().filter(|parent| parent.ends_with("epochs")).and_then(Path::parent);
        [Some(dir), of_epoch].into_iter().flatten().find(|home| home.join(NAME).exists())
    }

    /// Reads the record of a directory, if it has one.
    ///
    /// # Errors
    /// If the file cannot be read or is not a record.
    pub fn read(dir: &Path) -> Result<Option<Self>> {
        let Some(path) = Self::home(dir).map(|home| home.join(NAME)) else { return Ok(None) };
        let record = serde_json::from_slice(&fs_err::read(&path)?)
            .with_context(|| format!("`{}` is not a training record", path.display()))?;
        Ok(Some(record))
    }

    /// Writes the record, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<()> {
        Ok(lobass_files::write_whole(&dir.join(NAME), &serde_json::to_vec_pretty(self)?)?)
    }

    /// The settings that differ from those of another record, in words.
    pub fn differences(&self, found: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        if self.rounding != found.rounding {
            let name = |rounding: Option<Rounding>| rounding.map_or("none", Rounding::name);
            let (found, now) = (name(found.rounding), name(self.rounding));
            differences.push(format!("rounding of the base ({found}, now {now})"));
        } else if self.base != found.base {
            differences.push("base".to_owned());
        }
        if self.plan != found.plan {
            differences.extend(self.plan_differences(found));
        }
        if self.federation != found.federation {
            differences.push("clients and rounds (`lobass federate train`)".to_owned());
        }
        if self.eval_files != found.eval_files {
            differences.push("held-out files".to_owned());
        }
        let fields = |record: &Self| {
            let mut fields = json!(record.recipe);
            fields["order_seed"] = json!(record.recipe.order_seed);
            fields["products"] = json!(record.recipe.products);
            fields["mixing"] = json!(record.recipe.mixing);
            fields["adapter"] = json!(record.adapter);
            fields["objective"] = json!(record.dpo);
            fields["anchor"] = json!(record.anchor);
            fields["context"] = json!(record.context);
            fields["part of the pool"] = json!(record.part);
            fields["dtype of the frozen weights"] = json!(record.frozen_dtype);
            // Epochs that were kept may be left alone.
            fields["trajectory"] = json!(record.trajectory && self.trajectory);
            fields["eval_rows"] = json!(record.eval_rows);
            // In what pieces it is computed does not make another one, unless pieces have masks of their own.
            let drops = record.adapter.as_ref().is_some_and(|adapter| adapter.dropout > 0.0);
            for name in ["recompute", "micro_batch_tokens"].into_iter().take(if drops { 1 } else { 2 }) {
                fields.as_object_mut().map(|fields| fields.remove(name));
            }
            fields
        };
        let (mine, found) = (fields(self), fields(found));
        for (name, value) in mine.as_object().into_iter().flatten() {
            if found[name] != *value {
                differences.push(format!("{name} ({}, now {value})", found[name]));
            }
        }
        differences
    }

    /// The parts of another plan that differ, in words. Records of earlier versions of lobass do not have them.
    fn plan_differences(&self, found: &Self) -> Vec<String> {
        let differing = |(name, mine): (&String, &String)| {
            let theirs = found.planned.get(name).filter(|theirs| *theirs != mine)?;
            Some(format!("{name} ({theirs}, now {mine})"))
        };
        let differences: Vec<String> = self.planned.iter().filter_map(differing).collect();
        if differences.is_empty() { vec!["data or sequences".to_owned()] } else { differences }
    }
}
