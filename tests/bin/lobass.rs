//! The command line under test: `CARGO_BIN_EXE_*` is known for binaries of the test's own package only.

use std::process::ExitCode;

fn main() -> ExitCode {
    lobass_cli::main()
}
