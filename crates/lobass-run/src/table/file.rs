//! A score table on disk, of which only what is needed is read.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use lobass_core::{ColumnSet, ExampleKey, ScoreColumns, ScoreRecord, tie_break};
use lobass_files::WholeFile;

use parquet::file::reader::ChunkReader;

use super::groups::{Group, Groups};
use super::input::Input;
use super::wanted::Wanted;
use super::{TokenLosses, json, not_a_table, parquet_columns, parquet_file, row_tokens, tokens};
use crate::{Error, Manifest};

/// A score table, on disk in Parquet or as JSON lines, or in memory: opened, and not read yet.
#[derive(Debug)]
pub struct ScoreFile {
    path: PathBuf,
    manifest: Manifest,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Parquet(Groups),
    JsonLines,
}

impl ScoreFile {
    /// Opens a table and reads its manifest.
    ///
    /// # Errors
    /// [`Error::NotATable`] if the file is something else, [`Error::Parquet`] or [`Error::Json`] if it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mut magic = Vec::new();
        fs_err::File::open(path)?.take(4).read_to_end(&mut magic)?;
        let (manifest, form) = match magic.as_slice() {
            b"PAR1" => {
                let groups = Groups::open(Input::file(path))?;
                (parquet_columns::manifest(&groups, path)?, Form::Parquet(groups))
            }
            [b'{', ..] => (json::manifest(path)?, Form::JsonLines),
            _ => return Err(not_a_table(path, "expected Parquet or JSON lines")),
        };
        Ok(Self { path: path.to_owned(), manifest, form })
    }

    /// A Parquet table in memory, with a name in place of a path.
    pub(crate) fn of_bytes(name: &Path, bytes: Bytes) -> Result<Self, Error> {
        let groups = Groups::open(Input::memory(name, bytes))?;
        let manifest = parquet_columns::manifest(&groups, name)?;
        Ok(Self { path: name.to_owned(), manifest, form: Form::Parquet(groups) })
    }

    /// The manifest of the table.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its file, or its name in memory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of a table in Parquet, for a Parquet reader.
    ///
    /// # Errors
    /// [`Error::NotATable`] if the table is JSON lines, [`Error::Io`] if its file cannot be opened.
    pub fn parquet(&self) -> Result<impl ChunkReader + use<>, Error> {
        match &self.form {
            Form::Parquet(groups) => groups.input().open(),
            Form::JsonLines => Err(not_a_table(&self.path, "expected Parquet, found JSON lines")),
        }
    }

    /// Reads the wanted columns, as far as the table has them, and those that every selection needs. JSON lines give the
    /// hashes of keys in any case, since they are read whole.
    ///
    /// Row groups of Parquet are decoded on several threads. Beside the columns it takes a few MiB a thread.
    ///
    /// # Errors
    /// [`Error::NotATable`] if the rows are not those of the manifest, each in its place; [`Error::Parquet`],
    /// [`Error::Json`], or [`Error::Damaged`] if they cannot be read.
    pub fn columns(&self, wanted: &ColumnSet, seed: u64, threads: usize) -> Result<ScoreColumns, Error> {
        let expected = self.manifest.n_rows;
        if expected > ScoreColumns::MAX_ROWS as u64 {
            let reason = format!("expected at most {} rows, found {expected}", ScoreColumns::MAX_ROWS);
            return Err(not_a_table(&self.path, reason));
        }
        match &self.form {
            Form::Parquet(groups) => {
                let found = groups.all().iter().map(|group| group.n_rows).sum();
                self.check_rows(found)?;
                parquet_columns::read(groups, &self.path, wanted, seed, threads)
            }
            Form::JsonLines => {
                let columns = json::columns(&self.path, wanted, seed)?;
                self.check_rows(columns.len() as u64)?;
                Ok(columns)
            }
        }
    }

    /// Hands the wanted columns on, some rows at a time, as [`Self::columns`] reads them, but without sources and reasons.
    /// Pieces come from several threads and in any order, each with the row that it begins with.
    ///
    /// # Errors
    /// The errors of [`Self::columns`].
    pub fn pieces(
        &self,
        wanted: &ColumnSet,
        seed: u64,
        threads: usize,
        take: impl Fn(u64, &ScoreColumns) + Sync,
    ) -> Result<(), Error> {
        match &self.form {
            Form::Parquet(groups) => {
                self.check_size(groups.all().iter().map(|group| group.n_rows).sum())?;
                parquet_columns::pieces(groups, &self.path, wanted, seed, threads, take)
            }
            Form::JsonLines => {
                let columns = json::columns(&self.path, wanted, seed)?;
                self.check_size(columns.len() as u64)?;
                let (names, sources, reasons) = (Vec::new(), Vec::new(), BTreeMap::new());
                take(0, &ScoreColumns { source_names: names, sources, reasons, ..columns });
                Ok(())
            }
        }
    }

    /// Whether there are as many rows as expected, and not too many.
    fn check_size(&self, found: u64) -> Result<(), Error> {
        if found > ScoreColumns::MAX_ROWS as u64 {
            let reason = format!("expected at most {} rows, found {found}", ScoreColumns::MAX_ROWS);
            return Err(not_a_table(&self.path, reason));
        }
        self.check_rows(found)
    }

    fn check_rows(&self, found: u64) -> Result<(), Error> {
        let expected = self.manifest.n_rows;
        if found == expected {
            return Ok(());
        }
        Err(not_a_table(&self.path, format!("expected {expected} rows, found {found}")))
    }

    /// Reads one row; `None` if the table has no such row.
    ///
    /// # Errors
    /// [`Error::Parquet`], [`Error::NotATable`], or [`Error::Damaged`] if it cannot be read.
    pub fn record(&self, row: u64) -> Result<Option<ScoreRecord>, Error> {
        let records = match &self.form {
            Form::Parquet(groups) => {
                let ends = |group: &Group| group.first_row + group.n_rows;
                let group = groups.all().into_iter().find(|group| row < ends(group));
                group
                    .map(|group| parquet_file::group(groups.input(), group.at))
                    .transpose()?
                    .unwrap_or_default()
            }
            Form::JsonLines => json::record(&self.path, row)?.into_iter().collect(),
        };
        Ok(records.into_iter().find(|record| record.row == row))
    }

    /// Reads every row.
    ///
    /// # Errors
    /// [`Error::Parquet`], [`Error::NotATable`], or [`Error::Damaged`] if they cannot be read.
    pub fn records(&self) -> Result<Vec<ScoreRecord>, Error> {
        match &self.form {
            Form::Parquet(groups) => {
                let mut records = Vec::new();
                for group in groups.all() {
                    records.extend(parquet_file::group(groups.input(), group.at)?);
                }
                self.check_rows(records.len() as u64)?;
                Ok(records)
            }
            Form::JsonLines => Ok(super::read_table(&self.path)?.records),
        }
    }

    /// Copies the table to a file, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be read or written.
    pub fn write(&self, out: &Path) -> Result<(), Error> {
        let mut file = WholeFile::create(out)?;
        let memory = match &self.form {
            Form::Parquet(groups) => groups.input().bytes(),
            Form::JsonLines => None,
        };
        match memory {
            Some(bytes) => file.write_all(bytes)?,
            None => drop(std::io::copy(&mut fs_err::File::open(&self.path)?, &mut file)?),
        }
        Ok(file.finish()?)
    }

    /// Hands every row on that has a loss for each token under some models, in order. A row group is in memory for each
    /// thread, and one more that waits.
    ///
    /// # Errors
    /// [`Error::NotATable`] if the table has no losses of tokens, or none of a model; [`Error::Parquet`] or
    /// [`Error::Damaged`] if it cannot be read; what `take` says.
    pub fn token_losses(
        &self,
        models: &[&str],
        threads: usize,
        take: impl FnMut(TokenLosses) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match &self.form {
            Form::Parquet(groups) => tokens::read(groups, &self.path, models, threads, take),
            Form::JsonLines => {
                Err(not_a_table(&self.path, "expected the losses of tokens, which only Parquet tables have"))
            }
        }
    }

    /// Reads the keys of some rows, in the order in which these are given.
    ///
    /// # Errors
    /// [`Error::NotATable`] if there is no such row; [`Error::Parquet`], [`Error::Json`], or [`Error::Damaged`] if the
    /// keys cannot be read.
    pub fn keys(&self, rows: &[u64], threads: usize) -> Result<Vec<ExampleKey>, Error> {
        if let Some(row) = rows.iter().find(|row| **row >= self.manifest.n_rows) {
            let reason = format!("expected row {row}, found {} rows", self.manifest.n_rows);
            return Err(not_a_table(&self.path, reason));
        }
        let mut wanted: Vec<Wanted> = rows.iter().enumerate().map(|(at, &row)| Wanted { row, at }).collect();
        wanted.sort_unstable();
        let found = match &self.form {
            Form::Parquet(groups) => parquet_columns::keys(groups, &wanted, threads)?,
            Form::JsonLines => json::keys(&self.path, &wanted)?,
        };
        let mut keys: Vec<Option<ExampleKey>> = vec![None; rows.len()];
        for (wanted, key) in wanted.iter().zip(found) {
            keys[wanted.at] = Some(key);
        }
        let all: Option<Vec<ExampleKey>> = keys.into_iter().collect();
        all.ok_or_else(|| {
            not_a_table(&self.path, format!("expected {} rows, found fewer", self.manifest.n_rows))
        })
    }

    /// The hashes of the keys of some rows, which order equal scores under a seed, in the order of the rows.
    ///
    /// # Errors
    /// The errors of [`Self::keys`].
    pub fn ties_of(&self, rows: &[u32], seed: u64, threads: usize) -> Result<Vec<u64>, Error> {
        let rows: Vec<u64> = rows.iter().map(|&row| row.into()).collect();
        let keys = self.keys(&rows, threads)?;
        Ok(keys.iter().map(|key| tie_break(key.as_str(), seed)).collect())
    }

    /// The hash of every row's key under a seed.
    ///
    /// # Errors
    /// [`Error::Parquet`], [`Error::Json`], or [`Error::Damaged`] if the keys cannot be read.
    pub fn ties(&self, seed: u64, threads: usize) -> Result<Vec<u64>, Error> {
        match &self.form {
            Form::Parquet(groups) => parquet_columns::ties(groups, seed, threads),
            Form::JsonLines => Ok(json::columns(&self.path, &ColumnSet::default(), seed)?.ties),
        }
    }

    /// Reads the losses of the scored tokens of some rows under some models, such as `base` and `reference`, in the
    /// order in which rows and models are given. `None` for a row that has no losses.
    ///
    /// # Errors
    /// [`Error::NotATable`] if there is no such row, or if the table has no losses of tokens under a model;
    /// [`Error::Parquet`] or [`Error::Damaged`] if they cannot be read.
    pub fn token_losses_of(
        &self,
        rows: &[u64],
        models: &[&str],
        threads: usize,
    ) -> Result<Vec<Option<Vec<Vec<f32>>>>, Error> {
        if let Some(row) = rows.iter().find(|row| **row >= self.manifest.n_rows) {
            let reason = format!("expected row {row}, found {} rows", self.manifest.n_rows);
            return Err(not_a_table(&self.path, reason));
        }
        let Form::Parquet(groups) = &self.form else {
            return Err(not_a_table(
                &self.path,
                "expected the losses of tokens, which only Parquet tables have",
            ));
        };
        let mut wanted: Vec<Wanted> = rows.iter().enumerate().map(|(at, &row)| Wanted { row, at }).collect();
        wanted.sort_unstable();
        let found = row_tokens::read(groups, &self.path, &wanted, models, threads)?;
        let mut tokens = vec![None; rows.len()];
        for (wanted, found) in wanted.iter().zip(found) {
            tokens[wanted.at] = found;
        }
        Ok(tokens)
    }
}
