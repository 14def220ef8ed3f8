//! Plots of intervals, in SVG.

use std::fmt::Write as _;

use crate::Estimate;

/// One line of a plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Its name.
    pub label: String,
    /// Where it is.
    pub estimate: Estimate,
}

/// Intervals one under the other, and a line at zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// The title.
    pub title: String,
    /// The label of the axis, with its unit.
    pub axis: String,
    /// From top to bottom; at least one.
    pub marks: Vec<Mark>,
}

/// Sizes, in pixels.
const WIDTH: f64 = 720.0;
const LEFT: f64 = 170.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 48.0;
const ROW: f64 = 24.0;
const BOTTOM: f64 = 52.0;

/// Colors in light and in dark, by the reader's theme.
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}.grid{stroke:#d0d7de}\
.zero{stroke:#57606a;stroke-dasharray:4 3}.better{stroke:#1a7f37;fill:#1a7f37}.worse{stroke:#cf222e;fill:#cf222e}\
.open{stroke:#57606a;fill:#57606a}.range{stroke-width:2.5}@media(prefers-color-scheme:dark){text{fill:#e6edf3}\
.grid{stroke:#30363d}.zero{stroke:#8d96a0}.better{stroke:#3fb950;fill:#3fb950}.worse{stroke:#f85149;fill:#f85149}\
.open{stroke:#8d96a0;fill:#8d96a0}}";

impl Plot {
    /// The plot as an SVG file. Below zero is better: such intervals are green, those above zero red, others grey.
    pub fn svg(&self) -> String {
        let (least, most) = self.range();
        let step = step(most - least);
        let (first, last) = ((least / step).floor(), (most / step).ceil());
        let place =
            |value: f64| LEFT + (WIDTH - LEFT - RIGHT) * (value / step - first) / (last - first).max(1.0);
        let bottom = TOP + ROW * self.marks.len() as f64;
        let height = bottom + BOTTOM;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" role=\"img\" aria-label=\"{}\">\n<style>{STYLE}</style>\n",
            escaped(&self.title)
        );
        let _ = writeln!(svg, "<text class=\"title\" x=\"8\" y=\"22\">{}</text>", escaped(&self.title));
        let mut tick = first;
        while tick <= last + 1e-9 {
            let x = place(tick * step);
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\"/>\n\
                 <text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
                bottom + 18.0,
                number(tick * step, step)
            );
            tick += 1.0;
        }
        let zero = place(0.0);
        let _ = writeln!(
            svg,
            "<line class=\"zero\" x1=\"{zero:.1}\" y1=\"{TOP}\" x2=\"{zero:.1}\" y2=\"{bottom}\"/>"
        );
        for (at, mark) in self.marks.iter().enumerate() {
            svg += &line(mark, TOP + ROW * (at as f64 + 0.5), &place);
        }
        let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
        let _ = writeln!(
            svg,
            "<text x=\"{middle:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>\n</svg>",
            bottom + 40.0,
            escaped(&self.axis)
        );
        svg
    }

    /// The values that the axis has to cover, zero included.
    fn range(&self) -> (f64, f64) {
        let ends =
            self.marks.iter().flat_map(|mark| [mark.estimate.low, mark.estimate.high, mark.estimate.value]);
        ends.filter(|end| end.is_finite())
            .fold((0.0, 0.0), |(least, most): (f64, f64), end| (least.min(end), most.max(end)))
    }
}

fn line(mark: &Mark, y: f64, place: &impl Fn(f64) -> f64) -> String {
    let Estimate { value, low, high } = mark.estimate;
    let class = match mark.estimate {
        estimate if estimate.is_below_zero() => "better",
        estimate if estimate.is_above_zero() => "worse",
        _ => "open",
    };
    format!(
        "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n\
         <line class=\"range {class}\" x1=\"{:.1}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\"/>\n\
         <circle class=\"{class}\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4.5\"/>\n",
        LEFT - 14.0,
        y + 4.5,
        escaped(&mark.label),
        place(low),
        place(high),
        place(value),
    )
}

/// A round distance between ticks, for four to ten of them.
pub(crate) fn step(range: f64) -> f64 {
    if !(range > 0.0 && range.is_finite()) {
        return 1.0;
    }
    let power = 10f64.powf((range / 5.0).log10().floor());
    let fits = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| range / (step * power) <= 7.0);
    fits.unwrap_or(10.0) * power
}

pub(crate) fn number(value: f64, step: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few decimals")]
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    let value = if value.abs() < step / 2.0 { 0.0 } else { value };
    format!("{value:.decimals$}")
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn better_is_green_and_worse_is_red() {
        let mark = |label: &str, value: f64| Mark {
            label: label.to_owned(),
            estimate: Estimate { value, low: value - 0.1, high: value + 0.1 },
        };
        let plot = Plot {
            title: "a < b".to_owned(),
            axis: "nats".to_owned(),
            marks: vec![mark("down", -0.5), mark("up", 0.5), mark("open", 0.05)],
        };
        let svg = plot.svg();
        assert!(svg.contains("a &lt; b") && svg.ends_with("</svg>\n"));
        let classes: Vec<&str> =
            svg.lines().filter_map(|line| line.strip_prefix("<circle class=\"")?.split('"').next()).collect();
        assert_eq!(classes, ["better", "worse", "open"]);
    }

    proptest! {
        #[test]
        fn everything_is_on_the_canvas(values in prop::collection::vec((-1e3f64..1e3, 0f64..50.0), 1..9)) {
            let marks = values.iter().map(|&(value, half)| Mark {
                label: "x".to_owned(),
                estimate: Estimate { value, low: value - half, high: value + half },
            });
            let svg = Plot { title: String::new(), axis: String::new(), marks: marks.collect() }.svg();
            for piece in svg.split("cx=\"").skip(1).chain(svg.split("x1=\"").skip(1)) {
                let x: f64 = piece.split('"').next().unwrap().parse().unwrap();
                prop_assert!((LEFT - 0.1..=WIDTH - RIGHT + 0.1).contains(&x), "{}", x);
            }
        }
    }
}
