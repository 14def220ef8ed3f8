//! Rows in a plane: every one as a point if they are few, else how many lie in each cell.

use serde::Serialize;

use super::axis::{Axis, Scale, quantile};
use super::edges::{bin_of, edges};

/// Rows by two of their numbers, and which of them are selected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plane {
    /// Across.
    pub x: Axis,
    /// Up.
    pub y: Axis,
    /// Rows in it.
    pub n_rows: u64,
    /// Rows beyond the axes; they are drawn at the edge.
    pub n_outside: u64,
    /// The rows.
    pub marks: Marks,
    /// The median of `y` along `x`, where enough rows are; empty if it was not asked for.
    pub medians: Vec<(f64, f64)>,
}

/// How rows are drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Marks {
    /// One mark for each row.
    Points(Vec<Point>),
    /// One mark for each cell.
    Cells {
        /// The edges of the cells across.
        x_edges: Vec<f64>,
        /// The edges of the cells up.
        y_edges: Vec<f64>,
        /// The cells that hold a row, column by column.
        cells: Vec<Cell>,
    },
}

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Its place in the pool.
    pub row: u64,
    /// Across.
    pub x: f64,
    /// Up.
    pub y: f64,
    /// Whether it is selected.
    pub selected: bool,
}

/// Rows that lie together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// Across, from 0.
    pub x: usize,
    /// Up, from 0.
    pub y: usize,
    /// Rows in it.
    pub n: u64,
    /// Rows of the selection among them.
    pub n_selected: u64,
}

/// So many rows are shown one by one.
pub(super) const MAX_POINTS: usize = 3000;
/// Cells across and up: few enough that every cell may hold a row.
const CELLS: (usize, usize) = (64, 44);
/// Stretches along `x` whose median is shown.
const N_MEDIANS: usize = 14;

/// The request for a plane.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// Whether `x` is a count.
    pub(super) whole: bool,
    pub(super) medians: bool,
}

impl Plane {
    /// Puts rows into a plane.
    pub(super) fn of(wanted: Wanted, points: impl Iterator<Item = Point> + Clone) -> Self {
        let Wanted { x, y, whole, medians } = wanted;
        let n_rows = points.clone().count();
        let n_outside = points.clone().filter(|p| !x.contains(p.x) || !y.contains(p.y)).count() as u64;
        let medians = if medians { running_medians(&x, points.clone()) } else { Vec::new() };
        let marks = if n_rows <= MAX_POINTS {
            Marks::Points(points.collect())
        } else {
            let (x_edges, y_edges) = (edges(&x, CELLS.0, whole), edges(&y, CELLS.1, false));
            let cells = cells(&x_edges, &y_edges, points);
            Marks::Cells { x_edges, y_edges, cells }
        };
        Self { x, y, n_rows: n_rows as u64, n_outside, marks, medians }
    }
}

fn cells(x_edges: &[f64], y_edges: &[f64], points: impl Iterator<Item = Point>) -> Vec<Cell> {
    let (columns, rows) = (x_edges.len() - 1, y_edges.len() - 1);
    let mut counts = vec![(0u64, 0u64); columns * rows];
    for point in points {
        let at = bin_of(x_edges, point.x) * rows + bin_of(y_edges, point.y);
        counts[at].0 += 1;
        counts[at].1 += u64::from(point.selected);
    }
    let cell =
        |(at, (n, n_selected)): (usize, (u64, u64))| Cell { x: at / rows, y: at % rows, n, n_selected };
    counts.into_iter().enumerate().map(cell).filter(|cell| cell.n > 0).collect()
}

/// The median of `y` in stretches of equal width on the axis of `x`, where at least 8 rows and 1 of 500 are.
fn running_medians(x: &Axis, points: impl Iterator<Item = Point>) -> Vec<(f64, f64)> {
    let mut stretches: Vec<Vec<(f64, f64)>> = vec![Vec::new(); N_MEDIANS];
    let mut n_rows = 0;
    for point in points {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1")]
        let at = (x.place(point.x) * N_MEDIANS as f64) as usize;
        stretches[at.min(N_MEDIANS - 1)].push((point.x, point.y));
        n_rows += 1;
    }
    let enough = (n_rows / 500).max(8);
    let middle = |numbers: Vec<f64>| quantile(&mut { numbers }, 0.5);
    let of = |stretch: Vec<(f64, f64)>| {
        let (xs, ys) = stretch.into_iter().unzip();
        (middle(xs), middle(ys))
    };
    stretches.into_iter().filter(|stretch| stretch.len() >= enough).map(of).collect()
}

/// One axis for two losses: equal on both sides, and from zero unless all are far from it.
pub(super) fn loss_axes(base: Vec<f64>, reference: Vec<f64>) -> (Axis, Axis) {
    let both = base.into_iter().chain(reference).collect();
    let Axis { min, max, .. } = Axis::of("", both, false);
    let min = if min < 0.4 * max { 0.0 } else { min };
    let axis = |label: &str| Axis { label: label.to_owned(), scale: Scale::Linear, min, max };
    (axis("base loss (nats per token)"), axis("reference loss (nats per token)"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn many_rows_become_cells_and_none_is_lost() {
        let point = |row: u64| Point {
            row,
            x: (row % 97 + 1) as f64,
            y: (row * row % 31) as f64,
            selected: row.is_multiple_of(10),
        };
        let axis = |label| Axis { label: String::from(label), scale: Scale::Linear, min: 0.5, max: 60.5 };
        let wanted = || Wanted { x: axis("x"), y: axis("y"), whole: true, medians: true };
        let few = Plane::of(wanted(), (0..MAX_POINTS as u64).map(point));
        assert!(matches!(&few.marks, Marks::Points(points) if points.len() == MAX_POINTS));
        let many = Plane::of(wanted(), (0..50_000).map(point));
        let Marks::Cells { x_edges, y_edges, cells } = &many.marks else { panic!("{:?}", many.marks) };
        assert_eq!(cells.iter().map(|cell| cell.n).sum::<u64>(), 50_000);
        assert_eq!(cells.iter().map(|cell| cell.n_selected).sum::<u64>(), 5_000);
        assert!(cells.iter().all(|cell| cell.x + 1 < x_edges.len() && cell.y + 1 < y_edges.len()));
        let outside = (0..50_000).map(point).filter(|p| p.x > 60.5 || p.y < 0.5).count();
        assert_eq!(many.n_outside, outside as u64);
    }

    proptest! {
        #[test]
        fn medians_are_those_of_their_rows(ys in prop::collection::vec(0.0f64..9.0, 8..60)) {
            let point = |(row, &y): (u64, &f64)| Point { row, x: 0.5, y, selected: false };
            let axis = Axis { label: String::new(), scale: Scale::Linear, min: 0.0, max: 1.0 };
            let found = running_medians(&axis, (0..).zip(&ys).map(point));
            let mut sorted = ys.clone();
            sorted.sort_by(f64::total_cmp);
            let middle = sorted[ys.len() / 2];
            prop_assert_eq!(found, [(0.5, middle)], "the upper one of two in the middle");
        }
    }
}
