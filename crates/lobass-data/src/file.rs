//! One file that a person gave: how it is stored, and what its columns mean.

use std::fmt;
use std::path::Path;

use serde_json::{Map, Value};

use crate::container::{Compression, Wanted, write_subset};
use crate::format::{detect, detect_preference, detect_prompts, not_turns};
use crate::original::{Original, digest};
use crate::partition::partitions;
use crate::sample::{Sample, has_column};
use crate::{
    ColumnMap, Container, Error, FormatName, Layout, RoleWord, Rows, SubsetReport, UnreadCounts, json,
};

/// How the columns of a file are to be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum FormatChoice {
    /// By what its first row looks like.
    #[default]
    Auto,
    /// As rows to look for, which need no response: by what they look like, or as a prompt in a column of a usual name.
    Prompts,
    /// As one of the known formats.
    Named(FormatName),
    /// With columns of the person's own naming.
    Columns(ColumnMap),
    /// As laid out elsewhere, by a manifest or a `dataset_info.json`; the columns that were named there have to exist.
    Layout {
        /// How rows are read.
        layout: Layout,
        /// Columns that someone wrote down, rather than defaults.
        named: Vec<String>,
    },
}

/// One input file: where it is, how it is stored, and what its columns mean.
///
/// It is read several times, and is the same each time: every reading ends with [`Error::Changed`] if someone has
/// written to the file since it was opened.
#[derive(Debug, Clone)]
pub struct DataFile {
    original: Original,
    origin: Option<String>,
    name: String,
    source: String,
    set: String,
    container: Container,
    /// Columns that its folders name, with their values.
    partitions: Vec<(String, Value)>,
    format: Option<FormatName>,
    layout: Layout,
    is_plain_pair: bool,
    /// Content of the first rows that no model sees.
    unread: UnreadCounts,
    /// Columns of text in which some of the first rows have turns as JSON, with the number of those rows.
    like_turns: Vec<(String, usize)>,
    /// How many rows that number is out of.
    n_first: usize,
}

impl DataFile {
    /// Opens a file under a given name for the `source` column, and looks at its first readable rows.
    ///
    /// # Errors
    /// [`Error::SourceName`] for a name with slashes; [`Error::NotAFile`] for folders and pipes; [`Error::Empty`]
    /// without rows; [`Error::Container`] if none of the first thousand rows can be read; [`Error::UnknownFormat`] or
    /// [`Error::MissingColumn`] if its columns are not those asked for.
    pub fn open(path: &Path, source: &str, choice: &FormatChoice) -> Result<Self, Error> {
        check_source(source)?;
        let original = Original::of(path)?;
        let container = Container::detect(&original)?;
        let partitions = partitions(path, &container);
        Self::look(original, container, partitions, source, choice)
    }

