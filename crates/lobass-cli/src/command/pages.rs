//! Documentation from the command line: completions, man pages, and a page in Markdown.

use clap::CommandFactory as _;
use lobass_core::readable::counted;
use serde_json::json;

use crate::args::{Cli, CompletionsArgs, ManArgs};
use crate::exit::Outcome;
use crate::markdown;
use crate::ui::Ui;

/// `lobass completions`.
pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "lobass", &mut script);
    crate::ui::raw(&script)?;
    Ok(Outcome::Done)
}

/// `lobass man`.
pub(crate) fn man(args: &ManArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    fs_err::create_dir_all(&args.out)?;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut written = Vec::new();
    for command in std::iter::once(&command).chain(command.get_subcommands().filter(|sub| !sub.is_hide_set()))
    {
        let page = clap_mangen::Man::new(command.clone());
        let path = args.out.join(page.get_filename());
        let mut text = Vec::new();
        page.render(&mut text)?;
        fs_err::write(&path, text)?;
        written.push(path);
    }
    let text = format!("wrote {} to {}", counted(written.len() as u64, "page"), args.out.display());
    ui.result(text, &json!({"written": written}))?;
    Ok(Outcome::Done)
}

/// The page that `docs/cli.md` is.
pub(crate) fn markdown() -> anyhow::Result<Outcome> {
    crate::ui::raw(markdown::page(Cli::command()).as_bytes())?;
    Ok(Outcome::Done)
}
