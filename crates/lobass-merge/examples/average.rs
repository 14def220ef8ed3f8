//! Merges three fine-tunings of a vector by each method, and prints how far each is from the target.
//!
//! Run with `cargo run -p lobass-merge --example average`.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass_core::Dtype;
use lobass_merge::{Error, Merger, Method, Recipe, Tally};

const N_VALUES: u16 = 1000;

fn main() -> Result<(), Error> {
    // Each fine-tuning reaches the target, with an error that depends on its order of examples.
    let base = vec![0.0_f32; N_VALUES.into()];
    let tuned = |order: u16| -> Vec<f32> {
        (0..N_VALUES).map(|at| 1.0 + (f32::from(at * 7 + order * 31)).sin() * 0.5).collect()
    };
    let models = [tuned(0), tuned(1), tuned(2)];
    let slices: Vec<&[f32]> = models.iter().map(Vec::as_slice).collect();
    let error = |values: &[f32]| {
        let squares = values.iter().map(|value| f64::from((value - 1.0).powi(2))).sum::<f64>();
        (squares / f64::from(N_VALUES)).sqrt()
    };
    println!("{:20} {:.3}", "one model", error(&models[0]));
    for method in [
        Method::Linear { normalize: true },
        Method::TaskArithmetic { normalize: true, lambda: 1.0 },
        Method::ParameterSelection { resample: true, seed: 0 },
    ] {
        let merger = Merger::new(Recipe { method, weights: vec![1.0; 3] }, Dtype::F32)?;
        let merged = merger.tensor("vector").merge(0, Some(&base), &slices, &mut Tally::default());
        println!("{:20} {:.3}", method.name().to_string(), error(&merged));
    }
    Ok(())
}
