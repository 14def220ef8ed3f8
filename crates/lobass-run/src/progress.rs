//! How far a run is.

/// The stages of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Reading, rendering, and tokenizing rows.
    Encode,
    /// Computing losses under the model of this role.
    Score(String),
    /// Drawing samples from the model of this role.
    Generate(String),
    /// Making vectors under the model of this role, perhaps with its losses.
    Embed(String),
}

/// How far a stage is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The stage.
    pub stage: Stage,
    /// Rows whose unit is committed, those of earlier runs included.
    pub rows_done: u64,
    /// Rows of an earlier run among them.
    pub rows_resumed: u64,
    /// All rows.
    pub n_rows: u64,
    /// Tokens handled since the stage began in this process.
    pub n_tokens: u64,
}

impl Progress {
    /// The progress of a stage that begins.
    pub fn new(stage: Stage, n_rows: u64) -> Self {
        Self { stage, rows_done: 0, rows_resumed: 0, n_rows, n_tokens: 0 }
    }
}
