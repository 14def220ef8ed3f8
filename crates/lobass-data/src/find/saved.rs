//! Folders that `save_to_disk` of `datasets` wrote.

use std::path::Path;

use serde::Deserialize;

use crate::Error;

/// A saved data set.
pub(super) struct Saved {
    /// Its files, in their order.
    pub(super) files: Vec<String>,
    /// Its other splits.
    pub(super) left_out: Vec<String>,
}

#[derive(Deserialize)]
struct State {
    #[serde(rename = "_data_files")]
    data_files: Vec<DataFileName>,
    /// Rows in another order, or some of them, by versions before 2.0.
    #[serde(rename = "_indices_data_files", default)]
    indices: Option<Vec<DataFileName>>,
}

#[derive(Deserialize)]
struct DataFileName {
    filename: String,
}

#[derive(Deserialize)]
struct Splits {
    splits: Vec<String>,
}

/// Reads what a folder says of itself; `None` if it is no saved data set.
pub(super) fn read(folder: &Path) -> Result<Option<Saved>, Error> {
    let fail = |reason: String| Error::NoFiles { path: folder.to_owned(), reason };
    if let Some(Splits { splits }) = document(&folder.join("dataset_dict.json"))? {
        let chosen = match splits.as_slice() {
            [only] => only,
            splits => splits.iter().find(|split| *split == lobass_core::TRAIN).ok_or_else(|| {
                fail(format!(
                    "expected a split `train`, found `{}`; name the folder of one",
                    splits.join("`, `")
                ))
            })?,
        };
        check_name(folder, chosen)?;
        let inner = read(&folder.join(chosen))?;
        let inner = inner.ok_or_else(|| fail(format!("expected `{chosen}/state.json`, found none")))?;
        let files = inner.files.iter().map(|file| format!("{chosen}/{file}")).collect();
        let left_out = splits.iter().filter(|split| *split != chosen).cloned().collect();
        return Ok(Some(Saved { files, left_out }));
    }
    let Some(state) = document::<State>(&folder.join("state.json"))? else { return Ok(None) };
    if state.indices.is_some_and(|indices| !indices.is_empty()) {
        return Err(fail(
            "its rows are selected by an index, as in old versions of datasets; save it again with a newer one"
                .to_owned(),
        ));
    }
    let files: Vec<String> = state.data_files.into_iter().map(|file| file.filename).collect();
    files.iter().try_for_each(|file| check_name(folder, file))?;
    Ok(Some(Saved { files, left_out: Vec::new() }))
}

/// Files and splits lie in the folder, and nowhere else.
fn check_name(folder: &Path, name: &str) -> Result<(), Error> {
    if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
        let reason = format!("expected the name of a file in it, found `{name}`");
        return Err(Error::NoFiles { path: folder.to_owned(), reason });
    }
    Ok(())
}

/// A document, if it is there and says what is expected: other tools have files of these names too.
fn document<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Option<T>, Error> {
    if !path.is_file() {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&fs_err::read(path)?).ok())
}
