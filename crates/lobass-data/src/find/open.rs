//! Opening what was found.

use std::path::Path;

use super::{find_files, find_named};
use crate::{DataFile, Error, FormatChoice, read_dataset_info};

/// Data files that are open.
#[derive(Debug, Default)]
pub struct OpenedFiles {
    /// The files.
    pub files: Vec<DataFile>,
    /// Files beside them that are not read: other splits, tables beside other data, and files without rows.
    pub left_out: Vec<String>,
    /// What an entry of a registry says and is not followed, a line each.
    pub not_taken: Vec<String>,
}

/// Opens the files that `[NAME=]PATH` means, as [`find_files`] finds them. It may also name an entry of a LLaMA-Factory
/// registry, a file or a folder, which is read as the registry says. Of several files, those without rows are left out,
/// unless all are empty.
///
/// # Errors
/// The errors of [`find_files`], [`read_dataset_info`], and [`DataFile::open`]; [`Error::DatasetInfo`] for a name that
/// is neither a file nor an entry of the registry.
pub fn open_files(
    given: &str,
    home: Option<&Path>,
    registry: Option<&Path>,
    choice: &FormatChoice,
) -> Result<OpenedFiles, Error> {
    let entry = registry.map(|registry| read_dataset_info(registry, given)).transpose()?.flatten();
    let mut opened = OpenedFiles::default();
    let (found, choice) = match entry {
        None => (find_files(given, home)?, choice.clone()),
        Some(entry) => {
            opened.not_taken = entry.not_taken;
            let found = find_named(Some(&entry.name), &entry.path.to_string_lossy(), None)?;
            (found, FormatChoice::Layout { layout: entry.layout, named: entry.named })
        }
    };
    for found in found {
        let mut files = Vec::new();
        for path in &found.files {
            match DataFile::open(path, &found.source, &choice) {
                Ok(file) => files.push(file.in_set(&found.set)),
                Err(Error::Empty { .. }) if found.files.len() > 1 => {
                    opened.left_out.push(format!("{} (no rows)", path.display()));
                }
                Err(error) => return Err(unknown(given, registry, path).unwrap_or(error)),
            }
        }
        match found.files.first() {
            Some(first) if files.is_empty() => return Err(Error::Empty { path: first.clone() }),
            _ => opened.files.extend(files),
        }
        opened.left_out.extend(found.left_out);
    }
    Ok(opened)
}

/// The fault of a name that a registry does not have, if it is no file either.
fn unknown(given: &str, registry: Option<&Path>, path: &Path) -> Option<Error> {
    let registry = registry.filter(|_| !path.exists())?;
    let reason = "neither a file nor an entry of the registry".to_owned();
    Some(Error::DatasetInfo { path: registry.to_owned(), name: given.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_rows_are_left_out_of_several() {
        let dir = tempfile::tempdir().unwrap();
        let row = "{\"question\": \"q\", \"answer\": \"a\"}\n";
        let write = |name: &str, text: &str| {
            fs_err::create_dir_all(dir.path().join("set")).unwrap();
            fs_err::write(dir.path().join("set").join(name), text).unwrap();
        };
        write("part-0.jsonl", row);
        write("part-1.jsonl", "");
        let open = |given: &str| {
            open_files(&format!("{}/{given}", dir.path().display()), None, None, &FormatChoice::Auto)
        };
        let opened = open("set").unwrap();
        assert_eq!((opened.files.len(), opened.left_out.len()), (1, 1));
        assert!(opened.left_out[0].ends_with("part-1.jsonl (no rows)"));
        write("part-0.jsonl", "");
        assert!(matches!(open("set"), Err(Error::Empty { .. })));
        assert!(matches!(open("set/part-1.jsonl"), Err(Error::Empty { .. })));
    }

    #[test]
    fn entries_of_a_registry_may_be_folders() {
        let dir = tempfile::tempdir().unwrap();
        fs_err::create_dir(dir.path().join("folder")).unwrap();
        fs_err::write(dir.path().join("folder/a.jsonl"), "{\"ask\": \"q\", \"reply\": \"a\"}\n").unwrap();
        let registry = dir.path().join("dataset_info.json");
        let columns =
            r#"{"set": {"file_name": "folder", "columns": {"prompt": "ask", "response": "reply"}}}"#;
        fs_err::write(&registry, columns).unwrap();
        let opened = open_files("set", None, Some(&registry), &FormatChoice::Auto).unwrap();
        assert_eq!((opened.files.len(), opened.files[0].source()), (1, "set"));
        let error = open_files("other", None, Some(&registry), &FormatChoice::Auto).unwrap_err().to_string();
        assert!(error.contains("`other`") && error.contains("neither a file nor an entry"), "{error}");
    }
}
