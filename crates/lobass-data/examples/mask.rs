//! The tokens of a row that a model learns: `[brackets]` around the scored ones.
//!
//! Run with `cargo run -p lobass-data --example mask -- POOL CHECKPOINT`; without arguments it takes the pool and the
//! tokenizer that the demo ships. Weights are not needed.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::path::PathBuf;

use lobass_data::{
    ChatTemplate, DataFile, DateTime, Duplicates, EncodeOptions, Encoder, FormatChoice, Mask, Overlong, Pool,
    TemplateChoice, TextTokenizer,
};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../lobass-demo/assets");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let file = arguments.next().unwrap_or_else(|| PathBuf::from(SHIPPED).join("pool.jsonl"));
    let checkpoint = arguments.next().unwrap_or_else(|| PathBuf::from(SHIPPED).join("base"));

    let file = DataFile::open(&file, "pool", &FormatChoice::Auto)?;
    println!("{file}");
    let pool = Pool::new(vec![file], Duplicates::Keep);
    let template =
        ChatTemplate::load(&TemplateChoice::Auto, &checkpoint, pool.fallback(), DateTime::default())?;
    let options = EncodeOptions {
        mask: Mask::Response,
        max_length: 2048,
        overlong: Overlong::Drop,
        vocabulary: None,
        transform: None,
    };
    let encoder = Encoder::new(TextTokenizer::from_dir(&checkpoint)?, template, options)?;

    for row in pool.rows().take(3) {
        let row = row?;
        println!("\nrow {}, key {}", row.row, row.key);
        match row.example.and_then(|example| encoder.trace(&example)) {
            Ok(trace) => {
                for (&(start, end), scored) in trace.offsets.iter().zip(trace.scored) {
                    let text = &trace.text[start..end];
                    print!("{}", if scored { format!("[{text}]") } else { text.to_owned() });
                }
                println!();
            }
            Err(fault) => println!("{}: {}", fault.status, fault.reason),
        }
    }
    Ok(())
}