    /// Rows in memory, as a file of JSON lines with these rows would be read: the same tokens and the same keys.
    ///
    /// # Errors
    /// The errors of [`DataFile::open`]; [`Error::Empty`] without rows.
    pub fn of_rows<'a>(
        source: &str,
        rows: impl IntoIterator<Item = &'a Map<String, Value>>,
        choice: &FormatChoice,
    ) -> Result<Self, Error> {
        check_source(source)?;
        let mut bytes = Vec::new();
        for row in rows {
            serde_json::to_writer(&mut bytes, row).map_err(std::io::Error::from)?;
            bytes.push(b'\n');
        }
        let original = Original::of_memory(source, bytes);
        if original.is_empty() {
            return Err(Error::Empty { path: original.path().to_owned() });
        }
        Self::look(original, Container::JsonLines(Compression::None), Vec::new(), source, choice)
    }

    /// The bytes of a file in memory, in any container that lobass reads.
    ///
    /// # Errors
    /// The errors of [`DataFile::open`].
    pub fn of_bytes(source: &str, bytes: Vec<u8>, choice: &FormatChoice) -> Result<Self, Error> {
        check_source(source)?;
        let original = Original::of_memory(source, bytes);
        let container = Container::detect(&original)?;
        Self::look(original, container, Vec::new(), source, choice)
    }

    /// Looks at the first rows of a file.
    fn look(
        original: Original,
        container: Container,
        partitions: Vec<(String, Value)>,
        source: &str,
        choice: &FormatChoice,
    ) -> Result<Self, Error> {
        let path = &original.path().to_owned();
        let rows = Rows::open(&original, &container, Wanted::All)?.with_constants(&partitions);
        let sample = Sample::of(rows, path)?;
        let unknown = || match not_turns(&sample.rows) {
            Some((column, found)) => Error::NotTurns { path: path.to_owned(), column, found },
            None => Error::UnknownFormat { path: path.to_owned(), columns: sample.columns() },
        };
        let (format, layout) = match choice {
            FormatChoice::Auto => {
                let found = sample.rows.iter().find_map(detect).ok_or_else(unknown)?;
                (Some(found.0), found.1)
            }
            FormatChoice::Prompts => detect_prompts(&sample.rows).ok_or_else(unknown)?,
            FormatChoice::Named(FormatName::Preference) => {
                let told = sample.rows.iter().find_map(detect_preference);
                let layout = told.map_or_else(|| FormatName::Preference.layout(), |(_, layout)| layout);
                (Some(FormatName::Preference), layout)
            }
            FormatChoice::Named(name) => (Some(*name), name.layout()),
            FormatChoice::Columns(map) => {
                let layout = map.layout(&sample.rows).ok_or_else(unknown)?;
                map.check(&layout)?;
                (None, layout)
            }
            FormatChoice::Layout { layout, .. } => (None, layout.clone()),
        };
        let named: Vec<&str> = match choice {
            FormatChoice::Columns(map) => map.named().collect(),
            FormatChoice::Layout { named, .. } => named.iter().map(String::as_str).collect(),
            FormatChoice::Auto | FormatChoice::Prompts | FormatChoice::Named(_) => Vec::new(),
        };
        for column in layout.required_columns().into_iter().chain(named) {
            if !sample.has(column) && !has_column(&original, &container, column)? {
                let (path, column) = (path.to_owned(), column.to_owned());
                return Err(Error::MissingColumn { path, column, columns: sample.columns() });
            }
        }
        let is_plain_pair = layout.is_plain_pair(&sample.rows);
        let unread = layout.unread_in(&sample.rows);
        let like_turns = layout.texts_like_turns(&sample.rows);
        Ok(Self {
            original,
            origin: None,
            name: source.to_owned(),
            source: source.to_owned(),
            set: format!("file {}", path.display()),
            container,
            partitions,
            format,
            layout,
            is_plain_pair,
            unread,
            like_turns,
            n_first: sample.rows.len(),
        })
    }

    /// Whether its rows are in memory only, so that its path is just a name.
    pub fn is_in_memory(&self) -> bool {
        self.original.is_in_memory()
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        self.original.path()
    }

    /// The name of the file in records: its origin, if there is one, or else its path.
    pub fn origin(&self) -> String {
        self.origin.clone().unwrap_or_else(|| self.path().display().to_string())
    }

    /// Says where it came from, such as the address of a download, for records that are read elsewhere.
    #[must_use]
    pub fn from_origin(mut self, origin: &str) -> Self {
        self.origin = Some(origin.to_owned());
        self
    }

    /// Says which set of files it belongs to: files of one set are one source, as far as they have one name.
    #[must_use]
    pub fn in_set(mut self, set: &str) -> Self {
        set.clone_into(&mut self.set);
        self
    }

    /// The set of files that it belongs to; by itself it is one.
    pub(crate) fn set(&self) -> &str {
        &self.set
    }

    /// The name; several files of a pool may share one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its name in the `source` column: [`DataFile::name`], with a number if files of another set have that.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// How it is stored.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// How it is stored and read, in words.
    pub fn kind(&self) -> String {
        match self.format {
            Some(name) => format!("{}, {name} ({})", self.container, self.layout),
            None => format!("{}, {}", self.container, self.layout),
        }
    }

    /// How its rows are read.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether its rows are a prompt text and a completion text and nothing else, which TRL joins without a template.
    pub fn is_plain_pair(&self) -> bool {
        self.is_plain_pair
    }

    /// Reads further words for roles.
    #[must_use]
    pub fn with_roles(mut self, words: &[RoleWord]) -> Self {
        for RoleWord { word, role } in words {
            self.layout.add_role(word, *role);
        }
        self
    }

    /// A column that no model sees and that the caller reads: [`Self::unread`] and the text of the file leave it out.
    #[must_use]
    pub fn with_column_of_caller(mut self, name: &str) -> Self {
        self.unread.forget_column(name);
        self
    }

    /// Content of the first rows that no model sees, as far as their columns show it.
    pub fn unread(&self) -> &UnreadCounts {
        &self.unread
    }

    /// Gives it another name in the `source` column.
    pub(crate) fn rename(&mut self, source: String) {
        self.source = source;
    }

    /// Its rows: the columns that the layout reads, and whatever else may say something.
    ///
    /// # Errors
    /// If the file cannot be opened again, or has changed.
    pub fn rows(&self) -> Result<Rows, Error> {
        let columns = self.layout.columns().into_iter().map(str::to_owned).collect();
        self.open_rows(Wanted::AndTexts(columns))
    }

    /// The values of one column, `None` where a row has none. Integers of more than 64 bits are text.
    ///
    /// # Errors
    /// If the file cannot be read, or has changed.
    pub fn column(&self, name: &str) -> Result<Vec<Option<Value>>, Error> {
        let rows = self.open_rows(Wanted::Only(vec![name.to_owned()]))?;
        rows.map(|row| Ok(row?.fields.ok().and_then(|mut fields| fields.remove(name)).map(json::plain)))
            .collect()
    }

    fn open_rows(&self, wanted: Wanted) -> Result<Rows, Error> {
        Ok(Rows::open(&self.original, &self.container, wanted)?.with_constants(&self.partitions))
    }

    /// The SHA-256 of the file's bytes.
    ///
    /// # Errors
    /// If it cannot be read, or has changed.
    pub fn fingerprint(&self) -> Result<String, Error> {
        self.original.fingerprint()
    }

    /// Copies the rows for which `keep` says so, by their 0-based position, in the order of the file, to a file of the
    /// same container.
    ///
    /// Every kept row is copied as it stands: text is not parsed, and Parquet and Arrow keep their schema and their
    /// metadata. The output appears under its name only when it is complete.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Container`], [`Error::Parquet`], or [`Error::Arrow`] for what cannot be read or written;
    /// [`Error::Changed`] if the file is not what was read before; [`Error::OutputName`] if the output is named like
    /// another container.
    pub fn write_subset(
        &self,
        output: &Path,
        mut keep: impl FnMut(u64) -> bool,
    ) -> Result<SubsetReport, Error> {
        write_subset(&self.original, &self.container, output, &mut keep)
    }
}

