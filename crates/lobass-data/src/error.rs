//! Errors of a whole file, template, or tokenizer. A fault of one row is a [`RowFault`](crate::RowFault).

use std::path::PathBuf;

use thiserror::Error;

/// Why a data set, a chat template, or a tokenizer cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A folder, a pipe, or a device in the place of a file.
    #[error(
        "data file `{}`: expected a file, found {}", path.display(),
        if *is_folder { "a folder" } else { "a pipe or a device; data is read several times, so write it to a file first" }
    )]
    NotAFile {
        /// The given path.
        path: PathBuf,
        /// Whether it is a folder.
        is_folder: bool,
    },
    /// A name for a source that no file can have: chosen rows are written under it.
    #[error("source name `{name}`: expected a name that a file can have, without slashes or a leading dot")]
    SourceName {
        /// The name.
        name: String,
    },
    /// A data file that is not there.
    #[error("data file `{}`: No such file or directory{}", path.display(), instead(path))]
    NotThere {
        /// The file.
        path: PathBuf,
    },
    /// A folder or a pattern that means no files, or leaves open which.
    #[error("data `{}`: {reason}", path.display())]
    NoFiles {
        /// The given path.
        path: PathBuf,
        /// The expected and the found thing.
        reason: String,
    },
    /// A file that is not what it was when it was first read.
    #[error("data file `{}` has changed since it was first read{}; start again with files that stay as they are", path.display(), digests(expected.as_deref(), found.as_deref()))]
    Changed {
        /// The file.
        path: PathBuf,
        /// The SHA-256 that it had, if it is known.
        expected: Option<String>,
        /// The SHA-256 that it has now, if it is known.
        found: Option<String>,
    },
    /// A file holds no rows.
    #[error("data file `{}`: expected rows, found an empty file", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A file that is not what its first bytes promise.
    #[error("data file `{}`: {reason}", path.display())]
    Container {
        /// The file.
        path: PathBuf,
        /// Where and what.
        reason: String,
    },
    /// A Parquet file that cannot be read or written.
    #[error("Parquet file `{}`", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// A Parquet file in a compression that this build does not read.
    #[error("Parquet file `{}`: expected a build with the feature `{feature}`, which reads {codec}, found one without it", path.display())]
    Codec {
        /// The file.
        path: PathBuf,
        /// The compression.
        codec: &'static str,
        /// The feature of this crate that reads it.
        feature: &'static str,
    },
    /// An Arrow file that cannot be read or written.
    #[error("Arrow file `{}`", path.display())]
    Arrow {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: arrow_schema::ArrowError,
    },
    /// Columns that no known format has.
    #[error(
        "data file `{}`: expected the columns of a known format ({}), found `{}`",
        path.display(), crate::FormatName::expected(), columns.join("`, `")
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// Its columns.
        columns: Vec<String>,
    },
    /// A column of a known format that holds something else.
    #[error("data file `{}`: column `{column}`: expected a list of turns with `role` and `content`, found {found}", path.display())]
    NotTurns {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The contents.
        found: String,
    },
    /// A column that was asked for and is not there.
    #[error("data file `{}`: expected column `{column}`, found `{}`", path.display(), columns.join("`, `"))]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column asked for.
        column: String,
        /// The columns there are.
        columns: Vec<String>,
    },
    /// A `--columns` mapping that does not say what it should.
    #[error("column mapping `{mapping}`: {reason}")]
    Columns {
        /// The mapping as given.
        mapping: String,
        /// The reason.
        reason: String,
    },
    /// A `dataset_info.json` entry that cannot be used.
    #[error("dataset info `{}`, entry `{name}`: {reason}", path.display())]
    DatasetInfo {
        /// The file.
        path: PathBuf,
        /// The entry.
        name: String,
        /// The reason.
        reason: String,
    },
    /// JSON that is not the document it should be.
    #[error("`{}` is not {expected}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The expected content.
        expected: &'static str,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// A chat template that does not parse.
    #[error("chat template `{name}`")]
    Template {
        /// Its name or path.
        name: String,
        /// The cause.
        #[source]
        source: minijinja::Error,
    },
    /// A chat template whose parts are too deep in each other.
    #[error("chat template `{name}`: {reason}")]
    TemplateDepth {
        /// Its name or path.
        name: String,
        /// The expected thing, and the line where there is more.
        reason: String,
    },
    /// A chat template that was asked for and is not there.
    #[error("chat template `{name}`: {reason}")]
    NoTemplate {
        /// The name asked for.
        name: String,
        /// The reason.
        reason: String,
    },
    /// An argument that a chat template cannot be given.
    #[error("chat template `{template}`: {reason}")]
    TemplateArgument {
        /// The template's name or path.
        template: String,
        /// Which argument, and why.
        reason: String,
    },
    /// A mask that a chat template has no marks for.
    #[error(
        "chat template `{template}`: expected `{{% generation %}}` blocks, which the mask `generation` scores, found none"
    )]
    NoGeneration {
        /// The template's name or path.
        template: String,
    },
    /// A base and a model tuned from it bring different chat templates.
    #[error(
        "chat template: expected one for both models, found another in `{}` than in `{}`; choose with \
         `--chat-template DIR`, or a file", tuned.display(), base.display()
    )]
    TwoTemplates {
        /// The base's directory.
        base: PathBuf,
        /// The tuned model's or adapter's directory.
        tuned: PathBuf,
    },
    /// A tokenizer that cannot be loaded.
    #[error("tokenizer `{}`: {reason}", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// An output whose name promises another container than the input has.
    #[error("output `{}`: expected a name that ends in `{expected}`, like its input `{}`", path.display(), input.display())]
    OutputName {
        /// The output.
        path: PathBuf,
        /// The input.
        input: PathBuf,
        /// The ending it should have.
        expected: String,
    },
}

fn digests(expected: Option<&str>, found: Option<&str>) -> String {
    match (expected, found) {
        (Some(expected), Some(found)) => format!(": expected SHA-256 {expected}, found {found}"),
        _ => String::new(),
    }
}

/// What to write instead, for names that are no paths.
fn instead(path: &std::path::Path) -> String {
    let name = path.to_string_lossy();
    if let Some(local) = name.strip_prefix("file://") {
        return format!("; write the path alone: `{local}`");
    }
    if name.contains(":/") {
        return "; download it first: data files are paths, or `hf://datasets/OWNER/NAME` for a data set of the hub"
            .to_owned();
    }
    match name.split('/').collect::<Vec<_>>()[..] {
        [owner, set] if !owner.is_empty() && !owner.starts_with('.') && !set.contains('.') => {
            format!("; for a data set of the hub write `hf://datasets/{name}`")
        }
        _ => String::new(),
    }
}
