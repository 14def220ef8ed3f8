//! Work on whole parameters, value by value, on all threads of the current pool.
//!
//! Between micro-batches, one thread would do this while the others wait. No value depends on the pieces.

use burn::tensor::Tensor;
use lobass_kernels::AdamW;
use rayon::prelude::*;

use super::lent::Read;

/// Values of a piece: they fit into the second cache.
const PIECE: usize = 1 << 16;

/// Computes `sum += more`.
pub(super) fn add(sum: &mut [f32], more: &[f32]) {
    assert_eq!(sum.len(), more.len(), "what is added, and to what");
    let pieces = sum.par_chunks_mut(PIECE).zip(more.par_chunks(PIECE));
    pieces.for_each(|(sum, more)| lobass_kernels::axpy(1.0, more, sum));
}

/// The sum of squares of each.
pub(super) fn sums_of_squares(all: &[&Tensor<1>]) -> Vec<f64> {
    let all: Vec<Read> = all.iter().map(|values| Read::new(*values)).collect();
    all.par_iter().map(|values| lobass_kernels::sum_of_squares(values.values::<f32>())).collect()
}

/// Takes a step of AdamW: updates weights, and the means of gradients and of their squares.
pub(super) fn adamw(
    step: AdamW,
    weights: &mut [f32],
    gradient: &[f32],
    means: &mut [f32],
    squares: &mut [f32],
) {
    let len = weights.len();
    assert_eq!((gradient.len(), means.len(), squares.len()), (len, len, len), "gradients, means, squares");
    let weights = weights.par_chunks_mut(PIECE).zip(gradient.par_chunks(PIECE));
    let moments = means.par_chunks_mut(PIECE).zip(squares.par_chunks_mut(PIECE));
    weights.zip(moments).for_each(|((weights, gradient), (means, squares))| {
        lobass_kernels::adamw(step, weights, gradient, means, squares);
    });
}

#[cfg(test)]
mod tests {
    use rayon::ThreadPoolBuilder;

    use super::*;

    fn values(from: f32, len: usize) -> Vec<f32> {
        (0..len).map(|at| (at as f32 * 0.37 + from).sin()).collect()
    }

    #[test]
    fn pieces_and_threads_change_no_bit() {
        let len = 2 * PIECE + 17;
        let step = AdamW {
            learning_rate: 1e-2,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.1,
            correction_1: 0.1,
            correction_2_sqrt: 0.03,
        };
        let gradient = values(1.0, len);
        let start = || [values(2.0, len), values(3.0, len), values(4.0, len).iter().map(|x| x * x).collect()];
        let [mut weights, mut means, mut squares] = start();
        lobass_kernels::axpy(1.0, &gradient, &mut weights);
        lobass_kernels::adamw(step, &mut weights, &gradient, &mut means, &mut squares);
        for threads in [1, 3] {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let [mut a, mut b, mut c] = start();
            pool.install(|| {
                add(&mut a, &gradient);
                adamw(step, &mut a, &gradient, &mut b, &mut c);
            });
            assert_eq!((&a, &b, &c), (&weights, &means, &squares), "{threads} threads");
        }
    }
}