/// Refuses a name of a source that is no file name.
fn check_source(source: &str) -> Result<(), Error> {
    match source.is_empty() || source.starts_with('.') || source.contains(['/', '\\']) {
        true => Err(Error::SourceName { name: source.to_owned() }),
        false => Ok(()),
    }
}

/// The SHA-256 of a file's bytes.
///
/// # Errors
/// If it cannot be read.
pub fn fingerprint(path: &Path) -> Result<String, Error> {
    Ok(digest(&mut fs_err::File::open(path)?)?)
}

/// One line that says what was detected.
impl fmt::Display for DataFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin(), self.kind())?;
        for (column, count) in &self.like_turns {
            let n_first = self.n_first;
            write!(
                f,
                "; `{column}` is read as text, though {count} of the first {n_first} rows have turns as JSON text \
                 there, not as a list"
            )?;
        }
        let n_rows = self.unread.n_rows();
        for (at, (unread, count)) in self.unread.iter().enumerate() {
            let begin = if at == 0 { "; not read: " } else { ", " };
            write!(f, "{begin}{unread} in {count} of the first {n_rows} rows")?;
            if let Some(flag) = self.layout.flag_for(unread) {
                write!(f, " (`{flag}` reads it)")?;
            }
        }
        Ok(())
    }
}
