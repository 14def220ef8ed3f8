//! Scoring in memory: the losses of rows under a base and a reference.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lobass_core::{Detail, ScoreRecord};
use lobass_data::Pool;
use lobass_run::{Location, Manifest, ScoreFile, Store, WorkDir};

use crate::error::Result;
use crate::model::{Model, check_pair, with_template_of};
use crate::null::open_null;
use crate::place::{store, told_in};
use crate::references::{further, given};
use crate::rows::Rows;
use crate::runtime::Runtime;
use crate::scoring::{score as score_one, score_pair, tokenize};
use crate::sequences::{Sequences, check_scored_pool, open_scored_pool};
use crate::settings::{EncodeSettings, available_threads};

/// Options of [`score`].
#[derive(Debug, Clone, Default)]
pub struct ScoreOptions {
    /// The chat template, the mask, and the maximal length.
    pub sequences: EncodeSettings,
    /// Whether the loss of every scored token is kept; strategies such as `s-ifd` need it.
    pub per_token: bool,
    /// Whether the base also scores responses without their prompts; `ifd` and related strategies need it.
    pub unconditional: bool,
    /// Whether the base also computes the Brier loss; `lark` needs it.
    pub brier: bool,
    /// The null model, a checkpoint or an adapter that was trained on responses without their prompts; `pvi-trained`
    /// and `prompt-gain` need it.
    pub null: Option<PathBuf>,
    /// A place for finished work: the same call then continues an interrupted one. Without it, work is kept in
    /// memory.
    pub work: Option<Location>,
    /// Threads; `None` takes one per core.
    pub threads: Option<usize>,
}

/// Scored rows: the table of their losses, in memory.
#[derive(Clone)]
pub struct Scored {
    pub(crate) pool: Pool,
    pub(crate) table: Arc<ScoreFile>,
}

/// Scores every row under a base and, if there is one, a reference.
///
/// The losses are the same, bit for bit on the processor, as those that `lobass score` writes for the same rows. A row
/// that cannot be scored has a status and a reason in place of numbers.
///
/// # Errors
/// If the rows have no known format, the models are not a pair, a device fails, or the observer asks to stop.
pub fn score(
    rows: &(impl Rows + ?Sized),
    base: &Model,
    reference: Option<&Model>,
    options: &ScoreOptions,
    runtime: &Runtime,
) -> Result<Scored> {
    let pool = rows.pool()?.into_owned();
    let encode = with_template_of(&options.sequences, base.dir(), reference.map(Model::dir), runtime)?;
    let told = options.work.as_ref().map(|work| told_in(work, runtime)).transpose()?.flatten();
    let sequences = Sequences::of(pool, &encode, base.dir(), base.checkpoint.spec(), told, runtime)?;
    if let Some(reference) = reference {
        check_pair(base, reference, sequences.encoder.tokenizer(), runtime)?;
    }
    let further = further(base, options.unconditional, options.brier, &sequences)?;
    let null = options.null.as_deref();
    let null = null.map(|dir| open_null(base, dir, &sequences, runtime)).transpose()?;
    let threads = options.threads.unwrap_or_else(available_threads).max(1);
    let detail = if options.per_token { Detail::PerToken } else { Detail::Sum };
    let place = match &options.work {
        Some(location) => store(location, runtime)?,
        None => Store::in_memory()?,
    };
    let work = WorkDir::open(place, sequences.plan()?)?;
    tokenize(&work, &sequences, threads, runtime)?;
    score_pair(&work, base, reference, detail, threads, runtime)?;
    for model in further.iter().chain(&null) {
        score_one(&work, model, detail, threads, runtime)?;
    }
    let seal = given(base, reference, &further, null.as_ref(), &work, detail, runtime)?;
    let (table, _) = work.seal_in_memory(&seal)?;
    Ok(Scored { pool: sequences.pool, table: Arc::new(table) })
}

impl Scored {
    /// Opens a table that was written. Strategies that look at the rows, and not only at their losses, need `rows`: those
    /// that were scored.
    ///
    /// # Errors
    /// If the file is no score table, or the rows are not those of the table.
    pub fn open(scores: &Path, rows: Option<&Pool>, runtime: &Runtime) -> Result<Self> {
        let table = ScoreFile::open(scores)?;
        let pool = match rows {
            Some(pool) => {
                check_scored_pool(pool, table.manifest())?;
                pool.clone()
            }
            None => open_scored_pool(scores, &[], table.manifest(), false, runtime)?,
        };
        Ok(Self { pool, table: Arc::new(table) })
    }

    /// The table with rows, for strategies that read them.
    ///
    /// # Errors
    /// If they are not the rows that were scored.
    pub fn with_rows(&self, rows: &Pool) -> Result<Self> {
        check_scored_pool(rows, self.manifest())?;
        Ok(Self { pool: rows.clone(), table: Arc::clone(&self.table) })
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        usize::try_from(self.table.manifest().n_rows).unwrap_or(usize::MAX)
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One record per row, in the order of the rows: its status, its tokens, and its summed losses in nats.
    ///
    /// # Errors
    /// If a column cannot be read.
    pub fn records(&self) -> Result<Vec<ScoreRecord>> {
        Ok(self.table.records()?)
    }

    /// The manifest of the table: models, template, mask, and the number of rows by status.
    pub fn manifest(&self) -> &Manifest {
        self.table.manifest()
    }

    /// The table, for functions that read its columns.
    pub fn table(&self) -> &ScoreFile {
        &self.table
    }

    /// The rows, as they were read.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Writes the table as Parquet, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, out: &Path) -> Result<()> {
        Ok(self.table.write(out)?)
    }
}

impl fmt::Debug for Scored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scored").field("manifest", self.table.manifest()).finish_non_exhaustive()
    }
}
