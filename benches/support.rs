//! Shared parts of the benchmarks: a model, sequences, the allocator of the command line, and its peak.
//!
//! Sizes are small enough that every benchmark ends in seconds on two cores. Numbers of one machine mean nothing on
//! another; see `docs/inside/benchmarks.md` for how to compare.

#[cfg(feature = "models")]
mod models;

#[cfg(feature = "models")]
pub use models::{SMALL, config, model, sequences};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The seed of weights and tokens.
pub const SEED: u64 = 13008;

/// The largest memory this process has had resident, in bytes; `None` where the system does not tell.
pub fn peak_memory() -> Option<u64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = peak.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * kib)
}
