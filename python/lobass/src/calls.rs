//! The calls: score, embed, import, select, train, compare.

use std::path::PathBuf;

use lobass::comparison::{Baseline, CompareJob, HeldOutRequest};
use lobass::embedding::{EmbedOptions, EmbeddingOptions, Format, embed_rows};
use lobass::import::{ImportOptions, LossInput, ModelLosses, Program};
use lobass::model::{Model, check_adapter};
use lobass::selection::SelectionTarget;
use lobass::settings::{MatchedTokens, SelectSettings, available_threads};
use lobass::{Error, ScoreOptions, TrainOptions};
use lobass_evidence::{Bootstrap, Matching};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::observer::Caller;
use crate::rows::Rows;
use crate::settings::{Comparing, Embedding, Importing, Scoring, Training, read};
use crate::table::Table;

/// Scores rows under a base, and under a reference or an adapter if there is one.
#[pyfunction]
#[pyo3(signature = (caller, rows, base, reference, adapter, settings))]
pub(crate) fn score(
    py: Python<'_>,
    caller: &Caller,
    rows: &Rows,
    base: PathBuf,
    reference: Option<PathBuf>,
    adapter: Option<PathBuf>,
    settings: &str,
) -> PyResult<Table> {
    let settings: Scoring = read(settings)?;
    let work = settings.work.as_deref().map(str::parse).transpose().map_err(PyValueError::new_err)?;
    caller.call(py, |runtime| {
        let base = Model::open_as("base", &base, &settings.compute, runtime)?;
        if let Some(adapter) = &adapter {
            check_adapter(adapter, runtime)?;
        }
        let tuned = reference.as_ref().or(adapter.as_ref());
        let tuned = tuned.map(|dir| base.open_tuned("reference", dir, runtime)).transpose()?;
        let options = ScoreOptions {
            threads: settings.compute.threads,
            sequences: settings.sequences,
            per_token: settings.per_token,
            unconditional: settings.unconditional,
            brier: settings.brier,
            null: settings.null,
            work,
        };
        lobass::score(&rows.0, &base, tuned.as_ref(), &options, runtime).map(Table)
    })
}

/// Writes a vector of every row to a file, and gives a report as JSON.
#[pyfunction]
pub(crate) fn embed(
    py: Python<'_>,
    caller: &Caller,
    rows: &Rows,
    base: PathBuf,
    out: PathBuf,
    settings: &str,
) -> PyResult<String> {
    let settings: Embedding = read(settings)?;
    let work = settings.work.as_deref().map(str::parse).transpose().map_err(PyValueError::new_err)?;
    caller.call(py, |runtime| {
        let base = Model::open_as("base", &base, &settings.compute, runtime)?;
        let format = if settings.half { Format::F16 } else { Format::F32 };
        let options = EmbedOptions {
            threads: settings.compute.threads,
            sequences: settings.sequences,
            vectors: EmbeddingOptions { format, normalize: settings.normalize },
            work,
        };
        let report = embed_rows(&rows.0, &base, &options, &out, runtime)?;
        Ok(serde_json::to_string(&report)?)
    })
}

/// Makes a score table of losses that another program computed: files, or bytes of JSON lines.
#[pyfunction]
#[pyo3(signature = (caller, rows, tokenizer, base, reference, settings))]
pub(crate) fn import_losses(
    py: Python<'_>,
    caller: &Caller,
    rows: &Rows,
    tokenizer: PathBuf,
    base: &Bound<'_, PyAny>,
    reference: Option<&Bound<'_, PyAny>>,
    settings: &str,
) -> PyResult<Table> {
    let settings: Importing = read(settings)?;
    let base = ModelLosses { losses: loss_input(base, "base_losses")?, name: settings.base_name };
    let reference = reference.map(|losses| loss_input(losses, "reference_losses")).transpose()?;
    let reference = reference.zip(settings.reference_name).map(|(losses, name)| ModelLosses { losses, name });
    let options = ImportOptions {
        sequences: settings.sequences,
        template_time: settings.template_time,
        program: Program { name: settings.program, version: settings.version, dtype: settings.dtype },
        per_token: settings.per_token,
        threads: settings.threads,
    };
    caller.call(py, |runtime| {
        lobass::import::import(&rows.0, tokenizer, base, reference, &options, runtime).map(Table)
    })
}

/// A path, or JSON lines in memory, which get a name.
fn loss_input(given: &Bound<'_, PyAny>, name: &str) -> PyResult<LossInput> {
    match given.cast::<PyBytes>() {
        Ok(lines) => Ok(LossInput::Lines { name: name.into(), bytes: lines.as_bytes().to_vec().into() }),
        Err(_) => Ok(LossInput::File(given.extract()?)),
    }
}

