//! How long work reports progress, and how it is stopped.

/// Receives the reports of long work, and decides whether it continues.
///
/// A terminal, a log, or a program that embeds lobass implements it. Work that runs for more than a moment takes a
/// `&dyn Observer`; two pieces of work in one process can have two observers. [`Silent`] ignores everything.
pub trait Observer: Send + Sync {
    /// A line about what is being done, such as which template is used.
    fn note(&self, line: &str);

    /// A line that the user should not miss, such as rows that were left out.
    fn warn(&self, line: &str);

    /// How far a stage is. A stage reports when it begins, and then after each piece of work. Two stages may run at the
    /// same time; each reports under its name.
    fn progress(&self, at: &StageProgress<'_>);

    /// Whether to stop. It is asked before every unit of work. What was committed before stays.
    fn is_interrupted(&self) -> bool;
}

/// How far a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageProgress<'a> {
    /// The name of the stage, such as `tokenize` or `score base`.
    pub stage: &'a str,
    /// The unit of the counts below.
    pub unit: ProgressUnit,
    /// Units that are done, those of earlier runs included.
    pub done: u64,
    /// Units among them that earlier runs did.
    pub before: u64,
    /// All units.
    pub all: u64,
    /// Tokens that were handled since the stage began in this process.
    pub n_tokens: u64,
    /// More to show, such as `loss 2.1406`; the most important first.
    pub facts: &'a [String],
}

/// The units that a stage counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProgressUnit {
    /// Rows of a pool.
    Rows,
    /// Optimizer steps.
    Steps,
    /// Bytes of a file.
    Bytes,
}

/// An [`Observer`] that ignores reports and never stops the work.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn note(&self, _: &str) {}

    fn warn(&self, _: &str) {}

    fn progress(&self, _: &StageProgress<'_>) {}

    fn is_interrupted(&self) -> bool {
        false
    }
}
