//! How much a training row helps with target rows: by its gradient in a warmed-up adapter (LESS), or by what its weight
//! would do to a whole short training ([`pds`]).
//!
//! A step of AdamW on a row changes the loss of a target row by about the product of the step with the target's
//! gradient. [`WarmUp`] is an adapter at the end of an epoch with what AdamW knew then; [`features`] makes a vector of
//! each row: its gradient, of training rows scaled as AdamW would scale it, projected at random, of length one;
//! [`Tasks`] sums the products over checkpoints and takes the largest mean over the rows of a task.
//!
//! A vector is a function of its row alone, to the bit: not of its company or of the number of threads.
//!
//! Source: Xia et al., 2024 (arXiv 2402.04333) and `princeton-nlp/LESS`, whose code has epsilon inside the root and no
//! correction of bias.
//!
//! ```
//! use lobass_core::Sequence;
//! use lobass_influence::{Kind, Projection, Tasks, WarmUp, features};
//! use lobass_model::{DeviceName, Decoder, DecoderSpec, LoraConfig};
//! use lobass_loss::Workers;
//! use lobass_train::{Event, Session, TrainConfig, TrainData, fine_tune};
//!
//! let config = DecoderSpec::from_json(
//!     r#"{"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 16,
//!         "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 32}"#,
//! )?;
//! let base = Decoder::random(&config, 7, &DeviceName::Cpu.open());
//! let row = |ids: [u32; 4]| Sequence::from_scored_tokens(ids.to_vec(), &[false, false, true, true]);
//! let pool = [row([1, 5, 9, 2])?, row([1, 6, 3, 4])?, row([1, 5, 9, 2])?];
//!
//! // The warm-up: an epoch of an adapter, and what AdamW knows at its end.
//! let lora = LoraConfig { rank: 2, ..LoraConfig::default() };
//! let recipe = TrainConfig { batch_size: 1, learning_rate: 0.01, ..TrainConfig::default() };
//! let mut state = None;
//! let (model, _) =
//!     fine_tune(lora.attach(&base, 0)?, &TrainData::sft(&pool), &recipe, Session::default(), &mut |event| {
//!         if let Event::Epoch { optimizer, .. } = event {
//!             state = Some(optimizer.state());
//!         }
//!     })?;
//! let warm_up = WarmUp::new(model, state.ok_or("no epoch")?)?;
//!
//! let (workers, projection) = (Workers::new(2), Projection { seed: 0, dim: Some(256) });
//! let target = features(&warm_up, &pool[..1], Kind::Target, projection, &workers);
//! let tasks = Tasks::new(&[warm_up.learning_rate()], &[vec![target]])?;
//! let rows = features(&warm_up, &pool, Kind::Training, projection, &workers);
//! let score = |at: usize| Some(tasks.influence(&[rows[at].as_deref()?]).score);
//! assert_eq!(score(0), score(2), "the same row twice");
//! assert!(score(0) > score(1), "a row helps itself most");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod features;
pub mod pds;
mod projection;
mod tasks;
mod warm_up;

pub use error::Error;
pub use features::{Kind, features};
pub use projection::Projection;
pub use tasks::{Influence, Tasks};
pub use warm_up::WarmUp;
