//! Choosing a set, and not rows one by one: sets whose vectors differ, cover the others, or resemble a query.
//!
//! Everything here is a function of vectors, of a ranking or a list of eligible rows, of a [`Limit`], and of the seeded
//! hash of each row's key that decides ties. Neither the place of a row in its file nor the number of threads changes a
//! result. A similarity is a function of two vectors, and sums are computed in the order of the hashes.
//!
//! | function | time, in products of two vectors | memory beside the vectors |
//! |---|---|---|
//! | [`cosine_bound`] | rows looked at × rows accepted | a few bytes per row |
//! | [`k_center`] | rows × rows chosen | 12 bytes per row |
//! | [`facility_location`] | rows × witnesses; beyond 64 Mi pairs, also witnesses × gains that are looked at anew | 24 bytes per row, 4 per witness, and for fewer pairs 4 bytes for each |
//! | [`k_means`] | rows × clusters × rounds | 8 bytes per row, and the centers |
//! | [`query_scores`], [`round_robin`] | rows × queries | 8 bytes per row and task |
//!
//! No matrix of all similarities is made, but where it takes at most 256 MiB.
//!
//! ```
//! use lobass_select::diverse::{Limit, Vectors, cosine_bound};
//!
//! // The second row says what the first says; the third is about something else.
//! let vectors = Vectors::new(&[1.0, 0.0, 0.98, 0.2, 0.0, 1.0], 2);
//! let picked = cosine_bound(&[0, 1, 2], vectors, 0.9, Limit::Rows(2), 1);
//! assert_eq!(picked.rows(), [0, 2]);
//! ```

mod clusters;
mod cosine_bound;
mod facility;
mod jobs;
mod k_center;
mod limit;
mod queries;
mod rows;
#[cfg(test)]
mod tests;
mod vectors;

pub use clusters::{Clusters, equal_shares, k_means};
pub use cosine_bound::cosine_bound;
pub use facility::{facility_location, witnesses};
pub use k_center::k_center;
pub use limit::Limit;
pub use queries::{query_scores, round_robin};
pub use vectors::Vectors;

/// A row that was chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pick {
    /// Which row.
    pub row: u32,
    /// The value of the row when it was chosen; each function defines it.
    pub value: f64,
}

/// The chosen rows, in the order of choice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Picked {
    /// The rows.
    pub picks: Vec<Pick>,
    /// Rows that might have been chosen and were passed over because they have no vector, or one without a direction:
    /// not finite, or zero.
    pub n_without_vector: usize,
}

impl Picked {
    /// The rows alone.
    pub fn rows(&self) -> Vec<u32> {
        self.picks.iter().map(|pick| pick.row).collect()
    }
}
