//! Everything that crosses crates and is not a number from PyTorch.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

// How tests run the command line.
mod sandbox;

// Who may depend on whom.
mod dependencies;
// A loss depends on its sequence alone.
mod invariance;
// What the files we write look like to someone else.
mod formats;
// How products are computed, as a part of a run.
mod arithmetic;
// A person's first hour with the command line.
mod commands;
// What a job takes, before it runs.
mod price;
// Errors are reported before the work, all at once.
mod early;
// What comes from data cannot command a terminal.
mod terminal;
// Formats people bring, through the command line.
mod inputs;
// Containers, folders, and patterns.
mod containers;
// Files that are edited meanwhile.
mod changed;
// Files as people really have them.
mod oddities;
// Commands inside another program.
mod hosted;
// Samples, and pairs of them with demonstrations.
mod generate;
// Rounds of IRFT and SPIN.
mod irft;
// A run that is killed, and taken up again.
mod resume;
// Many workers on one plan, some of which die.
mod workers;
// The same in an object store.
#[cfg(feature = "cloud")]
mod object_store;
// What a table and its selections look like.
mod report;
// What fine-tuning taught, region by region.
mod regions;
// Numbers are those that rows were ranked by.
mod ranked;
// Flags act or are refused, and nothing is replaced without a word.
mod effects;
// Models and data sets by their hub ids.
#[cfg(feature = "hub")]
mod hub;
// Losses that another program computed.
mod import;
// Features that this build lacks are named.
mod features;
// Which template and tokenizer of two models, and settings of other trainers.
mod tuned;
// Documentation from the command line.
mod pages;
// Nothing of a person's is overwritten or removed.
mod outputs;
// References that teach something, and rows that they have not seen.
mod references;
// Null models, which see no prompts.
mod null;
// What prompts tell about responses.
mod information;
// Adapters: trained, scored beside their base, baked in, and refused.
mod adapters;
// Losses of sources, and trainings that mix sources.
mod mixing;
// Several fine-tuned models become one.
mod merging;
// A training that is killed, and taken up again.
mod interrupted_training;
// Strategies beside the paper's, selection by token, and the shape of a subset.
mod family;
// Pairs of a chosen and a rejected response.
mod preference;
// References that have seen a row, and those that have not.
mod reference_modes;
// Damage, lies, and misunderstandings.
mod hostile;
// Memory that does not grow with the data.
mod memory;
// Checks of data before training.
mod check;
// What rows say: rules and near duplicates.
mod text;
// What rows say and no model sees.
mod unread;
// The demo and what it claims.
mod demo;
// Rows that move an adapter towards a target.
mod less;
// Rows by the control of a short training.
mod pds;
// Owners who keep their rows.
mod federate;
mod federate_train;
// Vectors of rows.
mod embeddings;
// What strategies teach, compared.
mod compare;
// Pools of preference pairs, and selections of pairs.
mod compare_pairs;
// A base that is rounded, as QLoRA training rounds it.
mod rounded;
