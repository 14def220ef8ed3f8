//! The server's part of federated averaging.

/// The weighted mean of what clients trained: for clients that began with the same weights, it
/// adds the weighted mean of their changes. The sums are in f64, and one client alone gets its own weights back.
///
/// # Panics
/// If there are no clients, their vectors have different lengths, or their weights add up to nothing.
///
/// Source: McMahan et al., 2017 (arXiv 1602.05629), algorithm 1.
#[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
pub fn averaged<'a>(clients: impl IntoIterator<Item = (f64, &'a [f32])>) -> Vec<f32> {
    let (mut sums, mut whole): (Vec<f64>, f64) = (Vec::new(), 0.0);
    for (weight, values) in clients {
        if sums.is_empty() {
            sums.resize(values.len(), 0.0);
        }
        assert_eq!(sums.len(), values.len(), "vectors of one length");
        sums.iter_mut().zip(values).for_each(|(sum, &value)| *sum += weight * f64::from(value));
        whole += weight;
    }
    assert!(whole > 0.0, "clients whose weights add up to something");
    sums.into_iter().map(|sum| (sum / whole) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_is_itself_and_two_meet_by_their_weights() {
        let one = [0.1f32, -3.7e-5, 1e20, f32::MIN_POSITIVE];
        for weight in [1.0, 3.0, 12345.0] {
            assert_eq!(averaged([(weight, &one[..])]), one);
        }
        let found = averaged([(1.0, &[1.0f32, 2.0][..]), (3.0, &[5.0, 2.0][..])]);
        assert_eq!(found, [4.0, 2.0]);
    }
}
