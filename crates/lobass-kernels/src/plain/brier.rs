//! The reference of the Brier loss.

/// [`RunningBrier`](crate::RunningBrier), with all logits of a row at once.
pub fn brier(logits: &[f64], labels: &[u32], losses: &mut [f64]) {
    let vocab = logits.len() / labels.len().max(1);
    for ((row, label), loss) in logits.chunks(vocab.max(1)).zip(labels).zip(losses) {
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = row.iter().map(|logit| (logit - max).exp()).collect();
        let sum: f64 = powers.iter().sum();
        let distance = |(token, power): (usize, &f64)| {
            let said = if token == *label as usize { 1.0 } else { 0.0 };
            (power / sum - said).powi(2)
        };
        *loss = powers.iter().enumerate().map(distance).sum();
    }
}
