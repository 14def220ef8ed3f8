//! `lobass._lobass`: the part of the Python module `lobass` that is not Python.
//!
//! It runs commands by the path of the command line ([`lobass_cli::run_for`]), and hands columns of files to and fro
//! through Arrow's C stream interface. What people call is in `package/lobass`.

#![expect(clippy::needless_pass_by_value, reason = "Python hands over values")]

mod columns;
mod command;
mod stream;

// burn takes and frees large buffers all the time; the system's allocator gives each of them back to the kernel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use pyo3::prelude::pymodule;

/// Private functions for the Python modules of the package.
#[pymodule]
mod _lobass {
    #[pymodule_export]
    use crate::columns::{column_names, columns, manifest};
    #[pymodule_export]
    use crate::command::{LobassError, main, run};
    #[pymodule_export]
    use crate::stream::{open_stream, write_stream};

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name is Python's")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
