//! The demo that lobass ships: a toy world, a pool of known composition, and a small pretrained checkpoint.
//!
//! [`World`] is a seeded set of facts. [`pretraining_documents`] is text about it that exercises some [`Skill`]s;
//! `examples/pretrain.rs` trains the shipped checkpoint on it. [`pool`] is SFT data in which every row has a known
//! [`Kind`]: skills that the base already has, skills that it can learn, noise, repeated rows, and wrong answers. So
//! the share of each kind in a selection is a number.
//!
//! [`held_out`] has questions that no row of the pool asks, to measure what a selection taught.
//!
//! The shares of the kinds were fixed before anything was scored, and are not to be tuned to a result.
//!
//! ```
//! let pool = lobass_demo::pool();
//! assert_eq!(pool.len(), 2400);
//! let noise = pool.iter().filter(|row| row.kind == lobass_demo::Kind::Noise).count();
//! assert_eq!(noise, 400);
//! ```

mod assets;
mod held_out;
mod kept;
mod pool;
mod pretraining;
mod skill;
mod world;

pub use assets::{Unpacked, unpack};
pub use held_out::held_out;
pub use kept::{Kept, kinds_of};
pub use pool::{Kind, PoolRow, as_json_lines, pool};
pub use pretraining::{Document, pretraining_documents};
pub use skill::{Dialogue, Skill};
pub use world::World;
