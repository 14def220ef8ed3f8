//! Checkpoints of language models as burn modules.
//!
//! [`Checkpoint::open`] maps a directory of safetensors files and checks every tensor against `config.json`.
//! [`Checkpoint::load`] reads it as a [`Decoder`]. [`save`] writes one that `AutoModelForCausalLM.from_pretrained` opens.
//! A [`DecoderSpec`] describes every family, and one decoder computes them all. If a config needs something that
//! this crate does not compute, the error names it.
//!
//! The crate knows no text: token ids in, hidden states and logits out. `lobass-loss` computes losses from them.
//!
//! ```
//! use lobass_model::{DeviceName, Decoder, DecoderSpec, Packed};
//!
//! let config = DecoderSpec::from_json(
//!     r#"{"model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24,
//!         "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
//!         "max_position_embeddings": 64}"#,
//! )?;
//! let device = DeviceName::Cpu.open();
//! let model = Decoder::random(&config, 7, &device);
//! let packed = Packed::new([[1, 5, 9].as_slice(), &[1, 4]]); // two sequences, five rows
//! let logits = model.logits(&model.hidden_states(&packed));
//! assert_eq!(logits.dims(), [5, 32]);
//! # Ok::<(), lobass_model::ConfigError>(())
//! ```

mod adapter;
mod batch;
mod checkpoint;
mod config;
mod device;
mod dtype;
mod error;
mod families;
mod finding;
mod model;
mod names;
mod ops;
mod spec;
#[cfg(test)]
mod testing;

pub use adapter::{ALL_LINEAR, AdapterCheckpoint, AdapterRows, LoraConfig, TrainedOn, save_adapter};
pub use batch::Packed;
pub use checkpoint::{Checkpoint, TensorRows, WeightBytes, expected_tensors, save};
pub use config::ConfigError;
pub use device::{Backend, DeviceName, Gpu, Trial};
pub use dtype::to_burn;
pub use error::{Error, TensorProblem};
pub use finding::Finding;
pub use lobass_core::{Dtype, Rounding};
pub use model::{
    Cache, Continuation, Decoder, GivenLayer, Gradients, LayeredTrace, RoundTrip, Trace, TraceOptions,
    Values, WeightSource,
};
pub use names::TensorSpec;
pub use ops::{
    Activation, AttentionWork, Compute, Concurrency, Gate, LogitBlocks, LogitForm, Logits, NormForm,
    NormKind, RouterScores, Routing, computes_fast_in_bf16, cross_entropy,
};
pub use spec::{
    AttentionSpec, Biases, DecoderSpec, EmbeddingScale, ExpertsSpec, Growth, LayerSpec, LinearAttentionSpec,
    MlpSpec, NormSpec, Placement, QkNorm, RopeScaling, RopeSpec, SharedExpertSpec,
};
