//! Experts, a few of which work on each position.

use super::MlpSpec;
use crate::Routing;

/// Experts in place of an MLP, and the router that chooses some for each position.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpertsSpec {
    /// How many there are.
    pub count: usize,
    /// Width inside each.
    pub width: usize,
    /// How some are chosen.
    pub routing: Routing,
    /// Whether the router has a bias.
    pub router_bias: bool,
    /// An expert that works on every position.
    pub shared: Option<SharedExpertSpec>,
}

/// An expert that works on every position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedExpertSpec {
    /// Width inside.
    pub width: usize,
    /// Whether what it gives is multiplied with the sigmoid of a number for each position.
    pub is_gated: bool,
}

impl ExpertsSpec {
    /// Values of a row inside all experts that work on it.
    pub(super) fn inner_width(&self) -> usize {
        self.routing.chosen * self.width + self.shared.map_or(0, |shared| shared.width)
    }

    /// One expert, of the form of an MLP.
    pub(crate) fn expert(&self, form: &MlpSpec) -> MlpSpec {
        MlpSpec { width: self.width, ..form.clone() }
    }
}
