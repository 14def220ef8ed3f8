//! PDS: rows scored by optimal control of a short training.
//!
//! A training takes steps of plain gradient descent, and the target's loss is watched after each. Its sum over the steps
//! is the area under the target's loss curve. The score of a row is the amount by which that area falls, per unit of
//! weight that the row gets at every step. With weights `theta_t` and the learning rate `eta`:
//!
//! ```text
//! lambda_T = grad J(theta_T)
//! lambda_t = lambda_{t+1} + grad J(theta_t) - eta H_t lambda_{t+1}
//! score_n  = eta sum_t < grad l_n(theta_t), lambda_{t+1} >
//! ```
//!
//! `J` is the target's loss, `l_n` the loss of a row, and `H_t` the Hessian of the loss of the batch of step `t`.
//!
//! [`CoState`] is the recursion on any [`Landscape`]. [`Descent`] is the landscape of a model. It has no second
//! derivatives: a product with a Hessian is a difference of two gradients. The product of `lambda` with the gradients of
//! all rows is a difference of two losses, at weights that [`Probe`] moves along `lambda`.
//!
//! Source: Gu et al., 2025 (arXiv 2410.07064) and `data_selection` of `microsoft/LMOps`. The differences are lobass's;
//! the code there differentiates twice.

mod costate;
mod descent;
mod landscape;
mod probe;
#[cfg(test)]
mod tests;

pub use costate::{CoState, Curvature, Growth};
pub use descent::{Descent, RowLoss, Target};
pub use landscape::Landscape;
pub use probe::Probe;
