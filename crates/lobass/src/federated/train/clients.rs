//! The rows of the pool, by client.

use std::collections::BTreeMap;

use lobass_core::Sequence;
use lobass_core::readable::counted;
use lobass_data::Pool;
use lobass_federate::{Error as DealError, Split};
use lobass_run::WorkDir;
use serde_json::Value;

use super::report::ClientReport;
use super::settings::{ClientWeights, FederatedSettings};
use crate::error::{Context as _, Error, Result, bail};

/// A row with its label.
#[derive(Debug, Clone)]
pub(super) struct Labelled {
    /// Its position in the pool.
    pub(super) row: u64,
    pub(super) sequence: Sequence,
    pub(super) label: String,
}

/// All rows that can be trained on, with their labels, in the order of the pool.
pub(super) fn labelled(work: &WorkDir, pool: &Pool, by: &str) -> Result<Vec<Labelled>> {
    let of_column = if by == "source" { None } else { Some(column(pool, by)?) };
    let mut rows = Vec::new();
    for &shard in &work.plan().shards {
        let names = work.names_of(shard)?.into_iter().map(|name| (name.row, name.source));
        let sources: BTreeMap<u64, String> = names.collect();
        for (row, sequence) in work.sequences_of(shard)? {
            let label = match &of_column {
                Some(values) => values.get(usize::try_from(row)?).cloned().flatten(),
                None => sources.get(&row).cloned(),
            };
            let missing = || format!("row {row}: expected a value in column `{by}`, found none");
            rows.push(Labelled { row, sequence, label: label.with_context(missing)? });
        }
    }
    if rows.is_empty() {
        bail!(Training, "expected rows that can be trained on, found none");
    }
    Ok(rows)
}

/// The values of a column over all files, as text.
fn column(pool: &Pool, name: &str) -> Result<Vec<Option<String>>> {
    let mut labels = Vec::new();
    for file in pool.files() {
        labels.extend(file.column(name)?.into_iter().map(|value| match value? {
            Value::String(text) => Some(text),
            Value::Null => None,
            other => Some(other.to_string()),
        }));
    }
    Ok(labels)
}

/// All clients.
#[derive(Debug)]
pub(super) struct Clients {
    /// The rows of each client.
    pub(super) rows: Vec<Vec<Sequence>>,
    /// The names of all labels.
    pub(super) labels: Vec<String>,
    /// Of each client the rows of each label.
    table: Vec<Vec<u64>>,
}

impl Clients {
    /// Deals rows to clients.
    pub(super) fn deal(rows: &[Labelled], settings: &FederatedSettings, seed: u64) -> Result<Self> {
        let mut labels: Vec<String> = rows.iter().map(|row| row.label.clone()).collect();
        labels.sort();
        labels.dedup();
        let place = |row: &Labelled| labels.binary_search(&row.label).map(u32::try_from);
        let places: Vec<u32> = rows.iter().filter_map(|row| place(row).ok()?.ok()).collect();
        let dealt = settings.split.deal(&places, settings.clients, seed);
        let dealt = dealt.map_err(|error| explained(error, settings, rows.len(), &labels))?;
        let count =
            |rows: &Vec<usize>, label: u32| rows.iter().filter(|&&row| places[row] == label).count() as u64;
        let n_labels = u32::try_from(labels.len())?;
        let table =
            dealt.iter().map(|rows| (0..n_labels).map(|label| count(rows, label)).collect()).collect();
        let sequences = |client: &Vec<usize>| client.iter().map(|&row| rows[row].sequence.clone()).collect();
        Ok(Self { rows: dealt.iter().map(sequences).collect(), labels, table })
    }

    /// What a client weighs in an average.
    pub(super) fn weight(&self, client: usize, by: ClientWeights) -> f64 {
        let rows = &self.rows[client];
        match by {
            ClientWeights::Tokens => rows.iter().map(Sequence::n_scored).sum::<usize>() as f64,
            ClientWeights::Rows => rows.len() as f64,
            ClientWeights::Even => 1.0,
        }
    }

    pub(super) fn reports(&self) -> Vec<ClientReport> {
        let report = |(rows, by_label): (&Vec<Sequence>, &Vec<u64>)| ClientReport {
            n_rows: rows.len() as u64,
            n_scored: rows.iter().map(Sequence::n_scored).sum::<usize>() as u64,
            by_label: by_label.clone(),
        };
        self.rows.iter().zip(&self.table).map(report).collect()
    }

    pub(super) fn in_words(&self) -> String {
        let sizes: Vec<usize> = self.rows.iter().map(Vec::len).collect();
        let (least, most) = (sizes.iter().min().unwrap_or(&0), sizes.iter().max().unwrap_or(&0));
        let n_labels = counted(self.labels.len() as u64, "label");
        format!("{}, of {least} to {most} rows, {n_labels}", counted(sizes.len() as u64, "client"))
    }
}

/// A client without rows, with what would give it some under this split.
fn explained(error: DealError, settings: &FederatedSettings, n_rows: usize, labels: &[String]) -> Error {
    let DealError::EmptyClient { client, n_clients } = error else { return error.into() };
    let hint = match (settings.split, labels) {
        (Split::Dirichlet(_), [label]) => format!(
            "all rows have one label, `{label}`, by `--by {}`: `--by COLUMN` takes labels from a column of the data, and \
             fewer clients or a larger alpha give every client some",
            settings.by
        ),
        (Split::Dirichlet(_), _) => "fewer clients or a larger alpha give every client some".to_owned(),
        (Split::Iid | Split::Label, _) => {
            format!("clients share {}; give `--clients` no more than that", counted(n_rows as u64, "row"))
        }
    };
    Error::Training(format!("client {client} of {n_clients}: expected rows, found none; {hint}"))
}
