//! How much a prompt tells a model about the response: V-information in bits.
//!
//! Two models of one family were fine-tuned on the same responses: the reference with their prompts, the null model without
//! them. On rows that neither was trained on, the difference of their losses is the information of the prompt that such a
//! model can use.
//!
//! ```
//! use lobass_evidence::Bootstrap;
//! use lobass_information::{Losses, information, pvi};
//!
//! // Two rows, of 4 and 2 scored tokens. The prompt of the first saves 6 bits, that of the second nothing.
//! let bits = std::f64::consts::LN_2;
//! let rows = vec![
//!     Losses { null: 9.0 * bits, reference: 3.0 * bits, n_scored: 4 },
//!     Losses { null: 3.0 * bits, reference: 3.0 * bits, n_scored: 2 },
//! ];
//! let is = |found: f64, expected: f64| (found - expected).abs() < 1e-12;
//! assert!(is(pvi(&rows[0]), 6.0));
//! let found = information(&[rows], &Bootstrap::default());
//! assert!(is(found.entropy.per_row.value, 6.0));
//! assert!(is(found.usable.per_row.value, 3.0));
//! assert!(is(found.usable.per_token.value, 1.0));
//! ```
//!
//! Source: Ethayarajh et al., *Understanding dataset difficulty with V-usable information*, arXiv 2110.08420 (ICML 2022).

mod estimates;
mod losses;

pub use estimates::{Bits, Information, MIN_ROWS, information, lost};
pub use losses::{Losses, pvi};
