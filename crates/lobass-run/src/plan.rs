//! The work to do: immutable, and named by its content.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lobass_core::Detail;
use lobass_data::{Duplicates, EncodeOptions, Encoder, Pool};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::commit::{TOOL, to_json};
use crate::manifest::{InputRecord, TemplateRecord};
use crate::shard::{Shard, cut};
use crate::{Error, Manifest, ModelRecord};

/// The data of a run, how it becomes sequences, and how it is cut.
///
/// Models are no part of it: the losses of a base model are good for every reference. Paths are no part of its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this format.
    pub version: u32,
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
    /// All rows, in order, without gaps.
    pub shards: Vec<Shard>,
}

pub(crate) const VERSION: u32 = 1;

/// The name of a transform in a summary. Without a transform, a summary does not have it.
const TRANSFORM: &str = "transform of prompts";

impl Plan {
    /// Reads a pool once and cuts it into shards. `now` is the time the template was told, if it asks for it.
    ///
    /// # Errors
    /// [`Error::Data`] if a file cannot be read to its end.
    pub fn make(pool: &Pool, encoder: &Encoder, now: Option<String>) -> Result<Self, Error> {
        let mut rows_of_file = vec![0u64; pool.files().len()];
        let mut sizes: Vec<u64> = Vec::new();
        for row in pool.rows() {
            let row = row?;
            rows_of_file[row.file] += 1;
            sizes.push(row.n_bytes);
        }
        let inputs = pool
            .files()
            .iter()
            .zip(rows_of_file)
            .map(|(file, n_rows)| {
                Ok(InputRecord {
                    path: file.origin(),
                    source: file.source().to_owned(),
                    sha256: file.fingerprint()?,
                    n_rows,
                    layout: file.layout().clone(),
                })
            })
            .collect::<Result<_, lobass_data::Error>>()?;
        let template = encoder.template();
        Ok(Self {
            version: VERSION,
            inputs,
            tokenizer: encoder.tokenizer().digest().to_owned(),
            template: TemplateRecord {
                name: template.name().to_owned(),
                digest: template.digest().to_owned(),
                now: now.filter(|_| template.tells_time()),
                arguments: template.arguments().clone(),
            },
            encoding: *encoder.options(),
            duplicates: pool.duplicates(),
            shards: cut(&sizes),
        })
    }

    /// The number of rows in the pool.
    pub fn n_rows(&self) -> u64 {
        self.inputs.iter().map(|input| input.n_rows).sum()
    }

    /// The plan's name: a hash of everything in it but names and paths.
    pub fn id(&self) -> String {
        let mut nameless = self.clone();
        nameless.inputs.iter_mut().for_each(|input| input.path.clear());
        nameless.template.name.clear();
        Sha256::digest(to_json(&nameless)).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Everything that decides the plan, by name and in words.
    pub fn summary(&self) -> Vec<(&'static str, String)> {
        let of = |input: &InputRecord| format!("{} {} {}", input.source, &input.sha256[..8], input.layout);
        let data = self.inputs.iter().map(of).collect::<Vec<_>>().join("; ");
        let short = |digest: &str| digest.chars().take(8).collect::<String>();
        let mut summary = vec![
            ("data", data),
            ("tokenizer", short(&self.tokenizer)),
            ("chat template", format!("{} {}", self.template.name, short(&self.template.digest))),
            ("mask", self.encoding.mask.to_string()),
            ("max length", self.encoding.max_length.to_string()),
            ("overlong policy", self.encoding.overlong.to_string()),
            ("vocabulary of the model", format!("{:?}", self.encoding.vocabulary)),
            ("duplicates policy", format!("{:?}", self.duplicates)),
            ("version of lobass", format!("plan {}", self.version)),
        ];
        if let Some(transform) = self.encoding.transform {
            summary.push((TRANSFORM, transform.to_string()));
        }
        summary
    }

    /// The differences of two plans, in words.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let described = |plan: &Self| {
            let mut summary = plan.summary();
            if plan.encoding.transform.is_none() {
                summary.push((TRANSFORM, "none".to_owned()));
            }
            summary
        };
        let both = described(self).into_iter().zip(described(other));
        let differing = both.filter(|((_, mine), (_, theirs))| mine != theirs);
        differing.map(|((what, mine), (_, theirs))| format!("{what} ({theirs}, now {mine})")).collect()
    }

    /// Whether rows are pairs; files with pairs and files without can stand side by side.
    pub fn has_pairs(&self) -> bool {
        self.inputs.iter().any(|input| input.layout.is_preference())
    }

    /// The manifest of a table of this plan, before its rows are counted.
    pub(crate) fn manifest(&self, models: Vec<ModelRecord>, detail: Detail) -> Manifest {
        Manifest {
            version: VERSION,
            tool: TOOL.to_owned(),
            plan: self.id(),
            inputs: self.inputs.clone(),
            tokenizer: self.tokenizer.clone(),
            template: self.template.clone(),
            encoding: self.encoding,
            duplicates: self.duplicates,
            models,
            mode: None,
            folds: None,
            unseen: None,
            pairs: self.has_pairs(),
            per_token: detail == Detail::PerToken,
            n_rows: self.n_rows(),
            counts: BTreeMap::new(),
            unread: Vec::new(),
            digest: None,
        }
    }
}
