//! The files a person gave, as one stream of examples.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use lobass_core::{ExampleKey, RowStatus};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::container::column_names;
use crate::digest::hex;
use crate::format::detect;
use crate::key::{KeyMaker, NamedRow};
use crate::{ColumnMap, Container, Error, Example, FormatName, Layout, RawRow, RowFault, Rows};

/// How the columns of a file are to be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum FormatChoice {
    /// By what its first row looks like.
    #[default]
    Auto,
    /// As one of the known formats.
    Named(FormatName),
    /// With columns of the person's own naming.
    Columns(ColumnMap),
    /// As laid out elsewhere, by a `dataset_info.json`.
    Layout(Layout),
}

/// One input file: where it is, how it is stored, and what its columns mean.
#[derive(Debug, Clone)]
pub struct DataFile {
    path: PathBuf,
    source: String,
    container: Container,
    format: Option<FormatName>,
    layout: Layout,
}

impl DataFile {
    /// Opens a file under a name of its own for the `source` column, and looks at its first readable row.
    ///
    /// # Errors
    /// [`Error::Empty`] without rows; [`Error::Container`] if none of the first thousand rows can be read;
    /// [`Error::UnknownFormat`] or [`Error::MissingColumn`] if its columns are not those asked for.
    pub fn open(path: &Path, source: &str, choice: &FormatChoice) -> Result<Self, Error> {
        let container = Container::detect(path)?;
        let first = first_row(path, container)?;
        let unknown = || Error::UnknownFormat { path: path.to_owned(), columns: columns_of(&first) };
        let (format, layout) = match choice {
            FormatChoice::Auto => {
                detect(&first).map(|(name, layout)| (Some(name), layout)).ok_or_else(unknown)?
            }
            FormatChoice::Named(name) => (Some(*name), name.layout()),
            FormatChoice::Columns(map) => (None, map.layout(&first).ok_or_else(unknown)?),
            FormatChoice::Layout(layout) => (None, layout.clone()),
        };
        let named = match choice {
            FormatChoice::Columns(map) => map.named().collect(),
            _ => Vec::new(),
        };
        for column in layout.required_columns().into_iter().chain(named) {
            if !first.contains_key(column) {
                let (path, column) = (path.to_owned(), column.to_owned());
                return Err(Error::MissingColumn { path, column, columns: columns_of(&first) });
            }
        }
        Ok(Self { path: path.to_owned(), source: source.to_owned(), container, format, layout })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name in the `source` column.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// How it is stored.
    pub fn container(&self) -> Container {
        self.container
    }

    /// How its rows are read.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Its rows, with the columns that the layout reads.
    ///
    /// # Errors
    /// If the file cannot be opened again.
    pub fn rows(&self) -> Result<Rows, Error> {
        let columns: Vec<String> = self.layout.columns().into_iter().map(str::to_owned).collect();
        Rows::open(&self.path, self.container, Some(&columns))
    }

    /// The values of one column, `None` where a row has none.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn column(&self, name: &str) -> Result<Vec<Option<Value>>, Error> {
        let rows = Rows::open(&self.path, self.container, Some(&[name.to_owned()]))?;
        rows.map(|row| Ok(row?.fields.ok().and_then(|mut fields| fields.remove(name)))).collect()
    }

    /// The SHA-256 of the file's bytes.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn fingerprint(&self) -> Result<String, Error> {
        let mut file = fs_err::File::open(&self.path)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 18];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                count => hash.update(&buffer[..count]),
            }
        }
        Ok(hex(hash.finalize().as_slice()))
    }
}

/// One line that says what was detected.
impl fmt::Display for DataFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, ", self.path.display(), self.container)?;
        match self.format {
            Some(name) => write!(f, "{name} ({})", self.layout),
            None => write!(f, "{}", self.layout),
        }
    }
}

fn columns_of(row: &Map<String, Value>) -> Vec<String> {
    row.keys().cloned().collect()
}

/// The first row that can be read; its columns stand for those of the file.
fn first_row(path: &Path, container: Container) -> Result<Map<String, Value>, Error> {
    const LOOKED_AT: usize = 1000;
    let mut fault: Option<RowFault> = None;
    for row in Rows::open(path, container, None)?.take(LOOKED_AT) {
        match row?.fields {
            Ok(mut fields) => {
                if container == Container::Parquet {
                    // A column that is null in the first row is still there.
                    column_names(path)?.into_iter().for_each(|name| {
                        fields.entry(name).or_insert(Value::Null);
                    });
                }
                return Ok(fields);
            }
            Err(found) => fault = fault.or(Some(found)),
        }
    }
    match fault {
        None => Err(Error::Empty { path: path.to_owned() }),
        Some(fault) => {
            let reason = format!("no row can be read; the first of them: {}", fault.reason);
            Err(Error::Container { path: path.to_owned(), reason })
        }
    }
}

/// What to do with rows whose text an earlier row has already.
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
    /// What it says, or why nothing can be scored.
    pub example: Result<Example, RowFault>,
    /// Its size in bytes, or an estimate of it.
    pub n_bytes: u64,
}

impl Pool {
    /// Puts files together; sources of the same name are told apart by a number.
    pub fn new(mut files: Vec<DataFile>, duplicates: Duplicates) -> Self {
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        for file in &mut files {
            let count = seen.entry(file.source.clone()).or_default();
            *count += 1;
            if *count > 1 {
                file.source = format!("{}-{count}", file.source);
            }
        }
        Self { files, duplicates }
    }

    /// The files.
    pub fn files(&self) -> &[DataFile] {
        &self.files
    }

    /// What happens to repeated rows.
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
            let example = raw.fields.and_then(|fields| self.files[file].layout.example(&fields));
            let NamedRow { key, duplicate_of } = keys.name(row, &example);
            let example = example.and_then(|example| self.admit(example, duplicate_of));
            Ok(PoolRow { row, file, key, example, n_bytes: raw.n_bytes })
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
