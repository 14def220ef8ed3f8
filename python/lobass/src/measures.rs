//! The calls that measure: information, regions, sources, leakage. Each gives its report as JSON.

use std::path::PathBuf;

use lobass::information::InformationJob;
use lobass::leakage::{LeakageJob, QuestionInput};
use lobass::regions::{RegionSettings, RegionsJob};
use lobass::settings::available_threads;
use lobass::sources::{ExamineOptions, SourcesJob};
use lobass::{Error, TableInput};
use lobass_evidence::Bootstrap;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::observer::Caller;
use crate::rows::{Rows, SOURCE};
use crate::settings::{Examining, Informing, Leaking, Measuring, read};
use crate::table::Table;

fn inputs(tables: &[Py<Table>]) -> Vec<TableInput> {
    tables.iter().map(|table| TableInput::Scored(table.get().0.clone())).collect()
}

/// Tables of one pool, the first with the rows that were scored, if they are given.
fn with_rows(tables: &[Py<Table>], rows: Option<&Rows>) -> Result<Vec<TableInput>, Error> {
    let mut inputs = inputs(tables);
    if let (Some(rows), Some(TableInput::Scored(first))) = (rows, inputs.first_mut()) {
        *first = first.with_rows(&rows.0)?;
    }
    Ok(inputs)
}

/// Measures how much prompts tell about responses.
#[pyfunction]
pub(crate) fn information(
    py: Python<'_>,
    caller: &Caller,
    tables: Vec<Py<Table>>,
    transformed: Vec<Py<Table>>,
    settings: &str,
) -> PyResult<String> {
    let asked: Informing = read(settings)?;
    let (scores, transformed) = (inputs(&tables), inputs(&transformed));
    caller.call(py, |runtime| {
        let job = InformationJob {
            scores: &scores,
            transformed: &transformed,
            by_source: asked.by_source,
            in_sample: asked.in_sample,
            bootstrap: Bootstrap { n_resamples: asked.resamples, seed: asked.seed, ..Bootstrap::default() },
            n_shown: asked.show,
            list: asked.list.as_deref(),
            threads: asked.threads.unwrap_or_else(available_threads).max(1),
        };
        Ok(serde_json::to_string(&job.run(runtime)?)?)
    })
}

/// Measures what fine-tuning taught, region by region.
#[pyfunction]
#[pyo3(signature = (caller, tables, against, settings, rows, against_rows))]
pub(crate) fn regions(
    py: Python<'_>,
    caller: &Caller,
    tables: Vec<Py<Table>>,
    against: Vec<Py<Table>>,
    settings: &str,
    rows: Option<&Rows>,
    against_rows: Option<&Rows>,
) -> PyResult<String> {
    let asked: Measuring = read(settings)?;
    let by: Vec<_> =
        asked.by.iter().map(|word| word.parse().unwrap_or_else(|never| match never {})).collect();
    caller.call(py, |runtime| {
        let (scores, against) = (with_rows(&tables, rows)?, with_rows(&against, against_rows)?);
        let job = RegionsJob {
            scores: &scores,
            by: &by,
            n_bins: asked.bins.get().into(),
            embeddings: asked.embeddings.as_deref(),
            n_clusters: asked.clusters.get().into(),
            format_tokens: asked.format_tokens,
            base: asked.base.as_deref(),
            chat_template: asked.chat_template.as_deref(),
            against: &against,
            settings: RegionSettings {
                bootstrap: Bootstrap { n_resamples: asked.resamples, level: asked.level, seed: asked.seed },
                min_rows: asked.min_rows,
                margin: asked.margin,
                n_shown: asked.examples,
                threads: asked.threads.unwrap_or_else(available_threads).max(1),
            },
            ..RegionsJob::default()
        };
        Ok(serde_json::to_string(&job.run(runtime)?)?)
    })
}

/// Fits a law to the losses of each source of a training.
#[pyfunction]
#[pyo3(signature = (caller, metrics, table, settings))]
pub(crate) fn sources(
    py: Python<'_>,
    caller: &Caller,
    metrics: PathBuf,
    table: Option<&Table>,
    settings: &str,
) -> PyResult<String> {
    let asked: Examining = read(settings)?;
    let scores = table.map(|table| TableInput::Scored(table.0.clone()));
    caller.call(py, |_| {
        let job = SourcesJob {
            metrics: &metrics,
            scores: scores.as_ref(),
            prior: &asked.prior,
            options: ExamineOptions { floor: asked.floor, replicates: asked.bootstrap, seed: asked.seed },
            threads: available_threads(),
        };
        Ok(serde_json::to_string(&job.run()?)?)
    })
}

/// Tests whether models have seen the questions of a benchmark. Each of `data` and `control` is a path, or bytes of JSON
/// lines.
#[pyfunction]
#[pyo3(signature = (caller, base, reference, data, control, settings))]
pub(crate) fn leakage(
    py: Python<'_>,
    caller: &Caller,
    base: PathBuf,
    reference: Option<PathBuf>,
    data: Vec<Bound<'_, PyAny>>,
    control: Vec<Bound<'_, PyAny>>,
    settings: &str,
) -> PyResult<String> {
    let asked: Leaking = read(settings)?;
    let format = asked.benchmark.as_deref().map(str::parse).transpose();
    let format =
        format.map_err(|error: lobass::leakage::FormatError| PyValueError::new_err(error.to_string()))?;
    let questions = |given: Vec<Bound<'_, PyAny>>| given.iter().map(questions).collect::<PyResult<Vec<_>>>();
    let (data, control) = (questions(data)?, questions(control)?);
    caller.call(py, |runtime| {
        let job = LeakageJob {
            base: &base,
            reference: reference.as_deref(),
            data: &data,
            control: &control,
            format,
            orders: asked.orders,
            seed: asked.seed,
            compute: &asked.compute,
            out: asked.out.as_deref(),
        };
        Ok(serde_json::to_string(&job.run(runtime)?)?)
    })
}

fn questions(given: &Bound<'_, PyAny>) -> PyResult<QuestionInput> {
    match given.cast::<PyBytes>() {
        Ok(lines) => Ok(QuestionInput::Lines { name: SOURCE.into(), bytes: lines.as_bytes().to_vec() }),
        Err(_) => Ok(QuestionInput::File(given.extract()?)),
    }
}
