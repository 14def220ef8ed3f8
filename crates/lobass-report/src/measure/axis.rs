//! Axes: the shown range of numbers, their positions, and ticks.

use serde::Serialize;

use crate::number;

/// How numbers are spread over an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Equal steps for equal differences.
    Linear,
    /// Equal steps for equal ratios.
    Log,
}

/// A stretch of numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    /// The quantity, with its unit.
    pub label: String,
    /// How numbers are spread over it.
    pub scale: Scale,
    /// Where it begins.
    pub min: f64,
    /// Where it ends, above `min`.
    pub max: f64,
}

/// A place on an axis that has a name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    /// From 0 to 1.
    pub(crate) at: f64,
    pub(crate) label: String,
}

/// From numbers to their places on a scale, or back.
type Map = fn(f64) -> f64;

/// The distance from the middle half of the numbers at which an axis may end, as a multiple of that half's width.
const REACH: f64 = 3.0;
/// Numbers beyond this share at either end do not affect the scale.
const TAIL: f64 = 0.001;
/// The ratio of the largest to the least of positive numbers from which they may be shown on a scale of ratios. Their
/// median also has to lie in the first part of the span, where most of them would be squeezed together.
const LOG_FROM: f64 = 20.0;
const LOG_MEDIAN: f64 = 0.25;

impl Axis {
    /// The stretch that shows some numbers: all of them, unless a few far ones would squeeze the others together.
    ///
    /// `log` allows ratios, where they are what matters.
    pub(crate) fn of(label: impl Into<String>, numbers: Vec<f64>, log: bool) -> Self {
        Self::with_margin(label, numbers, log, 0.02)
    }

    /// The axis, longer by a share of its length at either end, where no number is.
    pub(crate) fn with_margin(
        label: impl Into<String>,
        mut numbers: Vec<f64>,
        log: bool,
        margin: f64,
    ) -> Self {
        let label = label.into();
        if numbers.is_empty() {
            return Self { label, scale: Scale::Linear, min: 0.0, max: 1.0 };
        }
        let low = quantile(&mut numbers, TAIL);
        let high = quantile(&mut numbers, 1.0 - TAIL);
        let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let median = quantile(&mut numbers, 0.5);
        let is_skewed = median - low < LOG_MEDIAN * (high - low);
        let is_log = log && least > 0.0 && high / low >= LOG_FROM && is_skewed;
        let (to, from): (Map, Map) =
            if is_log { (f64::ln, f64::exp) } else { (|number| number, |number| number) };
        let (low, high) = bounds(&mut numbers, to, low, high);
        let span = high - low;
        // An axis that would be hardly longer extends to the end.
        let reach = |bound: f64, end: f64| if (end - bound).abs() > span / 3.0 { bound } else { end };
        let (min, max) = (reach(low, to(least)), reach(high, to(most)));
        let pad = if max > min { (max - min) * margin } else { (min.abs() * 0.1).max(0.5) };
        let scale = if is_log { Scale::Log } else { Scale::Linear };
        Self { label, scale, min: from(min - pad), max: from(max + pad) }
    }

    /// The position of a number: 0 at the beginning, 1 at the end; numbers outside are at the nearer end.
    pub fn place(&self, number: f64) -> f64 {
        let place = match self.scale {
            Scale::Linear => (number - self.min) / (self.max - self.min),
            Scale::Log => (number.max(f64::MIN_POSITIVE) / self.min).ln() / (self.max / self.min).ln(),
        };
        place.clamp(0.0, 1.0)
    }

    /// Whether a number is on it.
    pub fn contains(&self, number: f64) -> bool {
        (self.min..=self.max).contains(&number)
    }

    /// The number at a place from 0 to 1.
    pub(crate) fn number_at(&self, place: f64) -> f64 {
        match self.scale {
            Scale::Linear => self.min + place * (self.max - self.min),
            Scale::Log => self.min * (self.max / self.min).powf(place),
        }
    }

    /// Round numbers along it, some `most` of them.
    pub(crate) fn ticks(&self, most: usize) -> Vec<Tick> {
        let numbers = match self.scale {
            Scale::Linear => linear_ticks(self.min, self.max, most),
            Scale::Log => log_ticks(self.min, self.max, most),
        };
        numbers.into_iter().map(|(number, label)| Tick { at: self.place(number), label }).collect()
    }
}

/// The ends of the bulk of some numbers on a scale: the last ones that are not far from the middle half. If half of the
/// numbers are equal, their tails decide.
fn bounds(numbers: &mut [f64], to: Map, low: f64, high: f64) -> (f64, f64) {
    let (lower, upper) = (to(quantile(numbers, 0.25)), to(quantile(numbers, 0.75)));
    let reach = REACH * (upper - lower);
    if reach <= 0.0 {
        return (to(low), to(high));
    }
    let near = numbers.iter().map(|&number| to(number));
    let near = near.filter(|number| (lower - reach..=upper + reach).contains(number));
    near.fold((lower, upper), |(min, max), number| (number.min(min), number.max(max)))
}

