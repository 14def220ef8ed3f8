//! The help of commands with many flags: `--help` shows the common ones, `lobass help COMMAND` all.

use clap::{Arg, ArgAction, Command};

/// The flags that `--help` of a command shows, beside its positional arguments and those of every command.
const COMMON: [(&str, &[&str]); 8] = [
    (
        "run",
        &[
            "config",
            "from",
            "init",
            "base",
            "reference",
            "data",
            "out",
            "strategy",
            "budget",
            "method",
            "epochs",
            "batch_size",
            "learning_rate",
            "max_length",
            "device",
        ],
    ),
    (
        "train",
        &[
            "model",
            "data",
            "out",
            "method",
            "objective",
            "epochs",
            "batch_size",
            "learning_rate",
            "eval_rows",
            "max_length",
            "chat_template",
            "device",
        ],
    ),
    (
        "score",
        &[
            "base",
            "reference",
            "adapter",
            "data",
            "out",
            "work",
            "per_token",
            "context",
            "max_length",
            "chat_template",
            "device",
            "devices",
        ],
    ),
    (
        "select",
        &[
            "scores",
            "strategy",
            "budget",
            "out",
            "index",
            "data",
            "seed",
            "rating",
            "min_scored",
            "quota_by",
            "near_duplicates",
            "rules",
        ],
    ),
    (
        "compare",
        &[
            "scores",
            "base",
            "strategy",
            "budget",
            "eval",
            "eval_rows",
            "pairs",
            "shares",
            "out",
            "seeds",
            "match",
            "epochs",
            "batch_size",
            "learning_rate",
            "device",
        ],
    ),
    (
        "import",
        &[
            "base",
            "data",
            "base_losses",
            "reference_losses",
            "reference_name",
            "program",
            "program_version",
            "losses_dtype",
            "out",
            "per_token",
            "mask",
            "max_length",
            "chat_template",
        ],
    ),
    (
        "report",
        &["scores", "strategy", "budget", "out", "base", "reference", "adapter", "data", "examples", "seed"],
    ),
    (
        "plan",
        &[
            "base",
            "data",
            "work",
            "reference",
            "adapter",
            "base_only",
            "explain",
            "measure",
            "device",
            "chat_template",
            "max_length",
        ],
    ),
];

/// The command line with the help of its commands cut to their common flags.
pub(super) fn with_common_flags(mut command: Command) -> Command {
    for (name, common) in COMMON {
        command = command.mut_subcommand(name, |command| shortened(command, common));
    }
    command
}

fn shortened(command: Command, common: &[&str]) -> Command {
    let is_common = |argument: &Arg| common.contains(&argument.get_id().as_str());
    let command = command.mut_args(|argument| {
        let hidden = !is_common(&argument);
        argument.hide_short_help(hidden)
    });
    let n_flags = command.get_arguments().filter(|argument| !argument.is_hide_set()).count();
    let all = format!("`lobass help {}` shows all {n_flags} flags.", command.get_name());
    let examples = command.get_after_help().map(|text| format!("{text}\n\n")).unwrap_or_default();
    let help = Arg::new("help").short('h').long("help").action(ArgAction::HelpShort);
    let long = examples.trim_end().to_owned();
    command
        .disable_help_flag(true)
        .arg(help.help("Print the common flags").help_heading("Output"))
        .after_help(format!("{examples}{all}"))
        .after_long_help(long)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn common_flags_exist_and_are_few() {
        let cli = Cli::command();
        for (name, common) in COMMON {
            let command = cli.find_subcommand(name).unwrap();
            let known: Vec<&str> =
                command.get_arguments().map(|argument| argument.get_id().as_str()).collect();
            for id in common {
                assert!(known.contains(id), "`lobass {name}` has no argument `{id}`");
            }
            assert!(common.len() <= 15, "{name}");
        }
    }

    #[test]
    fn what_is_hidden_is_shown_by_the_help_command() {
        let mut cli = with_common_flags(Cli::command());
        let run = cli.find_subcommand_mut("run").unwrap();
        let (short, long) = (run.render_help().to_string(), run.render_long_help().to_string());
        assert!(short.contains("--budget") && !short.contains("--lora-rank"), "{short}");
        assert!(short.contains("`lobass help run` shows all"), "{short}");
        assert!(long.contains("--lora-rank") && !long.contains("shows all"), "{long}");
        assert!(short.lines().count() < 80, "{short}");
    }
}
