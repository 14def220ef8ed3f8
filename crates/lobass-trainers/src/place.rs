//! Where data is: files and folders here, and data sets of the hub.

use std::path::Path;

use serde_json::Value;

use crate::fields::Fields;

/// What a path is on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// A file.
    File,
    /// A folder.
    Folder,
}

impl Place {
    /// What a path is, seen from the working directory as trainers see it; `None` if it is not there.
    pub fn on_disk(path: &str) -> Option<Self> {
        let metadata = Path::new(path).metadata().ok()?;
        Some(if metadata.is_dir() { Self::Folder } else { Self::File })
    }
}

/// Tells what a path is, if it is there.
pub(crate) type LookUp<'a> = &'a dyn Fn(&str) -> Option<Place>;

/// Where a trainer looks for `data_files` of a folder here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataFiles {
    /// In the working directory.
    Here,
    /// In the folder, as `datasets` does.
    InFolder,
}

/// Readers of `datasets`, which have names like data sets.
const READERS: [&str; 6] = ["json", "parquet", "csv", "text", "arrow", "pandas"];

/// The files and data sets that an entry with `path`, `name`, `revision`, `data_files`, and `data_dir` means.
pub(crate) fn data_of(entry: &mut Fields, look_up: LookUp<'_>, rule: DataFiles) -> Vec<String> {
    let path = entry.text("path");
    let names = entry.texts("name").unwrap_or_default();
    let revision = entry.text("revision");
    let files = data_files(entry);
    let folder = entry.text("data_dir").map(|name| name.trim_matches('/').to_owned());
    let Some(path) = path else {
        entry.leave_out("path", "a data set has none: give its files with `--data`");
        return Vec::new();
    };
    let place = look_up(&path);
    if place.is_none() && READERS.contains(&path.as_str()) {
        // `path: json` is a reader of `datasets`, and the files are what is read.
        let inside = |file: String| folder.as_ref().map_or(file.clone(), |folder| format!("{folder}/{file}"));
        return match (files, &folder) {
            (Some(files), _) => files.into_iter().map(inside).collect(),
            (None, Some(folder)) => vec![folder.clone()],
            (None, None) => {
                entry
                    .leave_out("path", format!("`{path}` without `data_files` names no file: give `--data`"));
                Vec::new()
            }
        };
    }
    if place == Some(Place::File) {
        return vec![path];
    }
    let name = data_name(&path, None, revision.as_deref(), look_up);
    let is_on_hub = name.starts_with("hf://");
    let root = folder.map_or(name.clone(), |folder| format!("{}/{folder}", name.trim_end_matches('/')));
    match files {
        Some(files) if is_on_hub || rule == DataFiles::InFolder => {
            files.iter().map(|file| format!("{}/{file}", root.trim_end_matches('/'))).collect()
        }
        Some(files) => files,
        None if is_on_hub && !names.is_empty() && root == name => {
            names.iter().map(|config| data_name(&path, Some(config), revision.as_deref(), look_up)).collect()
        }
        None => {
            if names.iter().any(|name| name != "default") {
                entry.leave_out(
                    "name",
                    "lobass reads a folder whole: give the files of one part with `--data`",
                );
            }
            vec![root]
        }
    }
}

/// Files by name: one, several, or some for each split.
fn data_files(entry: &mut Fields) -> Option<Vec<String>> {
    let Some(Value::Object(splits)) = entry.value("data_files") else { return entry.texts("data_files") };
    let mut splits = Fields::new(&entry.name("data_files"), splits);
    let files = splits.texts("train");
    for left in splits.finish(&|_| false) {
        let split = left.key.rsplit('.').next().unwrap_or_default().to_owned();
        entry.leave_out("data_files", format!("lobass reads the files of `train`, not those of `{split}`"));
    }
    files
}

/// A data set by its path: a file or folder here, or one on the hub. Trainers look at the disk first.
pub(crate) fn data_name(
    path: &str,
    config: Option<&str>,
    revision: Option<&str>,
    look_up: LookUp<'_>,
) -> String {
    const ENDINGS: [&str; 9] =
        [".json", ".jsonl", ".parquet", ".csv", ".tsv", ".arrow", ".gz", ".zst", ".jsonlines"];
    let is_here = path.starts_with(['.', '/', '~'])
        || ENDINGS.iter().any(|ending| path.ends_with(ending))
        || path.contains("://")
        || path.matches('/').count() > 1
        || look_up(path).is_some();
    if is_here {
        return path.to_owned();
    }
    let revision = revision.filter(|name| *name != "main").map(|name| format!("@{name}")).unwrap_or_default();
    let config = config.filter(|name| *name != "default").map(|name| format!("/{name}")).unwrap_or_default();
    format!("hf://datasets/{path}{revision}{config}")
}

/// Notes a split that lobass does not choose by default.
pub(crate) fn other_split(split: &str) -> Option<String> {
    (split != "train").then(|| {
        format!("lobass reads the whole split `train` of a data set: give a file of `{split}` with `--data`")
    })
}
