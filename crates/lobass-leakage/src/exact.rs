//! Tests and intervals of shares.

use std::f64::consts::SQRT_2;

/// The probability of at least `k` successes in `n` trials of probability `p` each.
///
/// # Panics
/// If `p` is no probability.
///
/// Source: `scipy.stats.binom.sf(k - 1, n, p)`.
pub fn binomial_tail(k: u64, n: u64, p: f64) -> f64 {
    assert!((0.0..=1.0).contains(&p), "a probability, found {p}");
    if k == 0 || p == 1.0 {
        return if k <= n { 1.0 } else { 0.0 };
    }
    if k > n || p == 0.0 {
        return 0.0;
    }
    // The term of k as a logarithm, and the terms after it as multiples of it.
    let ln_term = ln_choose(n, k) + k as f64 * p.ln() + (n - k) as f64 * (-p).ln_1p();
    let (mut sum, mut term) = (1.0, 1.0);
    for at in k..n {
        term *= (n - at) as f64 / (at + 1) as f64 * p / (1.0 - p);
        sum += term;
        if term < sum * 1e-18 && (n - at) as f64 * p < at as f64 {
            break;
        }
    }
    (ln_term + f64::ln(sum)).exp().min(1.0)
}

/// `ln(n! / (k! (n - k)!))`, term by term.
fn ln_choose(n: u64, k: u64) -> f64 {
    let k = k.min(n - k);
    (0..k).map(|at| ((n - at) as f64 / (at + 1) as f64).ln()).sum()
}

/// The 95 % interval of a share by Wilson's score, without a correction for continuity; all of 0 to 1 without trials.
///
/// Source: `scipy.stats.binomtest(k, n).proportion_ci(method="wilson")`.
pub fn wilson(k: u64, n: u64) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    if n == 0 {
        return (0.0, 1.0);
    }
    let (n, share) = (n as f64, k as f64 / n as f64);
    let scale = 1.0 + Z * Z / n;
    let center = (share + Z * Z / (2.0 * n)) / scale;
    let half = Z / scale * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((center - half).max(0.0), (center + half).min(1.0))
}

/// The two-sided exact p of McNemar's test: of so many gains and losses if both are as likely.
///
/// Source: `scipy.stats.binomtest(gains, gains + losses, 0.5)`.
pub fn mcnemar(gains: u64, losses: u64) -> f64 {
    (2.0 * binomial_tail(gains.max(losses), gains + losses, 0.5)).min(1.0)
}

/// The probability that a standard normal number is below `z`.
///
/// Source: `scipy.stats.norm.cdf`; the continued fraction of the Mills ratio far out, and the Taylor series near 0.
pub fn normal_tail(z: f64) -> f64 {
    if z > 0.0 {
        return 1.0 - normal_tail(-z);
    }
    let x = -z / SQRT_2;
    if x < 2.0 {
        // erf(x) = 2 / sqrt(pi) * sum of x (-x^2)^n / (n! (2 n + 1))
        let (mut term, mut sum) = (x, x);
        for n in 1..60 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        return 0.5 - sum / std::f64::consts::PI.sqrt();
    }
    // erfc(x) = exp(-x^2) / sqrt(pi) / (x + (1/2) / (x + 1 / (x + (3/2) / (x + ..))))
    let fraction = (1..80).rev().fold(x, |below, n| x + f64::from(n) / 2.0 / below);
    0.5 * (-x * x).exp() / std::f64::consts::PI.sqrt() / fraction
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Fixture {
        tails: Vec<(u64, u64, f64, f64)>,
        intervals: Vec<(u64, u64, f64, f64)>,
        pairs: Vec<(u64, u64, f64)>,
        normal: Vec<(f64, f64)>,
    }

    fn fixture() -> Fixture {
        serde_json::from_str(include_str!("../fixtures/expected.json")).unwrap()
    }

    #[track_caller]
    fn assert_near(found: f64, expected: f64) {
        let scale = expected.abs().max(1e-300);
        assert!((found - expected).abs() <= 1e-9 * scale, "{found:e} for {expected:e}");
    }

    #[test]
    fn numbers_are_those_of_scipy() {
        let fixture = fixture();
        for (k, n, p, expected) in fixture.tails {
            assert_near(binomial_tail(k, n, p), expected);
        }
        for (k, n, low, high) in fixture.intervals {
            let found = wilson(k, n);
            assert!((found.0 - low).abs() < 1e-12 && (found.1 - high).abs() < 1e-12, "{k} of {n}: {found:?}");
        }
        for (gains, losses, expected) in fixture.pairs {
            assert_near(mcnemar(gains, losses), expected);
        }
        for (z, expected) in fixture.normal {
            assert_near(normal_tail(z), expected);
        }
    }

    proptest! {
        #[test]
        fn a_tail_is_the_sum_of_its_terms(n in 1u64..40, k in 0u64..42, p in 0.01f64..0.99) {
            let term = |at: u64| (ln_choose(n, at) + at as f64 * p.ln() + (n - at) as f64 * (1.0 - p).ln()).exp();
            let expected: f64 = (k.min(n + 1)..=n).map(term).sum();
            prop_assert!((binomial_tail(k, n, p) - expected).abs() < 1e-10);
        }
    }

    #[test]
    fn without_trials_nothing_is_known() {
        assert_eq!(wilson(0, 0), (0.0, 1.0));
        assert_eq!((binomial_tail(0, 0, 0.3), binomial_tail(1, 0, 0.3), mcnemar(0, 0)), (1.0, 0.0, 1.0));
    }
}
