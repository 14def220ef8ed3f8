//! Numbers against PyTorch and transformers. `fixtures/README.md` says which script made which file.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

// Losses of every model family and odd shape.
mod families;
// Everything that holds for each family: losses, training, bits, saving.
mod every_family;
// Configs and names of tensors as people have them.
mod spellings;
// Checkpoints in few bits.
mod quantized;
mod replicates;
// Adapters as PEFT saves them, and on which base they belong.
mod adapters;
// Vectors of whole sequences.
mod embeddings;
// What a checkpoint directory survives: saving, sharding, other dtypes.
mod checkpoints;
// Text, ids, and masks of conversations.
mod chat;
// Text and masks of templates that write turns in unusual ways.
mod styles;
// What greedy decoding would say.
mod greedy;
// Greedy decoding with keys and values kept.
mod generate;
// Intervals against SciPy.
mod bootstrap;
// Measures of preference pairs.
mod pairs;
// Gradients and optimizer steps.
mod training;
// Gradients and target tasks.
mod influence;
mod pds;
// Clients and one central step.
mod federate;
mod leakage;
// Several models become one.
mod merging;
