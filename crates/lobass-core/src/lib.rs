//! The words that every lobass crate shares.
//!
//! Nothing here reads a file, touches a tensor, or knows a tokenizer. The types follow the flow of the tool:
//!
//! - An [`ExampleKey`] names a row. A [`Sequence`] is that row as a model sees it.
//! - A [`LossEngine`] turns sequences into [`Nll`] sums. A [`SamplingEngine`] draws a [`Sample`] after a [`Prompt`].
//! - A [`ScoreRecord`] is one row of the score table. [`ScoreColumns`] hold the columns of all rows.
//! - A scorer computes a [`Score`] for each row, with a [`Direction`].
//! - A strategy spends a [`Budget`] and returns a [`Selection`].
//!
//! Long work reports to an [`Observer`].
//!
//! ```
//! use lobass_core::{Nll, Sequence};
//!
//! // `<s> 2 + 2 = 4 </s>`, where `4` and `</s>` are the response.
//! let ids = vec![1, 20, 21, 20, 22, 40, 2];
//! let scored = [false, false, false, false, false, true, true];
//! let sequence = Sequence::from_scored_tokens(ids, &scored)?;
//! assert_eq!(sequence.n_scored(), 2);
//! assert_eq!(sequence.scored_positions().collect::<Vec<_>>(), [4, 5]); // the positions that predict them
//!
//! let base = Nll { sum: 6.0, n_scored: 2 };
//! let reference = Nll { sum: 1.5, n_scored: 2 };
//! assert_eq!(base.mean(), Some(3.0));
//! assert_eq!(1.0 - reference.sum / base.sum, 0.75); // LoBaSS: the share of the loss that fine-tuning removed
//! # Ok::<(), lobass_core::SequenceError>(())
//! ```

mod arithmetic;
mod budget;
mod columns;
mod context;
mod data_files;
mod device_id;
mod digest;
mod dtype;
mod engine;
mod key;
mod measure;
mod memory_limit;
mod model_role;
mod nll;
mod numbers;
mod observer;
pub mod parallel;
pub mod readable;
mod record;
mod rounding;
mod sampling;
mod score;
mod secrets;
mod selection;
mod sequence;
mod status;
mod visible;

pub use arithmetic::Arithmetic;
pub use budget::{Budget, BudgetError};
pub use columns::{ColumnSet, ScoreColumns};
pub use context::Context;
pub use data_files::{
    ChosenFiles, DataCard, FileGroup, FileGroups, TRAIN, UnclearFiles, choose_files, lacks_parts,
    missing_parts, set_name,
};
pub use device_id::{DeviceId, DeviceKind};
pub use digest::Digest;
pub use dtype::Dtype;
pub use engine::{Detail, EmbeddingEngine, LossEngine, SequenceLoss};
pub use key::{ExampleKey, tie_break};
pub use measure::Measure;
pub use memory_limit::MemoryLimit;
pub use model_role::{ModelRole, REJECTED, Reference};
pub use nll::Nll;
pub use numbers::Numbers;
pub use observer::{Observer, ProgressUnit, Silent, StageProgress};
pub use record::{RejectedRecord, ScoreRecord};
pub use rounding::Rounding;
pub use sampling::{Prompt, Sample, SampleEnd, Sampling, SamplingEngine};
pub use score::{Direction, Score};
pub use secrets::without_secrets;
pub use selection::{Selected, Selection};
pub use sequence::{Sequence, SequenceError};
pub use status::RowStatus;
pub use visible::{is_invisible, visible};
