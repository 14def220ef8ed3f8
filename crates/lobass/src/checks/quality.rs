//! Rules of quality: which of them fire on which rows.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use lobass_check::{RowFinding, RuleCounts, each_row, findings};
use lobass_core::readable::{Labelled, count, counted, duration, percent};
use lobass_core::{Observer as _, RowStatus};
use lobass_data::PoolRow;
use lobass_text::{Rule, Rules};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::error::Result;
use crate::outputs::{self, Lines};
use crate::runtime::Runtime;
use crate::scoring::{Reasons, n_skipped};
use crate::sequences::open_pool;
use crate::settings::DataSettings;

/// A pool whose texts are to be checked by rules.
#[derive(Debug)]
pub struct QualityJob<'a> {
    /// The data files and how they are read.
    pub data: &'a DataSettings,
    /// The rules and their thresholds.
    pub rules: Rules,
    /// The number of example rows of each rule in the report.
    pub n_examples: usize,
    /// A file for the rows on which a rule fires, as JSON lines.
    pub out: Option<&'a Path>,
    /// Threads; at least 1.
    pub threads: usize,
}

/// The report of rules on a pool.
#[derive(Debug)]
pub struct QualityReport {
    /// Rows of the pool.
    pub n_rows: u64,
    /// Rows on which any rule fires.
    pub n_fired: u64,
    /// The rows on which each rule fires.
    pub counts: RuleCounts,
    /// Rows that cannot be read, by status.
    pub statuses: BTreeMap<RowStatus, u64>,
    /// The first row of each of these statuses, and the reason.
    pub reasons: Reasons,
    rules: Rules,
    out: Option<PathBuf>,
}

impl QualityJob<'_> {
    /// Reads the pool once, and writes the rows on which a rule fires.
    ///
    /// # Errors
    /// If the data cannot be read, or `out` is a data file or cannot be written.
    pub fn run(self, runtime: &Runtime) -> Result<QualityReport> {
        let pool = open_pool(self.data, runtime)?;
        let out = self.out.map(Path::to_owned);
        outputs::check_for_pool(out.as_slice(), &pool)?;
        outputs::note_replaced(out.as_slice(), runtime);
        let mut lines = out.as_deref().map(Lines::create).transpose()?;
        let started = Instant::now();
        let mut report = QualityReport {
            n_rows: 0,
            n_fired: 0,
            counts: RuleCounts::keeping(self.n_examples),
            statuses: BTreeMap::new(),
            reasons: Reasons::new(),
            rules: self.rules.clone(),
            out,
        };
        let work = |example: &_| findings(&self.rules, example);
        each_row(&pool, self.threads, work, |row, found| {
            let found = found.unwrap_or_default();
            report.add(row, &found);
            match &mut lines {
                Some(lines) if !found.is_empty() => {
                    lines.write(&as_json(row, pool.files()[row.file].source(), &found))
                }
                _ => Ok(()),
            }
        })?;
        let took = duration(started.elapsed());
        runtime.note(&format!("{:16} {} in {took}", "rules", counted(report.n_rows, "row")));
        if let Some(lines) = lines {
            lines.finish()?;
        }
        Ok(report)
    }
}

fn as_json(row: &PoolRow, source: &str, found: &[RowFinding]) -> Value {
    let mut rules: Vec<Rule> = found.iter().map(|found| found.finding.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    let finding = |RowFinding { turn, finding }: &RowFinding| json!({"rule": finding.rule.name(), "turn": turn, "detail": finding.detail});
    let findings: Vec<Value> = found.iter().map(finding).collect();
    json!({"row": row.row, "key": row.key, "source": source, "n_rules": rules.len(), "findings": findings})
}

impl QualityReport {
    fn add(&mut self, row: &PoolRow, found: &[RowFinding]) {
        self.n_rows += 1;
        if let Err(fault) = &row.example {
            *self.statuses.entry(fault.status).or_default() += 1;
            self.reasons.entry(fault.status).or_insert_with(|| (row.row, fault.reason.clone()));
        }
        if !found.is_empty() {
            self.n_fired += 1;
            self.counts.add(row, found);
        }
    }

    /// Whether there are rows that could not be read.
    pub fn falls_short(&self) -> bool {
        n_skipped(&self.statuses) > 0
    }

    fn json(&self) -> Value {
        let of_rule = |rule: Rule| {
            let found = self.counts.by_rule.get(&rule);
            let examples: Vec<_> = found.into_iter().flat_map(|found| &found.examples).collect();
            let n_rows = found.map_or(0, |found| found.n_rows);
            json!({
                "rule": rule.name(), "threshold": self.rules.threshold(rule), "n_rows": n_rows, "examples": examples,
            })
        };
        json!({
            "n_rows": self.n_rows,
            "n_fired": self.n_fired,
            "not_read": self.statuses,
            "rules": self.rules.on().map(of_rule).collect::<Vec<_>>(),
            "out": self.out,
        })
    }
}

impl fmt::Display for QualityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n_rows, rules, by_rule) = (self.n_rows, &self.rules, &self.counts.by_rule);
        let mut text = Labelled::default();
        text.line("pool", counted(n_rows, "row"));
        for (status, n) in &self.statuses {
            let (row, reason) = &self.reasons[status];
            text.line("not read", format!("{} {status}, the first of them row {row}: {reason}", count(*n)));
        }
        let share = percent(self.n_fired, n_rows);
        text.line("found", format!("{} ({share}) on which a rule fires", counted(self.n_fired, "row")));
        for rule in rules.on() {
            let Some(found) = by_rule.get(&rule) else { continue };
            let share = percent(found.n_rows, n_rows);
            text.line("rule", format!("{rule}: {} ({share})", counted(found.n_rows, "row")));
            for example in &found.examples {
                text.line("", format!("  row {}: {}", example.row, example.detail));
            }
        }
        let silent: Vec<&str> =
            rules.on().filter(|rule| !by_rule.contains_key(rule)).map(Rule::name).collect();
        if !silent.is_empty() {
            text.line("silent", silent.join(", "));
        }
        if let Some(out) = &self.out {
            text.line("wrote", format!("{} ({})", out.display(), counted(self.n_fired, "row")));
        }
        text.fmt(f)
    }
}

impl Serialize for QualityReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}
