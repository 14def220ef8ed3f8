//! The report page of a run.

use std::path::{Path, PathBuf};

use lobass_core::ScoreColumns;
use lobass_report::Command;
use lobass_run::{ScoreFile, Seal};
use lobass_select::{Chosen, Strategy};

use super::commands::Spelled;
use super::heat::{Heat, Tokens};
use super::request::{DEFAULT_STRATEGIES, PageRequest};
use crate::error::Result;
use crate::model::Model;
use crate::runtime::Runtime;
use crate::sequences::Sequences;
use crate::settings::Settings;
use crate::shell::quoted_path;

/// The number of example rows of each kind for each strategy.
const N_EXAMPLES: usize = 4;

/// A request for the page of a run.
#[derive(Debug)]
pub(crate) struct RunPage<'a> {
    /// The settings of the run.
    pub(crate) settings: &'a Settings,
    /// The base.
    pub(crate) base: &'a Model,
    /// The pool and its encoder.
    pub(crate) sequences: &'a Sequences,
    /// The models of the table.
    pub(crate) seal: &'a Seal,
    /// The score table.
    pub(crate) table: &'a ScoreFile,
    /// The columns of the table that [`PageRequest::columns`] names.
    pub(crate) columns: &'a ScoreColumns,
    /// The selections.
    pub(crate) chosen: &'a [(&'a dyn Strategy, Chosen)],
    /// The run directory.
    pub(crate) out: &'a Path,
}

impl RunPage<'_> {
    /// Writes `report.html` into the run directory, and returns its path.
    ///
    /// # Errors
    /// If a reference cannot be opened, or as [`PageRequest::write`].
    pub(crate) fn write(&self, runtime: &Runtime) -> Result<PathBuf> {
        let (scores, out) = (self.out.join("scores.parquet"), self.out.join("report.html"));
        let silent = runtime.silent();
        let mut references = Vec::new();
        for reference in &self.seal.references {
            let dir = Path::new(&reference.model.path);
            references
                .push((self.base.open_tuned(reference.model.role.clone(), dir, &silent)?, reference.fold));
        }
        let threads = self.settings.compute.threads();
        let tokens = Tokens::Models { base: self.base, references: &references, threads };
        let page = PageRequest {
            table: self.table,
            scores: &scores,
            columns: self.columns,
            pool: &self.sequences.pool,
            settings: &self.settings.select,
            chosen: self.chosen,
            beside: &DEFAULT_STRATEGIES,
            n_examples: N_EXAMPLES,
            heat: Heat::Of(&self.sequences.encoder, tokens),
            regions: None,
            title: self.out.display().to_string(),
            commands: self.spelled(&out),
            out: &out,
        };
        page.write(runtime)?;
        Ok(out)
    }

    fn spelled(&self, out: &Path) -> Spelled {
        let references: Vec<String> =
            self.seal.references.iter().map(|reference| quoted_path(reference.model.path.as_ref())).collect();
        let settings = self.out.join("settings.toml");
        Spelled {
            whole: Some(Command {
                what: "Everything: the reference, the score table, the selections, and this page".to_owned(),
                line: format!("lobass run {}", quoted_path(&settings)),
            }),
            data: Vec::new(),
            models: format!(
                " --base {} --reference {}",
                quoted_path(self.seal.base.path.as_ref()),
                references.join(" ")
            ),
            regions: String::new(),
            n_examples: N_EXAMPLES,
            out: out.to_owned(),
        }
    }
}
