//! What a selection across owners writes, and that none of it is an input of any owner.

use std::path::{Path, PathBuf};

use lobass_data::Pool;
use lobass_run::ScoreFile;

use crate::error::Result;
use crate::outputs;
use crate::runtime::Runtime;
use crate::selection::SelectionTarget;
use crate::settings::SelectSettings;

/// A file that is read, and what it is.
type Input<'a> = (&'static str, &'a Path);

/// Where a selection across owners goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outputs<'a> {
    /// The directory of what is kept.
    pub(super) out: Option<&'a Path>,
    /// The file of all messages.
    pub(super) messages: Option<&'a Path>,
}

impl Outputs<'_> {
    /// Where the rows of an owner go.
    pub(super) fn of_owner(&self, name: &str) -> SelectionTarget {
        let dir = self.out.map(|out| out.join(name));
        SelectionTarget {
            index: dir.as_ref().map(|dir| dir.join("index.jsonl")),
            // A name that ends like this is a directory.
            out: dir.map(|dir| dir.join("rows").join("")),
        }
    }

    /// Refuses messages that would overwrite what a call names. Nothing has been read so far.
    pub(super) fn check_given(&self, scores: &[PathBuf], settings: &SelectSettings) -> Result<()> {
        let tables = scores.iter().map(|path| ("a score table", path.as_path()));
        outputs::check(&self.file_of_messages(), &tables.chain(settings.files()).collect::<Vec<_>>())
    }

    /// Refuses messages that would overwrite data that was scored. No data has been read so far.
    pub(super) fn check_scored(&self, tables: &[ScoreFile]) -> Result<()> {
        let inputs = tables.iter().flat_map(|table| &table.manifest().inputs);
        let data = inputs.map(|input| ("a data file", Path::new(&input.path)));
        outputs::check(&self.file_of_messages(), &data.collect::<Vec<_>>())
    }

    /// Refuses outputs that would overwrite the data, the table, or the output of any owner, and notes what is replaced.
    pub(super) fn check_owners(
        &self,
        names: &[String],
        tables: &[ScoreFile],
        pools: &[Pool],
        settings: &SelectSettings,
        runtime: &Runtime,
    ) -> Result<()> {
        let mut written = self.file_of_messages();
        let mut inputs: Vec<Input<'_>> = settings.files();
        for ((name, table), pool) in names.iter().zip(tables).zip(pools) {
            self.of_owner(name).check(pool, table.path(), settings)?;
            written.extend(self.files_of(name, pool));
            inputs.push(("a score table", table.path()));
            inputs.extend(pool.files().iter().map(|file| ("a data file", file.path())));
        }
        outputs::check(&written, &inputs)?;
        outputs::note_replaced(&written, runtime);
        Ok(())
    }

    fn file_of_messages(&self) -> Vec<PathBuf> {
        self.messages.map(Path::to_owned).into_iter().collect()
    }

    /// Every file that an owner writes.
    fn files_of(&self, name: &str, pool: &Pool) -> Vec<PathBuf> {
        let SelectionTarget { out, index } = self.of_owner(name);
        let rows = out.map(|rows| pool.output_paths().into_iter().map(move |path| rows.join(path)));
        rows.into_iter().flatten().chain(index).collect()
    }
}
