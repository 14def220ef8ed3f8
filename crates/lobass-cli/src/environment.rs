//! The environment of this process for calls of the library, and the command that starts this program again.

use std::ffi::OsString;

use lobass::Runtime;

/// A runtime with the environment variables of this process. `program` starts this program again, for processes of
/// workers and trials of devices; without it, the path of the running one does.
pub(crate) fn runtime(program: Option<Vec<OsString>>) -> Runtime {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let this_one = || Some(vec![std::env::current_exe().ok()?.into_os_string()]);
    let program = program.or_else(this_one).unwrap_or_default();
    Runtime::default().with_variables(variables, std::env::home_dir()).with_program(program)
}
