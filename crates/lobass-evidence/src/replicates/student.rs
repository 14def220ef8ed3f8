//! Student's t interval of a mean.

use std::f64::consts::PI;

use crate::Estimate;

/// The mean of some numbers, and its two-sided t interval at a level such as 0.95.
///
/// `None` with fewer than two numbers, with one that is not finite, or with a level outside 0 to 1.
///
/// Source: Student, *The probable error of a mean* (1908); as `scipy.stats.t.interval(level, n - 1, mean, standard error)`.
pub fn t_interval(numbers: &[f64], level: f64) -> Option<Estimate> {
    let n = numbers.len();
    let is_level = level > 0.0 && level < 1.0;
    if n < 2 || !is_level || numbers.iter().any(|number| !number.is_finite()) {
        return None;
    }
    let mean = numbers.iter().sum::<f64>() / n as f64;
    let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
    let half = quantile(level, n - 1) * (squares / ((n - 1) * n) as f64).sqrt();
    Some(Estimate { value: mean, low: mean - half, high: mean + half })
}

/// The `t` with the probability `level` of a value between `-t` and `t`, by halving.
fn quantile(level: f64, freedom: usize) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while within(high, freedom) < level {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        match within(middle, freedom) < level {
            true => low = middle,
            false => high = middle,
        }
    }
    f64::midpoint(low, high)
}

/// The probability of a value between `-t` and `t`, for a whole number of degrees of freedom.
///
/// Source: Abramowitz and Stegun, *Handbook of Mathematical Functions*, 26.7.3 and 26.7.4.
fn within(t: f64, freedom: usize) -> f64 {
    let angle = (t / (freedom as f64).sqrt()).atan();
    let (sin, cos) = angle.sin_cos();
    let square = cos * cos;
    let (mut term, mut sum) = (if freedom % 2 == 1 { cos } else { 1.0 }, 0.0);
    let mut step = if freedom % 2 == 1 { 2.0 } else { 1.0 };
    // Terms up to the power `freedom - 2` of the cosine.
    for _ in 0..freedom / 2 {
        sum += term;
        term *= square * step / (step + 1.0);
        step += 2.0;
    }
    if freedom % 2 == 1 { (angle + sin * sum) * 2.0 / PI } else { sin * sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_textbook() {
        let expected = [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (7, 2.365), (30, 2.042)];
        for (freedom, t) in expected {
            assert!((quantile(0.95, freedom) - t).abs() < 5e-4, "{freedom}: {}", quantile(0.95, freedom));
        }
    }

    #[test]
    fn an_interval_needs_two_numbers() {
        let found = t_interval(&[1.0, 3.0], 0.95).unwrap();
        assert!((found.value - 2.0).abs() < 1e-12 && (found.high - 2.0 - 12.7062).abs() < 1e-4);
        assert_eq!(t_interval(&[1.0], 0.95), None);
        assert_eq!(t_interval(&[1.0, f64::INFINITY], 0.95), None);
        assert_eq!(t_interval(&[1.0, 2.0], 1.0), None);
    }
}
