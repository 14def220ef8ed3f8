//! The path from data and models to a sealed score table.
//!
//! A [`Plan`] is an immutable, content-addressed list of shards over a pool. Work is done in units, one per shard and
//! stage: the stage `rows` turns text into sequences, and each model turns sequences into losses. A unit ends in a
//! commit, which is created whole or not at all. So a run can be killed at any point, and running it again continues
//! it: the remaining work is the plan without its commits. [`WorkDir::seal`] joins all units into the score table. A
//! [`Seal`] lists its models: a base, and one reference or several, with other seeds or other [`Folds`].
//!
//! Nothing here knows burn: a model is a [`lobass_core::LossEngine`].
//!
//! ```
//! # use lobass_core::{Detail, LossEngine, Nll, Sequence, SequenceLoss};
//! # use lobass_data::{ChatTemplate, DataFile, Duplicates, EncodeOptions, Encoder, FormatChoice, Mask, Overlong};
//! # use lobass_data::{Pool, TemplateChoice, TextTokenizer};
//! # use lobass_run::{ModelKey, Plan, Seal, Store, WorkDir, read_table};
//! # struct Constant(f64);
//! # impl LossEngine for Constant {
//! #     type Error = std::convert::Infallible;
//! #     fn vocab_size(&self) -> usize { 1000 }
//! #     fn losses(&self, rows: &[Sequence], _: Detail) -> Result<Vec<SequenceLoss>, Self::Error> {
//! #         let nll = |row: &Sequence| Nll { sum: self.0 * row.n_scored() as f64, n_scored: row.n_scored() as u64 };
//! #         Ok(rows.iter().map(|row| SequenceLoss { nll: nll(row), per_token: None }).collect())
//! #     }
//! # }
//! # let dir = tempfile::tempdir()?;
//! # let checkpoint = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/chat/bytes");
//! # std::fs::write(dir.path().join("pool.jsonl"), "{\"question\": \"2 + 2?\", \"answer\": \"4\"}\n")?;
//! # let file = DataFile::open(&dir.path().join("pool.jsonl"), "sums", &FormatChoice::Auto)?;
//! # let pool = Pool::new(vec![file], Duplicates::Keep);
//! # let template = ChatTemplate::load(&TemplateChoice::Auto, &checkpoint, pool.fallback(), Default::default())?;
//! # let options = EncodeOptions { mask: Mask::Response, max_length: 512, overlong: Overlong::Drop, vocabulary: None, transform: None };
//! # let encoder = Encoder::new(TextTokenizer::from_dir(&checkpoint)?, template, options)?;
//! # let (work, scores) = (dir.path().join("work"), dir.path().join("scores.parquet"));
//! # let (base_engine, reference_engine) = (Constant(3.0), Constant(1.5));
//! # use lobass_core::{DeviceId, Dtype};
//! # let base = ModelKey::new("base".into(), "a-model", "0123456789abcdef".into(), Dtype::F32, DeviceId::CPU);
//! # let reference = ModelKey::new("reference".into(), "a-model-tuned", "fedcba9876543210".into(), Dtype::F32, DeviceId::CPU);
//! let plan = Plan::make(&pool, &encoder, None)?;
//! let work = WorkDir::open(Store::local(&work)?, plan)?;
//! work.encode(&pool, &encoder, 2, &mut |_| ())?;
//! work.score(&base, &base_engine, Detail::Sum, &mut |_| ())?;
//! work.score(&reference, &reference_engine, Detail::Sum, &mut |_| ())?;
//! work.seal(&Seal::new(base, vec![reference.into()]), &scores)?;
//!
//! let table = read_table(&scores)?;
//! assert_eq!(table.records[0].base.unwrap().mean(), Some(3.0));
//! assert_eq!(table.records[0].reference.unwrap().mean(), Some(1.5));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attempts;
mod audit;
mod columns;
mod commit;
mod drawn;
mod embed;
mod embeddings;
mod encode;
mod error;
mod folds;
mod garbage;
mod generate;
mod import;
mod job;
mod join;
mod lock;
mod losses;
mod manifest;
mod masks;
mod model_record;
mod null;
mod part;
mod plan;
mod progress;
mod protocol;
mod request;
mod row_scores;
mod rows;
mod sample_file;
mod score;
mod seal;
mod shard;
mod store;
mod table;
mod tally;
mod unit;
mod unread;
mod vectors;
mod work;

pub use attempts::{Attempt, Attempts};
pub use drawn::RowSamples;
pub use embeddings::{EmbeddingFile, EmbeddingManifest, EmbeddingOptions};
pub use error::Error;
pub use folds::{Folds, fold_of};
pub use generate::{DrawnBy, Slice};
pub use import::{ImportRequest, ImportedLosses, LossInput};
pub use job::{Job, ModelState};
pub use manifest::{InputRecord, Manifest, ModelKey, TemplateRecord};
pub use masks::{IGNORE_INDEX, MaskWriter};
pub use model_record::{ImportedModel, ModelRecord, Provenance, RecordedModel};
pub use null::{NullModels, Unseen};
pub use part::Part;
pub use plan::Plan;
pub use progress::{Progress, Stage};
pub use protocol::{Answer, Op, PROTOCOL_VERSION, Ready, Request};
pub use request::{HeldOut, ReferenceMode, ReferenceModel, Seal};
pub use row_scores::{RowScore, RowScoreWriter};
pub use sample_file::{SampleFile, SampleManifest, SampleRow, SampleSet};
pub use shard::Shard;
pub use store::{Location, Store};
pub use table::{
    ScoreFile, ScoreTable, TokenLosses, losses_by_seed, null_losses_by_seed, null_seed_columns, read_table,
    seed_columns, write_json_lines,
};
pub use tally::SealReport;
pub use unit::{Receipt, Step, Unit, UnitState};
pub use unread::{UnreadRecord, UnreadTally};
pub use work::{RowName, WorkDir};
