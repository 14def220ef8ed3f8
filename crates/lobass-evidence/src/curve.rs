//! Curves with intervals, in SVG.

use std::fmt::Write as _;

use crate::Estimate;
use crate::plot::{escaped, number, step};

/// One line of a plot.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveLine {
    /// Its name.
    pub label: String,
    /// Its points from left to right.
    pub points: Vec<(f64, Estimate)>,
}

/// Lines over one axis, such as accuracies over numbers of pairs.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The title.
    pub title: String,
    /// The label of the horizontal axis, which begins at 0.
    pub across: String,
    /// The label of the vertical axis.
    pub up: String,
    /// At least one, with at least one point.
    pub lines: Vec<CurveLine>,
    /// A height that is marked, such as that of chance.
    pub mark: Option<f64>,
}

/// Sizes, in pixels.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 52.0;
const LEGEND: f64 = 20.0;
/// Intervals of different lines stand side by side, by so many pixels.
const APART: f64 = 3.0;
/// Lines have as many colors; further ones are dashed.
const COLORS: usize = 6;

/// Colors in light and in dark, by the reader's theme. They are those of Okabe and Ito, which most people can tell apart.
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}.grid{stroke:#d0d7de}\
.mark{stroke:#57606a;stroke-dasharray:4 3}.line{fill:none;stroke-width:2}.range{stroke-width:1.5}.dash{stroke-dasharray:6 4}\
.c0{stroke:#0072b2;fill:#0072b2}.c1{stroke:#d55e00;fill:#d55e00}.c2{stroke:#009e73;fill:#009e73}\
.c3{stroke:#cc79a7;fill:#cc79a7}.c4{stroke:#e69f00;fill:#e69f00}.c5{stroke:#56b4e9;fill:#56b4e9}.line{fill:none}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.grid{stroke:#30363d}.mark{stroke:#8d96a0}}";

impl Curve {
    /// The plot as an SVG file.
    pub fn svg(&self) -> String {
        let scale = Scale::of(self);
        let height = HEIGHT + LEGEND * self.lines.len() as f64;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" role=\"img\" aria-label=\"{}\">\n<style>{STYLE}</style>\n\
             <text class=\"title\" x=\"8\" y=\"22\">{}</text>\n",
            escaped(&self.title),
            escaped(&self.title)
        );
        svg += &self.grid(&scale);
        for (at, line) in self.lines.iter().enumerate() {
            svg += &drawn(line, &class(at), self.shift(at), &scale);
            let y = HEIGHT + LEGEND * (at as f64 + 0.3);
            let _ = writeln!(
                svg,
                "<line class=\"{} line\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                class(at),
                LEFT + 28.0,
                LEFT + 36.0,
                y + 4.5,
                escaped(&line.label)
            );
        }
        svg += "</svg>\n";
        svg
    }

    /// How far the intervals of a line stand from their place.
    fn shift(&self, line: usize) -> f64 {
        APART * (line as f64 - (self.lines.len() as f64 - 1.0) / 2.0)
    }

    fn grid(&self, scale: &Scale) -> String {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let mut svg = String::new();
        for value in scale.up.ticks() {
            let y = scale.y(value);
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                y + 4.5,
                number(value, scale.up.step)
            );
        }
        for value in scale.across.ticks() {
            let x = scale.x(value);
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                bottom + 18.0,
                number(value, scale.across.step)
            );
        }
        if let Some(mark) = self.mark {
            let y = scale.y(mark);
            let _ = writeln!(
                svg,
                "<line class=\"mark\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>"
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n\
             <text x=\"{LEFT}\" y=\"{:.1}\">{}</text>",
            f64::midpoint(LEFT, right),
            bottom + 40.0,
            escaped(&self.across),
            TOP - 8.0,
            escaped(&self.up)
        );
        svg
    }
}

fn class(line: usize) -> String {
    let dash = if line >= COLORS { " dash" } else { "" };
    format!("c{}{dash}", line % COLORS)
}

fn drawn(line: &CurveLine, class: &str, shift: f64, scale: &Scale) -> String {
    let place = |value: f64| (scale.x(value) + shift).clamp(LEFT, WIDTH - RIGHT);
    let points: Vec<String> = line
        .points
        .iter()
        .map(|(across, estimate)| format!("{:.1},{:.1}", place(*across), scale.y(estimate.value)))
        .collect();
    let mut svg = format!("<polyline class=\"{class} line\" points=\"{}\"/>\n", points.join(" "));
    for (across, Estimate { value, low, high }) in &line.points {
        let (x, low, high) = (place(*across), scale.y(*low), scale.y(*high));
        let _ = writeln!(
            svg,
            "<line class=\"{class} range\" x1=\"{x:.1}\" y1=\"{low:.1}\" x2=\"{x:.1}\" y2=\"{high:.1}\"/>\n\
             <circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{:.1}\" r=\"4\"/>",
            scale.y(*value)
        );
    }
    svg
}

/// An axis with round ends.
struct Axis {
    first: f64,
    last: f64,
    step: f64,
}

impl Axis {
    fn of(least: f64, most: f64) -> Self {
        let step = step(most - least);
        let (first, last) = ((least / step).floor(), (most / step).ceil());
        Self { first: first * step, last: last.max(first + 1.0) * step, step }
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let (first, step, last) = (self.first, self.step, self.last);
        let at = move |tick: u32| first + f64::from(tick) * step;
        (0u32..).map(at).take_while(move |value| *value <= last + 1e-9 * step)
    }

    fn place(&self, value: f64) -> f64 {
        (value - self.first) / (self.last - self.first)
    }
}

struct Scale {
    across: Axis,
    up: Axis,
}

impl Scale {
    fn of(curve: &Curve) -> Self {
        let points = || curve.lines.iter().flat_map(|line| &line.points);
        let most = points().map(|(across, _)| *across).fold(0.0, f64::max);
        let ends =
            points().flat_map(|(_, Estimate { value, low, high })| [*value, *low, *high]).chain(curve.mark);
        let ends = ends.filter(|end| end.is_finite());
        let (low, high) =
            ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), end| (low.min(end), high.max(end)));
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        Self { across: Axis::of(0.0, most), up: Axis::of(low, high) }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * self.across.place(value)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * self.up.place(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn curve(lines: Vec<Vec<(f64, f64)>>) -> Curve {
        let estimate = |value: f64| Estimate { value, low: value - 0.05, high: value + 0.05 };
        let lines = lines.into_iter().enumerate().map(|(at, points)| CurveLine {
            label: format!("a < {at}"),
            points: points.into_iter().map(|(across, value)| (across, estimate(value))).collect(),
        });
        let [title, across, up] = ["accuracy", "pairs", "share"].map(str::to_owned);
        Curve { title, across, up, lines: lines.collect(), mark: Some(0.5) }
    }

    #[test]
    fn lines_have_names_and_colors() {
        let svg = curve(vec![vec![(20.0, 0.6), (100.0, 0.8)]; 8]).svg();
        assert!(svg.contains("a &lt; 7") && svg.contains("class=\"c1 dash\"") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("<polyline").count(), 8);
        assert_eq!(svg.matches("<circle").count(), 16);
        assert!(!svg.contains("NaN") && !svg.contains("script"));
    }

    proptest! {
        #[test]
        fn everything_is_on_the_canvas(
            points in prop::collection::vec((0f64..1e6, -1e3f64..1e3), 1..9), n in 1usize..8,
        ) {
            let svg = curve(vec![points; n]).svg();
            let numbers = |name: &str| -> Vec<f64> {
                svg.split(name).skip(1).map(|piece| piece.split('"').next().unwrap().parse().unwrap()).collect()
            };
            prop_assert!(numbers("cx=\"").iter().all(|x| (LEFT - 0.1..=WIDTH - RIGHT + 0.1).contains(x)));
            let heights = [numbers("cy=\""), numbers("y2=\"")].concat();
            let height = HEIGHT + LEGEND * n as f64;
            prop_assert!(heights.iter().all(|y| (TOP - 0.1..=height).contains(y)));
        }
    }
}
