//! What there is to do: immutable, and named by its content.

use std::fmt::Write as _;

use lobass_data::{Duplicates, EncodeOptions, Encoder, Pool};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::commit::to_json;
use crate::manifest::{InputRecord, TemplateRecord};
use crate::{Error, Manifest, ModelKey};

/// A run of consecutive rows: the unit of work and of resuming.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Its number.
    pub id: u32,
    /// Its first row, counted over the pool.
    pub first_row: u64,
    /// How many rows it has.
    pub n_rows: u64,
}

/// The data of a run, how it becomes sequences, and how it is cut.
///
/// Models are no part of it: the losses of a base model are good for every reference. Paths are no part of its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this format.
    pub version: u32,
    /// The data, file by file.
    pub inputs: Vec<InputRecord>,
    /// Of everything that decides token ids.
    pub tokenizer: String,
    /// The chat template.
    pub template: TemplateRecord,
    /// Mask, maximal length, and what becomes of longer rows.
    pub encoding: EncodeOptions,
    /// What becomes of repeated rows.
    pub duplicates: Duplicates,
    /// All rows, in order, without gaps.
    pub shards: Vec<Shard>,
}

const VERSION: u32 = 1;
/// Rows per shard that a small pool is cut to, so that little is lost when a run is killed.
const SHARD_ROWS: u64 = 256;
/// More shards than this cost more in files than they save.
const MAX_SHARDS: u64 = 4096;
/// Text of one shard that is held in memory: 4 M tokens or so.
const SHARD_BYTES: u64 = 16 << 20;

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
                    path: file.path().display().to_string(),
                    source: file.source().to_owned(),
                    sha256: file.fingerprint()?,
                    n_rows,
                    layout: serde_json::to_value(file.layout()).unwrap_or_default(),
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

    /// The plan's name: a hash of everything in it but paths.
    pub fn id(&self) -> String {
        let mut nameless = self.clone();
        nameless.inputs.iter_mut().for_each(|input| input.path.clear());
        Sha256::digest(to_json(&nameless)).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// What two plans disagree on, in words.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |what: &str, mine: String, theirs: String| {
            if mine != theirs {
                found.push(format!("{what} ({theirs}, now {mine})"));
            }
        };
        let data = |plan: &Self| {
            let of =
                |input: &InputRecord| format!("{} {} {}", input.source, &input.sha256[..8], input.layout);
            plan.inputs.iter().map(of).collect::<Vec<_>>().join("; ")
        };
        let short = |digest: &str| digest.chars().take(8).collect::<String>();
        compare("data", data(self), data(other));
        compare("tokenizer", short(&self.tokenizer), short(&other.tokenizer));
        let template = |plan: &Self| format!("{} {}", plan.template.name, short(&plan.template.digest));
        compare("chat template", template(self), template(other));
        compare("mask", self.encoding.mask.to_string(), other.encoding.mask.to_string());
        compare("max length", self.encoding.max_length.to_string(), other.encoding.max_length.to_string());
        compare("overlong policy", self.encoding.overlong.to_string(), other.encoding.overlong.to_string());
        compare("duplicates policy", format!("{:?}", self.duplicates), format!("{:?}", other.duplicates));
        compare("version of lobass", format!("plan {}", self.version), format!("plan {}", other.version));
        found
    }

    pub(crate) fn manifest(&self, models: &[ModelKey]) -> Manifest {
        Manifest {
            version: VERSION,
            tool: concat!("lobass ", env!("CARGO_PKG_VERSION")).to_owned(),
            plan: self.id(),
            inputs: self.inputs.clone(),
            tokenizer: self.tokenizer.clone(),
            template: self.template.clone(),
            encoding: self.encoding,
            duplicates: self.duplicates,
            models: models.to_vec(),
            per_token: false,
            n_rows: self.n_rows(),
            counts: std::collections::BTreeMap::new(),
        }
    }
}

/// Cuts rows of given sizes into shards of about equal size.
fn cut(sizes: &[u64]) -> Vec<Shard> {
    let n_rows = sizes.len() as u64;
    let n_bytes: u64 = sizes.iter().sum();
    let count = n_rows.div_ceil(SHARD_ROWS).clamp(1, MAX_SHARDS).max(n_bytes.div_ceil(SHARD_BYTES));
    let target = n_bytes.div_ceil(count).max(1);
    let mut shards: Vec<Shard> = Vec::new();
    let mut filled = 0;
    for (&size, row) in sizes.iter().zip(0..) {
        match shards.last_mut() {
            Some(last) if filled < target => {
                last.n_rows += 1;
                filled += size;
            }
            _ => {
                let id = u32::try_from(shards.len()).expect("far fewer shards than 2^32");
                shards.push(Shard { id, first_row: row, n_rows: 1 });
                filled = size;
            }
        }
    }
    shards
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn shards_cover_every_row_once(sizes in prop::collection::vec(0u64..5000, 0..3000)) {
            let shards = cut(&sizes);
            let mut next = 0;
            for (shard, id) in shards.iter().zip(0..) {
                prop_assert_eq!((shard.id, shard.first_row), (id, next));
                prop_assert!(shard.n_rows > 0);
                next += shard.n_rows;
            }
            prop_assert_eq!(next, sizes.len() as u64);
            prop_assert!(shards.len() <= sizes.len().div_ceil(256) + 1);
        }
    }

    #[test]
    fn a_large_pool_is_cut_by_its_text() {
        let shards = cut(&vec![1 << 20; 100]);
        assert!((6..=7).contains(&shards.len()), "{}", shards.len());
    }
}
