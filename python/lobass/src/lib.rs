//! `lobass._lobass`: the part of the Python module `lobass` that is not Python.
//!
//! It calls the library [`lobass`] with settings that come as JSON, and hands columns of tables over through Arrow's C
//! stream interface. What people call is in `package/lobass`.

#![expect(clippy::needless_pass_by_value, reason = "Python hands over values")]

mod calls;
mod measures;
mod observer;
mod rows;
mod settings;
mod table;

// burn takes and frees large buffers all the time; the system's allocator gives each of them back to the kernel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::ffi::OsString;

use pyo3::prelude::{Python, pyfunction, pymodule};

/// Runs a whole command line, and gives its exit code. `program` is the command that starts this program.
#[pyfunction]
pub(crate) fn main(py: Python<'_>, program: Vec<OsString>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| lobass_cli::run_as(program, arguments))
}

/// Private functions for the Python modules of the package.
#[pymodule]
mod _lobass {
    #[pymodule_export]
    use crate::calls::{compare, embed, import_losses, score, select, strategies, train};
    #[pymodule_export]
    use crate::measures::{information, leakage, regions, sources};
    #[pymodule_export]
    use crate::observer::{Caller, LobassError};
    #[pymodule_export]
    use crate::rows::Rows;
    #[pymodule_export]
    use crate::table::Table;

    #[pymodule_export]
    use crate::main;

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name is Python's")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
