//! SFT data to token sequences, and back to files.
//!
//! - A [`DataFile`] is a file and the meaning of its columns, recognized by its first bytes and its first row.
//! - A [`Pool`] is several of them as one stream of [`Example`]s.
//! - An [`Encoder`] renders each example with a [`ChatTemplate`], tokenizes it once, and masks everything but the
//!   responses.
//! - [`DataFile::write_subset`] copies chosen rows, byte for byte, into the same container.
//!
//! A bad row is data: it becomes a [`RowFault`], with a status and a reason, and never stops the others. What stops
//! a file is an [`Error`].
//!
//! ```
//! use lobass_data::{DataFile, Duplicates, FormatChoice, Pool, Role};
//!
//! let dir = tempfile::tempdir()?;
//! let path = dir.path().join("pool.jsonl");
//! std::fs::write(&path, "{\"question\": \"2 + 2?\", \"answer\": \"4\"}\n{\"question\": \"2 + 3?\"\n")?;
//!
//! let file = DataFile::open(&path, "sums", &FormatChoice::Auto)?;
//! assert!(file.to_string().ends_with("JSON lines, question-answer (`question` -> `answer`)"));
//!
//! let rows = Pool::new(vec![file], Duplicates::Keep).rows().collect::<Result<Vec<_>, _>>()?;
//! let first = rows[0].example.as_ref().unwrap();
//! assert_eq!((first.messages[1].role, first.messages[1].content.as_str()), (Role::Assistant, "4"));
//! let fault = rows[1].example.as_ref().unwrap_err();
//! assert!(fault.reason.starts_with("line 2: not JSON"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod container;
mod digest;
mod encode;
mod error;
mod example;
mod file;
mod find;
mod format;
mod json;
mod key;
mod original;
mod outputs;
mod partition;
mod pool;
mod sample;
mod template;
mod tokenizer;
mod unread;

pub use container::{
    ArrowKind, Compression, Container, MAX_ROW_BYTES, RawRow, Rows, SubsetReport, TableCells, require_codecs,
};
pub use encode::{EncodeOptions, Encoded, Encoder, Mask, Overlong, Trace, Transform};
pub use error::Error;
pub use example::{Example, Message, Role, RowFault, SAME_RESPONSE};
pub use file::{DataFile, FormatChoice, fingerprint};
pub use find::{FoundFiles, OpenedFiles, find_files, open_files};
pub use format::{
    ColumnMap, ConversationLayout, DatasetEntry, FormatName, Layout, NamedColumns, PairLayout,
    PreferenceLayout, PromptLayout, RoleWord, detect, read_dataset_info,
};
/// The time that a template can ask for, with `strftime_now`.
pub use jiff::civil::DateTime;
pub use pool::{Duplicates, Pool, PoolRow};
pub use template::{
    ChatTemplate, Preset, TemplateChoice, TemplateOwner, brought_template, template_argument, template_owner,
};
pub use tokenizer::{Bos, SpecialToken, TextTokenizer, TokenizedText, TokenizerDifference, TokenizerNote};
pub use unread::{Unread, UnreadCounts, UnreadKind};
