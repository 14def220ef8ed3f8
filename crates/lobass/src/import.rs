//! Score tables from losses that another program computed.
//!
//! Rows are encoded as for scoring, with the tokenizer and the chat template of the model. Each loss is checked against the
//! tokens of its row. The manifest of the table says who computed the losses.

use std::path::Path;
use std::sync::Arc;

use lobass_core::{Detail, ModelRole, Observer as _};
use lobass_data::Pool;
use lobass_run::{ImportRequest, ImportedLosses, Plan, Provenance};

use crate::error::{Result, bail};
use crate::missing::Missing;
use crate::rows::Rows;
use crate::runtime::Runtime;
use crate::score::Scored;
use crate::sequences::{Sequences, open_pool};
use crate::settings::{DataSettings, EncodeSettings, available_threads};
use crate::table::{TableFormat, TableReport, say, write_as};
use crate::{outputs, progress};

pub use lobass_run::LossInput;

/// The program that computed losses, as the caller says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Program {
    /// Its name, such as `vllm`.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// The number format that the models ran in, such as `bfloat16`.
    pub dtype: Option<String>,
}

/// The losses of one model.
#[derive(Debug, Clone)]
pub struct ModelLosses {
    /// Where they are.
    pub losses: LossInput,
    /// The name of the model.
    pub name: String,
}

/// How rows become tokens, and who computed their losses.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// The chat template, the mask, and the maximal length.
    pub sequences: EncodeSettings,
    /// The time that the chat template saw, if it asks for one.
    pub template_time: Option<String>,
    /// The program.
    pub program: Program,
    /// Whether the loss of every scored token is kept; the losses have to be log-probabilities of tokens.
    pub per_token: bool,
    /// Threads; `None` takes one per core.
    pub threads: Option<usize>,
}

/// A score table that is to be made of another program's losses.
#[derive(Debug)]
pub struct ImportJob<'a> {
    /// The data files and how they are read.
    pub data: &'a DataSettings,
    /// How rows become tokens, and who computed their losses.
    pub options: &'a ImportOptions,
    /// The model whose tokenizer and chat template are used: a checkpoint directory, or a model of the hub. No weights are
    /// read, and lobass need not be able to run it.
    pub tokenizer: &'a Path,
    /// The losses under the base.
    pub base: ModelLosses,
    /// The losses under the reference, if there is one.
    pub reference: Option<ModelLosses>,
    /// The table: Parquet, or JSON lines by its name.
    pub out: &'a Path,
}

impl ImportJob<'_> {
    /// Checks every loss against its row, and writes the table.
    ///
    /// # Errors
    /// If the data, the tokenizer, or the losses cannot be read, or a loss does not fit its row. If the output is one of the
    /// inputs, or the observer asks to stop.
    pub fn run(self, runtime: &Runtime) -> Result<TableReport> {
        let Self { data, options, tokenizer, base, reference, out } = self;
        let format = TableFormat::of(out, options.detail())?;
        let missing = Missing::default().model("base", tokenizer).files("losses of the base", base.file());
        let missing =
            missing.files("losses of the reference", reference.iter().filter_map(ModelLosses::file));
        missing.data(data, runtime).apart(out, data).sequences(&options.sequences).end()?;
        let pool = open_pool(data, runtime)?;
        let losses = std::iter::once(&base).chain(&reference).filter_map(ModelLosses::file);
        let rows = pool.files().iter().map(|file| ("a data file", file.path()));
        let inputs: Vec<_> = rows.chain(losses.map(|file| ("a file of losses", file))).collect();
        outputs::check(&[out.to_owned()], &inputs)?;
        outputs::note_replaced(&[out.to_owned()], runtime);
        let sequences = options.sequences(pool, tokenizer, runtime)?;
        let plan = sequences.plan()?;
        let request = options.request(&sequences, &plan, base, reference)?;
        let report = write_as(format, out, runtime, |parquet| {
            let observe = &mut progress::stage(runtime, STAGE.to_owned(), plan.n_rows());
            runtime.stopped(request.write(parquet, &mut || !runtime.is_interrupted(), observe))
        })?;
        TableReport::new(out, &report.manifest, &report.reasons, options.threads())
    }
}

/// Makes a score table of another program's losses in memory.
///
/// `tokenizer` is the model whose tokenizer and chat template are used: a checkpoint directory, or a model of the hub.
///
/// # Errors
/// If the tokenizer or the losses cannot be read, or a loss does not fit its row; if the observer asks to stop.
pub fn import(
    rows: &(impl Rows + ?Sized),
    tokenizer: impl AsRef<Path>,
    base: ModelLosses,
    reference: Option<ModelLosses>,
    options: &ImportOptions,
    runtime: &Runtime,
) -> Result<Scored> {
    let sequences = options.sequences(rows.pool()?.into_owned(), tokenizer.as_ref(), runtime)?;
    let plan = sequences.plan()?;
    let request = options.request(&sequences, &plan, base, reference)?;
    let observe = &mut progress::stage(runtime, STAGE.to_owned(), plan.n_rows());
    let made = request.in_memory(&mut || !runtime.is_interrupted(), observe);
    let (table, report) = runtime.stopped(made)?;
    say(&report, runtime);
    Ok(Scored { pool: sequences.pool, table: Arc::new(table) })
}

/// The name of the stage in progress.
const STAGE: &str = "import";

impl ImportOptions {
    fn detail(&self) -> Detail {
        if self.per_token { Detail::PerToken } else { Detail::Sum }
    }

    fn threads(&self) -> usize {
        self.threads.unwrap_or_else(available_threads).max(1)
    }

    fn sequences(&self, pool: Pool, tokenizer: &Path, runtime: &Runtime) -> Result<Sequences> {
        Sequences::of_tokenizer(pool, &self.sequences, tokenizer, self.template_time.clone(), runtime)
    }

    fn request<'a>(
        &self,
        sequences: &'a Sequences,
        plan: &'a Plan,
        base: ModelLosses,
        reference: Option<ModelLosses>,
    ) -> Result<ImportRequest<'a>> {
        if self.program.name.is_empty() {
            bail!(
                Settings,
                "expected the name of the program that computed the losses, such as `vllm`, found none"
            );
        }
        let name = base.file().map(|file| file.display().to_string());
        let base = base.open(ModelRole::Base, &self.program)?;
        if reference.is_none() && base.has_reference() {
            bail!(
                Settings,
                "the losses of the base{} have `reference_nll` too, which would not be read; give them as the losses of \
                 the reference as well (`--reference-losses`), or leave the field out",
                name.map(|name| format!(", `{name}`,")).unwrap_or_default()
            );
        }
        Ok(ImportRequest {
            pool: &sequences.pool,
            encoder: &sequences.encoder,
            plan,
            base,
            reference: reference
                .map(|losses| losses.open(ModelRole::REFERENCE, &self.program))
                .transpose()?,
            detail: self.detail(),
            threads: self.threads(),
        })
    }
}

impl ModelLosses {
    /// The file, if the losses are in one.
    fn file(&self) -> Option<&Path> {
        match &self.losses {
            LossInput::File(path) => Some(path),
            LossInput::Lines { .. } => None,
        }
    }

    fn open(self, role: ModelRole, program: &Program) -> Result<ImportedLosses> {
        let Program { name, version, dtype } = program.clone();
        let provenance = Provenance {
            program: name,
            version,
            model: self.name,
            dtype,
            losses: String::new(),
            sha256: String::new(),
        };
        Ok(ImportedLosses::open(self.losses, role, provenance)?)
    }
}
