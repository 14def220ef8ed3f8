//! Runs `lobass`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use xshell::Shell;

/// A `lobass`, with what all of its runs share.
pub(super) struct Runner<'a> {
    pub(super) shell: &'a Shell,
    pub(super) lobass: PathBuf,
    pub(super) model: PathBuf,
    pub(super) threads: Option<u16>,
}

impl Runner<'_> {
    pub(super) fn model(&self) -> String {
        self.model.display().to_string()
    }

    pub(super) fn run(&self, words: &[String]) -> Result<()> {
        // A command that trains or scores takes a number of threads.
        let threads = self.threads.filter(|_| words[0] != "select");
        let threads = threads.iter().flat_map(|n| ["--threads".to_owned(), n.to_string()]);
        let words: Vec<String> = words.iter().cloned().chain(threads).collect();
        eprintln!("==> lobass {}", words.join(" "));
        let status = Command::new(&self.lobass)
            .args(&words)
            .current_dir(self.shell.current_dir())
            .stdout(Stdio::null())
            .status()
            .with_context(|| format!("`{}` cannot be run", self.lobass.display()))?;
        match status.code() {
            Some(0 | 1) => Ok(()), // rows that cannot be scored are counted, and no reason to stop
            _ => bail!("lobass {}: ended with {status}", words[0]),
        }
    }
}

/// The words of a command.
#[derive(Debug, Default)]
pub(super) struct Words(pub(super) Vec<String>);

impl Words {
    pub(super) fn new(command: &str) -> Self {
        Self(vec![command.to_owned()])
    }

    /// A flag with its values; without values it is left out.
    pub(super) fn flag<T: AsRef<str>>(mut self, name: &str, values: impl IntoIterator<Item = T>) -> Self {
        let mut values = values.into_iter().peekable();
        if values.peek().is_some() {
            self.0.push(name.to_owned());
            self.0.extend(values.map(|value| value.as_ref().to_owned()));
        }
        self
    }

    /// Words as they are.
    pub(super) fn plain(mut self, words: &[&str]) -> Self {
        self.0.extend(words.iter().map(|&word| word.to_owned()));
        self
    }
}
