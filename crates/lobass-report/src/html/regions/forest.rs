//! The drop of each region with its interval, one line below the other.

use std::fmt::Write as _;

use lobass_regions::{LossDrop, Region, Verdict};

use super::MAX_REGIONS;
use crate::escape::{html, shortened};
use crate::measure::{Axis, Scale};
use crate::number::{counted, signed};
use crate::regions::RegionsCut;

/// Sizes in SVG units.
const WIDTH: f64 = 760.0;
const LEFT: f64 = 230.0;
const RIGHT: f64 = 16.0;
const LINE: f64 = 22.0;
const BOTTOM: f64 = 42.0;
const MAX_LABEL: usize = 34;

/// Draws them; all rows come last.
pub(super) fn draw(cut: &RegionsCut, at: usize) -> String {
    let regions: Vec<&Region> = cut.found.regions.iter().take(MAX_REGIONS).chain([&cut.found.all]).collect();
    let height = LINE * regions.len() as f64 + 8.0;
    let numbers = regions.iter().filter_map(|region| region.per_token).flat_map(|drop| {
        let (low, high) = drop.interval.unwrap_or((drop.value, drop.value));
        [low, drop.value, high]
    });
    let axis = axis(numbers);
    let x = |number: f64| LEFT + axis.place(number) * (WIDTH - RIGHT - LEFT);
    let id = format!("f{at}");
    let mut svg = format!(
        "<svg class=\"forest\" id=\"{id}\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">Drop of the loss by region</title><desc id=\"{id}-d\">{} by {}, each with its interval; \
         the table below has the numbers.</desc>",
        height + BOTTOM,
        counted(regions.len() as u64 - 1, "region"),
        html(&shortened(&cut.by, MAX_LABEL))
    );
    let (mut grid, mut labels) = (String::new(), String::new());
    for tick in axis.ticks(8) {
        let at = LEFT + tick.at * (WIDTH - RIGHT - LEFT);
        let _ = write!(grid, "M{at:.1} 0V{height}");
        let _ =
            write!(labels, "<text class=\"tx\" x=\"{at:.1}\" y=\"{}\">{}</text>", height + 16.0, tick.label);
    }
    let zero = x(0.0);
    let _ = write!(
        svg,
        "<path class=\"grid\" d=\"{grid}\"/><path class=\"axis\" d=\"M{LEFT} {height}H{}\"/>\
         <path class=\"border\" d=\"M{zero:.1} 0V{height}\"/><g class=\"ticks\">{labels}</g>\
         <text class=\"lx\" x=\"{}\" y=\"{}\">{}</text>",
        WIDTH - RIGHT,
        f64::midpoint(LEFT, WIDTH - RIGHT),
        height + 34.0,
        html(&axis.label)
    );
    for (region, number) in regions.into_iter().zip(0u32..) {
        svg += &line(region, LINE.mul_add(f64::from(number), LINE / 2.0 + 2.0), &x);
    }
    format!("<figure class=\"wide\">{svg}</svg>{}</figure>", legend())
}

/// An axis that shows zero and every number: none of them is an outlier.
fn axis(numbers: impl Iterator<Item = f64>) -> Axis {
    let (min, max) = numbers.fold((0.0f64, 0.0f64), |(min, max), number| (min.min(number), max.max(number)));
    let pad = if max > min { 0.02 * (max - min) } else { 0.5 };
    let label = "drop of the loss (nats per token)".to_owned();
    Axis { label, scale: Scale::Linear, min: min - pad, max: max + pad }
}

fn line(region: &Region, y: f64, x: &dyn Fn(f64) -> f64) -> String {
    let name = html(&shortened(&region.name, MAX_LABEL));
    let mut drawn = format!("<text class=\"ty\" x=\"{}\" y=\"{:.1}\">{name}</text>", LEFT - 10.0, y + 4.0);
    let Some(LossDrop { value, interval }) = region.per_token else { return drawn };
    let class = class(region.verdict);
    let (from, to) = interval.unwrap_or((value, value));
    let _ = write!(
        drawn,
        "<g class=\"{class}\"><title>{name}: {} [{}, {}], {}</title>\
         <path class=\"whisker\" d=\"M{:.1} {y:.1}H{:.1}\"/><circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4.5\"/></g>",
        signed(value, 3),
        signed(from, 3),
        signed(to, 3),
        region.verdict,
        x(from),
        x(to),
        x(value)
    );
    drawn
}

/// The class that colors a verdict.
pub(super) fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Learned => "v-learned",
        Verdict::Unchanged => "v-unchanged",
        Verdict::Worse => "v-worse",
        Verdict::TooFew => "v-few",
    }
}

fn legend() -> String {
    let all = [Verdict::Learned, Verdict::Unchanged, Verdict::Worse, Verdict::TooFew];
    let one = |verdict| format!("<span><i class=\"dot {}\"></i>{verdict}</span>", class(verdict));
    format!("<p class=\"legend\">{}</p>", all.map(one).concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_has_zero_and_every_number() {
        let far = axis([5.5, 6.0, 6.2, 5.4, 5.9, 6.1, -0.05].into_iter());
        assert!(far.place(0.0) > far.place(-0.05) && far.place(-0.05) > 0.0 && far.place(6.2) < 1.0);
        let above = axis([5.5, 6.0].into_iter());
        assert!(above.place(0.0) < 0.05 && above.place(5.5) > 0.85);
        assert_eq!(axis([0.0].into_iter()).place(0.0), 0.5);
    }
}
