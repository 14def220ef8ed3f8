//! Helpers of the tests: numbers from a seed, and comparisons within a tolerance.

/// Numbers in -3..3, mostly small, as a function of the seed.
pub(crate) fn values(seed: u64, len: usize) -> Vec<f32> {
    let mut state = seed;
    let mut uniform = || {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / 8_388_608.0 - 1.0
    };
    (0..len).map(|_| uniform() + uniform() + uniform()).collect()
}

/// Logits of that size, a few of which are negative infinity.
pub(crate) fn logits(seed: u64, rows: usize, vocab: usize, size: f32) -> Vec<f32> {
    let mut logits: Vec<f32> = values(seed, rows * vocab).iter().map(|x| x * size).collect();
    for out in logits.iter_mut().skip(7).step_by(13) {
        *out = f32::NEG_INFINITY;
    }
    logits
}

/// Lets the logits go by, `width` tokens of the vocabulary at a time.
pub(crate) fn in_blocks(logits: &[f32], vocab: usize, width: usize, mut add: impl FnMut(&mut [f32], usize)) {
    for start in (0..vocab).step_by(width) {
        let end = vocab.min(start + width);
        let mut block: Vec<f32> = logits.chunks(vocab).flat_map(|row| row[start..end].to_vec()).collect();
        add(&mut block, end - start);
    }
}

/// The values in `f64`.
pub(crate) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

/// Panics unless the two differ by at most `tolerance * (1 + |expected|)`.
#[track_caller]
pub(crate) fn assert_close(found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(*found) - expected).abs();
        assert!(
            error <= tolerance * (1.0 + expected.abs()),
            "at {at}: {found} for {expected}, off by {error:e}"
        );
    }
}

/// A loss to differentiate: `sum(values * weights)`.
pub(crate) fn weighted(values: &[f64], weights: &[f64]) -> f64 {
    values.iter().zip(weights).map(|(value, weight)| value * weight).sum()
}

/// Panics unless `gradient` is the slope of `loss` at `at`, by central differences.
#[track_caller]
pub(crate) fn assert_gradient(loss: impl Fn(&[f64]) -> f64, at: &[f64], gradient: &[f64]) {
    assert_eq!(at.len(), gradient.len());
    let step = 1e-5;
    for index in 0..at.len() {
        let moved = |by: f64| {
            let mut at = at.to_vec();
            at[index] += by;
            loss(&at)
        };
        let slope = (moved(step) - moved(-step)) / (2.0 * step);
        let error = (slope - gradient[index]).abs();
        assert!(error <= 1e-7 * (1.0 + slope.abs()), "at {index}: {} for {slope}", gradient[index]);
    }
}
