//! This program once more, for processes of its own.

use std::ffi::OsString;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::Context as _;

static PROGRAM: OnceLock<Vec<OsString>> = OnceLock::new();
/// What the program was told, without its name.
static ARGUMENTS: OnceLock<Vec<OsString>> = OnceLock::new();

/// Says how this program is started, where that is not by the path of the running one: as `python -m lobass` is. The
/// first call counts.
pub fn set_program(program: Vec<OsString>) {
    // Whoever comes later has the same to say.
    let _ = PROGRAM.set(program);
}

/// A process of this program, without arguments yet.
pub(crate) fn this_program() -> anyhow::Result<Command> {
    if let Some((program, arguments)) = PROGRAM.get().and_then(|program| program.split_first()) {
        let mut command = Command::new(program);
        command.args(arguments);
        return Ok(command);
    }
    Ok(Command::new(std::env::current_exe().context("the path of this program")?))
}

/// Keeps a command line, which begins with the program's name, for [`this_command`].
pub(crate) fn remember(arguments: &[OsString]) {
    // A process has one command line; embedded calls have none, and start no process that needs it.
    let _ = ARGUMENTS.set(arguments.iter().skip(1).cloned().collect());
}

/// A process that is told what this one was told.
pub(crate) fn this_command() -> anyhow::Result<Command> {
    let mut command = this_program()?;
    command.args(ARGUMENTS.get().context("the command line of this program")?);
    Ok(command)
}
