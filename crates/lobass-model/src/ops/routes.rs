//! Which experts work on which rows.

use burn::tensor::Tensor;
use lobass_kernels::Routing;

use super::contract::Ops;

/// The experts of every row, as numbers on the processor: each expert's products are called for its rows.
#[derive(Debug)]
pub(crate) struct Routes {
    routing: Routing,
    n_experts: usize,
    /// `[rows, experts]`.
    logits: Vec<f32>,
    /// The experts of each row, in the order of their numbers, `[rows, routing.chosen]`.
    chosen: Vec<u32>,
    /// The weight of each, `[rows, routing.chosen]`.
    weights: Vec<f32>,
}

/// The rows of one expert.
#[derive(Debug)]
pub(crate) struct Group {
    /// The expert's number.
    pub(crate) expert: usize,
    /// Rows, ascending.
    pub(crate) rows: Vec<usize>,
    /// The expert's weight in each.
    pub(crate) weights: Vec<f32>,
    /// Where each weight is among all.
    places: Vec<usize>,
}

impl Routes {
    /// Reads the logits of a router, `[rows, experts]`, and chooses.
    pub(crate) fn new(routing: Routing, logits: Tensor<2>, ops: &dyn Ops) -> Self {
        let [rows, n_experts] = logits.dims();
        let logits = ops.values(logits);
        let (mut chosen, mut weights) = (vec![0; rows * routing.chosen], vec![0.0; rows * routing.chosen]);
        lobass_kernels::route(routing, &logits, n_experts, None, &mut chosen, &mut weights);
        Self { routing, n_experts, logits, chosen, weights }
    }

    /// The experts that have rows, in the order of their numbers.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let empty = |expert| Group { expert, rows: Vec::new(), weights: Vec::new(), places: Vec::new() };
        let mut groups: Vec<Group> = (0..self.n_experts).map(empty).collect();
        for (place, (&expert, &weight)) in self.chosen.iter().zip(&self.weights).enumerate() {
            let group = &mut groups[expert as usize];
            group.rows.push(place / self.routing.chosen);
            group.weights.push(weight);
            group.places.push(place);
        }
        groups.retain(|group| !group.rows.is_empty());
        groups
    }

    /// The gradient of the weights, nothing yet.
    pub(crate) fn no_gradient(&self) -> Vec<f32> {
        vec![0.0; self.weights.len()]
    }

    /// The gradient of the router's logits, `[rows, experts]`, given that of the weights.
    pub(crate) fn backward(&self, d_weights: &[f32], ops: &dyn Ops) -> Tensor<2> {
        let mut d_logits = vec![0.0; self.logits.len()];
        lobass_kernels::route_backward(
            self.routing,
            &self.logits,
            self.n_experts,
            &self.chosen,
            d_weights,
            &mut d_logits,
        );
        ops.matrix(d_logits, [self.chosen.len() / self.routing.chosen, self.n_experts])
    }
}

impl Group {
    /// Puts the gradients of this expert's weights among all.
    pub(crate) fn put(&self, gradients: &[f32], all: &mut [f32]) {
        for (place, gradient) in self.places.iter().zip(gradients) {
            all[*place] = *gradient;
        }
    }
}
