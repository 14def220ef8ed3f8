//! The reference of the loss.

/// [`cross_entropy`](crate::cross_entropy()), one row after another.
pub fn cross_entropy(logits: &[f64], labels: &[u32], losses: &mut [f64]) {
    for (at, (label, loss)) in labels.iter().zip(losses).enumerate() {
        let row = row(logits.len(), labels.len(), at);
        *loss = log_sum(&logits[row.clone()]) - logits[row.start + *label as usize];
    }
}

/// [`cross_entropy_backward`](crate::cross_entropy_backward), one row after another.
pub fn cross_entropy_backward(logits: &mut [f64], labels: &[u32], seeds: &[f64], losses: &mut [f64]) {
    cross_entropy(logits, labels, losses);
    for (at, (label, seed)) in labels.iter().zip(seeds).enumerate() {
        let row = row(logits.len(), labels.len(), at);
        let row = &mut logits[row];
        let log_sum = log_sum(row);
        for (class, logit) in row.iter_mut().enumerate() {
            let target = if class == *label as usize { 1.0 } else { 0.0 };
            *logit = seed * ((*logit - log_sum).exp() - target);
        }
    }
}

fn row(logits: usize, rows: usize, at: usize) -> std::ops::Range<usize> {
    let vocab = logits / rows;
    at * vocab..(at + 1) * vocab
}

fn log_sum(row: &[f64]) -> f64 {
    let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    row.iter().map(|logit| (logit - max).exp()).sum::<f64>().ln() + max
}
