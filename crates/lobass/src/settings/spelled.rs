//! Settings as flags of a command line.

use std::fmt::{Display, Write as _};
use std::path::{Path, PathBuf};

use crate::shell::{quoted, quoted_path};

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

    /// A number, or a word that needs no quotes. One that begins with a dash would be taken for a flag by itself.
    pub(super) fn value(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value.map(|value| value.to_string()) {
            let sign = if value.starts_with('-') { '=' } else { ' ' };
            let _ = write!(self.0, " --{name}{sign}{value}");
        }
    }

    pub(super) fn text(&mut self, name: &str, text: Option<&str>) {
        self.value(name, text.map(quoted));
    }

    pub(super) fn path(&mut self, name: &str, path: Option<&Path>) {
        self.value(name, path.map(quoted_path));
    }

    pub(super) fn paths(&mut self, name: &str, paths: &[PathBuf]) {
        let all: Vec<String> = paths.iter().map(|path| quoted_path(path)).collect();
        self.value(name, (!all.is_empty()).then(|| all.join(" ")));
    }
}