/// A selection: its report as JSON, and of the kept rows, best first, the positions, the scores, and the keys.
type Selected = (String, Vec<u64>, Vec<f64>, Vec<String>);

/// Selects among scored rows by the first strategy of the settings.
#[pyfunction]
#[pyo3(signature = (caller, table, settings, rows, out, index))]
pub(crate) fn select(
    py: Python<'_>,
    caller: &Caller,
    table: &Table,
    settings: &str,
    rows: Option<&Rows>,
    out: Option<PathBuf>,
    index: Option<PathBuf>,
) -> PyResult<Selected> {
    let settings: SelectSettings = read(settings)?;
    caller.call(py, |_| {
        let with_rows = rows.map(|rows| table.0.with_rows(&rows.0)).transpose()?;
        let scored = with_rows.as_ref().unwrap_or(&table.0);
        let target = SelectionTarget { out, index };
        let report = lobass::select_and_report(scored, &settings, &target)?;
        let kept = &report.chosen.selection.selected;
        let rows: Vec<u64> = kept.iter().map(|kept| kept.row).collect();
        let keys = scored.table().keys(&rows, available_threads())?;
        Ok((
            serde_json::to_string(&report)?,
            rows,
            kept.iter().map(|kept| kept.score.value()).collect(),
            keys.iter().map(ToString::to_string).collect(),
        ))
    })
}

/// Trains a reference, or an adapter, and gives a report as JSON.
#[pyfunction]
pub(crate) fn train(
    py: Python<'_>,
    caller: &Caller,
    rows: &Rows,
    model: PathBuf,
    out: PathBuf,
    settings: &str,
) -> PyResult<String> {
    let settings: Training = read(settings)?;
    caller.call(py, |runtime| {
        let base = Model::open_as("base", &model, &settings.compute, runtime)?;
        let options = TrainOptions {
            threads: settings.compute.threads,
            sequences: settings.sequences,
            train: settings.train,
            eval: settings.eval,
            data: settings.data,
            trajectory: settings.trajectory,
        };
        let report = lobass::train(&rows.0, &base, &options, &out, runtime)?;
        Ok(serde_json::to_string(&report)?)
    })
}

/// Compares strategies by what their subsets teach, and gives the report as JSON.
#[pyfunction]
#[pyo3(signature = (caller, table, base, settings, rows, eval))]
pub(crate) fn compare(
    py: Python<'_>,
    caller: &Caller,
    table: &Table,
    base: PathBuf,
    settings: &str,
    rows: Option<&Rows>,
    eval: Option<&Rows>,
) -> PyResult<String> {
    let asked: Comparing = read(settings)?;
    let baselines = asked.baselines.iter().map(|name| name.parse::<Baseline>());
    let baselines = baselines.collect::<Result<Vec<_>, _>>().map_err(PyValueError::new_err)?;
    let matchings = Matching::ALL.into_iter().filter(|one| asked.matchings.contains(&one.to_string()));
    let matchings: Vec<Matching> = matchings.collect();
    caller.call(py, |runtime| {
        let with_rows = rows.map(|rows| table.0.with_rows(&rows.0)).transpose()?;
        let scored = with_rows.as_ref().unwrap_or(&table.0);
        if scored.pool().files().len() != scored.manifest().inputs.len() {
            return Err(Error::Table(
                "the rows of the score table are not there; give them with `rows`".to_owned(),
            ));
        }
        let mut settings = CompareJob::settings_of(scored.table());
        (settings.select, settings.train, settings.compute) = (asked.select, asked.train, asked.compute);
        if let Some(template) = asked.chat_template {
            settings.sequences.chat_template = template;
        }
        let job = CompareJob {
            answers: None,
            table: scored.table(),
            pool: scored.pool(),
            base: &base,
            strategies: &asked.strategies,
            baselines: &baselines,
            settings: &settings,
            held_out: HeldOutRequest {
                rows: eval.map(|rows| &rows.0),
                policy: asked.overlap,
                wrong_responses: asked.wrong_responses.as_deref(),
            },
            n_seeds: asked.seeds,
            matchings,
            tokens: asked.tokens.map(MatchedTokens::Count),
            bootstrap: Bootstrap { n_resamples: asked.resamples, ..Bootstrap::default() },
            threads: settings.compute.threads(),
            out: &asked.out,
        };
        let comparison = job.open(runtime)?;
        Ok(serde_json::to_string(&comparison.run(scored.table(), runtime)?)?)
    })
}

/// Every strategy, as JSON.
#[pyfunction]
pub(crate) fn strategies() -> String {
    serde_json::json!(lobass::strategies()).to_string()
}
