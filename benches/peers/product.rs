//! Times single products as the engine makes them: the other side of `product.py`.
//!
//! Run by `cargo xtask bench product-peers`.

#![expect(clippy::print_stdout, reason = "it talks to the person at the terminal")]

use std::path::PathBuf;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use half::bf16;
use lobass_kernels::{Bf16Instructions, matmul_bf16, project};
use serde::Deserialize;
use serde_json::json;

/// A product is repeated for this long, and at least twice after a first time that does not count.
const TIME: Duration = Duration::from_millis(400);

/// The request of the comparison.
#[derive(Deserialize)]
struct Request {
    /// `[rows, inputs, outputs]` of each product.
    shapes: Vec<[usize; 3]>,
    dtype: String,
    threads: usize,
    out: PathBuf,
}

/// One of the two products of the engine.
enum Weights {
    F32(Vec<f32>),
    Bf16(Vec<bf16>),
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("expected the path of a request, found nothing")?;
    let request: Request = serde_json::from_slice(&fs_err::read(path)?)?;
    let rate = |[rows, inputs, outputs]: &[usize; 3]| {
        let w = Weights::new(&request.dtype, *inputs * *outputs)?;
        let seconds = fastest(*rows, *inputs, *outputs, &w, request.threads);
        Ok((2 * rows * inputs * outputs) as f64 / seconds / 1e9)
    };
    let rates: Vec<f64> = request.shapes.iter().map(rate).collect::<Result<_, String>>()?;
    let instructions = Bf16Instructions::detected().to_string();
    fs_err::write(&request.out, json!({"gflops": rates, "instructions": instructions}).to_string())?;
    println!("{rates:.0?} GFLOP/s, bf16 by {instructions}");
    Ok(())
}

impl Weights {
    fn new(dtype: &str, count: usize) -> Result<Self, String> {
        let values = values(count);
        match dtype {
            "f32" => Ok(Self::F32(values)),
            "bf16" => Ok(Self::Bf16(values.into_iter().map(bf16::from_f32).collect())),
            _ => Err(format!("expected f32 or bf16, found {dtype}")),
        }
    }

    fn multiply(&self, x: &[f32], y: &mut [f32], inputs: usize) {
        match self {
            Self::F32(w) => project(x, w, inputs, y),
            Self::Bf16(w) => matmul_bf16(x, w, y, inputs),
        }
    }
}

/// The seconds of the fastest time of a product whose rows are shared out among threads. As in the engine, the threads
/// stay, and so does what they keep in memory.
fn fastest(rows: usize, inputs: usize, outputs: usize, w: &Weights, threads: usize) -> f64 {
    let x = values(rows * inputs);
    let mut y = vec![0.0; rows * outputs];
    let part = rows.div_ceil(threads);
    let parts = x.chunks(part * inputs).zip(y.chunks_mut(part * outputs));
    let (gate, is_over) = (Barrier::new(parts.len() + 1), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for (x, y) in parts {
            let (gate, is_over) = (&gate, &is_over);
            scope.spawn(move || {
                loop {
                    gate.wait();
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    w.multiply(x, y, inputs);
                    gate.wait();
                }
            });
        }
        let once = || {
            let begin = Instant::now();
            gate.wait();
            gate.wait();
            begin.elapsed().as_secs_f64()
        };
        once();
        let begin = Instant::now();
        let mut best = once().min(once());
        while begin.elapsed() < TIME {
            best = best.min(once());
        }
        is_over.store(true, Ordering::Relaxed);
        gate.wait();
        best
    })
}

/// Numbers between -1 and 1.
fn values(count: usize) -> Vec<f32> {
    (0..count).map(|at| (at * 7919 % 2003) as f32 / 1001.0 - 1.0).collect()
}
