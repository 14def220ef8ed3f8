//! Samples from a language model.
//!
//! A [`Generator`] implements [`lobass_core::SamplingEngine`]. It keeps keys and values, runs a prompt once for all of its
//! samples, and has many samples under way on each thread, without padding.
//!
//! A sample is a function of the model, the settings, the prompt, the row's key, and the sample's number. So it has the
//! same ids alone and in company, on any number of threads, in any order, and after an interruption. There are two
//! reasons. First, the logits of a row have the same bits whatever is computed beside it: they are those of the loss
//! engine. Second, the next token is the greatest of `logit / temperature + gumbel`, where the Gumbel noise is a hash of
//! seed, key, sample, position, and token. There is no state of a generator that an order could change.
//!
//! ```
//! use lobass_core::{Prompt, Sampling, SamplingEngine};
//! use lobass_generate::Generator;
//! use lobass_model::{Decoder, DecoderSpec, DeviceName};
//!
//! let config = DecoderSpec::from_json(
//!     r#"{"model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24,
//!         "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 64}"#,
//! )?;
//! let generator = Generator::new(Decoder::random(&config, 7, &DeviceName::Cpu.open()), 2)?;
//! let sampling =
//!     Sampling { samples: 3, temperature: 1.0, top_p: 1.0, max_new_tokens: 8, seed: 0, stop_ids: vec![2] };
//! let prompts = [Prompt { key: "a", ids: &[1, 5, 9] }, Prompt { key: "b", ids: &[1, 4] }];
//! let samples = generator.samples(&prompts, &sampling)?;
//! assert_eq!(samples[0].len(), 3);
//! assert!(samples[0].iter().all(|sample| sample.ids.len() == 8 || sample.is_finished()));
//! assert_eq!(generator.samples(&prompts[1..], &sampling)?[0], samples[1]); // the same alone
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod choose;
mod draw;
mod error;
mod flight;
mod generator;

pub use error::Error;
pub use generator::Generator;
