//! A short check of the data before a run.

use lobass_check::{Inputs, Options, Report, check};
use lobass_core::Observer as _;
use lobass_core::readable::counted;
use lobass_data::{Encoder, Pool};

use crate::error::Result;
use crate::runtime::Runtime;

/// The number of rows of each source that are checked before a run.
const FIRST: u64 = 1000;

/// Checks the first rows of each source, and notes the findings.
pub(super) fn look(pool: &Pool, encoder: &Encoder, threads: usize, runtime: &Runtime) -> Result<()> {
    let options = Options { first_rows: Some(FIRST), n_shown: 0, threads, ..Options::default() };
    let report = check(&Inputs { pool, encoder: Some(encoder), evaluation: None }, &options)?;
    for finding in &report.findings {
        runtime.note(&format!("{:16} {finding}", "check"));
    }
    runtime.note(&format!("{:16} {}", "check", summary(&report)));
    Ok(())
}

fn summary(report: &Report) -> String {
    let looked_at = format!("the first {} of each source", counted(FIRST, "row"));
    match report.findings.len() {
        0 => format!("nothing in {looked_at} needs a look"),
        n => format!(
            "{} in {looked_at}; `lobass check` with the same data shows rows and what to do",
            counted(n as u64, "finding")
        ),
    }
}
