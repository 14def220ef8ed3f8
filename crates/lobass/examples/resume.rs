//! Interrupts a training and goes on with it by the same call. The weights are the same, bit for bit, as those of a
//! training without an interruption.
//!
//! Run with `cargo run -p lobass --example resume`.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lobass::settings::TrainSettings;
use lobass::{Error, Model, Observer, ProgressUnit, Runtime, StageProgress, TrainOptions};
use serde_json::{Map, Value};

/// Prints what happens, and asks to stop after some steps of a training.
#[derive(Default)]
struct StopAfter {
    n_steps: u64,
    stop: AtomicBool,
}

impl Observer for StopAfter {
    fn note(&self, line: &str) {
        println!("  {line}");
    }

    fn warn(&self, line: &str) {
        println!("  warning: {line}");
    }

    fn progress(&self, at: &StageProgress<'_>) {
        if at.unit == ProgressUnit::Steps && at.done >= self.n_steps {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn is_interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let shipped = lobass_demo::unpack(dir.path())?;
    let text = fs_err::read_to_string(&shipped.pool)?;
    let rows = text.lines().take(150).map(serde_json::from_str);
    let rows: Vec<Map<String, Value>> = rows.collect::<Result<_, _>>()?;

    let train = TrainSettings { batch_size: Some(16), epochs: Some(2), ..TrainSettings::default() };
    let options = TrainOptions { train, ..TrainOptions::default() };
    let out = dir.path().join("tuned");
    let base = Model::open(&shipped.base, &Runtime::default())?;

    // The first attempt stops after four steps. Its state is beside the checkpoint that is to be.
    println!("first attempt");
    let first = Runtime::new(Arc::new(StopAfter { n_steps: 4, ..StopAfter::default() }));
    match lobass::train(&rows, &base, &options, &out, &first) {
        Err(error) if matches!(error.cause(), Error::Interrupted) => println!("  {error}"),
        Err(error) => return Err(error.into()),
        Ok(_) => return Err("expected an interruption, found a finished training".into()),
    }

    // The same call goes on after the fourth step.
    println!("second attempt");
    let second = Runtime::new(Arc::new(StopAfter { n_steps: u64::MAX, ..StopAfter::default() }));
    println!("{}", lobass::train(&rows, &base, &options, &out, &second)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
