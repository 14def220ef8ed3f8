//! The gradient of the delta rule in chunks.

use burn::tensor::Tensor;
use lobass_kernels::DeltaHeads;

use super::chunks::{Chunk, Chunks, earlier, joined, not_later, of_values};
use crate::ops::linear::DeltaInputs;
use crate::ops::tables::Tables;

/// The gradients of whole sequences.
pub(in crate::ops::device) fn delta_rule_backward(
    inputs: &DeltaInputs,
    heads: DeltaHeads,
    d_output: &Tensor<2>,
    rows: &Tables,
) -> DeltaInputs {
    let mut gradients: [Vec<Tensor<2>>; 5] = Default::default();
    for span in &rows.spans {
        let chunks = Chunks::new(inputs, heads, &span.rows);
        let d_reads = of_values(d_output, heads, &span.rows);
        let mut states = vec![chunks.no_state()];
        for (at, chunk) in chunks.iter().enumerate() {
            let written = chunk.written(&states[at]);
            states.push(chunk.after(&states[at], &written));
        }
        let mut d_state = chunks.no_state();
        let mut found: [Vec<Tensor<3>>; 5] = Default::default();
        for ((chunk, d_read), state) in chunks.iter().zip(&d_reads).zip(&states).rev() {
            let (of_chunk, d_before) = chunk.backward(state, d_read, &d_state);
            d_state = d_before;
            found.iter_mut().zip(of_chunk).for_each(|(found, gradient)| found.push(gradient));
        }
        let of_span = found.map(|mut chunks| {
            chunks.reverse();
            joined(chunks, span.len())
        });
        gradients.iter_mut().zip(of_span).for_each(|(gradients, gradient)| gradients.push(gradient));
    }
    let [queries, keys, values, log_decays, rates] = gradients.map(|spans| Tensor::cat(spans, 0));
    let summed = |x: Tensor<2>| {
        let n_rows = x.dims()[0];
        let shape = [n_rows, heads.keys, heads.values / heads.keys, heads.key_width];
        x.reshape(shape).sum_dim(2).reshape([n_rows, heads.keys * heads.key_width])
    };
    DeltaInputs { queries: summed(queries), keys: summed(keys), values, log_decays, rates }
}

impl Chunk {
    /// The gradients of queries, keys, values, logarithms of decays, and rates, and of the matrices before the chunk,
    /// given those of what the queries read and of the matrices after the chunk.
    fn backward(
        &self,
        state: &Tensor<3>,
        d_read: &Tensor<3>,
        d_after: &Tensor<3>,
    ) -> ([Tensor<3>; 5], Tensor<3>) {
        let Self { q, k, rates, since, until, over, between, keys, inverse, .. } = self;
        let (rates, since, until) = (|| rates.clone(), || since.clone(), || until.clone());
        let (differences, written, weights) = (self.differences(state), self.written(state), self.weights());

        // after = over state + (until k)^T written; read = since q state + weights written
        let kept = written.clone().matmul(d_after.clone().transpose());
        let d_written = weights.clone().transpose().matmul(d_read.clone())
            + (k.clone() * until()).matmul(d_after.clone());
        let d_weights = d_read.clone().matmul(written.clone().transpose());
        let d_products = d_weights.clone() * between.clone();
        let d_q =
            d_read.clone().matmul(state.clone().transpose()) * since() + d_products.clone().matmul(k.clone());
        let mut d_k = d_products.transpose().matmul(q.clone()) + kept.clone() * until();
        let mut d_state =
            d_after.clone() * over.clone() + (q.clone() * since()).transpose().matmul(d_read.clone());

        // written = inverse (rates differences); differences = v - since k state
        let d_alone = inverse.clone().transpose().matmul(d_written);
        let d_system = -earlier(d_alone.clone().matmul(written.transpose()));
        let d_differences = d_alone.clone() * rates();
        let d_known = d_differences.clone() * since();
        d_k = d_k - d_known.clone().matmul(state.clone().transpose());
        d_state = d_state - k.clone().transpose().matmul(d_known.clone());

        // system = rates (k k^T between), without later positions
        let of_system = d_system * between.clone();
        let d_rates = (d_alone * differences).sum_dim(2) + (of_system.clone() * keys.clone()).sum_dim(2);
        let d_keys = of_system * rates();
        d_k = d_k + d_keys.clone().matmul(k.clone()) + d_keys.clone().transpose().matmul(k.clone());

        let of_between = d_weights * weights + d_keys * keys.clone();
        let of_until = (kept * k.clone() * until()).sum_dim(2);
        let read_before = (d_read.clone() * q.clone().matmul(state.clone()) * since()).sum_dim(2);
        let d_decayed = of_between.clone().sum_dim(2) - of_between.sum_dim(1).transpose() + read_before
            - (d_known * k.clone().matmul(state.clone())).sum_dim(2)
            - of_until.clone();
        let of_over = (d_after.clone() * state.clone()).sum_dim(2).sum_dim(1) * over.clone();
        let to_end = of_until.sum_dim(1) + of_over;
        // A position's decay is part of those of all later ones.
        let later = not_later(&q.device()).transpose().unsqueeze::<3>();
        let d_log_decays = later.expand(between.dims()).matmul(d_decayed) + to_end;
        ([d_q, d_k, d_differences, d_log_decays, d_rates], d_state)
    }
}
