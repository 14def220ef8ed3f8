//! The files a person gave, as one stream of examples.

use std::collections::{BTreeMap, BTreeSet};

use lobass_core::{ExampleKey, RowStatus};

use crate::key::{KeyMaker, NamedRow};
use crate::{DataFile, Error, Example, Preset, RawRow, RoleWord, RowFault, Unread};

/// The policy for rows with the text of an earlier row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// Score them like any other row.
    #[default]
    Keep,
    /// Leave out all but the first.
    Drop,
}

/// The files of one run, in order.
#[derive(Debug, Clone)]
pub struct Pool {
    files: Vec<DataFile>,
    duplicates: Duplicates,
}

/// One row of a pool.
#[derive(Debug, Clone)]
pub struct PoolRow {
    /// 0-based position in the pool.
    pub row: u64,
    /// Which of the files it is in.
    pub file: usize,
    /// Its name.
    pub key: ExampleKey,
    /// The first row of the same content, if that is an earlier one.
    pub duplicate_of: Option<u64>,
    /// The example, or the reason why nothing can be scored.
    pub example: Result<Example, RowFault>,
    /// Further content of its columns that no model sees; empty if nothing can be scored.
    pub unread: Vec<Unread>,
    /// Its size in bytes, or an estimate of it.
    pub n_bytes: u64,
}

impl Pool {
    /// Puts files together. Files of one name and one [set](DataFile::in_set) are one source; sources of the same name
    /// get different numbers.
    pub fn new(mut files: Vec<DataFile>, duplicates: Duplicates) -> Self {
        let mut taken: BTreeSet<String> = files.iter().map(|file| file.source().to_owned()).collect();
        let mut sources: BTreeMap<(String, String), String> = BTreeMap::new();
        for file in &mut files {
            let name = file.source().to_owned();
            let set = (name.clone(), file.set().to_owned());
            let is_first = !sources.keys().any(|(other, _)| *other == name);
            let source = sources.entry(set).or_insert_with(|| {
                let free = |number: &usize| !taken.contains(&format!("{name}-{number}"));
                let number = if is_first { None } else { (2..=taken.len() + 2).find(free) };
                number.map_or_else(|| name.clone(), |number| format!("{name}-{number}"))
            });
            taken.insert(source.clone());
            file.rename(source.clone());
        }
        Self { files, duplicates }
    }

    /// The files.
    pub fn files(&self) -> &[DataFile] {
        &self.files
    }

    /// Whether a row has a turn of a further word for a role. Reads the files up to the first such row.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn has_role(&self, word: &RoleWord) -> Result<bool, Error> {
        for file in &self.files {
            for row in file.rows()? {
                if row?.fields.is_ok_and(|fields| word.is_in(&fields)) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The template for a checkpoint that brings none: plain if all rows are prompt and completion, else Alpaca's.
    pub fn fallback(&self) -> Preset {
        let plain = !self.files.is_empty() && self.files.iter().all(DataFile::is_plain_pair);
        if plain { Preset::Plain } else { Preset::Alpaca }
    }

    /// The policy for repeated rows.
    pub fn duplicates(&self) -> Duplicates {
        self.duplicates
    }

    /// Every row of every file, in order. Reads one row at a time; remembers 48 bytes or so per row, for its name.
    pub fn rows(&self) -> impl Iterator<Item = Result<PoolRow, Error>> + '_ {
        let mut keys = KeyMaker::default();
        let mut next_row = 0;
        let all = self.files.iter().enumerate().flat_map(|(at, file)| match file.rows() {
            Ok(rows) => {
                Box::new(rows.map(move |row| row.map(|row| (at, row)))) as Box<dyn Iterator<Item = _>>
            }
            Err(error) => Box::new(std::iter::once(Err(error))),
        });
        all.map(move |item| {
            let (file, raw): (usize, RawRow) = item?;
            let row = next_row;
            next_row += 1;
            let layout = self.files[file].layout();
            let id = raw.fields.as_ref().ok().and_then(|fields| layout.id(fields));
            let (example, unread) = match raw.fields.and_then(|fields| Ok((layout.example(&fields)?, fields)))
            {
                Ok((example, fields)) => {
                    let unread = layout.unread(&fields, &example);
                    (Ok(example), unread)
                }
                Err(fault) => (Err(fault), Vec::new()),
            };
            let NamedRow { key, duplicate_of } = keys.name(row, id, example.as_ref().ok());
            let example = example.and_then(|example| self.admit(example, duplicate_of));
            let unread = if example.is_ok() { unread } else { Vec::new() };
            Ok(PoolRow { row, file, key, duplicate_of, example, unread, n_bytes: raw.n_bytes })
        })
    }

    fn admit(&self, example: Example, duplicate_of: Option<u64>) -> Result<Example, RowFault> {
        example.check()?;
        match duplicate_of.filter(|_| self.duplicates == Duplicates::Drop) {
            Some(first) => {
                Err(RowFault { status: RowStatus::Duplicate, reason: format!("same text as row {first}") })
            }
            None => Ok(example),
        }
    }
}
