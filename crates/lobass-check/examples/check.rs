//! Everything that needs a look in a file, with a tokenizer and an evaluation if they are given.
//!
//! `cargo run -p lobass-check --example check -- POOL [CHECKPOINT [EVALUATION]]`
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::path::Path;

use lobass_check::{Inputs, Options, check};
use lobass_data::{
    ChatTemplate, DataFile, DateTime, Duplicates, EncodeOptions, Encoder, FormatChoice, Mask, Overlong, Pool,
    TemplateChoice, TextTokenizer,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let open = |path: &str| -> Result<Pool, lobass_data::Error> {
        let file = DataFile::open(Path::new(path), path, &FormatChoice::Auto)?;
        Ok(Pool::new(vec![file], Duplicates::Keep))
    };
    let pool = open(arguments.first().ok_or("expected a data file")?)?;
    let encoder = arguments.get(1).map(|dir| encoder(Path::new(dir), &pool)).transpose()?;
    let evaluation = arguments.get(2).map(|path| open(path)).transpose()?;

    let inputs = Inputs { pool: &pool, encoder: encoder.as_ref(), evaluation: evaluation.as_ref() };
    let report = check(&inputs, &Options { threads: 2, ..Options::default() })?;
    println!("{:#?}", report.sources);
    for finding in report.findings {
        println!("{}: {} in {} of {} rows", finding.check, finding.what, finding.n_rows, finding.n_of);
        for shown in finding.examples {
            println!("  row {}: {:?} {:?}", shown.at.row, shown.detail, shown.at.text);
            if let Some(other) = shown.other {
                println!("    and row {}: {:?}", other.row, other.text);
            }
        }
        println!("  {}", finding.advice);
    }
    for skipped in report.skipped {
        println!("{} did not run: {}", skipped.check, skipped.reason);
    }
    Ok(())
}

fn encoder(dir: &Path, pool: &Pool) -> Result<Encoder, lobass_data::Error> {
    let template = ChatTemplate::load(&TemplateChoice::Auto, dir, pool.fallback(), DateTime::default())?;
    let options = EncodeOptions {
        mask: Mask::Response,
        max_length: 2048,
        overlong: Overlong::Drop,
        vocabulary: None,
        transform: None,
    };
    Encoder::new(TextTokenizer::from_dir(dir)?, template, options)
}
