//! A score table and its selections as a page or as text.
//!
//! [`Measuring`] takes the columns of a score table and adds one strategy after the other. The result is a [`Report`],
//! plain data of bounded size: up to some thousands of rows as points, more as a density. [`to_html`] makes one
//! self-contained page of it, which loads nothing and needs no script. [`to_text`] makes text for a terminal. The
//! caller puts the texts of the shown rows into [`Report::examples`], with the loss of each token if it is known.
//! Nothing here reads a file or a clock.
//!
//! ```
//! use lobass_core::{Budget, ScoreColumns, ScoreRecord};
//! use lobass_report::{Measuring, to_html, to_text};
//! use lobass_select::{Request, strategies::{Lobass, Random}};
//!
//! let row = |row: u64| ScoreRecord::scored(row, 10, 30.0, row as f64);
//! let columns = ScoreColumns::of(&(0..30).map(row).collect::<Vec<_>>(), 0);
//! let mut measuring = Measuring::new(&columns, 2);
//! measuring.add(&Request::new(&Lobass, Budget::Rows(3)))?;
//! measuring.add(&Request::new(&Random, Budget::Rows(3)))?;
//! let report = measuring.report("a pool of thirty");
//! assert_eq!(report.views[0].picks.best[0].row, 0);
//! assert!(to_html(&report).starts_with("<!doctype html>"));
//! assert!(to_text(&report, 100).contains("lobass"));
//! # Ok::<(), lobass_select::SelectError>(())
//! ```

mod escape;
mod html;
mod measure;
mod number;
mod regions;
mod report;
mod text;

pub use html::{MAX_EXAMPLE_BYTES, to_html};
pub use measure::{Axis, Bin, Cell, Histogram, Marks, Measuring, Plane, Point, Scale};
pub use regions::{RegionRow, RegionsCut, RegionsPart};
pub use report::{
    Body, Command, Example, Excluded, LeftOut, Overlap, Picks, Piece, Ranked, Report, SourcePart,
    StatusCount, Turn, View,
};
pub use text::to_text;
