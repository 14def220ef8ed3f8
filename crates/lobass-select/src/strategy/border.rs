//! Where a selection ends, in the plane of mean losses.

/// The rows with one score, as a line in the plane of mean losses in nats per scored token: the base's across, the
/// reference's up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Border {
    /// `reference = slope * base + offset`.
    Sloped {
        /// The slope.
        slope: f64,
        /// The reference's loss where the base's is 0.
        offset: f64,
    },
    /// One loss under the base, whatever the reference's.
    Base(f64),
}
