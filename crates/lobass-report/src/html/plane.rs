//! Rows in a plane: points, or cells that are the darker the more rows they hold.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::chart::{Chart, short};
use crate::escape;
use crate::measure::{Cell, Marks, Plane, Point};
use crate::number::{count, share};

/// Cells get a shade for how many rows they hold, by equal ratios up to the fullest cell.
const SHADES: usize = 6;
/// Cells are colored by the share of their rows that is selected: up to these shares.
const SHARES: [f64; 5] = [0.1, 0.3, 0.6, 0.9, 1.0];

/// A chart of a plane with some lines on it, and what the script needs to know of what is under the pointer.
pub(super) fn draw(
    id: &str,
    title: &str,
    what: &str,
    plane: &Plane,
    lines: &[Line],
    tips: &Tips<'_>,
) -> String {
    let mut chart = Chart::new(id, title, what, &plane.x, &plane.y);
    match &plane.marks {
        Marks::Points(points) => draw_points(&mut chart, points),
        Marks::Cells { x_edges, y_edges, cells } => draw_cells(&mut chart, x_edges, y_edges, cells),
    }
    for line in lines {
        draw_line(&mut chart, line);
    }
    let data = match tips {
        Tips::None => String::new(),
        Tips::Like(first) => like(id, plane, first).unwrap_or_else(|| data(id, plane, &chart)),
        Tips::Own => data(id, plane, &chart),
    };
    chart.finish() + &data
}

/// Tooltips of a chart.
pub(super) enum Tips<'a> {
    /// Nothing: the page would be too large.
    None,
    /// The tooltips of another chart, whose points lie at the same places.
    Like(&'a str),
    /// Separate tooltips.
    Own,
}

/// Which of the points of another chart are kept in this one; cells have numbers of their own.
fn like(id: &str, plane: &Plane, first: &str) -> Option<String> {
    let Marks::Points(points) = &plane.marks else { return None };
    let kept: Vec<usize> = (0..points.len()).filter(|&at| points[at].selected).collect();
    Some(script(&json!({"of": id, "like": first, "kept": kept})))
}

fn script(value: &Value) -> String {
    format!("<script type=\"application/json\" class=\"plane\">{}</script>", escape::json(value))
}

/// A line through a plane.
pub(super) struct Line {
    pub(super) class: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

fn draw_line(chart: &mut Chart<'_>, line: &Line) {
    let mut path = String::new();
    for &(x, y) in &line.points {
        let to = if path.is_empty() { 'M' } else { 'L' };
        let _ = write!(path, "{to}{} {}", short(chart.x(x)), short(chart.y(y)));
    }
    if !path.is_empty() {
        chart.push(&format!("<path class=\"{}\" d=\"{path}\"/>", line.class));
    }
}

fn draw_points(chart: &mut Chart<'_>, points: &[Point]) {
    for (class, selected) in [("pool", false), ("kept", true)] {
        let mut path = String::new();
        for point in points.iter().filter(|point| point.selected == selected) {
            let _ = write!(path, "M{} {}h0", short(chart.x(point.x)), short(chart.y(point.y)));
        }
        chart.push(&format!("<path class=\"dots {class}\" d=\"{path}\"/>"));
    }
}

fn draw_cells(chart: &mut Chart<'_>, x_edges: &[f64], y_edges: &[f64], cells: &[Cell]) {
    let most = cells.iter().map(|cell| cell.n).max().unwrap_or(1);
    let shade_of = |cell: &Cell| Some(shade(cell.n, most));
    let share_of = |cell: &Cell| {
        let part = share(cell.n_selected, cell.n);
        (cell.n_selected > 0)
            .then(|| SHARES.iter().position(|bound| part <= *bound).unwrap_or(SHARES.len() - 1))
    };
    let shades = merged(chart, x_edges, y_edges, cells, SHADES, shade_of);
    let shares = merged(chart, x_edges, y_edges, cells, SHARES.len(), share_of);
    for (class, paths) in [('g', shades), ('k', shares)] {
        for (at, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
            chart.push(&format!("<path class=\"{class}{at}\" d=\"{path}\"/>"));
        }
    }
}

/// The cells of each color as one path. A cell is drawn together with the cells of the same color above it, so paths
/// are short. Edges are whole numbers that neighbors share, so there are no seams.
fn merged(
    chart: &Chart<'_>,
    x_edges: &[f64],
    y_edges: &[f64],
    cells: &[Cell],
    n_colors: usize,
    color: impl Fn(&Cell) -> Option<usize>,
) -> Vec<String> {
    let mut paths = vec![String::new(); n_colors];
    let joins = |below: &Cell, above: &Cell| {
        below.x == above.x && below.y + 1 == above.y && color(below) == color(above)
    };
    for group in cells.chunk_by(joins) {
        let (Some(color), Some(top)) = (color(&group[0]), group.last()) else { continue };
        let (left, right) = (chart.x(x_edges[top.x]), chart.x(x_edges[top.x + 1]));
        let (bottom, top) = (chart.y(y_edges[group[0].y]), chart.y(y_edges[top.y + 1]));
        let _ = write!(paths[color], "M{left:.0} {top:.0}H{right:.0}V{bottom:.0}H{left:.0}z");
    }
    paths
}

/// Which shade a number of rows has.
fn shade(n: u64, most: u64) -> usize {
    let share = (n as f64).ln() / (most as f64).ln().max(f64::MIN_POSITIVE);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to the number of shades"
    )]
    let at = (share * SHADES as f64) as usize;
    at.min(SHADES - 1)
}

