//! Single products beside torch's: how fast the instructions are that scoring and training are made of.

use std::num::NonZeroUsize;

use anyhow::Result;
use serde_json::{Value, json};
use xshell::Shell;

use super::{DTYPES, build, numbers, run_ours_with, run_peer_with};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How often both sides are run, alternating; the fastest time of each product counts
    #[arg(long, value_name = "N", default_value = "3")]
    rounds: NonZeroUsize,
    /// Rows of activations
    #[arg(long, value_name = "N", default_value = "1024")]
    rows: NonZeroUsize,
    /// The number format
    #[arg(long, default_value = "both", value_parser = ["f32", "bf16", "both"])]
    dtype: String,
}

/// Inputs and outputs of the products of one shape of model.
#[derive(Debug)]
struct Model {
    name: &'static str,
    products: &'static [[usize; 2]],
}

const MODELS: [Model; 3] = [
    Model { name: "135M", products: &[[576, 192], [576, 576], [576, 1536], [1536, 576], [576, 32768]] },
    Model { name: "0.5B", products: &[[896, 128], [896, 896], [896, 4864], [4864, 896]] },
    Model { name: "7B", products: &[[4096, 4096], [4096, 11008], [11008, 4096]] },
];

pub(super) fn run(shell: &Shell, args: &Args, python: &str) -> Result<()> {
    build(shell, "product-peer")?;
    let mut lines = vec![
        "| model | inputs to outputs | format | threads | lobass, GFLOP/s | torch, GFLOP/s | ratio \
         | torch from and to f32, GFLOP/s | ratio |"
            .to_owned(),
        "|---|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    for dtype in DTYPES.iter().filter(|(name, _)| args.dtype == "both" || args.dtype == *name) {
        for threads in 1..=super::THREADS {
            lines.extend(measure(shell, args, python, *dtype, threads)?);
        }
    }
    eprintln!("\n{}", lines.join("\n"));
    Ok(())
}

/// The lines of the table for one format and one number of threads.
fn measure(
    shell: &Shell,
    args: &Args,
    python: &str,
    (name, torch): (&str, &str),
    threads: usize,
) -> Result<Vec<String>> {
    let rows = args.rows.get();
    let shapes: Vec<[usize; 3]> = products().map(|(_, [inputs, outputs])| [rows, inputs, outputs]).collect();
    let mut options = vec![format!("--dtype={torch}"), "--shapes".to_owned()];
    options.extend(shapes.iter().map(|[rows, inputs, outputs]| format!("{rows}x{inputs}x{outputs}")));
    let [mut ours, mut peers, mut from_f32] = [(); 3].map(|()| vec![0.0; shapes.len()]);
    for _ in 0..args.rounds.get() {
        let request = json!({"shapes": shapes, "dtype": name});
        take(&mut ours, &run_ours_with(shell, "product-peer", request, threads)?, "gflops")?;
        let peer = run_peer_with(shell, python, "product.py", &options, threads)?;
        take(&mut peers, &peer, "gflops")?;
        take(&mut from_f32, &peer, "gflops_from_f32")?;
    }
    let rates = ours.into_iter().zip(peers).zip(from_f32);
    Ok(products()
        .zip(rates)
        .map(|((model, [inputs, outputs]), ((ours, peer), from_f32))| {
            let ratios = [ours / peer, ours / from_f32];
            format!(
                "| {model} | {inputs} to {outputs} | {name} | {threads} | {ours:.0} | {peer:.0} | {:.2} \
                 | {from_f32:.0} | {:.2} |",
                ratios[0], ratios[1]
            )
        })
        .collect())
}

/// The products of all models, with the names of these.
fn products() -> impl Iterator<Item = (&'static str, [usize; 2])> {
    MODELS.iter().flat_map(|model| model.products.iter().map(|product| (model.name, *product)))
}

/// Keeps the faster of what was found and of a run.
fn take(best: &mut [f64], run: &Value, rates: &str) -> Result<()> {
    for (best, found) in best.iter_mut().zip(numbers(run, rates)?) {
        *best = best.max(found);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_time_of_each_product_counts() {
        let mut best = [0.0; 2];
        for rates in [[1.0, 5.0], [3.0, 2.0]] {
            take(&mut best, &json!({"gflops": rates}), "gflops").unwrap();
        }
        assert_eq!(best, [3.0, 5.0]);
        assert!(take(&mut best, &json!({"gflops": [null, 1.0]}), "gflops").is_err());
    }
}
