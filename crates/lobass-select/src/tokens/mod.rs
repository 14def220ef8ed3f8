//! Selection token by token: which of a response's tokens teach something.

mod mask;
mod threshold;

pub use mask::{Scope, TokenMask, TokenScore};
pub use threshold::Threshold;
