//! The frame of a chart: axes with ticks, a grid, and what it says to those who cannot see it.

use std::fmt::Write as _;

use crate::escape::html;
use crate::measure::Axis;

/// The size of a chart in SVG units; a page scales it.
pub(super) const WIDTH: f64 = 440.0;
pub(super) const HEIGHT: f64 = 330.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 46.0;
const TICKS: (usize, usize) = (6, 6);

/// A chart that is being drawn.
pub(super) struct Chart<'a> {
    x: &'a Axis,
    y: &'a Axis,
    svg: String,
}

impl<'a> Chart<'a> {
    /// Begins one. `id` is its own in the page, `what` a sentence that says what is seen.
    pub(super) fn new(id: &str, title: &str, what: &str, x: &'a Axis, y: &'a Axis) -> Self {
        let (title, what) = (html(title), html(what));
        let mut svg = format!(
            "<svg id=\"{id}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
             <title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{what}</desc>"
        );
        let (left, right, top, bottom) = (LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM);
        let mut grid = String::new();
        let mut labels = String::new();
        for tick in x.ticks(TICKS.0) {
            let at = left + tick.at * (right - left);
            let _ = write!(grid, "M{at:.1} {top}V{bottom}");
            let _ = write!(
                labels,
                "<text class=\"tx\" x=\"{at:.1}\" y=\"{}\">{}</text>",
                bottom + 16.0,
                tick.label
            );
        }
        for tick in y.ticks(TICKS.1) {
            let at = bottom - tick.at * (bottom - top);
            let _ = write!(grid, "M{left} {at:.1}H{right}");
            let _ = write!(
                labels,
                "<text class=\"ty\" x=\"{}\" y=\"{:.1}\">{}</text>",
                left - 6.0,
                at + 3.8,
                tick.label
            );
        }
        let _ = write!(svg, "<path class=\"grid\" d=\"{grid}\"/>");
        let _ = write!(
            svg,
            "<g class=\"ticks\">{labels}</g><path class=\"axis\" d=\"M{left} {top}V{bottom}H{right}\"/>"
        );
        let (middle_x, middle_y) = (f64::midpoint(left, right), f64::midpoint(top, bottom));
        let _ = write!(
            svg,
            "<text class=\"lx\" x=\"{middle_x}\" y=\"{}\">{}</text>\
             <text class=\"lx\" transform=\"translate(13 {middle_y}) rotate(-90)\">{}</text>",
            HEIGHT - 10.0,
            html(&x.label),
            html(&y.label)
        );
        Self { x, y, svg }
    }

    /// The horizontal position of a number.
    pub(super) fn x(&self, number: f64) -> f64 {
        LEFT + self.x.place(number) * (WIDTH - RIGHT - LEFT)
    }

    /// The vertical position of a number.
    pub(super) fn y(&self, number: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.place(number) * (HEIGHT - BOTTOM - TOP)
    }

    /// Adds what is drawn.
    pub(super) fn push(&mut self, drawn: &str) {
        self.svg.push_str(drawn);
    }

    /// The whole drawing.
    pub(super) fn finish(self) -> String {
        self.svg + "</svg>"
    }
}

/// A number of the drawing with as few characters as it needs.
pub(super) fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// The frame of a figure: heading, drawing, and what to know of it.
pub(super) fn figure(heading: &str, reading: &str, drawing: &str, below: &str) -> String {
    format!(
        "<figure><figcaption><h3>{}</h3><p>{reading}</p></figcaption>{drawing}{below}</figure>",
        html(heading)
    )
}
