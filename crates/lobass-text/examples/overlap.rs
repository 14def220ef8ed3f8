//! Lines of a pool that hold examples of an evaluation: `lobass-text` alone.
//!
//! Both files have a prompt, a tab, and a response in each line:
//! `cargo run -p lobass-text --example overlap -- evaluation.tsv pool.tsv`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]
#![expect(clippy::disallowed_methods, reason = "an example needs no other crate")]

use lobass_text::{Overlap, OverlapOptions, Said, Twin};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut paths = std::env::args().skip(1);
    let mut next = || {
        Ok::<_, Box<dyn std::error::Error>>(std::fs::read_to_string(
            paths.next().ok_or("expected two files")?,
        )?)
    };
    let (evaluation, pool) = (next()?, next()?);
    let examples: Vec<Said<'_>> = evaluation.lines().map(said).collect();
    let options = OverlapOptions { passages: Some(0.5), ..OverlapOptions::default() };
    let overlap = Overlap::new(&examples, &options)?;
    for (row, line) in pool.lines().enumerate() {
        for (example, twin) in overlap.find(&said(line)) {
            let how = match twin {
                Twin::SamePrompt => "asks the same".to_owned(),
                Twin::Near { similarity } => format!("is a near duplicate, similarity {similarity:.2}"),
                Twin::Prompt { share } => format!("holds {:.0} % of the prompt", 100.0 * share),
                Twin::Response { share } => format!("holds {:.0} % of the response", 100.0 * share),
            };
            println!("line {} {how} of example {}", row + 1, example + 1);
        }
    }
    Ok(())
}

fn said(line: &str) -> Said<'_> {
    let (prompt, response) = line.split_once('\t').unwrap_or((line, ""));
    Said { prompt: vec![prompt], responses: vec![response] }
}
