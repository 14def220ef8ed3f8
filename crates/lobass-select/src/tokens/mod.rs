//! Selection token by token: which of a response's tokens teach something.

mod mask;
mod selective_ifd;
mod threshold;

pub use mask::{Scope, TokenMask, TokenScore};
pub use selective_ifd::{SELECTIVE_SHARE, selective_ifd, selective_ifd_threshold};
pub use threshold::Threshold;
