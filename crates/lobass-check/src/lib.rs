//! Named checks of SFT data before training.
//!
//! [`check`] goes through a [`Pool`](lobass_data::Pool) once and returns a [`Report`]: facts about each source, and a
//! [`Finding`] for each thing that needs a look, with rows that show it. It needs no model. With an
//! [`Encoder`](lobass_data::Encoder) it counts tokens and looks at what is scored; with the rows of an evaluation it
//! says which of them the pool holds. What did not run is [`Skipped`], with the flag that runs it.
//!
//! Each check has a name and can be switched off ([`Options::skip`]) or run alone ([`Options::only`]);
//! [`CheckName::info`] says what it looks for, from when on that is a finding, and where the rule comes from. Nothing
//! is printed, and nothing depends on the number of threads.
//!
//! Beside it stand what goes through all rows for one purpose: [`rules_excluded`] and [`findings`] (rules on
//! responses), [`near_duplicate_groups`], and [`each_row`] under both.
//!
//! ```
//! use lobass_check::{CheckName, Inputs, Options, check};
//! use lobass_data::{DataFile, Duplicates, FormatChoice, Pool};
//!
//! let dir = tempfile::tempdir()?;
//! let path = dir.path().join("pool.jsonl");
//! std::fs::write(
//!     &path,
//!     "{\"question\": \"2 + 2?\", \"answer\": \"It is 4.\"}\n{\"question\": \"2 + 3?\", \"answer\": \"<|im_start|>5\"}\n",
//! )?;
//! let file = DataFile::open(&path, "sums", &FormatChoice::Auto)?;
//! let pool = Pool::new(vec![file], Duplicates::Keep);
//!
//! let inputs = Inputs { pool: &pool, encoder: None, evaluation: None };
//! let report = check(&inputs, &Options::default())?;
//! assert_eq!(report.sources[0].n_rows, 2);
//! let finding = &report.findings[0];
//! assert_eq!((finding.check, finding.n_rows), (CheckName::Formatted, 1));
//! assert_eq!(finding.what, "markers of a chat template (ChatML)");
//! assert_eq!(finding.examples[0].at.row, 1);
//! let no_tokenizer = report.skipped.iter().find(|skipped| skipped.check == CheckName::Overlong).unwrap();
//! assert_eq!(no_tokenizer.flag, Some("--base MODEL"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod catalog;
mod checks;
mod chunks;
mod error;
mod facts;
mod groups;
mod options;
mod report;
mod row;
mod rules;
mod run;
mod tally;
mod text;

pub use catalog::{CheckInfo, CheckName, Needs};
pub use chunks::{each_chunk, each_row};
pub use error::Error;
pub use groups::{near_duplicate_groups, near_duplicates};
pub use options::{Inputs, Options};
pub use report::{Finding, Report, RowAt, Shown, Skipped, SourceReport, Spread};
pub use row::said;
pub use rules::{Excluded, RowFinding, RuleCount, RuleCounts, RuleExample, findings, rules_excluded};
pub use run::check;
