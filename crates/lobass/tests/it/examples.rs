//! The examples, each with a test that it runs.

#[path = "../../examples/cross_fit.rs"]
mod cross_fit;
#[path = "../../examples/own_strategy.rs"]
mod own_strategy;
#[path = "../../examples/resume.rs"]
mod resume;
#[path = "../../examples/score_in_memory.rs"]
mod score_in_memory;
