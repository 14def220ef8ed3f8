//! Arguments of the commands that print documentation.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lobass completions bash > ~/.local/share/bash-completion/completions/lobass\n  \
    lobass completions zsh > ~/.zfunc/_lobass\n  \
    lobass completions fish > ~/.config/fish/completions/lobass.fish"
)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lobass man --out ~/.local/share/man/man1 && man lobass-score")]
pub(crate) struct ManArgs {
    /// The directory to write them to: `lobass.1`, and one for each command
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}
