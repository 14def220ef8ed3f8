//! The pages on the command line: `docs/cli.md`, as the binary prints it, and a page for each command made of it.

use std::fmt::Write as _;

use anyhow::Result;
use xshell::{Shell, cmd};

mod common;

pub(crate) use common::{CommonFlags, SOURCE};

/// Every command on one page. A test of the command line holds it against the binary.
pub(crate) const PAGE: &str = "docs/cli.md";
/// A page for each command, and an index of them. `cargo xtask tidy` holds them against [`PAGE`].
pub(crate) const FOLDER: &str = "docs/reference/commands";

/// The config file that `lobass run --init` writes, and the page that shows it.
pub(crate) const CONFIG: &str = "crates/lobass-cli/src/lobass.toml";
pub(crate) const CONFIG_PAGE: &str = "docs/reference/config.md";

/// Commands of the index by what they are for, in the order of use. Commands that are not here come last.
const GROUPS: [(&str, &[&str]); 7] = [
    ("From data to a selection", &["demo", "check", "run", "train", "score", "select", "report"]),
    (
        "Look closer, and compare",
        &["inspect", "regions", "compare", "strategies", "sources", "quality", "near-duplicates"],
    ),
    ("Vectors, targets, tokens, and adapters", &["embed", "less", "pds", "mask", "merge"]),
    ("Losses from another program", &["encode", "import"]),
    ("Many workers", &["plan", "worker", "pending", "status", "seal", "gc"]),
    ("Many owners", &["federate-select", "federate-train"]),
    ("This machine", &["doctor", "completions", "man"]),
];
const OTHERS: &str = "Further commands";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Make the pages of commands from docs/cli.md as it stands, and build nothing
    #[arg(long)]
    split: bool,
}

pub(crate) fn run(shell: &Shell, args: &Args) -> Result<()> {
    if !args.split {
        let page = cmd!(shell, "cargo run --quiet --package lobass-cli -- markdown").read()?;
        shell.write_file(PAGE, format!("{}\n", page.trim_end()))?;
    }
    split(shell, &shell.read_file(PAGE)?)?;
    cmd!(shell, "git status --short {PAGE} {FOLDER} {CONFIG_PAGE}").run()?;
    Ok(())
}

/// Writes the pages of the commands, and removes those of commands that are gone.
fn split(shell: &Shell, page: &str) -> Result<()> {
    let common = CommonFlags::read(&shell.read_file(SOURCE)?);
    shell.remove_path(FOLDER)?;
    for (name, text) in pages(page, &common) {
        shell.write_file(format!("{FOLDER}/{name}"), text)?;
    }
    shell.write_file(CONFIG_PAGE, config_page(&shell.read_file(CONFIG)?))?;
    Ok(())
}

/// The page on the config file.
pub(crate) fn config_page(config: &str) -> String {
    format!(
        "# Config file\n\n`lobass run FILE` reads its settings from a TOML file, and `lobass run --init FILE` writes this \
         one to begin with. Flags override it. The `settings.toml` of a run directory has the same form, with every \
         setting filled in.\n\n```toml\n{}\n```\n",
        config.trim_end()
    )
}

/// Names and texts of the files in [`FOLDER`], made of the text of [`PAGE`].
pub(crate) fn pages(text: &str, common: &CommonFlags) -> Vec<(String, String)> {
    let mut sections = text.split("\n## ");
    let _title = sections.next();
    let (commands, of_all) = sections.next().unwrap_or_default().split_once("\n\n**").unwrap_or_default();
    let mut pages = vec![("index.md".to_owned(), index(commands, of_all))];
    for section in sections {
        let (title, body) = section.split_once('\n').unwrap_or_default();
        let name = title.trim_matches('`').trim_start_matches("lobass ");
        pages.push((format!("{name}.md"), page_of(name, body, common)));
    }
    pages
}

/// The list of commands in groups, and the flags that all of them have.
fn index(commands: &str, of_all: &str) -> String {
    let mut left: Vec<&str> = commands.lines().filter(|line| line.starts_with("- ")).collect();
    let mut page = String::from(
        "# Commands\n\nA page for each command, its common flags first. `lobass COMMAND --help` prints the common \
         flags, and `lobass help COMMAND` all of them. [One page](../../cli.md) has all commands. `cargo xtask cli` \
         writes these pages.\n",
    );
    let mut add = |heading: &str, lines: Vec<&str>| {
        let _ = writeln!(page, "\n## {heading}\n");
        for line in lines {
            let _ = writeln!(page, "{}", line.replace("(#lobass-", "(").replacen("): ", ".md): ", 1));
        }
    };
    for (heading, names) in GROUPS {
        let of = |name: &&str| left.iter().find(|line| line.starts_with(&format!("- [`{name}`]"))).copied();
        let lines: Vec<&str> = names.iter().filter_map(of).collect();
        left.retain(|line| !lines.contains(line));
        add(heading, lines);
    }
    if !left.is_empty() {
        add(OTHERS, left);
    }
    let _ = write!(page, "\n## Flags of every command\n\n**{}\n", of_all.trim_end());
    page
}

