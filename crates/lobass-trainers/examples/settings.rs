//! Shows what lobass takes from a config of axolotl, LLaMA-Factory, or TRL: `settings FILE`, or a short config without.
#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::path::Path;

use lobass_trainers::{Error, parse, read};

const CONFIG: &str = "base_model: org/name\nsequence_len: 2048\nadapter: qlora\ntrain_on_inputs: false\n";

fn main() -> Result<(), Error> {
    let reading = match std::env::args_os().nth(1) {
        Some(file) => read(Path::new(&file))?,
        None => parse(CONFIG)?,
    };
    println!("{:#}", reading.settings());
    for left_out in &reading.left_out {
        println!("left out: {}", left_out.key);
    }
    for difference in &reading.differing {
        println!("differs: {}", difference.key);
    }
    Ok(())
}
