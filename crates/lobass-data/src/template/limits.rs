//! How long a rendering may take and how much it may write.
//!
//! The engine counts steps, bytes that it writes, and items that it visits as fuel. A template may use an amount that
//! grows with what it is given, so that long conversations render and a template that never ends is stopped.

use minijinja::Environment;

/// Steps that every rendering may take.
const STEPS: u64 = 4_000_000;
/// Steps for every byte of the conversation: templates read a text several times.
const STEPS_PER_BYTE: u64 = 16;
/// Steps for every pair of turns: templates look ahead and back from each turn.
const STEPS_PER_PAIR: u64 = 64;
/// Macros in macros, and loops that call themselves.
const RECURSION: usize = 200;
/// The engine wants to know the amount before it compiles: each of these is so many times the one before.
const FACTOR: u64 = 16;
const N_ENVIRONMENTS: u32 = 4;

/// One environment with increasing amounts of fuel.
#[derive(Debug)]
pub(super) struct Bounded {
    environments: Vec<Environment<'static>>,
}

impl Bounded {
    pub(super) fn new(mut environment: Environment<'static>) -> Self {
        environment.set_recursion_limit(RECURSION);
        let environments = (0..N_ENVIRONMENTS).map(|at| {
            let mut environment = environment.clone();
            environment.set_fuel(Some(STEPS * FACTOR.pow(at)));
            environment
        });
        Self { environments: environments.collect() }
    }

    /// The environment for a conversation of so many bytes and turns.
    pub(super) fn for_input(&self, n_bytes: usize, n_turns: usize) -> &Environment<'static> {
        let (n_bytes, n_turns) = (n_bytes as u64, n_turns as u64);
        let wanted = STEPS_PER_BYTE
            .saturating_mul(n_bytes)
            .saturating_add(STEPS_PER_PAIR.saturating_mul(n_turns.saturating_mul(n_turns)))
            .saturating_add(STEPS / 2);
        let enough = |environment: &&Environment<'_>| environment.fuel().is_some_and(|fuel| fuel >= wanted);
        let last = &self.environments[self.environments.len() - 1];
        self.environments.iter().find(enough).unwrap_or(last)
    }
}
