//! The common flags of each command, read from the source of the command line.

/// The list of common flags, which `--help` prints.
pub(crate) const SOURCE: &str = "crates/lobass-cli/src/args/help.rs";

/// The common flags of commands that have many.
#[derive(Debug, Default)]
pub(crate) struct CommonFlags(Vec<(String, Vec<String>)>);

impl CommonFlags {
    /// Reads the table `COMMON` of [`SOURCE`]: for each command a name and the ids of its arguments.
    pub(crate) fn read(source: &str) -> Self {
        let table = source.split_once("const COMMON").map_or("", |(_, rest)| rest);
        let table = table.split_once("= [").map_or("", |(_, rest)| rest);
        let table = table.split_once("];").map_or("", |(table, _)| table);
        Self(table.split('(').filter_map(entry).collect())
    }

    /// Whether a command's argument is common, given the names of its flags; `None` for a command without a list.
    pub(crate) fn has(&self, command: &str, mut flags: impl Iterator<Item = String>) -> Option<bool> {
        let (_, ids) = self.0.iter().find(|(name, _)| name == command)?;
        Some(flags.any(|flag| ids.contains(&flag.trim_start_matches('-').replace('-', "_"))))
    }
}

fn entry(text: &str) -> Option<(String, Vec<String>)> {
    let mut quoted = text.split('"').skip(1).step_by(2).map(str::to_owned);
    Some((quoted.next()?, quoted.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        let source = "const COMMON: [(&str, &[&str]); 2] = [\n    (\"run\", &[\"batch_size\", \"out\"]),\n    (\n        \
                      \"plan\",\n        &[\n            \"base\",\n        ],\n    ),\n];\nconst X: &str = \"seed\";\n";
        let common = CommonFlags::read(source);
        let has = |command: &str, flag: &str| common.has(command, [flag.to_owned()].into_iter());
        assert_eq!(has("run", "--batch-size"), Some(true));
        assert_eq!(has("run", "--base"), Some(false));
        assert_eq!(has("plan", "--base"), Some(true));
        assert_eq!(has("plan", "--seed"), Some(false));
        assert_eq!(has("gc", "--base"), None);
    }
}
