//! Settings as flags of a command line.

use std::fmt::{Display, Write as _};
use std::path::{Path, PathBuf};

use crate::shell::quoted;

/// Flags, each with a space before it.
#[derive(Default)]
pub(super) struct Spelled(String);

impl Spelled {
    pub(super) fn line(self) -> String {
        self.0
    }

    pub(super) fn flag(&mut self, name: &str) {
        let _ = write!(self.0, " --{name}");
    }

    /// A number, or a word that needs no quotes.
    pub(super) fn value(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            let _ = write!(self.0, " --{name} {value}");
        }
    }

    pub(super) fn text(&mut self, name: &str, text: Option<&str>) {
        self.value(name, text.map(quoted));
    }

    pub(super) fn path(&mut self, name: &str, path: Option<&Path>) {
        self.value(name, path.map(|path| quoted(&path.display().to_string())));
    }

    pub(super) fn paths(&mut self, name: &str, paths: &[PathBuf]) {
        let all: Vec<String> = paths.iter().map(|path| quoted(&path.display().to_string())).collect();
        self.value(name, (!all.is_empty()).then(|| all.join(" ")));
    }
}