/// The quantile of some numbers for a share; reorders them.
pub(super) fn quantile(numbers: &mut [f64], share: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among them")]
    let at = (share * (numbers.len() - 1) as f64).round() as usize;
    *numbers.select_nth_unstable_by(at, f64::total_cmp).1
}

/// Multiples of 1, 2, or 5 times a power of ten.
fn linear_ticks(min: f64, max: f64, most: usize) -> Vec<(f64, String)> {
    let rough = (max - min) / most.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power).find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(10.0 * power);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few digits")]
    let digits = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
    let (first, last) = ((min / step).ceil(), (max / step).floor());
    let label = |number: f64| match number.abs() {
        // What is left of a difference that should be nothing must not show, not even by its sign.
        size if size < step / 2.0 => format!("{:.digits$}", 0.0),
        0.0..1e3 => format!("{number:.digits$}").replace('-', "−"),
        _ => short(number),
    };
    #[expect(clippy::cast_possible_truncation, reason = "a few ticks")]
    let n = (last - first).max(-1.0) as i64 + 1;
    (0..n.min(50)).map(|at| (first + at as f64) * step).map(|number| (number, label(number))).collect()
}

/// Powers of ten, with their doubles and fives where there is room.
fn log_ticks(min: f64, max: f64, most: usize) -> Vec<(f64, String)> {
    let decades = (max / min).log10();
    let times: &[f64] = if decades * 3.0 <= most as f64 {
        &[1.0, 2.0, 5.0]
    } else if decades * 2.0 <= most as f64 {
        &[1.0, 3.0]
    } else {
        &[1.0]
    };
    #[expect(clippy::cast_possible_truncation, reason = "powers of ten")]
    let (first, last) = (min.log10().floor() as i32, max.log10().ceil() as i32);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few decades")]
    let skip = (decades / most.max(1) as f64).ceil().max(1.0) as usize;
    let numbers =
        (first..=last).step_by(skip).flat_map(|power| times.iter().map(move |t| t * 10f64.powi(power)));
    numbers.filter(|number| (min..=max).contains(number)).map(|number| (number, short(number))).collect()
}

/// `500`, `20k`, `3M`.
fn short(number: f64) -> String {
    let size = number.abs();
    let text = match size {
        0.0..1e-3 | 1e12.. => format!("{number:.0e}"),
        1e9.. => format!("{}G", number / 1e9),
        1e6.. => format!("{}M", number / 1e6),
        1e4.. => format!("{}k", number / 1e3),
        1e3.. => number::plain(number),
        _ => format!("{}", (number * 1e6).round() / 1e6),
    };
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(axis: &Axis, most: usize) -> Vec<String> {
        axis.ticks(most).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_are_round() {
        let axis = |scale, min, max| Axis { label: String::new(), scale, min, max };
        let expected = ["−0.2", "0.0", "0.2", "0.4", "0.6", "0.8", "1.0"];
        assert_eq!(labels(&axis(Scale::Linear, -0.31, 1.02), 7), expected);
        assert_eq!(labels(&axis(Scale::Linear, 0.0, 47.0), 5), ["0", "10", "20", "30", "40"]);
        assert_eq!(labels(&axis(Scale::Linear, 0.0, 45_000.0), 5), ["0", "10k", "20k", "30k", "40k"]);
        assert_eq!(labels(&axis(Scale::Log, 3.5, 250.0), 6), ["5", "10", "20", "50", "100", "200"]);
        assert_eq!(labels(&axis(Scale::Log, 0.5, 2e6), 7), ["1", "10", "100", "1,000", "10k", "100k", "1M"]);
    }

    #[test]
    fn far_numbers_stay_outside() {
        let mut numbers: Vec<f64> = (0..5000).map(|at| f64::from(at) / 5000.0).collect();
        numbers.push(1e9);
        let axis = Axis::of("a", numbers, true);
        assert!(axis.max < 1.1 && !axis.contains(1e9) && axis.place(1e9) == 1.0);
        let even = Axis::of("a", (1..5000).map(f64::from).collect(), true);
        assert_eq!(even.scale, Scale::Linear);
        let ratios = Axis::of("a", (0..5000).map(|at| (f64::from(at) / 1000.0).exp()).collect(), true);
        assert_eq!(ratios.scale, Scale::Log);
        assert!([&even, &ratios].iter().all(|axis| axis.contains(1.0) && axis.contains(148.0)));
    }

    proptest! {
        #[test]
        fn every_axis_has_room_and_ticks(
            numbers in prop::collection::vec(-1e6f64..1e6, 0..50), log: bool, most in 3usize..9,
        ) {
            let axis = Axis::of("a", numbers.clone(), log);
            prop_assert!(axis.min < axis.max);
            let outside = numbers.iter().filter(|number| !axis.contains(**number)).count();
            prop_assert!(2 * outside <= numbers.len(), "the middle half is on the axis");
            let ticks = axis.ticks(most);
            prop_assert!(ticks.len() <= 3 * most + 2);
            prop_assert!(ticks.windows(2).all(|pair| pair[0].at < pair[1].at));
            for share in [0.0, 0.3, 1.0] {
                let number = axis.number_at(share);
                prop_assert!((axis.place(number) - share).abs() < 1e-9);
            }
        }
    }
}
