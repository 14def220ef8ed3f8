//! Which data, and how it is read.

use std::path::PathBuf;

use clap::Args;
use lobass::settings::DataSettings;
use lobass_data::{ColumnMap, Duplicates, FormatName, RoleWord};

use super::words;

/// Which data, and how it is read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct DataArgs {
    /// The pool: JSON, JSON lines, CSV, or TSV (each also gzipped or zstd), Parquet, or Arrow
    ///
    /// A folder means the data files in it; if it has several splits, those of `train`. A pattern in quotes, such as
    /// `'data/*.jsonl'`, means the files that match. Several files make one pool. `NAME=FILE` sets the name of a file
    /// in the `source` column; files of one NAME are one source. With `--dataset-info`, a name of the registry is a
    /// file too. `hf://datasets/org/name[@revision][/path]` is a data set of the Hugging Face hub: the file or folder
    /// at the path, or the files of its split `train`.
    #[arg(long, value_name = "[NAME=]FILE", num_args = 1..)]
    data: Vec<String>,
    #[command(flatten)]
    reading: ReadingArgs,
}

/// How data files are read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct ReadingArgs {
    /// The format of all files, instead of recognizing it by their columns
    #[arg(long, value_name = "NAME", value_parser = words::<FormatName>(
        &["alpaca", "dolly", "sharegpt", "messages", "prompt-completion", "question-answer", "preference"]
    ), conflicts_with = "columns")]
    data_format: Option<FormatName>,
    /// The columns to read: `prompt=question,response=reply`, or `messages=dialog`
    ///
    /// Keys are prompt, query, response, system, history, tools, and id for rows that are a prompt and a response;
    /// messages, system, tools, and id for conversations; chosen and rejected for preference pairs.
    #[arg(long, value_name = "KEY=COLUMN,..", value_parser = check_columns)]
    columns: Option<String>,
    /// A further word for a role, such as `narrator=user`; can be given several times
    ///
    /// Roles are system, developer, user, assistant, and tool. The words that public data uses are known.
    #[arg(long, value_name = "WORD=ROLE", value_parser = check_role)]
    role: Vec<String>,
    /// A LLaMA-Factory registry, `dataset_info.json`
    #[arg(long, value_name = "FILE")]
    dataset_info: Option<PathBuf>,
    /// What to do with rows that have the same text as an earlier row [default: keep]
    #[arg(long, value_name = "POLICY", value_parser = words::<DuplicatesWord>(&["keep", "drop"]))]
    duplicates: Option<DuplicatesWord>,
}

#[derive(Debug, Clone, Copy)]
struct DuplicatesWord(Duplicates);

impl std::str::FromStr for DuplicatesWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "keep" => Ok(Self(Duplicates::Keep)),
            "drop" => Ok(Self(Duplicates::Drop)),
            _ => Err(format!("expected keep or drop, found `{text}`")),
        }
    }
}

fn check_columns(text: &str) -> Result<String, lobass_data::Error> {
    text.parse::<ColumnMap>().map(|_| text.to_owned())
}

fn check_role(text: &str) -> Result<String, String> {
    text.parse::<RoleWord>().map(|_| text.to_owned())
}

impl DataArgs {
    pub(crate) fn apply(&self, settings: &mut DataSettings) {
        if !self.data.is_empty() {
            settings.files.clone_from(&self.data);
        }
        self.reading.apply(settings);
    }
}

impl ReadingArgs {
    pub(crate) fn apply(&self, settings: &mut DataSettings) {
        if let Some(format) = self.data_format {
            settings.format = Some(format.to_string());
            settings.columns = None;
        }
        if let Some(columns) = &self.columns {
            settings.columns = Some(columns.clone());
            settings.format = None;
        }
        if !self.role.is_empty() {
            settings.roles.clone_from(&self.role);
        }
        if let Some(registry) = &self.dataset_info {
            settings.dataset_info = Some(registry.clone());
        }
        if let Some(duplicates) = self.duplicates {
            settings.duplicates = duplicates.0;
        }
    }
}
