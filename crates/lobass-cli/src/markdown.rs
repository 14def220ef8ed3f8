//! The command line as a page of Markdown, from what clap knows of it.

use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::{Arg, Command};

/// `docs/cli.md`.
pub(crate) fn page(command: Command) -> String {
    let mut command = command.disable_help_subcommand(true).term_width(usize::MAX);
    command.build();
    let mut page = String::from(
        "# Command line\n\nEvery command and flag, as in `lobass help COMMAND`. `cargo xtask cli` writes \
         this page, which `lobass markdown` prints.\n",
    );
    page += &body(&command);
    page += "\n## Commands\n\n";
    let shown = || command.get_subcommands().filter(|sub| !sub.is_hide_set());
    for sub in shown() {
        let name = sub.get_name();
        let _ = writeln!(page, "- [`{name}`](#lobass-{name}): {}", line(sub.get_about()));
    }
    page += &arguments(&command, |_| true);
    for sub in shown() {
        let _ = writeln!(page, "\n## `lobass {}`", sub.get_name());
        page += &body(sub);
        let _ = writeln!(page, "\n```text\n{}\n```", usage(sub));
        page += &arguments(sub, |argument| !argument.is_global_set());
        if let Some(after) = sub.get_after_help() {
            let _ = writeln!(page, "\n```text\n{}\n```", after.to_string().trim());
        }
    }
    page
}

/// The description of a command; the long text begins with the short one.
fn body(command: &Command) -> String {
    let about = command.get_long_about().or(command.get_about());
    format!("\n{}\n", about.map(ToString::to_string).unwrap_or_default().trim())
}

fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage:").trim().to_owned()
}

/// Lists of arguments, under their headings, in the order of the help.
fn arguments(command: &Command, wanted: impl Fn(&Arg) -> bool) -> String {
    let hidden =
        |argument: &Arg| argument.is_hide_set() || matches!(argument.get_id().as_str(), "help" | "version");
    let shown: Vec<&Arg> =
        command.get_arguments().filter(|argument| !hidden(argument) && wanted(argument)).collect();
    let mut headings: Vec<Option<&str>> = Vec::new();
    for argument in &shown {
        let heading = argument.get_help_heading();
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    headings.sort_by_key(Option::is_some); // those without a heading come first
    let mut text = String::new();
    for heading in headings {
        text.push('\n');
        if let Some(heading) = heading {
            let _ = writeln!(text, "**{heading}**\n");
        }
        for argument in shown.iter().filter(|argument| argument.get_help_heading() == heading) {
            text += &item(argument);
        }
    }
    text
}

/// `- ``--flag <VALUE>``: what it does`, with its values.
fn item(argument: &Arg) -> String {
    let mut names: Vec<String> = argument.get_short().map(|short| format!("-{short}")).into_iter().collect();
    names.extend(argument.get_long().map(|long| format!("--{long}")));
    names.extend(argument.get_visible_aliases().unwrap_or_default().iter().map(|alias| format!("--{alias}")));
    let values = values(argument);
    let head = match (names.is_empty(), values.is_empty()) {
        (true, _) => values,
        (false, true) => names.join(", "),
        (false, false) => format!("{} {values}", names.join(", ")),
    };
    let help = argument.get_long_help().or(argument.get_help());
    let mut text = format!("- `{head}`: {}", line(help));
    let known = argument.get_possible_values();
    let takes = argument.get_action().takes_values();
    if takes && !known.is_empty() {
        let known: Vec<String> = known.iter().map(|value| format!("`{}`", value.get_name())).collect();
        let _ = write!(text, " One of {}.", known.join(", "));
    }
    let defaults: Vec<_> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if takes && !defaults.is_empty() {
        let _ = write!(text, " Default: `{}`.", defaults.join(" "));
    }
    if argument.is_required_set() && !names.is_empty() {
        text += " Required.";
    }
    text.push('\n');
    text
}

/// `<NAME>`, with dots if there can be several.
fn values(argument: &Arg) -> String {
    if !argument.get_action().takes_values() {
        return String::new();
    }
    let names = argument.get_value_names().unwrap_or_default();
    let names: Vec<String> = names.iter().map(|name| format!("<{name}>")).collect();
    let several = argument.get_num_args().is_some_and(|range| range.max_values() > 1);
    format!("{}{}", names.join(" "), if several { ".." } else { "" })
}

/// A text of several paragraphs in one, each ending in a full stop.
fn line(text: Option<&StyledStr>) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    let paragraphs =
        text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    let ended = paragraphs.filter(|paragraph| !paragraph.is_empty()).map(|paragraph| {
        let ends = paragraph.ends_with(['.', '?', '!', ':']);
        if ends { paragraph } else { format!("{paragraph}.") }
    });
    ended.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::ArgAction;

    use super::*;

    #[test]
    fn commands_flags_and_values() {
        let sub = Command::new("do")
            .about("Do it")
            .arg(Arg::new("file").long("file").value_name("FILE").required(true).help("What to do"))
            .arg(
                Arg::new("how")
                    .long("how")
                    .value_name("HOW")
                    .value_parser(["a", "b"])
                    .default_value("a")
                    .help("How"),
            )
            .arg(Arg::new("fast").long("fast").action(ArgAction::SetTrue).help_heading("Speed").help("Hurry"))
            .after_help("Example:\n  x do");
        let secret = Command::new("secret").hide(true);
        let page = page(Command::new("x").about("All of it").subcommand(sub).subcommand(secret));
        for part in [
            "- [`do`](#lobass-do): Do it.\n",
            "\n## `lobass do`\n\nDo it\n\n```text\nx do [OPTIONS] --file <FILE>\n```\n",
            "\n- `--file <FILE>`: What to do. Required.\n- `--how <HOW>`: How. One of `a`, `b`. Default: `a`.\n",
            "\n**Speed**\n\n- `--fast`: Hurry.\n",
            "```text\nExample:\n  x do\n```\n",
        ] {
            assert!(page.contains(part), "{part}\nis not in\n{page}");
        }
        assert!(!page.contains("secret") && !page.contains("--help"));
    }
}
