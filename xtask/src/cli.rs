//! The pages on the command line: `docs/cli.md`, as the binary prints it, and a page for each command made of it.

use std::fmt::Write as _;

use anyhow::Result;
use xshell::{Shell, cmd};

/// Every command on one page. A test of the command line holds it against the binary.
pub(crate) const PAGE: &str = "docs/cli.md";
/// A page for each command, and an index of them. `cargo xtask tidy` holds them against [`PAGE`].
pub(crate) const FOLDER: &str = "docs/reference/commands";

/// Commands of the index by what they are for, in the order of use. Commands that are not here come last.
const GROUPS: [(&str, &[&str]); 5] = [
    ("From data to a selection", &["demo", "check", "run", "train", "score", "select", "report"]),
    ("Look closer, and compare", &["inspect", "compare", "strategies", "quality", "near-duplicates"]),
    ("Vectors, targets, tokens, and adapters", &["embed", "less", "mask", "merge"]),
    ("Many workers", &["plan", "worker", "pending", "status", "seal", "gc"]),
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
    cmd!(shell, "git status --short {PAGE} {FOLDER}").run()?;
    Ok(())
}

/// Writes the pages of the commands, and removes those of commands that are gone.
fn split(shell: &Shell, page: &str) -> Result<()> {
    shell.remove_path(FOLDER)?;
    for (name, text) in pages(page) {
        shell.write_file(format!("{FOLDER}/{name}"), text)?;
    }
    Ok(())
}

/// Names and texts of the files in [`FOLDER`], made of the text of [`PAGE`].
pub(crate) fn pages(text: &str) -> Vec<(String, String)> {
    let mut sections = text.split("\n## ");
    let _title = sections.next();
    let (commands, of_all) = sections.next().unwrap_or_default().split_once("\n\n**").unwrap_or_default();
    let mut pages = vec![("index.md".to_owned(), index(commands, of_all))];
    for section in sections {
        let (title, body) = section.split_once('\n').unwrap_or_default();
        let name = title.trim_matches('`').trim_start_matches("lobass ");
        pages.push((format!("{name}.md"), page_of(title, body)));
    }
    pages
}

/// The list of commands in groups, and the flags that all of them have.
fn index(commands: &str, of_all: &str) -> String {
    let mut left: Vec<&str> = commands.lines().filter(|line| line.starts_with("- ")).collect();
    let mut page = String::from(
        "# Commands\n\nA page for each command, its common flags first. `lobass help COMMAND` prints the same, and \
         [one page](../../cli.md) has all of them. `cargo xtask cli` writes these pages.\n",
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

/// A command's page: what it does, how it is called, examples, and its flags under headings.
fn page_of(title: &str, body: &str) -> String {
    let mut about = String::new();
    let mut flags = String::new();
    let mut code = String::new();
    let mut is_code = false;
    for line in body.trim().lines() {
        is_code ^= line.starts_with("```");
        let part = match line {
            _ if is_code || line.starts_with("```") => &mut code,
            _ if code.is_empty() => &mut about,
            _ => &mut flags,
        };
        let heading = line.strip_prefix("**").and_then(|line| line.strip_suffix("**"));
        let _ = match heading {
            Some(heading) if !is_code => writeln!(part, "## {heading}"),
            _ => writeln!(part, "{line}"),
        };
        if line == "```" && !is_code {
            code.push('\n');
        }
    }
    let about: Vec<String> = about.trim().split("\n\n").map(ended).collect();
    let flags = flags.trim();
    let main = if flags.starts_with("- ") { "## Main flags\n\n" } else { "" };
    let page = format!("# {title}\n\n{}\n\n{}\n\n{main}{flags}", about.join("\n\n"), code.trim());
    format!("{}\n", without_gaps(page.trim()))
}

/// A paragraph that ends in a full stop.
fn ended(paragraph: &str) -> String {
    let ends = paragraph.ends_with(['.', '?', '!', ':']);
    if ends { paragraph.to_owned() } else { format!("{paragraph}.") }
}

/// Text with one empty line where there are several.
fn without_gaps(text: &str) -> String {
    let mut text = text.to_owned();
    while text.contains("\n\n\n") {
        text = text.replace("\n\n\n", "\n\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Command line\n\nAll.\n\n## Commands\n\n- [`score`](#lobass-score): Score it.\n\
                        - [`new`](#lobass-new): New: a thing.\n\n**Output**\n\n- `-q`: Be quiet.\n\n\
                        ## `lobass score`\n\nScore it\n\n```text\nlobass score [OPTIONS]\n```\n\n\
                        - `--out <FILE>`: The table. Required.\n\n**Data**\n\n- `--data <FILE>`: The pool.\n\n\
                        ```text\nExample:\n  lobass score\n```\n\n## `lobass new`\n\nNew\n\n```text\nlobass new\n```\n";

    #[test]
    fn a_command_has_a_page_with_examples_first() {
        let pages = pages(TEXT);
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["index.md", "score.md", "new.md"]);
        assert_eq!(
            pages[1].1,
            "# `lobass score`\n\nScore it.\n\n```text\nlobass score [OPTIONS]\n```\n\n```text\nExample:\n  lobass \
             score\n```\n\n## Main flags\n\n- `--out <FILE>`: The table. Required.\n\n## Data\n\n\
             - `--data <FILE>`: The pool.\n"
        );
        assert_eq!(pages[2].1, "# `lobass new`\n\nNew.\n\n```text\nlobass new\n```\n");
    }

    #[test]
    fn the_index_has_every_command_once() {
        let index = &pages(TEXT)[0].1;
        for line in [
            "- [`score`](score.md): Score it.\n",
            "## Further commands\n\n- [`new`](new.md): New: a thing.\n",
        ] {
            assert_eq!(index.matches(line).count(), 1, "{index}");
        }
        assert!(index.ends_with("## Flags of every command\n\n**Output**\n\n- `-q`: Be quiet.\n"), "{index}");
    }
}
