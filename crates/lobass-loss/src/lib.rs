//! The loss engine: how sequences become negative log-likelihood sums.
//!
//! An [`Engine`] holds one model on one device and implements [`lobass_core::LossEngine`]. It makes a [`Plan`] of each
//! call, from token ids alone. Equal sequences are run once, common beginnings once per batch, and the last layer and
//! the head only on rows whose prediction counts. On the processor, batches run on single-threaded workers over shared
//! weights, without padding. Losses have the same bits whatever the other sequences, the order, or the number of
//! threads. The head goes through the vocabulary in blocks, so no `[batch, seq, vocab]` buffer ever exists.
//!
//! It also implements [`lobass_core::EmbeddingEngine`]: a vector of each sequence from the same pass, the position-weighted
//! mean of its last hidden states, with the same losses to the bit. Every row of the last layer is computed then.
//!
//! What is computed of a prediction is a [`Judge`]: [`Engine::measured_by`] picks that of a measure, and
//! [`Engine::judged`] takes any. [`Engine::greedy_matches`] says how much of a response greedy decoding would give,
//! without decoding.
//!
//! [`label_losses`] computes the loss for training; [`label_losses_backward`] computes its gradient too.
//!
//! ```
//! use lobass_core::{Detail, LossEngine, Sequence};
//! use lobass_model::{DeviceName, Decoder, DecoderSpec};
//! use lobass_loss::Engine;
//!
//! let config = DecoderSpec::from_json(
//!     r#"{"model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24,
//!         "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 64}"#,
//! )?;
//! let engine = Engine::new(Decoder::random(&config, 7, &DeviceName::Cpu.open()), 2);
//! let sequence = Sequence::from_scored_tokens(vec![1, 5, 9, 2], &[false, false, true, true])?;
//! let loss = &engine.losses(&[sequence], Detail::PerToken)?[0];
//! assert_eq!(loss.nll.n_scored, 2);
//! // A model that knows nothing spreads its belief over all 32 tokens.
//! assert!((loss.nll.mean().unwrap() - 32f64.ln()).abs() < 0.5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod brier;
mod cross_entropy;
mod embed;
mod engine;
mod error;
mod greedy;
mod halving;
mod judge;
mod label_loss;
mod lanes;
mod measured;
mod pass;
mod plan;
mod rows;
mod together;
mod workers;

pub use engine::{Engine, FEWEST_ROWS, check_ids, row_bytes};
pub use error::Error;
pub use greedy::GreedyMatch;
pub use judge::Judge;
pub use label_loss::{label_losses, label_losses_backward};
pub use lanes::{device_limits, limits};
pub use measured::MeasuredEngine;
pub use plan::{Batch, Limits, Plan, Work};
pub use together::{First, Second, Together};
pub use workers::Workers;
