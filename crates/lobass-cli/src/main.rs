//! The `lobass` binary.

use std::process::ExitCode;

// burn takes and frees large buffers all the time; the system's allocator gives each of them back to the kernel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lobass_cli::main()
}
