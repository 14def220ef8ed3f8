//! Command lines that repeat a page.

use std::path::{Path, PathBuf};

use lobass_report::{Command, Report};
use lobass_run::Manifest;

use super::table_command::table_command;
use crate::error::Result;
use crate::settings::SelectSettings;
use crate::shell::quoted_path;

/// The parts of command lines that the page does not know.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spelled {
    /// The command that made the table and the page, if one command made both.
    pub(crate) whole: Option<Command>,
    /// The current paths of data files that have moved.
    pub(crate) data: Vec<PathBuf>,
    /// The flags of the models, as written.
    pub(crate) models: String,
    /// The flags of regions.
    pub(crate) regions: String,
    /// The number of example rows of each kind for each strategy.
    pub(crate) n_examples: usize,
    /// The file of the page.
    pub(crate) out: PathBuf,
}

impl Spelled {
    /// The commands, the table's first.
    pub(super) fn of(
        &self,
        report: &Report,
        scores: &Path,
        manifest: &Manifest,
        settings: &SelectSettings,
        is_chosen: impl Fn(&str) -> bool,
    ) -> Result<Vec<Command>> {
        let command = |what: &str, line: String| Command { what: what.to_owned(), line };
        let scores = quoted_path(scores);
        let data = match self.data.is_empty() {
            true => String::new(),
            false => format!(
                " --data {}",
                self.data.iter().map(|path| quoted_path(path)).collect::<Vec<_>>().join(" ")
            ),
        };
        let budget = format!("--budget {} --seed {}", report.budget, report.seed);
        let mut commands: Vec<Command> = self.whole.iter().cloned().collect();
        if commands.is_empty() {
            commands.extend(table_command(&scores, manifest));
        }
        for view in &report.views {
            let name = &view.strategy;
            let mut settings = settings.only(name)?;
            if !is_chosen(name) {
                // A strategy that was not asked for keeps its default direction.
                settings.direction = None;
            }
            let said = settings.spelled();
            commands.push(command(
                &format!("The selection of {name}"),
                format!(
                    "lobass select --scores {scores}{data} --strategy {name} {budget}{said} --out selected/{name}/"
                ),
            ));
        }
        // The direction of the settings is for the named strategies only.
        let turned =
            settings.direction.is_some() && report.views.iter().any(|view| is_chosen(&view.strategy));
        let direction = settings.direction.filter(|_| turned);
        let said = SelectSettings { direction, ..settings.clone() }.spelled();
        let names = report.views.iter().map(|view| view.strategy.as_str());
        let names: Vec<&str> = names.filter(|name| !turned || is_chosen(name)).collect();
        commands.push(command(
            "This page",
            format!(
                "lobass report --scores {scores}{data} --strategy {} {budget}{}{}{} --examples {} --out {}",
                names.join(" "),
                said,
                self.models,
                self.regions,
                self.n_examples,
                quoted_path(&self.out)
            ),
        ));
        Ok(commands)
    }
}
