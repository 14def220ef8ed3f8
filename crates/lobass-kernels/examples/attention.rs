//! Attention of one sequence, forward and backward, beside its twin in `f64`: how far apart, and how long they take.
//!
//! Run with `cargo run --release -p lobass-kernels --example attention -- POSITIONS`.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::time::Instant;

use lobass_kernels::{Heads, causal_attention, causal_attention_backward, plain};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let positions: usize = std::env::args().nth(1).map_or(Ok(512), |positions| positions.parse())?;
    // A layer of SmolLM2-135M.
    let heads = Heads::new(9, 3, 64);
    let wave = |len: usize, pace: f64| -> Vec<f64> {
        (0..len).map(|at| f64::from(narrow((at as f64 * pace).sin()))).collect()
    };
    let (queries, keys) = (positions * heads.queries * heads.width, positions * heads.keys * heads.width);
    let (q, k, v, d_out) = (wave(queries, 0.37), wave(keys, 0.91), wave(keys, 1.3), wave(queries, 2.1));

    let (mut out, mut log_sums) = (vec![0.0; queries], vec![0.0; heads.queries * positions]);
    let (mut dq, mut dk, mut dv) = (vec![0.0; queries], vec![0.0; keys], vec![0.0; keys]);
    let plain_times = [
        seconds(1, || plain::causal_attention(heads, &q, &k, &v, None, &mut out, &mut log_sums)),
        seconds(1, || {
            plain::causal_attention_backward(
                heads, &q, &k, &v, None, &out, &log_sums, &d_out, &mut dq, &mut dk, &mut dv, None,
            );
        }),
    ];
    let expected = [out, dq, dk, dv];

    let [q, k, v, d_out] =
        [q, k, v, d_out].map(|values| values.into_iter().map(narrow).collect::<Vec<f32>>());
    let (mut out, mut log_sums) = (vec![0.0; queries], vec![0.0; heads.queries * positions]);
    let (mut dq, mut dk, mut dv) = (vec![0.0; queries], vec![0.0; keys], vec![0.0; keys]);
    let times = [
        seconds(20, || causal_attention(heads, &q, &k, &v, None, &mut out, &mut log_sums)),
        seconds(20, || {
            causal_attention_backward(
                heads, &q, &k, &v, None, &out, &log_sums, &d_out, &mut dq, &mut dk, &mut dv, None,
            );
        }),
    ];

    for (name, (found, expected)) in
        ["out", "dq", "dk", "dv"].iter().zip([out, dq, dk, dv].iter().zip(&expected))
    {
        let errors = found.iter().zip(expected).map(|(found, expected)| (f64::from(*found) - expected).abs());
        println!("{name:>8}: at most {:.1e} from the twin", errors.fold(0.0, f64::max));
    }
    for (name, (time, plain)) in ["forward", "backward"].iter().zip(times.iter().zip(&plain_times)) {
        println!("{name:>8}: {:.2} ms, the twin {:.0} ms", time * 1e3, plain * 1e3);
    }
    Ok(())
}

/// The least time of some runs.
fn seconds(runs: usize, mut run: impl FnMut()) -> f64 {
    let times = (0..runs).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}

#[expect(clippy::cast_possible_truncation, reason = "the kernels take f32")]
fn narrow(value: f64) -> f32 {
    value as f32
}
