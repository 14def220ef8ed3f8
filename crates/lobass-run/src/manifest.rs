//! The manifest of a score table.

use std::collections::{BTreeMap, BTreeSet};

use lobass_core::{Arithmetic, Context, DeviceId, Digest, Dtype, Measure, ModelRole, Rounding, RowStatus};
use lobass_data::{Duplicates, EncodeOptions, Layout};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::folds::Folds;
use crate::model_record::ModelRecord;
use crate::null::{Unseen, with_combined};
use crate::request::ReferenceMode;
use crate::unread::UnreadRecord;

/// One input file as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRecord {
    /// Where it was; no part of any digest.
    pub path: String,
    /// Its name in the `source` column.
    pub source: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Its rows.
    pub n_rows: u64,
    /// How its columns were read.
    pub layout: Layout,
}

/// The chat template that was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateRecord {
    /// Where it came from.
    pub name: String,
    /// Digest of its source, its special tokens, and the time that it was given, if it asks for one.
    pub digest: String,
    /// The time that `strftime_now` told, if the template asks for it.
    pub now: Option<String>,
    /// Arguments that it was given for all rows.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub arguments: Map<String, Value>,
}

/// A model in a role: what decides its losses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelKey {
    /// Its role, which names its columns.
    pub role: ModelRole,
    /// Where it was; no part of any digest.
    pub path: String,
    /// Digest of its config and weights.
    pub weights_digest: Digest,
    /// The number format it ran in.
    pub dtype: Dtype,
    /// The arithmetic of its products.
    #[serde(default, skip_serializing_if = "Arithmetic::is_plain")]
    pub arithmetic: Arithmetic,
    /// The format that the weights of the base were rounded to; its weights are those of the digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounding: Option<Rounding>,
    /// The device that it ran on, or the kind of device that workers will have.
    pub device: DeviceId,
    /// The text before the scored tokens.
    #[serde(default, skip_serializing_if = "is_prompt")]
    pub context: Context,
    /// How its predictions were judged.
    #[serde(default, skip_serializing_if = "is_cross_entropy")]
    pub measure: Measure,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_prompt(context: &Context) -> bool {
    *context == Context::Prompt
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_cross_entropy(measure: &Measure) -> bool {
    *measure == Measure::CrossEntropy
}

impl ModelKey {
    /// Names a model in a role: its path, the digest of its weights, and what it runs in and on.
    pub fn new(role: ModelRole, path: &str, weights_digest: Digest, dtype: Dtype, device: DeviceId) -> Self {
        Self {
            role,
            path: path.to_owned(),
            weights_digest,
            dtype,
            arithmetic: Arithmetic::Plain,
            rounding: None,
            device,
            context: Context::Prompt,
            measure: Measure::CrossEntropy,
        }
    }

    /// This model with weights of the base that were rounded, as its digest says too.
    #[must_use]
    pub fn rounded(self, rounding: Option<Rounding>) -> Self {
        Self { rounding, ..self }
    }

    /// This model with another arithmetic of products.
    #[must_use]
    pub fn computed_by(self, arithmetic: Arithmetic) -> Self {
        Self { arithmetic, ..self }
    }

    /// This model in another role, in another context.
    #[must_use]
    pub fn in_context(&self, role: ModelRole, context: Context) -> Self {
        Self { role, context, ..self.clone() }
    }

    /// This model in another role, with another measure. A role with the Brier loss ends in `_brier`.
    #[must_use]
    pub fn measured_by(&self, role: ModelRole, measure: Measure) -> Self {
        Self { role, measure, ..self.clone() }
    }

    /// The name of its units: the same weights in the same format on the same kind of device in the same context, in
    /// whatever role.
    pub(crate) fn stage(&self) -> String {
        match self.measure {
            Measure::CrossEntropy => format!("nll-{}", self.units()),
            Measure::Brier => format!("brier-{}", self.units()),
        }
    }

    /// The units of these weights in this format and arithmetic on this kind of device.
    pub(crate) fn units(&self) -> String {
        let (digest, device) = (self.weights_digest.short(), self.device.kind);
        let context = match self.context {
            Context::Prompt => String::new(),
            Context::Unconditional { start } => format!("-unconditional{start}"),
        };
        let arithmetic = match self.arithmetic {
            Arithmetic::Plain => String::new(),
            other => format!("-{other}"),
        };
        format!("{digest}-{}{arithmetic}-{device}{context}", self.dtype)
    }
}

/// Everything that numbers in a score table depend on; stored in the table under the key `lobass`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format.
    pub version: u32,
    /// The tool that wrote the table.
    pub tool: String,
    /// The plan it was made by.
    pub plan: String,
    /// The data, file by file.
    pub inputs: Vec<InputRecord>,
    /// Digest of everything that decides token ids.
    pub tokenizer: String,
    /// The chat template.
    pub template: TemplateRecord,
    /// Mask, maximal length, and the policy for longer rows.
    pub encoding: EncodeOptions,
    /// The policy for repeated rows.
    pub duplicates: Duplicates,
    /// The models: the base, the references, and the others.
    pub models: Vec<ModelRecord>,
    /// The rows that the references were trained on; absent in tables without a reference, and in those of earlier
    /// versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ReferenceMode>,
    /// How the pool was cut, if references were cross-fitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<Folds>,
    /// The rows that neither references nor null models were trained on; only in tables with null models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Unseen>,
    /// Whether rows are pairs of a chosen and a rejected response.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pairs: bool,
    /// Whether the table has a loss for every token.
    pub per_token: bool,
    /// Rows in the table.
    pub n_rows: u64,
    /// Rows of each status that occurs.
    pub counts: BTreeMap<RowStatus, u64>,
    /// Content of rows that no model sees, by source; absent in tables of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<UnreadRecord>,
    /// Digest of every token id and every loss. It does not depend on who computed them, when, or in how many attempts.
    /// Absent in tables of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl Manifest {
    /// The seeds of the references, ascending, as far as they are known.
    pub fn seeds(&self) -> Vec<u64> {
        let seeds: BTreeSet<u64> = self.models.iter().filter_map(|model| model.seed).collect();
        seeds.into_iter().collect()
    }

    /// Columns of losses, without `_nll`, that are neither the base's nor the reference's.
    pub(crate) fn further_columns(&self) -> Vec<String> {
        let roles = self.models.iter().map(ModelRecord::role);
        let roles = roles.filter(|role| ![ModelRole::Base, ModelRole::REFERENCE].contains(role));
        let roles: Vec<String> = roles.map(ToString::to_string).collect();
        further_columns(&with_combined(roles), self.pairs)
    }
}

/// The columns of further roles: of what was scored, then of what was rejected.
pub(crate) fn further_columns(roles: &[impl AsRef<str>], pairs: bool) -> Vec<String> {
    let roles = || roles.iter().map(AsRef::as_ref);
    let rejected = roles().filter(|_| pairs).map(|role: &str| format!("{role}{REJECTED}"));
    roles().map(str::to_owned).chain(rejected).collect()
}

/// The name of a column of sums: its role and what is summed.
pub(crate) fn sum_column(role: &str) -> String {
    match role.strip_suffix(REJECTED).unwrap_or(role).ends_with(BRIER) {
        true => role.to_owned(),
        false => format!("{role}_nll"),
    }
}

/// The name of a column of what is judged token by token.
pub(crate) fn token_column(role: &str) -> String {
    if role.ends_with(BRIER) { format!("{role}_token") } else { format!("{role}_token_nll") }
}

/// The ending of roles with the Brier loss.
pub(crate) const BRIER: &str = "_brier";

/// The ending of columns of rejected responses, before `_nll`.
pub(crate) const REJECTED: &str = "_rejected";
