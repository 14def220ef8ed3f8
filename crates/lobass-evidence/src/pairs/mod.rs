//! Preference pairs: what models learn from shares and selections of them.

mod against;
mod data_table;
mod drawn;
mod facts;
mod measure;
mod nested;
mod outcome;
mod page;
mod report;
mod subset;

pub use facts::{MarginRecord, PairFacts, PairSource, SourceMargins};
pub use measure::{PairResult, PairResultDifference, PairsMeasured, measure_pairs};
pub use nested::{folds_of_prompts, hold_out_prompts, order_by_key, rows_of_share};
pub use outcome::{HeldOutPair, LENGTHS_MATCH, PairMeasure, PairOutcome};
pub use page::pair_tables;
pub use report::{PairArmReport, PairDifference, PairReport, PairSeed};
pub use subset::{MIXED, PairMatching, PairSubset, ScoreEnd};
