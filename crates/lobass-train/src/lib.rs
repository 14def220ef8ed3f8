//! Supervised fine-tuning of the reference model.
//!
//! [`fine_tune`] takes a model and examples and returns the trained model. It trains all weights or, with a [LoRA
//! adapter](lobass_model::LoraConfig) on the model, the adapter's. The [`Objective`] is supervised fine-tuning, whose
//! loss is the mean over the scored tokens of the whole batch, or preference optimization over pairs. It does not
//! depend on the micro-batches. Gradients are clipped by their global norm, AdamW does not decay norms and biases, and
//! the learning rate follows a [`Schedule`]. These are the semantics of transformers' `Trainer` with PyTorch's `AdamW`.
//!
//! With [`Sources`], every step also has the loss of each source, and a [`Mixing`](lobass_mixture::Mixing) of the recipe
//! decides how much of each is in a batch.
//!
//! The same seed gives the same weights on any number of threads, to the bit: micro-batches are a function of the batch
//! alone, and their gradients are added in order. With [`Checkpoints`], a training that was killed resumes and ends
//! with the same bits.
//!
//! ```
//! use lobass_core::Sequence;
//! use lobass_model::{DeviceName, Decoder, DecoderSpec};
//! use lobass_train::{Event, Session, TrainConfig, TrainData, fine_tune};
//!
//! let config = DecoderSpec::from_json(
//!     r#"{"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 16,
//!         "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 32}"#,
//! )?;
//! let model = Decoder::random(&config, 7, &DeviceName::Cpu.open());
//! let pool = vec![Sequence::from_scored_tokens(vec![1, 5, 9, 2], &[false, false, true, true])?];
//! let recipe = TrainConfig { epochs: 60, batch_size: 1, learning_rate: 0.03, ..TrainConfig::default() };
//! let mut losses = Vec::new();
//! let session = Session { threads: 2, ..Session::default() };
//! fine_tune(model, &TrainData::sft(&pool), &recipe, session, &mut |event| {
//!     if let Event::Step(step) = event {
//!         losses.push(step.loss);
//!     }
//! })?;
//! assert!(losses[59] < 0.1 * losses[0], "{} {}", losses[0], losses[59]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adamw;
mod batches;
mod config;
mod error;
mod fine_tune;
#[cfg(test)]
mod first_step_tests;
mod flat;
mod gradients;
mod layered;
mod mask;
#[cfg(test)]
mod mask_tests;
mod memory;
mod micro_batch;
mod moments;
mod objective;
mod plan;
mod recipe;
mod saves;
mod schedule;
mod sources;
mod state;
mod stored;
#[cfg(test)]
mod tests;
mod trainer;

pub use batches::{batches_of_tokens, hold_out};
pub use config::TrainConfig;
pub use error::Error;
pub use fine_tune::{
    Event, HeldOut, MixedReport, Session, StepReport, TrainData, TrainReport, fine_tune,
    fine_tune_in_batches, fine_tune_masked,
};
pub use flat::FlatParameters;
pub use gradients::{Margins, loss_gradients, sequence_gradients};
pub use mask::WeightMask;
pub use memory::TrainingBytes;
pub use moments::{AdamState, Optimizer, RunningMeans};
pub use objective::{Dpo, Objective, Pair, PairLoss};
pub use recipe::Recipe;
pub use saves::Every;
pub use schedule::Schedule;
pub use sources::{SourceLoss, Sources};
pub use state::Checkpoints;
