//! LLaMA-family checkpoints as burn modules.
//!
//! [`Checkpoint::open`] maps a directory of safetensors files and checks every tensor against `config.json`;
//! [`Checkpoint::load`] reads it as a [`Llama`]; [`save`] writes one that `AutoModelForCausalLM.from_pretrained`
//! opens. Llama 1 to 3, Mistral, Qwen2, Qwen2.5, Qwen3, and SmolLM 1 to 3 are one decoder; what a config asks for
//! and this crate does not compute is an error that names it.
//!
//! The crate knows no text: token ids in, hidden states and logits out. What to do with them is `lobass-loss`'s
//! subject.
//!
//! ```
//! use burn::tensor::{Int, Tensor};
//! use lobass_llama::{DeviceName, Llama, LlamaConfig};
//!
//! let config = LlamaConfig::from_json(
//!     r#"{"model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24,
//!         "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
//!         "max_position_embeddings": 64}"#,
//! )?;
//! let device = DeviceName::Cpu.open();
//! let model = Llama::random(&config, 7, &device);
//! let input_ids = Tensor::<2, Int>::from_ints([[1, 5, 9]], &device);
//! let hidden = model.hidden_states(input_ids); // [1, 3, 16]
//! let logits = model.logits(hidden.reshape([3, 16]));
//! assert_eq!(logits.dims(), [3, 32]);
//! # Ok::<(), lobass_llama::ConfigError>(())
//! ```

mod checkpoint;
mod config;
mod device;
mod dtype;
mod error;
mod model;
#[cfg(test)]
mod testing;

pub use checkpoint::{Checkpoint, TensorSpec, expected_tensors, save};
pub use config::{ConfigError, Family, LayerConfig, LlamaConfig, RopeConfig, RopeScaling};
pub use device::DeviceName;
pub use dtype::Dtype;
pub use error::{Error, TensorProblem};
pub use model::{Llama, WeightSource};