/// The legend of the colors.
pub(super) fn legend(plane: &Plane) -> String {
    let outside = match plane.n_outside {
        0 => String::new(),
        n => format!("<span>{} beyond the axes, drawn at the edge</span>", count(n)),
    };
    match &plane.marks {
        Marks::Points(_) => format!(
            "<p class=\"legend\"><span><i class=\"dot pool\"></i>pool</span>\
             <span><i class=\"dot kept\"></i>kept</span>{outside}</p>"
        ),
        Marks::Cells { cells, .. } => {
            let most = cells.iter().map(|cell| cell.n).max().unwrap_or(1);
            let ramp = |class: char, n: usize| -> String {
                (0..n).map(|at| format!("<i class=\"sw {class}{at}\"></i>")).collect()
            };
            format!(
                "<p class=\"legend\"><span>rows per cell 1 <b class=\"ramp\">{}</b> {}</span>\
                 <span>share kept 0 <b class=\"ramp\">{}</b> 100\u{a0}%</span>{outside}</p>",
                ramp('g', SHADES),
                count(most),
                ramp('k', SHARES.len()),
            )
        }
    }
}

/// Data for the tooltips: places in the drawing, and the numbers there.
fn data(id: &str, plane: &Plane, chart: &Chart<'_>) -> String {
    let round = |number: f64| (number * 10.0).round() / 10.0;
    let value = match &plane.marks {
        Marks::Points(points) => {
            let digits = |number: f64| (number * 1e4).round() / 1e4;
            let flat: Vec<_> = points
                .iter()
                .map(|p| {
                    json!([
                        round(chart.x(p.x)),
                        round(chart.y(p.y)),
                        p.row,
                        digits(p.x),
                        digits(p.y),
                        u8::from(p.selected)
                    ])
                })
                .collect();
            json!({"of": id, "points": flat})
        }
        Marks::Cells { x_edges, y_edges, cells } => {
            let cells: Vec<_> = cells.iter().map(|c| json!([c.x, c.y, c.n, c.n_selected])).collect();
            let digits =
                |edges: &[f64]| edges.iter().map(|edge| (edge * 1e3).round() / 1e3).collect::<Vec<_>>();
            let xs: Vec<_> = x_edges.iter().map(|edge| round(chart.x(*edge))).collect();
            let ys: Vec<_> = y_edges.iter().map(|edge| round(chart.y(*edge))).collect();
            json!({"of": id, "cells": cells, "xs": xs, "ys": ys, "x": digits(x_edges), "y": digits(y_edges)})
        }
    };
    script(&value)
}
