//! Examples of commands in Markdown: the command and each of its flags exist.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli;

/// Flags of every command that its page does not list.
const ALWAYS: [&str; 2] = ["--help", "--version"];

/// The flags of each command; those of all commands under an empty name.
type Flags = BTreeMap<String, BTreeSet<String>>;

pub(super) fn offenses(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let known = flags(&super::read(root, Path::new(cli::PAGE))?);
    let mut found = Vec::new();
    for file in super::with_extension(files, "md") {
        for line in commands(&super::read(root, file)?) {
            found.extend(offense(&known, &line).map(|what| format!("{}: `{line}`: {what}", file.display())));
        }
    }
    Ok(found)
}

/// Commands and flags of the page on the command line.
fn flags(page: &str) -> Flags {
    let mut known = Flags::from([(String::new(), ALWAYS.map(str::to_owned).into())]);
    let mut command = String::new();
    for line in page.lines() {
        if let Some(name) = line.strip_prefix("## `lobass ") {
            name.trim_end_matches('`').clone_into(&mut command);
            known.entry(command.clone()).or_default();
        } else if let Some((head, _)) = line.strip_prefix("- `").and_then(|item| item.split_once('`')) {
            let names = head.split([',', ' ']).filter(|name| name.starts_with('-'));
            known.entry(command.clone()).or_default().extend(names.map(str::to_owned));
        }
    }
    known
}

/// Command lines of `lobass` in console blocks, with lines that a backslash continues in one.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_console = false;
    let joined = text.replace("\\\n", " ");
    for line in joined.lines() {
        if line.starts_with("```") {
            is_console = line == "```console";
        } else if let Some(line) = line.strip_prefix("$ ").filter(|_| is_console) {
            let line = line.split(" # ").next().unwrap_or_default();
            found.extend(line.split([';', '|']).filter_map(arguments));
        }
    }
    found
}

/// The arguments of `lobass` in a command line, if it runs that, without its name.
fn arguments(line: &str) -> Option<String> {
    let mut words = line.split_whitespace().skip_while(|word| word.contains('=') && !word.starts_with('-'));
    let program = words.next()?;
    let words: Vec<&str> = match program {
        "cargo" if line.contains("run -p lobass-cli -- ") => {
            words.skip_while(|word| *word != "--").skip(1).collect()
        }
        _ if program == "lobass" || program.ends_with("/lobass") => words.collect(),
        _ => return None,
    };
    Some(words.join(" "))
}

/// The fault of a command line, if it has one.
fn offense(known: &Flags, line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let command = words.clone().find(|word| !word.starts_with('-')).unwrap_or_default();
    let Some(of_command) = known.get(command) else {
        return Some(format!("expected a command, found `{command}`"));
    };
    let flag = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
    let is_flag = |word: &&str| word.starts_with("--") || (word.starts_with('-') && word.len() == 2);
    let is_unknown = |name: &String| !of_command.contains(name) && !known[""].contains(name);
    let unknown = words.find(|word| is_flag(word) && is_unknown(&flag(word)))?;
    Some(format!("`lobass {command}` has no flag `{unknown}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "**Output**\n\n- `-q, --quiet`: Be quiet.\n\n## `lobass score`\n\n- `--base, --model <MODEL>`: It.\n\n\
                        ## `lobass gc`\n";

    #[test]
    fn commands_and_flags_have_to_exist() {
        let known = flags(PAGE);
        for good in ["score --model=a -q", "score --base a --quiet", "gc", "--version"] {
            assert_eq!(offense(&known, good), None, "{good}");
        }
        assert!(offense(&known, "gc --base a").unwrap().contains("no flag `--base`"));
        assert!(offense(&known, "scroe --base a").unwrap().contains("found `scroe`"));
    }

    #[test]
    fn console_blocks_have_commands() {
        let text = "```console\n$ lobass score \\\n    --base a    # a comment\n$ W=1 target/release/lobass gc\n$ ls\n```\n\
                    ```text\n$ lobass no\n```\n```console\n$ cargo run -p lobass-cli -- demo\n```\n";
        assert_eq!(commands(text), ["score --base a", "gc", "demo"]);
    }
}
