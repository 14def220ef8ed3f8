//! The scores of a pool and of a selection, as bars.

use std::fmt::Write as _;

use super::chart::{Chart, short};
use crate::measure::{Axis, Histogram, Scale};
use crate::number::{count, plain};

/// Bars of all rows, those of the selection over them, and where the selection ends.
pub(super) fn draw(id: &str, title: &str, what: &str, histogram: &Histogram, border: Option<f64>) -> String {
    let most = histogram.bins.iter().map(|bin| bin.n_pool).max().unwrap_or(0);
    let y =
        Axis { label: "rows".to_owned(), scale: Scale::Linear, min: 0.0, max: (most as f64 * 1.04).max(1.0) };
    let mut chart = Chart::new(id, title, what, &histogram.axis, &y);
    for (class, number) in [("bar pool", false), ("bar kept", true)] {
        let mut path = String::new();
        for bin in &histogram.bins {
            let n = if number { bin.n_selected } else { bin.n_pool };
            if n > 0 {
                let (left, right) = (chart.x(bin.from), chart.x(bin.to));
                // A hair between bars, and none so low that it is not seen.
                let (width, top) = ((right - left - 0.6).max(0.5), chart.y(n as f64).min(chart.y(0.0) - 0.8));
                let _ = write!(
                    path,
                    "M{left:.1} {}V{}h{width:.1}V{}z",
                    short(chart.y(0.0)),
                    short(top),
                    short(chart.y(0.0))
                );
            }
        }
        chart.push(&format!("<path class=\"{class}\" d=\"{path}\"/>"));
    }
    if let Some(border) = border {
        let at = chart.x(border);
        let (top, bottom) = (chart.y(y.max), chart.y(0.0));
        chart.push(&format!("<path class=\"border\" d=\"M{at:.1} {}V{}\"/>", short(top), short(bottom)));
    }
    for bin in histogram.bins.iter().filter(|bin| bin.n_pool > 0) {
        let (left, right) = (chart.x(bin.from), chart.x(bin.to));
        let (top, bottom) = (chart.y(y.max), chart.y(0.0));
        chart.push(&format!(
            "<rect class=\"hit\" x=\"{left:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{}\"><title>{} to {}: {} candidates, {} kept</title></rect>",
            short(top),
            right - left,
            short(bottom - top),
            plain(bin.from),
            plain(bin.to),
            count(bin.n_pool),
            count(bin.n_selected)
        ));
    }
    chart.finish()
}

/// The numbers behind the bars.
pub(super) fn numbers(histogram: &Histogram) -> String {
    let mut rows = String::new();
    for bin in histogram.bins.iter().filter(|bin| bin.n_pool > 0) {
        let _ = write!(
            rows,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            plain(bin.from),
            plain(bin.to),
            count(bin.n_pool),
            count(bin.n_selected)
        );
    }
    format!(
        "<details><summary>Numbers</summary><div class=\"scroll\"><table class=\"numbers\"><thead><tr><th scope=\"col\">from</th>\
         <th scope=\"col\">to</th><th scope=\"col\">candidates</th><th scope=\"col\">kept</th></tr></thead><tbody>{rows}\
         </tbody></table></div></details>"
    )
}
