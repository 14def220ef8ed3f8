//! One check alone: rows whose text is damaged.
//!
//! `cargo run -p lobass-check --example one_check -- POOL [CHECK]`
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::path::Path;

use lobass_check::{CheckName, Inputs, Options, check};
use lobass_data::{DataFile, Duplicates, FormatChoice, Pool};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("expected a data file")?;
    let name: CheckName = arguments.next().map_or(Ok(CheckName::DamagedText), |name| name.parse())?;
    println!("looks for {}", name.info().looks_for);

    let file = DataFile::open(Path::new(&path), "pool", &FormatChoice::Auto)?;
    let pool = Pool::new(vec![file], Duplicates::Keep);
    let inputs = Inputs { pool: &pool, encoder: None, evaluation: None };
    let report = check(&inputs, &Options { n_shown: usize::MAX, ..Options::only([name]) })?;
    for shown in report.findings.iter().flat_map(|finding| &finding.examples) {
        println!("row {}: {:?}", shown.at.row, shown.detail);
    }
    Ok(())
}