/// A command's page: what it does, how it is called, examples, and its flags, the common ones first.
fn page_of(name: &str, body: &str, common: &CommonFlags) -> String {
    let body = body.trim();
    let (about, rest) = body.split_at(body.find("```").unwrap_or(body.len()));
    let about: Vec<String> = about.trim().split("\n\n").map(ended).collect();
    let (code, flags) = code_and_flags(rest);
    let mut page = format!("# `lobass {name}`\n\n{}\n\n{}\n", about.join("\n\n"), code.join("\n\n"));
    // Without a list, flags without a heading. Required flags and those of the examples are always common.
    let is_common = |(heading, flag): &(&str, &str)| {
        let listed = common.has(name, names(flag)).unwrap_or(heading.is_empty());
        listed || flag.ends_with(" Required.") || is_used(flag, &code)
    };
    let (common, others): (Vec<_>, Vec<_>) = flags.into_iter().partition(is_common);
    let title = if others.is_empty() { "Flags" } else { "Common flags" };
    let common = common.into_iter().map(|(_, flag)| (title, flag));
    let mut last = "";
    for (heading, flag) in common.chain(others) {
        let heading = if heading.is_empty() { "Other flags" } else { heading };
        if heading != last {
            let _ = writeln!(page, "\n## {heading}\n");
            last = heading;
        }
        let _ = writeln!(page, "{flag}");
    }
    page
}

/// The blocks of code of a section, and its flags with their headings.
fn code_and_flags(text: &str) -> (Vec<String>, Vec<(&str, &str)>) {
    let (mut code, mut flags) = (Vec::new(), Vec::new());
    let (mut is_code, mut heading) = (false, "");
    for line in text.lines() {
        let is_fence = line.starts_with("```");
        if is_fence && !is_code {
            code.push(String::new());
        }
        match code.last_mut().filter(|_| is_code || is_fence) {
            Some(block) if is_fence && is_code => block.push_str(line),
            Some(block) => *block += &format!("{line}\n"),
            None => {
                heading = line.strip_prefix("**").and_then(|line| line.strip_suffix("**")).unwrap_or(heading);
                flags.extend(line.starts_with("- ").then_some((heading, line)));
            }
        }
        is_code ^= is_fence;
    }
    (code, flags)
}

/// The names of a flag or of a positional argument, given as the item of a list.
fn names(flag: &str) -> impl Iterator<Item = String> {
    let head = flag.split('`').nth(1).unwrap_or_default();
    let positional = head.starts_with(['[', '<']);
    let words = head.split([',', ' ']).filter(move |word| positional || word.starts_with("--"));
    words.map(|word| word.trim_matches(['[', ']', '<', '>', '.']).to_lowercase())
}

/// Whether an example uses a flag, given as the item of a list.
fn is_used(flag: &str, code: &[String]) -> bool {
    let words: Vec<&str> = code.iter().skip(1).flat_map(|block| block.split_whitespace()).collect();
    names(flag).any(|name| name.starts_with("--") && words.contains(&name.as_str()))
}

/// A paragraph that ends in a full stop.
fn ended(paragraph: &str) -> String {
    let ends = paragraph.ends_with(['.', '?', '!', ':']);
    if ends { paragraph.to_owned() } else { format!("{paragraph}.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Command line\n\nAll.\n\n## Commands\n\n- [`score`](#lobass-score): Score it.\n\
                        - [`new`](#lobass-new): New: a thing.\n\n**Output**\n\n- `-q`: Be quiet.\n\n\
                        ## `lobass score`\n\nScore it\n\n```text\nlobass score [OPTIONS]\n```\n\n\
                        - `--out <FILE>`: The table. Required.\n\n**Data**\n\n- `--data <FILE>`: The pool.\n- `--format <NAME>`: Its format.\n\n\
                        ```text\nExample:\n  lobass score --data a\n```\n\n## `lobass new`\n\nNew\n\n```text\nlobass new\n```\n";

    #[test]
    fn a_command_has_a_page_with_examples_first() {
        let pages = pages(TEXT, &CommonFlags::default());
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["index.md", "score.md", "new.md"]);
        assert_eq!(
            pages[1].1,
            "# `lobass score`\n\nScore it.\n\n```text\nlobass score [OPTIONS]\n```\n\n```text\nExample:\n  lobass \
             score --data a\n```\n\n## Common flags\n\n- `--out <FILE>`: The table. Required.\n\
             - `--data <FILE>`: The pool.\n\n## Data\n\n- `--format <NAME>`: Its format.\n"
        );
        assert_eq!(pages[2].1, "# `lobass new`\n\nNew.\n\n```text\nlobass new\n```\n");
    }

    #[test]
    fn the_index_has_every_command_once() {
        let index = &pages(TEXT, &CommonFlags::default())[0].1;
        for line in [
            "- [`score`](score.md): Score it.\n",
            "## Further commands\n\n- [`new`](new.md): New: a thing.\n",
        ] {
            assert_eq!(index.matches(line).count(), 1, "{index}");
        }
        assert!(index.ends_with("## Flags of every command\n\n**Output**\n\n- `-q`: Be quiet.\n"), "{index}");
    }
}
